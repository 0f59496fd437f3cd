package purge

import (
	"container/heap"
	"slices"
	"time"
)

// entry is what a target is to do about one item. Its key is the item's, with
// the case of tags folded where the target does that.
//
// It is in one place at a time: in the heap until it is due, in a list of those
// that are ready, or in a call.
type entry struct {
	key   string
	name  string // as it is sent
	isURL bool

	now   []*mark // what waits for the first purge. The last may be joined
	due   time.Time
	again []*mark // what waits for the second, two at most
	dues  []time.Time

	// state is another one after each purge that is added and each that is
	// accepted: see [Purge.ID].
	state uint64

	tries int
	most  int       // bounds the calls that it may be in, 0: not
	hold  time.Time // its own back-off

	born    uint64    // which of the target's entries it is
	when    time.Time // its place in the heap
	index   int       // in the heap, or -1
	ready   bool
	sending bool
	sent    flight
}

// flight is what a call does for an entry.
type flight struct {
	now   []*mark
	again []*mark
	dues  []time.Time
}

// next is when the entry is due, false if never.
func (e *entry) next() (time.Time, bool) {
	var when time.Time
	switch {
	// The first that is due: the call for it carries what else is due by then.
	case len(e.now) > 0 && len(e.again) > 0 && e.dues[0].Before(e.due), len(e.now) == 0 && len(e.again) > 0:
		when = e.dues[0]
	case len(e.now) > 0:
		when = e.due
	default:
		return when, false
	}
	// Its own back-off counts for first and second purges, since both fail alike.
	if e.hold.After(when) {
		when = e.hold
	}
	return when, true
}

// dueAgain is how many second purges are due.
func (e *entry) dueAgain(now time.Time) int {
	n := 0
	for n < len(e.dues) && !e.dues[n].After(now) {
		n++
	}
	return n
}

// class is which calls can carry the entry now: soft if nothing hard is due.
func (e *entry) class(now time.Time) class {
	hard := slices.ContainsFunc(slices.Concat(e.now, e.again[:e.dueAgain(now)]), func(m *mark) bool { return !m.soft })
	return classOf(e.isURL, !hard)
}

// take puts into a call what is due.
func (e *entry) take(now time.Time) {
	n := e.dueAgain(now)
	// Clipped, so that a second purge which is added meanwhile does not write into
	// the call's.
	e.sent = flight{now: e.now, again: e.again[:n:n], dues: e.dues[:n:n]}
	e.now, e.again, e.dues = nil, e.again[n:], e.dues[n:]
	e.ready, e.sending = false, true
}

// giveBack undoes take when the call has failed. What was due is due again.
func (e *entry) giveBack() {
	// The older first: the last is the one that later purges join.
	e.now = append(e.sent.now, e.now...)
	e.again, e.dues = append(e.sent.again, e.again...), append(e.sent.dues, e.dues...)
	e.sent, e.sending = flight{}, false
}

// join adds an item to a mark, which then holds a reference.
func (m *mark) join(it *item) {
	// A mark holds few items, those that differ in case alone: a list is enough.
	if !slices.Contains(m.items, it) {
		it.refs++
		m.items = append(m.items, it)
	}
}

// settle adds a second purge, due after all others, and returns its mark. Of
// those that wait, the last is put off instead if there are two: an item that
// is purged without end has its second purges too, and few of them.
func (e *entry) settle(due time.Time, soft bool) *mark {
	if last := len(e.again) - 1; last > 0 {
		e.dues[last] = due
		e.again[last].soft = e.again[last].soft && soft
		return e.again[last]
	}
	m := newMark(soft)
	e.again, e.dues = append(e.again, m), append(e.dues, due)
	return m
}

// class says which entries can share a call.
type class int

// An API takes either tags or URLs in a call, and a call is soft or not as a whole.
const classes = 4

func classOf(isURL, soft bool) class {
	var c class
	if isURL {
		c |= 1
	}
	if soft {
		c |= 2
	}
	return c
}

func (c class) url() bool  { return c&1 != 0 }
func (c class) soft() bool { return c&2 != 0 }

// schedule is a heap of entries by when they are due.
type schedule []*entry

func (s schedule) Len() int { return len(s) }

// Less puts what came together in the order in which it was named.
func (s schedule) Less(i, j int) bool {
	if c := s[i].when.Compare(s[j].when); c != 0 {
		return c < 0
	}
	return s[i].born < s[j].born
}

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push is for package heap.
func (s *schedule) Push(x any) {
	e := x.(*entry)
	e.index = len(*s)
	*s = append(*s, e)
}

// Pop is for package heap.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	e := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	e.index = -1
	return e
}

// set puts an entry in its place.
func (s *schedule) set(e *entry, when time.Time) {
	e.when = when
	if e.index < 0 {
		heap.Push(s, e)
	} else {
		heap.Fix(s, e.index)
	}
}

// unset takes an entry out if it is in.
func (s *schedule) unset(e *entry) {
	if e.index >= 0 {
		heap.Remove(s, e.index)
	}
}
