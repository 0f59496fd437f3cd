package larder

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/memory"
)

// Cache is the typed cache of one class. Its methods may be called
// concurrently. Values from the memory tier are shared between callers: treat
// what they point to as read-only.
type Cache[K comparable, V any] struct {
	l        *Larder
	class    *class
	policy   *Policy
	loader   Loader[K, V]
	text     func(K) (string, error)
	schema   uint64
	secrets  *envelope.Secrets         // nil: values are not encrypted
	mem      *memory.Tier[K, entry[V]] // nil: no memory tier
	shared   bool                      // values are kept in the shared tier
	seen     *history
	flights  *flights[K, V]
	rebuilds rebuilds[K]
	quiet    bool // nobody listens to each Get

	unencodable atomic.Int64 // when that was logged last
}

// NewCache returns the cache of a class that l has a policy for. It reports
// every mistake at once. A class has one cache in a Larder.
func NewCache[K comparable, V any](l *Larder, class string, loader Loader[K, V]) (*Cache[K, V], error) {
	policy, known := l.policies[class]
	if !known {
		return nil, fmt.Errorf("larder: no policy for class %q", class)
	}
	if err := cacheable[V](policy); err != nil {
		return nil, fmt.Errorf("larder: class %q: %w", class, err)
	}
	text, keyErr := textOf(class, loader.Key)
	if err := errors.Join(loader.validate(&policy), keyErr, encodable[V](loader.Codec)); err != nil {
		return nil, fmt.Errorf("larder: class %q: %w", class, err)
	}
	if loader.Codec == nil {
		loader.Codec = jsonCodec{}
	}
	c := &Cache[K, V]{
		l: l, policy: &policy, loader: loader, text: text,
		schema:  schemaOf[V](loader.Codec, loader.Tags != nil || len(policy.Tags) > 0),
		shared:  l.store != nil && policy.Tiers&Shared != 0,
		seen:    newHistory(policy.MaxEntries),
		flights: newFlights[K, V](),
		quiet:   l.opts.Hooks.Got == nil,
	}
	if policy.Encrypt {
		c.secrets = l.secrets
	}
	if policy.Tiers&Memory != 0 || !c.shared {
		var err error
		c.mem, err = memory.New[K](memory.Bounds{Entries: policy.MaxEntries, Bytes: policy.MaxBytes}, (*entry[V]).bytes)
		if err != nil {
			return nil, fmt.Errorf("larder: class %q: %w", class, err)
		}
		c.flights.remember, c.flights.forget = c.remember, func(key K) { c.mem.Delete(key) }
	}
	var err error
	if c.class, err = l.register(class, policy, c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (l *Larder) register(name string, policy Policy, keep keeper) (*class, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return nil, ErrClosed
	}
	if l.classes[name] != nil {
		return nil, fmt.Errorf("larder: class %q has a cache already", name)
	}
	cl := &class{name: name, policy: policy, budget: newBudget(&policy, l.now), keep: keep}
	l.classes[name] = cl
	return cl, nil
}

func (c *Cache[K, V]) close() {
	if c.mem != nil {
		c.mem.Close()
	}
}

// GetOption changes one Get or GetMany.
type GetOption struct {
	strict bool
	min    uint64
	into   *Report
}

// Strict makes a Get skip memory: it sees every invalidation that was
// acknowledged to any process before it began (P1). In a class that no other
// tier keeps it asks the origin, except in a Larder without a shared tier,
// whose memory hears of every invalidation.
func Strict() GetOption { return GetOption{strict: true} }

// MinVersion makes a Get return no version below v, whichever process wrote
// it. The class's loader must have a Version function. If the origin itself
// has no such version, what its primary has is returned.
func MinVersion(v uint64) GetOption { return GetOption{min: v} }

// Into makes a Get write into r how it was answered.
func Into(r *Report) GetOption { return GetOption{into: r} }

func merge(opts []GetOption) (o GetOption) {
	for _, x := range opts {
		o.strict = o.strict || x.strict
		o.min = max(o.min, x.min)
		if x.into != nil {
			o.into = x.into
		}
	}
	return o
}

// Get returns the value under key: from memory, else from the shared tier,
// else by one load for the whole fleet.
//
// It returns [ErrNotFound] when the origin has none, a [LoadError] when the
// loader failed and no stale value may be served, [ErrOverloaded] when the
// load did not get its turn, and ctx's error when ctx ends first; the load
// then goes on for the others. That ctx was cancelled is noticed within
// SharedTimeout, its deadline at once.
func (c *Cache[K, V]) Get(ctx context.Context, key K, opts ...GetOption) (V, error) {
	if len(opts) == 0 && c.quiet {
		if e := c.recall(key, 0); e != nil {
			c.class.stats.memory.add()
			return e.value, e.err
		}
	}
	return c.get(ctx, key, merge(opts))
}

func (c *Cache[K, V]) get(ctx context.Context, key K, o GetOption) (V, error) {
	one := c.newBatch(o)
	out, f, joined := one.ask(ctx, key)
	if out != nil {
		one.finish(ctx, out.err)
		return out.value, out.err
	}
	if !joined {
		c.lead(ctx, []*flight[K, V]{f})
	}
	value, err := one.result(ctx, f, joined)
	one.finish(ctx, err)
	return value, err
}

// GetMany returns the values under keys: one round trip to the shared tier,
// one LoadMany for all that are missing. Keys that do not exist are absent
// from the map. If some keys fail, the others are returned beside a
// [BatchError].
func (c *Cache[K, V]) GetMany(ctx context.Context, keys []K, opts ...GetOption) (map[K]V, error) {
	b := c.newBatch(merge(opts))
	flights := make(map[K]*flight[K, V], len(keys))
	joinedTo := map[K]bool{}
	var lead []*flight[K, V]
	values := make(map[K]V, len(keys))
	failed := map[K]error{}
	keep := func(key K, v V, err error) {
		switch {
		case err == nil:
			values[key] = v
		case failure(err):
			failed[key] = err
		}
	}
	seen := make(map[K]bool, len(keys))
	for _, key := range keys {
		if seen[key] {
			continue // asked twice
		}
		seen[key] = true
		out, f, joined := b.ask(ctx, key)
		switch {
		case out != nil:
			keep(key, out.value, out.err)
			continue
		case joined:
			joinedTo[key] = true
		default:
			lead = append(lead, f)
		}
		flights[key] = f
	}
	if len(lead) > 0 {
		c.lead(ctx, lead)
	}
	for key, f := range flights {
		v, err := b.result(ctx, f, joinedTo[key])
		keep(key, v, err)
	}
	var err error
	if len(failed) > 0 {
		err = &BatchError[K]{Failed: failed}
	}
	b.finish(ctx, err)
	return values, err
}

// Refresh loads key anew, under the same lease as everybody else, and waits
// for it: use it to rebuild a value before it is asked for. When a load of the
// key is running anywhere, that one counts. It returns the errors of Get.
func (c *Cache[K, V]) Refresh(ctx context.Context, key K) error {
	text, err := c.prepare(key)
	if err != nil {
		return err
	}
	f, joined := c.flights.join(c.newFlight(key, text, 0, true), false)
	if !joined {
		c.launch(ctx, []*flight[K, V]{f})
	}
	out, err := c.flights.wait(ctx, f)
	if err != nil {
		return err
	}
	return out.err
}

// prepare checks that the Larder is open and returns key's text.
func (c *Cache[K, V]) prepare(key K) (string, error) {
	if c.l.closed.Load() {
		return "", ErrClosed
	}
	return c.text(key)
}

// newFlight makes a flight that is about to be sent: its session and stamp are
// noted before any command is.
func (c *Cache[K, V]) newFlight(key K, text string, minVersion uint64, force bool) *flight[K, V] {
	return &flight[K, V]{
		key: key, text: text, min: minVersion, force: force,
		shard: c.flights.shard(text), started: c.l.clock.Bound(),
		session: c.l.sessionOf(text), stamp: c.l.stamps.note(text), moves: c.noteMoves(), noted: true,
	}
}

// entry is a value in memory.
type entry[V any] struct {
	// What a hit looks at comes first, so that it lies on one cache line.
	stamp      stamp
	session    *session
	tags       *entryTags // nil: it has none
	version    uint64
	earlyFrom  int64 // before it no refresh is ever wanted
	err        error // nil or ErrNotFound
	value      V
	freshUntil int64 // local time
	softUntil  int64 // local time until which it is served although it was invalidated softly
	askFrom    int64 // local time from which the shared tier is asked, whatever the others say
	cost       time.Duration
	size       uint32
}

func (e *entry[V]) bytes() uint32 { return e.size }

// recall returns the entry under key if memory may serve it now.
func (c *Cache[K, V]) recall(key K, minVersion uint64) *entry[V] {
	if c.mem == nil {
		return nil
	}
	e := c.mem.Get(key)
	if e == nil || !e.stamp.current() || e.version < minVersion {
		return nil
	}
	now := c.l.clock.Bound()
	if now >= e.session.until.Load() || e.tags != nil && !e.tags.current(now) {
		return nil
	}
	if now < e.earlyFrom && e.err == nil {
		return e
	}
	return c.recallLate(e, key, now)
}

// recallLate serves negative entries, and those that are near the end of
// their freshness or past it, while MemoryTTL lasts.
func (c *Cache[K, V]) recallLate(e *entry[V], key K, now int64) *entry[V] {
	if now >= e.askFrom {
		return nil
	}
	late := now >= e.freshUntil
	if late && (e.err != nil || now >= max(e.freshUntil+int64(c.policy.StaleWhileRevalidate), e.softUntil)) {
		return nil
	}
	if e.err != nil {
		c.class.stats.negative.Add(1)
		return e
	}
	if late {
		c.class.stats.stale.Add(1)
	}
	if late || c.drawEarly(now, e.freshUntil, e.cost) {
		c.refreshLater(key)
	}
	return e
}

// entryOf makes the memory entry of an outcome that was read under f.
func (c *Cache[K, V]) entryOf(f *flight[K, V], out outcome[V], cost time.Duration, size int) *entry[V] {
	e := &entry[V]{
		value: out.value, err: out.err, version: out.version,
		freshUntil: out.freshUntil, cost: cost,
		session: f.session, stamp: f.stamp,
		size: uint32(min(size+entryOverhead, math.MaxUint32)),
	}
	if c.l.opts.mutant.noTaint {
		e.stamp = c.l.stamps.note(f.text)
	}
	e.earlyFrom, e.askFrom = c.earlyFrom(out.freshUntil, cost), math.MaxInt64
	if c.policy.MemoryTTL > 0 {
		e.askFrom = c.l.now() + int64(c.policy.MemoryTTL)
		e.earlyFrom = min(e.earlyFrom, e.askFrom)
	}
	return e
}

// remember keeps e, or else sees that memory does not hold another value than
// out, which is newer. For StaleIfError it then keeps out, in a session that is
// over, so that nothing else serves it; but not if nobody would notice that its
// tags are invalidated.
func (c *Cache[K, V]) remember(f *flight[K, V], out *outcome[V], e *entry[V]) {
	if e != nil {
		c.mem.Set(f.key, e)
		return
	}
	old := c.mem.Get(f.key)
	switch {
	case old == nil || out.version > 0 && old.version == out.version && old.err == out.err:
	case c.policy.StaleIfError > 0 && out.err == nil && !out.stale && (!c.tagged() || f.carries != nil):
		e = c.entryOf(f, *out, old.cost, 0)
		e.session, e.size, e.tags = &c.l.over, old.size, f.carries
		c.mem.Set(f.key, e)
	default:
		c.mem.Delete(f.key)
	}
}

// entryOverhead is about what an entry costs beside its value.
const entryOverhead = 160
