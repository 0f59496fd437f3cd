package purge

import (
	"container/heap"
	"slices"
	"strings"
	"time"
)

// target sends to one cache. The queue's lock guards it.
type target struct {
	q      *Queue
	purger Purger
	name   string
	limits Limits

	entries map[string]*entry
	born    uint64 // how many entries there were
	waits   schedule
	ready   [classes][]*entry
	turn    class // which class is looked at first
	// dead are the ids of dead letters, by the keys of entries: several where the
	// target folds the case now, and did not when they died.
	dead map[string][]string

	calls    int // under way
	failures int // calls in a row that failed
	paused   time.Time
	// tags bounds the calls, or those with tags only; urls is nil if all count
	// together.
	tags  bucket
	urls  *bucket
	stats TargetStats

	wake chan struct{}
}

func newTarget(q *Queue, p Purger) *target {
	t := &target{
		q: q, purger: p, name: p.Name(), limits: p.Limits(),
		entries: map[string]*entry{}, dead: map[string][]string{}, wake: make(chan struct{}, 1),
	}
	t.tags = newBucket(t.limits.Rate, t.limits.Burst)
	if t.limits.URLRate > 0 {
		b := newBucket(t.limits.URLRate, t.limits.URLBurst)
		t.urls = &b
	}
	return t
}

// fold returns the key of an item's entry.
func (t *target) fold(name string, isURL bool) string {
	if t.limits.FoldsCase && !isURL {
		name = strings.ToLower(name)
	}
	return itemKey(name, isURL)
}

// hasRoom tells whether an item may be added.
func (t *target) hasRoom(name string, isURL bool) bool {
	return len(t.entries) < t.q.opts.MaxWaiting || t.entries[t.fold(name, isURL)] != nil
}

// add makes an item wait and returns the mark for it.
func (t *target) add(it *item, soft bool, now time.Time) *mark {
	key := t.fold(it.name, it.isURL)
	e := t.entries[key]
	if e == nil {
		t.born++
		e = &entry{key: key, name: it.name, isURL: it.isURL, born: t.born, index: -1}
		t.entries[key] = e
	}
	for _, id := range t.dead[key] {
		// The newest state wins, and what is dead may have been harder.
		soft = soft && t.q.dead[id].Soft
	}
	// The record of the item does not say yet that a dead letter was hard.
	if it.soft && !soft {
		t.q.item(itemKey(it.name, it.isURL), it.name, it.isURL, soft) // for the journal
	}
	t.bury(key)
	if len(e.now) == 0 {
		e.due = now.Add(t.q.opts.Window)
	}
	// While a call is under way e.now is empty: the cache may have obeyed that
	// call already, which is no purge of what changes now.
	if len(e.now) == 0 {
		e.now = append(e.now, newMark(soft))
	}
	m := e.now[len(e.now)-1]
	m.soft = m.soft && soft
	m.join(it)
	// The next call is not the one before, even if it names the same.
	e.state++
	t.place(e)
	return m
}

// bury forgets the dead letters of an entry.
func (t *target) bury(key string) {
	for _, id := range t.dead[key] {
		t.q.forget(id)
	}
	delete(t.dead, key)
}

// deadCount is how many dead letters there are.
func (t *target) deadCount() int {
	n := 0
	for _, ids := range t.dead {
		n += len(ids)
	}
	return n
}

// place puts an entry where it belongs, or away if nothing is left to do.
func (t *target) place(e *entry) {
	if e.sending || e.ready {
		return
	}
	if when, ok := e.next(); ok {
		t.waits.set(e, when)
		return
	}
	// Kept, there would be an entry for each tag that ever was purged.
	t.waits.unset(e)
	delete(t.entries, e.key)
	t.q.checkIdle()
}

func (t *target) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run sends what is due until the queue's context ends, and then waits for its
// calls.
func (t *target) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		t.q.mu.Lock()
		wait := never
		if t.q.ctx.Err() == nil {
			wait = t.dispatch(time.Now())
		}
		t.q.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-t.q.ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
	}
}

// never is how long run waits when only a poke can change anything.
const never = time.Hour

// dispatch starts the calls that can be made, and returns after what time there
// may be more.
func (t *target) dispatch(now time.Time) (wait time.Duration) {
	t.collect(now)
	wait = never
	if len(t.waits) > 0 {
		wait = t.waits[0].when.Sub(now)
	}
	// What became ready meanwhile goes into the first calls after the pause.
	if pause := t.paused.Sub(now); pause > 0 {
		return min(wait, pause)
	}
	// Each class in its turn: one that waits for its rate does not hold up the
	// other, and many URLs do not hold up tags.
	for idle := 0; idle < classes && t.mayCall(); {
		c := t.turn
		t.turn = (t.turn + 1) % classes
		if t.sortReady(c, now); len(t.ready[c]) == 0 {
			idle++
			continue
		}
		if w := t.bucket(c).take(now); w > 0 {
			wait = min(wait, w)
			idle++
			continue
		}
		idle = 0
		t.start(c, t.batch(c, now), now)
	}
	return wait
}

// collect makes ready what is due, and with it what still waits for its window:
// it fills the same calls.
func (t *target) collect(now time.Time) {
	until := now
	for len(t.waits) > 0 {
		e := t.waits[0]
		// One that is not due yet goes along only for a first purge, and not before its
		// back-off ends: a second one that came early would miss the responses for which
		// it is made.
		early := e.when.After(now)
		if e.when.After(until) || early && (len(e.now) == 0 || e.hold.After(now)) {
			return
		}
		until = now.Add(t.q.opts.Window)
		heap.Pop(&t.waits)
		e.ready = true
		c := e.class(now)
		t.ready[c] = append(t.ready[c], e)
	}
}

// mayCall tells whether there may be one more call. A target that fails is
// tried with one.
func (t *target) mayCall() bool {
	// The others would fail too, and take tokens that the account needs later.
	if t.failures > 0 {
		return t.calls == 0
	}
	return t.calls < t.q.opts.Parallel
}

func (t *target) bucket(c class) *bucket {
	if c.url() && t.urls != nil {
		return t.urls
	}
	return &t.tags
}

// sortReady moves the first entries of a class that have become another's, by a
// hard purge that joined a soft one.
func (t *target) sortReady(c class, now time.Time) {
	for len(t.ready[c]) > 0 {
		e := t.ready[c][0]
		is := e.class(now)
		if is == c {
			return
		}
		t.pop(c)
		t.ready[is] = append(t.ready[is], e)
	}
}

func (t *target) pop(c class) {
	// Else the array behind the list would hold it.
	t.ready[c][0] = nil
	t.ready[c] = t.ready[c][1:]
}

// batch takes the entries of one call.
func (t *target) batch(c class, now time.Time) []*entry {
	most := t.limits.Tags
	if c.url() {
		most = t.limits.URLs
	}
	var batch []*entry
	size := 0
	for len(batch) < most {
		if t.sortReady(c, now); len(t.ready[c]) == 0 {
			break
		}
		e := t.ready[c][0]
		// At least one goes whatever its size, or it would block those behind it.
		size += len(e.name)
		if len(batch) > 0 && (t.limits.Bytes > 0 && size > t.limits.Bytes || e.most > 0 && e.most <= len(batch)) {
			break
		}
		if e.most > 0 {
			most = min(most, e.most)
		}
		t.pop(c)
		e.take(now)
		batch = append(batch, e)
	}
	return batch
}

// abandon ends all waiting when the queue is closed. The journal keeps the
// items.
func (t *target) abandon() {
	now := time.Now()
	left := &Error{Target: t.name, Err: ErrClosed}
	for _, e := range t.entries {
		for _, m := range slices.Concat(e.now, e.again, e.sent.now, e.sent.again) {
			m.items = nil // not released: they are not done
			t.q.reach(m, now, left)
		}
	}
	clear(t.entries)
}
