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
	values, err := c.UpdateMany(ctx, []K{key}, func(ctx context.Context) (map[K]V, error) {
		v, err := write(ctx)
		if err != nil {
			return nil, err
		}
		return map[K]V{key: v}, nil
	})
	return values[key], err
}

// UpdateMany changes the values under keys by one call of write, which returns
// those that stand at the origin once it has committed: a key that is missing
// from them is gone, and one that is among them though not among keys is told
// too, but was not marked before COMMIT. The shared tier is told in one round
// trip. Otherwise it is like [Cache.Update].
func (c *Cache[K, V]) UpdateMany(ctx context.Context, keys []K, write func(ctx context.Context) (map[K]V, error)) (map[K]V, error) {
	u, err := c.newUpdate(keys)
	if err != nil {
		return nil, err
	}
	if !c.l.beginWrite() {
		return nil, ErrClosed
	}
	defer c.l.writes.Done()
	if c.writesThrough() {
		c.viewTags(ctx, u.flights)
	}
	var values map[K]V
	err = c.write(ctx, u, func(ctx context.Context) (err error) {
		values, err = write(ctx)
		return err
	})
	ctx = context.WithoutCancel(ctx)
	var broken error
	u.marked, broken = u.intents.placed()
	switch {
	case failure(err): // whatever it has returned beside it
		values = nil
	case err == nil:
		err = broken
	}
	var bad error
	for key := range values {
		bad = errors.Join(bad, u.add(c, key))
	}
	return values, joinFirst(err, joinFirst(bad, c.follow(ctx, u, values)))
}

// write calls the caller's write. One that ends its goroutine (runtime.Goexit, or
// FailNow in a test) takes this one with it, and may have committed before.
func (c *Cache[K, V]) write(ctx context.Context, u *update[K, V], write func(context.Context) error) (err error) {
	returned := false
	defer func() {
		if !returned {
			u.marked, _ = u.intents.placed()
			_ = c.follow(context.WithoutCancel(ctx), u, nil) // what is not delivered is pending
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
	seen    map[K]bool
	keys    []K
	flights []*flight[K, V] // only to carry what a load carries too
	intents intents
	marked  bool
}

func (c *Cache[K, V]) newUpdate(keys []K) (*update[K, V], error) {
	u := &update[K, V]{seen: make(map[K]bool, len(keys))}
	for _, key := range keys {
		if err := u.add(c, key); err != nil {
			return nil, err
		}
	}
	for _, f := range u.flights {
		u.intents.texts = append(u.intents.texts, f.text)
	}
	u.intents.l, u.intents.class = c.l, c.class.name
	u.intents.id = fmt.Sprintf("%s.w%d", c.l.id, c.l.loads.Add(1))
	u.intents.want = c.policy.Strict && c.l.store != nil
	return u, nil
}

// add has u bring the tiers in line under key, once.
func (u *update[K, V]) add(c *Cache[K, V], key K) error {
	if u.seen[key] {
		return nil
	}
	u.seen[key] = true
	text, err := c.text(key)
	if err != nil {
		return err
	}
	u.keys = append(u.keys, key)
	u.flights = append(u.flights, &flight[K, V]{key: key, text: text})
	return nil
}

// follow brings the tiers in line with what u has written.
func (c *Cache[K, V]) follow(ctx context.Context, u *update[K, V], values map[K]V) error {
	answers := c.written(ctx, u, values)
	changes := make([]change, len(u.keys))
	errs := make([]error, len(u.keys))
	kept := make([]bool, len(u.keys))
	if c.l.store != nil {
		ops := make([]store.Op, len(u.keys))
		for i, f := range u.flights {
			ops[i] = c.writeOp(u, f, &answers[i])
		}
		for i, r := range c.l.do(ctx, ops) {
			errs[i] = r.Err
			kept[i] = r.Err == nil && (r.Status == store.Done || r.Status == store.Kept) && answers[i].kept
		}
	}
	var again []K
	for i, f := range u.flights {
		changes[i] = change{text: f.text, floor: answers[i].version}
		if kept[i] && c.writesThrough() {
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
func (c *Cache[K, V]) written(ctx context.Context, u *update[K, V], values map[K]V) []answer[V] {
	answers := make([]answer[V], len(u.keys))
	for i, f := range u.flights {
		a := &answers[i]
		v, ok := values[f.key]
		if !ok {
			a.err = ErrNotFound
			continue
		}
		if err := guard(func() error { *a = c.judge(f.key, 0, loaded[V]{value: v}); return nil }); err != nil {
			*a = answer[V]{loaded: loaded[V]{err: err}}
		}
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
