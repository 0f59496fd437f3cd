package larder

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/larderdev/larder/store"
)

// A flight is one attempt of this process to answer one key, and all the Gets
// that share it.
//
//	sent → settled        sent: only readers that accept P2's staleness may join,
//	 ↓↑                   and only while no change of the key, or of any tag in a
//	open                  class that has tags, has been reported since, no other
//	                      flight of the key has answered since, and the sessions
//	                      live
//
// A flight whose command was answered with busy, or whose fill was refused, is
// open until it sends the next: anybody may join it then, since its answer will
// be read after they came.
type flight[K comparable, V any] struct {
	key        K
	text       string
	min        uint64 // the version that its Gets need
	background bool   // nobody waits: give way to another load
	started    int64
	shard      *flightShard[K, V]
	settled    atomic.Bool // out is set

	// Guarded by the shard's lock.
	force     bool // load, whatever is stored; it is changed by the flight's own goroutine
	open      bool
	session   *session
	stamp     stamp
	moves     moves
	followers []*flight[K, V]
	done      chan struct{} // closed when out is set; nil while nobody waits
	out       outcome[V]
	strict    bool      // a strict Get is among its Gets
	joins     int       // how often a strict one came when the flight had begun
	crossing  *crossing // with other flights of its key; nil: there were none
	answered  int       // how many of these had answered when it was sent

	// Owned by the goroutine that runs the flight.
	noted   bool // session and stamp are those of the command to be sent next
	cause   Cause
	decoded V            // what the codec writes to
	began   int          // joins when the latest command was sent
	stale   *fallback[V] // what StaleIfError would serve, from the shared tier
	wrong   bool         // a tombstone was met: what memory has is known to be old
	discard []byte       // a corrupt body to remove
	renew   bool         // what is stored cannot be decoded: load over it
	rounds  int          // refused fills and useless leases
	primary bool         // a replica has answered too low
	gaveUp  bool         // answered by the origin although the shared tier works
	lease   string
	beneath store.Record // what the data slot held when the lease was granted
	tags    *tagView     // noted before the origin is read
	carries *entryTags   // what its answer carries, if that is known
}

// outcome is what a flight answers to its Gets.
type outcome[V any] struct {
	value      V
	err        error // nil, ErrNotFound, or why there is no answer
	tier       Tier
	cause      Cause // of the miss, if tier is Origin
	stale      bool
	stored     bool // what was loaded is in a tier now
	version    uint64
	freshUntil int64
}

// fallback is a stale value that may end a flight.
type fallback[V any] struct {
	out    outcome[V]
	stamp  stamp // of its key when it was read
	tags   *entryTags
	joins  int  // the flight's when it was read
	memory bool // nobody says that it is current
}

// fits reports whether all of f's Gets may have b: to a strict one it must have
// been read from the shared tier after it began. Its caller holds the shard's
// lock.
func (b *fallback[V]) fits(strict bool, joins int) bool {
	if !b.stamp.current() || b.tags != nil && !b.tags.unmoved() {
		return false
	}
	if b.memory {
		return !strict
	}
	return joins == b.joins
}

const flightShards = 16

// flights are the flights of one cache by key, and the loads of those that
// run without a lease.
type flights[K comparable, V any] struct {
	seed   maphash.Seed
	shards [flightShards]flightShard[K, V]
	// remember brings memory in line with an answer: with the entry that was
	// made of it, if there is one. It is called under the shard's lock. nil
	// without memory. forget drops what memory has of a key.
	remember func(*flight[K, V], *outcome[V], *entry[V])
	forget   func(key K)
}

type flightShard[K comparable, V any] struct {
	mu         sync.Mutex
	of         map[string]*flight[K, V]
	alone      map[string]chan struct{} // closed when the load ends
	refreshing map[string]bool          // background refreshes
	crossings  map[string]*crossing
}

// crossing is what flights of one key that are under way at the same time know
// of each other. Which of their commands reaches the shared tier first nobody
// knows, and memory must not fall behind what any of them has returned.
type crossing struct {
	flights  int    // that are not settled
	answered int    // how many have returned something
	highest  uint64 // version of that
	unclear  int    // answered, when the last one returned that has no version
}

// note notes that something was returned. Version 0 is that of what has none.
func (x *crossing) note(version uint64) {
	if x == nil {
		return
	}
	x.answered++
	if version == 0 {
		x.unclear = x.answered
	}
	x.highest = max(x.highest, version)
}

func newFlights[K comparable, V any]() *flights[K, V] {
	t := &flights[K, V]{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].of = map[string]*flight[K, V]{}
		t.shards[i].alone = map[string]chan struct{}{}
		t.shards[i].refreshing = map[string]bool{}
		t.shards[i].crossings = map[string]*crossing{}
	}
	return t
}

func (t *flights[K, V]) shard(text string) *flightShard[K, V] {
	return &t.shards[maphash.String(t.seed, text)%flightShards]
}

// join returns a flight that may answer want's Gets, or registers want, before
// any command is sent for it.
func (t *flights[K, V]) join(want *flight[K, V], strict bool) (f *flight[K, V], joined bool) {
	s := want.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.of[want.text]
	if cur != nil && cur.min >= want.min && (!want.force || cur.force) {
		if cur.open || !strict && !want.force && cur.serves(want) {
			cur.add(strict)
			return cur, true
		}
	}
	want.strict = strict
	t.cross(want, cur)
	s.of[want.text] = want
	return want, false
}

// cross notes that f is under way at the same time as old, if any, and as those
// that old is. Its caller holds the shard's lock.
func (t *flights[K, V]) cross(f, old *flight[K, V]) {
	if t.remember == nil {
		return
	}
	x := f.shard.crossings[f.text]
	if x == nil {
		if old == nil || old == f {
			return
		}
		x = &crossing{}
		f.shard.crossings[f.text] = x
	}
	for _, one := range []*flight[K, V]{old, f} {
		if one != nil && one.crossing == nil {
			one.crossing = x
			x.flights++
		}
	}
}

// leave ends f's part in a crossing. Its caller holds the shard's lock.
func (f *flight[K, V]) leave() {
	if f.crossing == nil {
		return
	}
	if f.crossing.flights--; f.crossing.flights == 0 {
		delete(f.shard.crossings, f.text)
	}
}

// add notes that a Get, or those of another flight, came to f. Its caller holds
// the shard's lock.
func (f *flight[K, V]) add(strict bool) {
	if strict {
		f.strict = true
		f.joins++
	}
}

// serves reports whether f, which is sent, may answer want's Gets too, whose
// staleness is bounded by P2. Its caller holds the shard's lock.
func (f *flight[K, V]) serves(want *flight[K, V]) bool {
	return f.session == want.session && want.started < f.session.until.Load() && f.stamp.current() &&
		f.moves.none(want.started) && !f.overtaken()
}

// overtaken reports whether a flight of f's key has answered since f was sent:
// f's own answer may be older. Its caller holds the shard's lock.
func (f *flight[K, V]) overtaken() bool {
	return f.crossing != nil && f.crossing.answered > f.answered
}

// send marks f as sent, noting what a later change will differ from.
func (t *flights[K, V]) send(f *flight[K, V], st stamp, ms moves, ses *session) {
	s := f.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	f.open, f.stamp, f.moves, f.session, f.began = false, st, ms, ses, f.joins
	if f.crossing != nil {
		f.answered = f.crossing.answered
	}
}

// strict reports whether a strict Get is among f's.
func (t *flights[K, V]) strict(f *flight[K, V]) bool {
	f.shard.mu.Lock()
	defer f.shard.mu.Unlock()
	return f.strict
}

// relent ends f's wish to load whatever is stored.
func (t *flights[K, V]) relent(f *flight[K, V]) {
	f.shard.mu.Lock()
	defer f.shard.mu.Unlock()
	f.force = false
}

// reopen makes f open again, since its answer will come from a command that is
// yet to be sent. If another flight of the key is open already, f follows that
// one instead and must not be run any more: the result is then false.
func (t *flights[K, V]) reopen(f *flight[K, V]) bool {
	s := f.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.of[f.text]
	if f.settled.Load() || f.background {
		return true
	}
	if cur != nil && cur != f && cur.open && cur.min >= f.min && cur.force == f.force {
		cur.followers = append(cur.followers, f)
		cur.add(f.strict)
		return false
	}
	f.open = true
	t.cross(f, cur)
	if cur == nil || !cur.open {
		s.of[f.text] = f
	}
	return true
}

// settle gives f its outcome, once; later outcomes are ignored.
func (t *flights[K, V]) settle(f *flight[K, V], out outcome[V]) {
	t.settleWith(f, out, nil)
}

// settleWith is settle with what memory is to keep of out.
func (t *flights[K, V]) settleWith(f *flight[K, V], out outcome[V], e *entry[V]) {
	f.shard.mu.Lock()
	t.finish(f, out, e)
}

// settleStale gives f a stale value, unless one of its Gets must not have it.
func (t *flights[K, V]) settleStale(f *flight[K, V], b *fallback[V]) bool {
	f.shard.mu.Lock()
	if !b.fits(f.strict, f.joins) {
		f.shard.mu.Unlock()
		return false
	}
	t.finish(f, b.out, nil)
	return true
}

// finish is settle under the shard's lock, which it gives back.
func (t *flights[K, V]) finish(f *flight[K, V], out outcome[V], e *entry[V]) {
	s := f.shard
	if f.settled.Load() {
		s.mu.Unlock()
		return
	}
	f.open, f.out = false, out
	f.settled.Store(true)
	if answered := out.tier == Shared || out.tier == Origin; answered && t.remember != nil && !failure(out.err) {
		t.keep(f, &out, e)
	}
	f.leave()
	if s.of[f.text] == f {
		delete(s.of, f.text)
	}
	followers, done := f.followers, f.done
	f.followers = nil
	s.mu.Unlock()
	if done != nil {
		close(done)
	}
	for _, g := range followers {
		t.settle(g, out)
	}
}

// keep brings memory in line with what f returns. Its caller holds the shard's
// lock.
func (t *flights[K, V]) keep(f *flight[K, V], out *outcome[V], e *entry[V]) {
	version := out.version
	if out.err != nil { // of nothing: not one to compare with
		version = 0
	}
	switch x := f.crossing; {
	case !f.overtaken():
		t.remember(f, out, e)
	case version == 0 || x.unclear > f.answered: // nobody knows which is newer
		t.forget(f.key)
	case version >= x.highest:
		t.remember(f, out, e)
	}
	f.crossing.note(version)
}

// wait returns f's outcome, or ctx's error if ctx ends first. Most flights are
// settled before anybody has to wait, and need no channel.
func (t *flights[K, V]) wait(ctx context.Context, f *flight[K, V]) (*outcome[V], error) {
	if f.settled.Load() {
		return &f.out, nil
	}
	s := f.shard
	s.mu.Lock()
	if f.settled.Load() {
		s.mu.Unlock()
		return &f.out, nil
	}
	if f.done == nil {
		f.done = make(chan struct{})
	}
	done := f.done
	s.mu.Unlock()
	select {
	case <-done:
		return &f.out, nil
	case <-ctx.Done():
	}
	if f.settled.Load() {
		return &f.out, nil
	}
	return nil, ctx.Err()
}

// takeAlone takes the process's own right to load text. When another flight
// has it, the channel closes at that one's end.
func (t *flights[K, V]) takeAlone(text string) (end chan struct{}, mine bool) {
	s := t.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if end := s.alone[text]; end != nil {
		return end, false
	}
	end = make(chan struct{})
	s.alone[text] = end
	return end, true
}

func (t *flights[K, V]) giveAlone(text string) {
	s := t.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.alone[text])
	delete(s.alone, text)
}

// beginRefresh reports whether no background refresh of text runs, and notes
// that one does now.
func (t *flights[K, V]) beginRefresh(text string) bool {
	s := t.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refreshing[text] {
		return false
	}
	s.refreshing[text] = true
	return true
}

func (t *flights[K, V]) endRefresh(text string) {
	s := t.shard(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refreshing, text)
}
