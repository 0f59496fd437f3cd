package larder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/tagmark"
	"github.com/larderdev/larder/store"
)

const (
	// maxRounds refused fills, then the origin's answer is returned uncached.
	maxRounds = 8
	// pollEvery bounds the wait for a push that may have been lost.
	pollEvery = 100 * time.Millisecond
)

// launch runs fs in a goroutine of the Larder, which Close ends and waits for.
// The context keeps ctx's values, not its cancellation: others wait too.
func (c *Cache[K, V]) launch(ctx context.Context, fs []*flight[K, V]) {
	c.detach(ctx, fs, func(ctx context.Context) { c.run(ctx, fs) })
}

// detach starts f for fs in a goroutine whose context ends with the Larder.
func (c *Cache[K, V]) detach(ctx context.Context, fs []*flight[K, V], f func(context.Context)) {
	all := slices.Clone(fs) // f uses fs up
	if !c.l.spawn(func() {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(c.l.ctx, cancel)()
		returned := false
		defer c.ended(all, &returned)
		f(ctx)
		returned = true
	}) {
		c.fail(all, ErrClosed)
	}
}

// ended settles fs if the caller's code (a codec, a test's FailNow in it) has
// ended the goroutine that ran them, so that nobody waits for ever.
func (c *Cache[K, V]) ended(fs []*flight[K, V], returned *bool) {
	if !*returned {
		c.fail(fs, errGoexit)
	}
}

// spawn starts f unless the Larder is closed.
func (l *Larder) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	l.tasks.Go(f)
	return true
}

// lead begins fs in the caller's goroutine, since most reads end with the
// first answer of the shared tier, and leaves the rest to a goroutine.
func (c *Cache[K, V]) lead(ctx context.Context, fs []*flight[K, V]) {
	if !c.shared || ctx.Err() != nil {
		c.launch(ctx, fs)
		return
	}
	all := fs
	if len(fs) > 1 {
		all = slices.Clone(fs)
	}
	returned := false
	defer c.ended(all, &returned)
	p := c.read(ctx, fs)
	returned = true
	if ctx.Err() != nil {
		c.launch(ctx, append(p.miss, p.alone...))
		return
	}
	if p.empty() {
		return
	}
	left := append(p.miss, p.alone...)
	c.detach(ctx, left, func(ctx context.Context) { c.run(ctx, c.proceed(ctx, p)) })
}

// plan says what is left of a group of flights after a step.
type plan[K comparable, V any] struct {
	miss    []*flight[K, V] // ask for the lease
	granted []*flight[K, V] // load
	busy    []*flight[K, V] // wait for another's load
	intents []*flight[K, V] // wait for a writer
	alone   []*flight[K, V] // load without a lease
	again   []*flight[K, V] // start again
	pause   time.Duration   // the shortest life of the busy leases
	wake    chan struct{}   // a push for one of the busy keys
}

func (p *plan[K, V]) empty() bool { return len(p.miss)+len(p.alone) == 0 }

// run takes flights through the protocol until each is settled.
func (c *Cache[K, V]) run(ctx context.Context, fs []*flight[K, V]) {
	for len(fs) > 0 {
		if ctx.Err() != nil {
			c.fail(fs, ErrClosed)
			return
		}
		var p plan[K, V]
		if c.shared {
			p = c.read(ctx, fs)
		} else {
			p.alone = c.sendAll(fs)
			for _, f := range fs {
				f.cause = c.seen.absence(f.text, c.l.now())
			}
		}
		fs = c.proceed(ctx, p)
	}
}

// proceed takes the steps after the read and returns the flights that must
// start again. Groups that wait for different things do so side by side.
func (c *Cache[K, V]) proceed(ctx context.Context, p plan[K, V]) []*flight[K, V] {
	if len(p.miss) > 0 {
		c.takeLeases(ctx, &p)
	}
	type step struct {
		fs []*flight[K, V]
		do func(context.Context, []*flight[K, V]) []*flight[K, V]
	}
	var steps []step
	for _, s := range []step{
		{p.granted, c.load},
		{p.busy, func(ctx context.Context, fs []*flight[K, V]) []*flight[K, V] {
			return c.await(ctx, fs, p.wake, p.pause)
		}},
		{p.intents, func(ctx context.Context, fs []*flight[K, V]) []*flight[K, V] {
			return c.awaitIntent(ctx, fs, p.wake)
		}},
		{p.alone, c.loadAlone},
	} {
		if len(s.fs) > 0 {
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return p.again
	}
	for _, s := range steps[1:] {
		c.detach(ctx, s.fs, func(ctx context.Context) { c.run(ctx, s.do(ctx, s.fs)) })
	}
	return append(p.again, steps[0].do(ctx, steps[0].fs)...)
}

// sendAll notes the stamps and sessions of fs: from here on a change of their
// keys makes them useless for later Gets.
func (c *Cache[K, V]) sendAll(fs []*flight[K, V]) []*flight[K, V] {
	for _, f := range fs {
		if f.noted {
			f.noted = false
			continue
		}
		ses := c.l.sessionOf(f.text)
		c.flights.send(f, c.l.stamps.note(f.text), c.noteMoves(), ses)
	}
	return fs
}

// read asks the shared tier for fs, in one round trip, and settles the hits.
// It uses up fs.
func (c *Cache[K, V]) read(ctx context.Context, fs []*flight[K, V]) (p plan[K, V]) {
	c.sendAll(fs)
	ask, keys := fs[:0], make([]string, 0, len(fs))
	for _, f := range fs {
		f.discard, f.renew, f.stale = nil, false, nil
		switch trusted := c.trusted(f); {
		case !trusted && f.background:
			c.flights.settle(f, outcome[V]{})
		case !trusted:
			p.alone = append(p.alone, f)
		case f.force:
			p.miss = append(p.miss, f)
		default:
			ask, keys = append(ask, f), append(keys, f.text)
		}
	}
	if len(ask) == 0 {
		return p
	}
	if c.tagged() {
		keys = append(keys, store.Sequence)
	}
	replies := c.l.get(ctx, keys)
	if ctx.Err() == nil { // else it is the caller who was too slow
		c.l.tellAll(replies, func(i int) string { return keys[i] })
	}
	if c.tagged() {
		c.hitTagged(ctx, ask, replies, &p)
		return p
	}
	for i := range replies {
		f := ask[i]
		switch {
		case replies[i].Err != nil || !c.l.gates.believe(f.text, &replies[i]):
			f.cause = TierDown
			p.alone = append(p.alone, f)
		case !c.hit(f, &replies[i], false):
			p.miss = append(p.miss, f)
		}
	}
	return p
}

// trusted reports whether the shared tier may answer for f now.
func (c *Cache[K, V]) trusted(f *flight[K, V]) bool {
	if c.l.pending.has(f.text) {
		f.cause = Invalidated
		return false
	}
	if !c.l.allowed(f.text) || c.tagged() && !c.l.allowed(store.Sequence) {
		f.cause = TierDown
		return false
	}
	return true
}

// believed reports whether a value that the lease has found may be used.
func (c *Cache[K, V]) believed(f *flight[K, V], r *store.Reply) bool {
	return c.l.gates.believe(f.text, r) && (!c.tagged() || c.l.gates.allow(store.Sequence))
}

// allowed reports whether the node that holds key may be asked and believed.
func (l *Larder) allowed(key string) bool { return l.circuits.allow(key) && l.gates.allow(key) }

// A sighting is a value that was read from the shared tier and decoded, before
// anything is said of its age and its tags.
type sighting[V any] struct {
	out       outcome[V]
	cost      time.Duration
	size      int
	soft      bool // invalidated softly
	late      bool // past its time, by our clock
	elsewhere bool
	marks     []mark
}

// hit settles f if what is stored may be served, and else notes why not. fresh
// says that the tier calls it fresh, by its own clock: ours may be a guess.
func (c *Cache[K, V]) hit(f *flight[K, V], r *store.Reply, fresh bool) bool {
	s, ok := c.sight(f, r)
	return ok && c.serve(f, &s, nil, fresh)
}

// sight decodes what is stored, and notes why it cannot be served.
func (c *Cache[K, V]) sight(f *flight[K, V], r *store.Reply) (s sighting[V], ok bool) {
	now := c.l.now()
	switch {
	case r.Status == store.Garbled:
		f.cause = Decode
		return s, false
	case r.Status == store.Absent:
		f.cause = c.seen.absence(f.text, now)
		return s, false
	case r.Record.Kind == store.Tombstone || r.Record.Kind == store.Intent:
		f.cause = Invalidated
		c.meetTombstone(f)
		return s, false
	}
	if s, ok = c.decode(f, r.Record); !ok {
		return s, false
	}
	if s.out.version < f.min {
		f.cause = Invalidated
		return s, false
	}
	s.late = now >= s.out.freshUntil
	s.soft = r.Record.Kind == store.Stale
	s.elsewhere = r.Elsewhere
	return s, true
}

// serve settles f with what was sighted, whose tags are valid or softly
// invalidated, if its age allows it. tags let memory keep it. fresh is as for
// hit.
func (c *Cache[K, V]) serve(f *flight[K, V], s *sighting[V], tags *entryTags, fresh bool) bool {
	var kept *entry[V]
	f.carries = tags
	switch {
	case s.late && fresh: // nobody here can say for how long
	case s.late:
		return c.hitStale(f, s.out, c.l.now())
	case s.soft:
		s.out.stale = true
		c.refreshLater(f.key)
	default:
		kept = c.admit(f, s, tags)
		if c.mem == nil && c.drawEarly(c.l.now(), s.out.freshUntil, s.cost) {
			c.refreshLater(f.key)
		}
	}
	c.flights.settleWith(f, s.out, kept)
	return true
}

// meetTombstone notes that f's key was invalidated. The push may have been
// missed, so that memory has to forget it here, for StaleIfError asks nobody.
func (c *Cache[K, V]) meetTombstone(f *flight[K, V]) {
	c.seen.invalidated(f.text)
	f.wrong, f.stale = true, nil
	if c.mem != nil {
		c.mem.Delete(f.key)
	}
}

// hitStale serves a stale value that StaleWhileRevalidate covers, and keeps
// one that StaleIfError may need.
func (c *Cache[K, V]) hitStale(f *flight[K, V], out outcome[V], now int64) bool {
	f.cause = Expired
	if out.err != nil {
		return false
	}
	out.stale = true
	if now < out.freshUntil+int64(c.policy.StaleWhileRevalidate) {
		c.refreshLater(f.key)
		c.flights.settle(f, out)
		return true
	}
	if now < out.freshUntil+int64(c.policy.StaleIfError) {
		f.stale = &fallback[V]{out: out, stamp: f.stamp, tags: f.carries, joins: f.began}
	}
	return false
}

// decode turns a value or negative into an outcome. What cannot be decoded is
// a miss: damaged bytes are discarded, whole ones of another type loaded over.
func (c *Cache[K, V]) decode(f *flight[K, V], r store.Record) (s sighting[V], ok bool) {
	h, payload, err := envelope.OpenSecret(r.Body, c.schema, c.secrets, f.text)
	if err == nil {
		s.out.freshUntil, err = c.vouch(f, r, h)
	}
	if err == nil && c.tagged() {
		s.marks, payload, err = tagmark.Cut(payload)
	}
	if err == nil && r.Kind != store.Negative {
		err = c.unmarshal(payload, f)
		s.out.value = f.decoded
	}
	if err != nil {
		f.cause, f.renew = Decode, true
		if errors.Is(err, envelope.ErrCorrupt) {
			f.discard = r.Body
		}
		return sighting[V]{}, false
	}
	if r.Kind == store.Negative {
		s.out.err = ErrNotFound
	}
	s.out.tier, s.out.version = Shared, h.Version
	s.cost, s.size = h.Cost, len(payload)
	return s, true
}

// clockStep is how far a node's clock may be set back, as by a failover to a
// host with another one, before what was stored under the old one is corrupt.
const clockStep = time.Minute

// vouch compares the part of a record that the checksum does not cover with
// what was sealed, and returns the local time until which the record is fresh:
// never longer from now than it was sealed for.
func (c *Cache[K, V]) vouch(f *flight[K, V], r store.Record, h envelope.Header) (freshUntil int64, err error) {
	same := h.Version == r.Version && h.Kind == byte(r.Kind)
	if r.Kind == store.Stale { // its version is a floor
		same = h.Version <= r.Version && h.Kind == byte(store.Value)
	}
	if !same {
		return 0, envelope.ErrCorrupt
	}
	freshUntil = f.session.local(r.FreshUntil)
	left := time.Duration(freshUntil - c.l.now())
	switch {
	case left <= h.Fresh:
		return freshUntil, nil
	case left-h.Fresh > clockStep && f.session.told.Load():
		return 0, envelope.ErrCorrupt
	}
	return c.l.now() + int64(h.Fresh), nil
}

// unmarshal decodes into f, which is on the heap already. A codec that panics
// has met bytes it cannot decode.
func (c *Cache[K, V]) unmarshal(payload []byte, f *flight[K, V]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("larder: codec panicked: %v", p)
		}
	}()
	var zero V
	f.decoded = zero
	return c.loader.Codec.Unmarshal(payload, &f.decoded)
}

// admit makes the memory entry of what was read from the shared tier at its second
// touch: one-time keys stay out, and so does a value whose own fill's push is
// still on its way. What was read elsewhere stays out too: f's session is that
// of another node, and does not break when the value's changes are missed.
func (c *Cache[K, V]) admit(f *flight[K, V], s *sighting[V], tags *entryTags) *entry[V] {
	again := c.seen.touch(f.text, s.out.freshUntil+int64(c.policy.window()))
	if c.tagged() && tags == nil {
		return nil
	}
	if c.mem != nil && again && !s.elsewhere && c.l.now() < f.session.until.Load() {
		e := c.entryOf(f, s.out, s.cost, s.size)
		e.tags = tags
		return e
	}
	return nil
}

// takeLeases asks for the right to load p.miss, in one round trip.
func (c *Cache[K, V]) takeLeases(ctx context.Context, p *plan[K, V]) {
	// Pushes are listened for before the lease is asked for: a fill in
	// between must not be missed.
	p.wake = make(chan struct{}, 1)
	c.listen(p.miss, p.wake)
	ops := make([]store.Op, 0, len(p.miss))
	for _, f := range p.miss {
		if f.discard != nil {
			ops = append(ops, store.Discard{Key: f.text, Body: f.discard})
		}
		f.lease = c.l.newLease()
		ops = append(ops, store.Lease{
			Key: f.text, ID: f.lease, For: c.l.opts.Lease,
			MinVersion: f.min, Force: f.force || f.renew,
		})
	}
	view := c.askTags(p.miss, &ops) // before the origin is read
	replies := c.l.do(ctx, ops)
	view.answer(c.l, replies)
	p.pause = pollEvery
	for _, f := range p.miss {
		if f.discard != nil {
			replies = replies[1:]
		}
		f.tags = view
		waiting := len(p.busy) + len(p.intents)
		c.leased(ctx, f, &replies[0], p)
		replies = replies[1:]
		if len(p.busy)+len(p.intents) == waiting {
			c.l.waiters.remove(f.text, p.wake)
		}
	}
}

// leased sorts f by the answer to its lease.
func (c *Cache[K, V]) leased(ctx context.Context, f *flight[K, V], r *store.Reply, p *plan[K, V]) {
	switch {
	case r.Err == nil && r.Status == store.Granted:
		if f.renew && c.believed(f, r) && c.alreadyRenewed(ctx, f, r) {
			return
		}
		f.beneath = r.Record
		if r.Record.Kind == store.Tombstone {
			c.meetTombstone(f)
		}
		p.granted = append(p.granted, f)
	case f.background: // nobody waits, and what it loaded could not be kept
		c.flights.settle(f, outcome[V]{})
	case r.Err != nil || r.Status == store.Found && !c.believed(f, r):
		f.cause = TierDown
		p.alone = append(p.alone, f)
	case r.Status == store.Found:
		if !c.hitLeased(f, r) {
			c.retry(f, p)
		}
	case r.Status == store.Intended:
		p.intents = append(p.intents, f)
	case r.Status == store.Failed:
		c.settleError(f, &LoadError{Class: c.class.name, Key: f.key, Err: ErrLoadFailed})
	default:
		p.pause = min(p.pause, max(r.Wait, time.Millisecond))
		p.busy = append(p.busy, f)
	}
}

// retry lets f look again, unless it has too often.
func (c *Cache[K, V]) retry(f *flight[K, V], p *plan[K, V]) {
	if f.rounds++; f.rounds < maxRounds {
		p.again = append(p.again, f)
		return
	}
	f.primary, f.gaveUp = true, true
	p.alone = append(p.alone, f)
}

// listen makes pushes for fs wake the one who waits for wake.
func (c *Cache[K, V]) listen(fs []*flight[K, V], wake chan struct{}) {
	for _, f := range fs {
		c.l.waiters.add(f.text, wake)
	}
}

// await waits until one of fs may have got its value, and returns those that
// are to look again: the smallest of a push, the lease's remaining time and
// the poll.
func (c *Cache[K, V]) await(ctx context.Context, fs []*flight[K, V], wake chan struct{}, pause time.Duration) []*flight[K, V] {
	open := fs[:0:0]
	for _, f := range fs {
		defer c.l.waiters.remove(f.text, wake)
		c.flights.relent(f) // the load that runs is new enough for a Refresh
		if c.flights.reopen(f) {
			open = append(open, f)
		}
	}
	if len(open) == 0 {
		return nil
	}
	pause -= time.Duration(rand.Int64N(int64(pause)/4 + 1))
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	case <-ctx.Done():
	}
	return c.patient(ctx, open)
}

// patient answers the flights that have waited too long: with a stale value
// after SoftTimeout, by the origin itself after HardTimeout.
func (c *Cache[K, V]) patient(ctx context.Context, fs []*flight[K, V]) (still []*flight[K, V]) {
	var late []*flight[K, V]
	for _, f := range fs {
		waited := time.Duration(c.l.now() - f.started)
		switch {
		case f.stale != nil && c.policy.SoftTimeout > 0 && waited >= c.policy.SoftTimeout &&
			c.flights.settleStale(f, f.stale):
		case waited >= c.policy.HardTimeout+c.l.opts.Lease:
			late = append(late, f)
		default:
			still = append(still, f)
		}
	}
	if len(late) > 0 {
		still = append(still, c.lastResort(ctx, late)...)
	}
	return still
}

// fail settles fs with err.
func (c *Cache[K, V]) fail(fs []*flight[K, V], err error) {
	for _, f := range fs {
		c.flights.settle(f, outcome[V]{err: err, tier: Origin, cause: f.cause})
	}
}

// settleError answers f with a stale value if there is one for all of its Gets,
// else with err.
func (c *Cache[K, V]) settleError(f *flight[K, V], err error) {
	if stale := c.staleNow(f); stale != nil && c.flights.settleStale(f, stale) {
		return
	}
	c.flights.settle(f, outcome[V]{err: err, tier: Origin, cause: f.cause})
}

// staleInMemory finds what memory still holds of f's key for StaleIfError. It
// does not ask whether the session lives: the class has allowed that. What is
// known to be invalidated it does not allow.
func (c *Cache[K, V]) staleInMemory(f *flight[K, V]) *fallback[V] {
	if c.mem == nil || c.policy.StaleIfError == 0 || f.wrong || c.l.pending.has(f.text) {
		return nil
	}
	e := c.mem.Get(f.key)
	now := c.l.now()
	if e == nil || e.err != nil || !e.stamp.current() || e.tags != nil && !e.tags.unmoved() || e.version < f.min ||
		now >= e.freshUntil+int64(c.policy.StaleIfError) {
		return nil
	}
	return &fallback[V]{
		out:    outcome[V]{value: e.value, tier: Memory, stale: true, version: e.version, freshUntil: e.freshUntil},
		stamp:  e.stamp,
		tags:   e.tags,
		memory: true,
	}
}
