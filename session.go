package larder

import (
	"hash/maphash"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/store"
)

// A session is one unbroken view of a node's changes. Flights and memory
// entries remember the session under which they began; when the view breaks,
// the next session is another object, and what remembers the old one is never
// served again. That is the drop of everything, without a search.
type session struct {
	// until is the local time, in nanoseconds since the Larder's start, up to
	// which memory may be served: the sending of the last answered heartbeat
	// plus MaxStaleness. It is the one word that the hit path reads.
	until atomic.Int64
	// offset is the store's clock minus the local one, in milliseconds. It is
	// a guess until a heartbeat has told.
	offset atomic.Int64
	told   atomic.Bool
	// quiet is the local time at which replicas have heard of all that was
	// missed before the session.
	quiet int64
	// forgot is the same, if tombstones may have been lost when the session
	// before ended: the node may have been flushed, or replaced by another.
	forgot int64
}

// sessions holds the current session of each node, and is the feed of the
// store's watch. Each read that misses memory looks a session up, so the map
// is replaced, never changed.
type sessions struct {
	l  *Larder
	of atomic.Pointer[map[string]*session]
	mu sync.Mutex // of those who replace it
}

// of returns the current session of key's node.
func (l *Larder) sessionOf(text string) *session {
	if l.store == nil {
		return l.alone
	}
	return l.sessions.current(l.store.Node(text))
}

func (s *sessions) current(node string) *session {
	if cur := (*s.of.Load())[node]; cur != nil {
		return cur
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cur := (*s.of.Load())[node]; cur != nil {
		return cur
	}
	return s.renew(node, nil)
}

// renew puts a new session in node's place, which knows the node's clock from
// the old one, if there is one. Its caller holds mu.
func (s *sessions) renew(node string, old *session) *session {
	next := &session{quiet: s.l.now() + int64(s.l.opts.Hold)}
	next.offset.Store(s.l.wallOffset())
	if old != nil {
		next.offset.Store(old.offset.Load())
		next.told.Store(old.told.Load())
		if old.told.Load() { // else it never began
			next.forgot = next.quiet
		}
	}
	of := maps.Clone(*s.of.Load())
	of[node] = next
	s.of.Store(&of)
	return next
}

// replaced reports whether now is another view of the node than s. The first one
// after the start replaces none: until the node's first heartbeat no process with an
// outbox reads from it, and without one nothing is promised of what a node forgets.
func (s *session) replaced(now *session) bool { return s != now && s.told.Load() }

// Reset implements store.Feed. The gate closes first: what is read in the new
// session is for memory, and must not come from a node that nobody trusts yet.
func (s *sessions) Reset(node string) {
	s.l.gates.reset(node)
	s.mu.Lock()
	old := (*s.of.Load())[node]
	if old != nil {
		defer old.until.Store(0)
	}
	s.renew(node, old)
	s.mu.Unlock()
	s.l.waiters.wakeAll()
}

// Beat implements store.Feed. A heartbeat proves that the node answers, so it
// closes the node's circuit too.
func (s *sessions) Beat(node string, b store.Beat) {
	cur := s.current(node)
	at := int64(b.Sent.Sub(s.l.clock.Start()))
	// The store read its clock after that: taking the sending for that moment can
	// only make the store's clock seem ahead, and lives shorter.
	cur.offset.Store(b.Now - at/int64(time.Millisecond))
	cur.told.Store(true)
	s.l.gates.beat(node, b, at)
	cur.until.Store(at + int64(s.l.opts.MaxStaleness))
	s.l.circuits.succeeded(node)
	s.l.pending.nudge()
}

// Changed implements store.Feed.
func (s *sessions) Changed(_ string, keys []string) {
	for _, text := range keys {
		s.l.changed(text)
	}
}

// changed notes that text has changed, and wakes who waits for that. It returns
// what notes it from now on.
func (l *Larder) changed(text string) stamp {
	now := l.stamps.bump(text, l.now())
	l.waiters.wake(text)
	return now
}

// settled reports whether nothing that this process has or may have missed of
// text is so new that the origin's replicas may lag behind it.
func (l *Larder) settled(text string, ses *session) bool {
	now := l.now()
	return now < ses.until.Load() && now >= ses.quiet && !l.pending.has(text) &&
		!l.stamps.since(text, now-int64(l.opts.Hold))
}

// forgotten reports whether the shared tier may have lost the tombstone of text
// so lately that a replica may not have heard of what it stood for.
func (l *Larder) forgotten(text string) bool { return l.now() < l.sessionOf(text).forgot }

// stamps counts the changes of keys. A flight and the entry it makes note the
// count before any command is sent; a change raises it, and what noted an
// older count is not used any more. Keys share counters by hash: a collision
// costs one look at the shared tier, and no promise.
type stamps struct {
	seed  maphash.Seed
	cells [1 << 16]atomic.Uint32
	last  [1 << 16]atomic.Uint32 // the second of the last change, from 1
}

// stamp is a count as it was noted.
type stamp struct {
	cell *atomic.Uint32
	seen uint32
}

func (s *stamps) place(text string) uint64 {
	return maphash.String(s.seed, text) % uint64(len(s.cells))
}

func (s *stamps) note(text string) stamp {
	cell := &s.cells[s.place(text)]
	return stamp{cell: cell, seen: cell.Load()}
}

func (s *stamps) bump(text string, now int64) stamp {
	i := s.place(text)
	s.last[i].Store(uint32(now/int64(time.Second)) + 1)
	return stamp{cell: &s.cells[i], seen: s.cells[i].Add(1)}
}

// since reports whether text has changed after from, a local time, or up to a
// second before.
func (s *stamps) since(text string, from int64) bool {
	last := s.last[s.place(text)].Load()
	return last != 0 && int64(last)*int64(time.Second) > from
}

func (s stamp) current() bool { return s.cell.Load() == s.seen }

// before reports whether next is the change that followed s.
func (s stamp) before(next stamp) bool { return s.cell == next.cell && s.seen+1 == next.seen }

// waiters are the flights that wait for another process's load.
type waiters struct {
	mu sync.Mutex
	of map[string]map[chan struct{}]struct{}
}

// add registers ch, of capacity 1, for changes of text.
func (w *waiters) add(text string, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[text] == nil {
		w.of[text] = map[chan struct{}]struct{}{}
	}
	w.of[text][ch] = struct{}{}
}

func (w *waiters) remove(text string, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of[text], ch)
	if len(w.of[text]) == 0 {
		delete(w.of, text)
	}
}

func (w *waiters) wake(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range w.of[text] {
		poke(ch)
	}
}

func (w *waiters) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, set := range w.of {
		for ch := range set {
			poke(ch)
		}
	}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// now is the local monotonic time in nanoseconds since the Larder's start.
func (l *Larder) now() int64 { return l.clock.Now() }

// wallOffset guesses a store's clock by the host's, until a heartbeat tells.
// Only freshness depends on the guess, no promise does.
func (l *Larder) wallOffset() int64 {
	return time.Now().UnixMilli() - l.now()/int64(time.Millisecond)
}

// local turns a moment of the store's clock into local time. One that is
// farther away than any life is cut off, so that lives can be added to it.
func (s *session) local(storeMillis int64) int64 {
	const most = math.MaxInt64 / 2 / int64(time.Millisecond)
	// Two halves first: a damaged moment may be as far away as numbers go.
	if half := storeMillis/2 - s.offset.Load()/2; half > most/2 || half < -most/2 {
		return max(min(half, 1), -1) * most * int64(time.Millisecond)
	}
	return (storeMillis - s.offset.Load()) * int64(time.Millisecond)
}
