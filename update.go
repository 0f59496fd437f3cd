package larder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/larderdev/larder/store"
)

// Update changes the value under key: write changes the origin and returns what
// stands there once it has committed; then every tier follows. It returns what
// write has returned.
//
// In a class that is [WriteThrough] and has versions, the new value takes the
// place of an older one in the shared tier; where nothing is stored, it is left
// to the next load, since something newer may have been stored and evicted.
// Otherwise the key is invalidated, and in a class that is WriteThrough loaded
// again. Concurrent Updates may finish in any order: every tier ends at the
// version that the origin ends at.
//
// Update behaves like [Cache.Invalidate] once it has returned: no strict Get that
// starts later returns an older value. In a Strict class that holds from COMMIT
// on; write must call [Intend].
//
// If write returns an error that is [ErrNotFound], the row is gone: the key is
// invalidated. With any other error Update returns it as it is; what was not
// committed costs at most one load. A [PendingError] beside a value says that it is
// committed, and that the shared tier has yet to be told. A panic of write is
// an error. Once write has returned, the end of ctx does not keep the tiers from
// being told.
func (c *Cache[K, V]) Update(ctx context.Context, key K, write func(ctx context.Context) (V, error)) (V, error) {
	u, err := c.newUpdate([]K{key}, nil)
	if err != nil {
		var zero V
		return zero, err
	}
	err = c.update(ctx, u, func(ctx context.Context) error {
		v, err := write(ctx)
		if err == nil {
			u.stand(0, v)
		}
		return err
	})
	return u.values[0], err
}

// UpdateMany changes the values under keys by one call of write, which returns
// those that stand at the origin once it has committed: a key that is missing
// from them is gone, and one that is among them though not among keys is told
// too, but was not marked before COMMIT. The shared tier is told in one round
// trip. Otherwise it is like [Cache.Update].
func (c *Cache[K, V]) UpdateMany(ctx context.Context, keys []K, write func(ctx context.Context) (map[K]V, error)) (map[K]V, error) {
	u, err := c.newUpdate(keys, make(map[K]int, len(keys)))
	if err != nil {
		return nil, err
	}
	var values map[K]V
	var bad error
	err = c.update(ctx, u, func(ctx context.Context) (err error) {
		if values, err = write(ctx); failure(err) {
			return err
		}
		for key, v := range values {
			if unnamed := u.add(c, key); unnamed != nil {
				bad = errors.Join(bad, unnamed)
				continue
			}
			u.stand(u.at[key], v)
		}
		return err
	})
	if !u.committed {
		values = nil
	}
	return values, joinFirst(err, bad)
}

// update runs write, which notes in u what stands at the origin, and brings the
// tiers in line with it.
func (c *Cache[K, V]) update(ctx context.Context, u *update[K, V], write func(ctx context.Context) error) error {
	if !c.l.beginWrite() {
		return ErrClosed
	}
	defer c.l.writes.Done()
	if c.writesThrough() {
		c.viewTags(ctx, u.flights)
	}
	err := c.write(ctx, u, write)
	ctx = context.WithoutCancel(ctx)
	if u.committed = !failure(err); !u.committed {
		clear(u.values)
		clear(u.stands)
	}
	var broken error
	if u.marked, broken = u.intents.placed(); err == nil {
		err = broken
	}
	return joinFirst(err, c.follow(ctx, u))
}

// write calls the caller's write. One that ends its goroutine (runtime.Goexit, or
// FailNow in a test) takes this one with it, and may have committed before.
func (c *Cache[K, V]) write(ctx context.Context, u *update[K, V], write func(context.Context) error) (err error) {
	returned := false
	defer func() {
		if !returned {
			clear(u.values)
			clear(u.stands)
			u.marked, _ = u.intents.placed()
			_ = c.follow(context.WithoutCancel(ctx), u) // what is not delivered is pending
		}
	}()
	err = guard(func() error { return write(context.WithValue(ctx, intentKey{}, &u.intents)) })
	returned = true
	return err
}

// joinFirst joins two errors; if there is only one, it is returned as it is.
func joinFirst(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return errors.Join(first, second)
}

// writesThrough reports whether an Update may put values into the shared tier.
func (c *Cache[K, V]) writesThrough() bool {
	return c.shared && c.policy.Pattern == WriteThrough && c.loader.Version != nil
}

// update is one Update under way.
type update[K comparable, V any] struct {
	keys      []K
	at        map[K]int       // where in keys; nil for a single one
	flights   []*flight[K, V] // only to carry what a load carries too
	values    []V             // by key, where one stands at the origin
	stands    []bool
	intents   intents
	marked    bool
	committed bool
}

// stand notes the value that stands under the ith key.
func (u *update[K, V]) stand(i int, v V) { u.values[i], u.stands[i] = v, true }

// newUpdate returns an update of keys, each of them once. at is empty, or nil for
// a single key.
func (c *Cache[K, V]) newUpdate(keys []K, at map[K]int) (*update[K, V], error) {
	u := &update[K, V]{at: at}
	for _, key := range keys {
		if err := u.add(c, key); err != nil {
			return nil, err
		}
	}
	for _, f := range u.flights {
		u.intents.texts = append(u.intents.texts, f.text)
	}
	u.intents.l, u.intents.class = c.l, c.class.name
	if u.intents.want = c.policy.Strict && c.l.store != nil; u.intents.want {
		u.intents.id = fmt.Sprintf("%s.w%d", c.l.id, c.l.loads.Add(1))
	}
	return u, nil
}

// add has u bring the tiers in line under key, once.
func (u *update[K, V]) add(c *Cache[K, V], key K) error {
	if _, twice := u.at[key]; twice {
		return nil
	}
	text, err := c.text(key)
	if err != nil {
		return err
	}
	if u.at != nil {
		u.at[key] = len(u.keys)
	}
	var none V
	u.keys, u.flights = append(u.keys, key), append(u.flights, &flight[K, V]{key: key, text: text})
	u.values, u.stands = append(u.values, none), append(u.stands, false)
	return nil
}

// follow brings the tiers in line with what u has written.
func (c *Cache[K, V]) follow(ctx context.Context, u *update[K, V]) error {
	answers := c.written(ctx, u)
	changes := make([]change, len(u.keys))
	errs := make([]error, len(u.keys))
	if c.l.store != nil {
		ops := make([]store.Op, len(u.keys))
		for i, f := range u.flights {
			ops[i] = c.writeOp(u, f, &answers[i])
		}
		for i, r := range c.l.do(ctx, ops) {
			errs[i] = r.Err
			answers[i].kept = answers[i].kept && r.Err == nil && (r.Status == store.Done || r.Status == store.Kept)
		}
	}
	var again []K
	for i, f := range u.flights {
		changes[i] = change{text: f.text, floor: answers[i].version}
		if answers[i].kept {
			c.class.stats.writtenThrough.Add(1)
		} else if answers[i].err == nil {
			again = append(again, u.keys[i])
		}
	}
	err := c.l.spread(ctx, c.class, changes, errs)
	if c.mem != nil {
		for _, key := range u.keys {
			c.mem.Delete(key)
		}
	}
	c.class.stats.updates.Add(uint64(len(u.keys)))
	if c.policy.Pattern == WriteThrough {
		c.rebuildNow(again)
	} else {
		c.rebuild(again)
	}
	return err
}

// written judges what u has written as what was loaded is judged. A key that has
// no value is answered by ErrNotFound, with no version: whatever is stored must
// go.
func (c *Cache[K, V]) written(ctx context.Context, u *update[K, V]) []answer[V] {
	answers := make([]answer[V], len(u.keys))
	for i, f := range u.flights {
		a := &answers[i]
		if !u.stands[i] {
			a.err = ErrNotFound
			continue
		}
		*a = c.judgeOne(f.key, 0, loaded[V]{value: u.values[i]})
		a.kept = a.kept && c.writesThrough() && a.version > 0
	}
	if c.writesThrough() {
		c.markAll(ctx, u.flights, answers)
	}
	return answers
}

// writeOp is the operation that tells the shared tier what was written.
func (c *Cache[K, V]) writeOp(u *update[K, V], f *flight[K, V], a *answer[V]) store.Op {
	hold := c.l.opts.Hold
	fill, ok := store.Fill{}, false
	if a.err == nil && a.kept {
		fill, ok = c.fillOp(f, a, c.class.stats.meanLoad()).(store.Fill)
		a.kept = ok
	}
	if u.marked {
		return store.Finish{
			Key: f.text, ID: u.intents.id, Version: a.version,
			Fresh: fill.Fresh, Life: fill.Life, Body: fill.Body, Hold: hold,
		}
	}
	if !ok {
		return store.Invalidate{Key: f.text, Floor: a.version, Hold: hold}
	}
	return store.WriteThrough{
		Key: f.text, Version: a.version, Fresh: fill.Fresh, Life: fill.Life, Body: fill.Body, Hold: hold,
	}
}

// meanLoad is what a load of the class has cost on average: what a value that
// was never loaded is taken to cost.
func (c *counters) meanLoad() time.Duration {
	loads := c.loads.Load()
	if loads == 0 {
		return 0
	}
	return time.Duration(c.loadNanos.Load() / loads)
}
