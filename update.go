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
	u, err := c.newUpdate([]K{key})
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
// from them is gone. The shared tier is told in one round trip. Otherwise it is
// like [Cache.Update].
func (c *Cache[K, V]) UpdateMany(ctx context.Context, keys []K, write func(ctx context.Context) (map[K]V, error)) (map[K]V, error) {
	u, err := c.newUpdate(keys)
	if err != nil {
		return nil, err
	}
	var values map[K]V
	err = c.update(ctx, u, func(ctx context.Context) (err error) {
		values, err = write(ctx)
		for i, key := range u.keys {
			if v, ok := values[key]; ok {
				u.stand(i, v)
			}
		}
		return err
	})
	if !u.committed {
		values = nil
	}
	return values, err
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
	err := guard(func() error { return write(context.WithValue(ctx, intentKey{}, &u.intents)) })
	ctx = context.WithoutCancel(ctx)
	if u.committed = !failure(err); !u.committed {
		clear(u.values)
		clear(u.stands)
	}
	var forgotten bool
	if u.marked, forgotten = u.intents.placed(); forgotten && err == nil {
		err = errNoIntent
	}
	return joinFirst(err, c.follow(ctx, u))
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
	flights   []*flight[K, V] // only to carry what a load carries too
	values    []V             // by key, where one stands at the origin
	stands    []bool
	intents   intents
	marked    bool
	committed bool
}

// stand notes the value that stands under the ith key.
func (u *update[K, V]) stand(i int, v V) { u.values[i], u.stands[i] = v, true }

// newUpdate returns an update of keys, each of them once.
func (c *Cache[K, V]) newUpdate(keys []K) (*update[K, V], error) {
	u := &update[K, V]{}
	var seen map[K]bool
	if len(keys) > 1 {
		seen = make(map[K]bool, len(keys))
	}
	for _, key := range keys {
		if seen[key] {
			continue
		}
		if seen != nil {
			seen[key] = true
		}
		text, err := c.text(key)
		if err != nil {
			return nil, err
		}
		u.keys = append(u.keys, key)
		u.flights = append(u.flights, &flight[K, V]{key: key, text: text})
		u.intents.texts = append(u.intents.texts, text)
	}
	u.values, u.stands = make([]V, len(u.keys)), make([]bool, len(u.keys))
	u.intents.l, u.intents.class = c.l, c.class.name
	if u.intents.want = c.policy.Strict && c.l.store != nil; u.intents.want {
		u.intents.id = fmt.Sprintf("%s.w%d", c.l.id, c.l.loads.Add(1))
	}
	return u, nil
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
		if err := guard(func() error { *a = c.judge(f.key, 0, loaded[V]{value: u.values[i]}); return nil }); err != nil {
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
