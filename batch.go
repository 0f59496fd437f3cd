package larder

import (
	"context"
	"errors"
	"time"
)

// batch is one Get or GetMany under way.
type batch[K comparable, V any] struct {
	c      *Cache[K, V]
	o      GetOption
	strict bool
	report Report
}

func (c *Cache[K, V]) newBatch(o GetOption) batch[K, V] {
	return batch[K, V]{c: c, o: o, strict: (o.strict || c.mem == nil) && c.l.store != nil}
}

// ask answers key from memory, or else joins or begins a flight for it.
func (b *batch[K, V]) ask(ctx context.Context, key K) (out *outcome[V], f *flight[K, V], joined bool) {
	c := b.c
	if b.o.min > 0 && c.loader.Version == nil {
		return b.fail(errors.New("larder: MinVersion: class " + c.class.name + " has no Version in its loader")), nil, false
	}
	if !b.strict {
		if e := c.recall(key, b.o.min); e != nil {
			out = &outcome[V]{value: e.value, err: e.err, tier: Memory, version: e.version, freshUntil: e.freshUntil}
			out.stale = c.l.now() >= e.freshUntil
			c.class.stats.memory.add()
			b.note(out, false)
			return out, nil, false
		}
	}
	text, err := c.prepare(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return b.fail(err), nil, false
	}
	f, joined = c.flights.join(c.newFlight(key, text, b.o.min, false), b.strict)
	return nil, f, joined
}

func (b *batch[K, V]) fail(err error) *outcome[V] {
	b.c.class.stats.failures.Add(1)
	return &outcome[V]{err: err}
}

// result waits for f, or for ctx, and returns its answer.
func (b *batch[K, V]) result(ctx context.Context, f *flight[K, V], joined bool) (V, error) {
	out, err := b.c.flights.wait(ctx, f)
	if err != nil {
		var zero V
		b.c.class.stats.failures.Add(1)
		return zero, err
	}
	b.c.count(out, joined)
	b.note(out, joined)
	return out.value, out.err
}

// count adds one answered key to the class's statistics.
func (c *Cache[K, V]) count(out *outcome[V], joined bool) {
	s := &c.class.stats
	switch {
	case failure(out.err):
		s.failures.Add(1)
		return
	case out.tier == Shared:
		s.shared.Add(1)
		if out.err != nil {
			s.negative.Add(1)
		}
	case out.tier == Memory:
		s.memory.add()
	default:
		s.misses[out.cause].Add(1)
		if joined {
			s.coalesced.Add(1)
		}
	}
	if out.stale {
		s.stale.Add(1)
	}
}

// note adds one answered key to the report, if anybody wants one.
func (b *batch[K, V]) note(out *outcome[V], joined bool) {
	if failure(out.err) || b.o.into == nil && b.c.quiet {
		return
	}
	r := &b.report
	first := r.Memory+r.Shared+r.Origin == 0
	switch out.tier {
	case Memory:
		r.Memory++
	case Shared:
		r.Shared++
	default:
		r.Origin++
		if out.stored {
			r.Stored++
		}
		if joined {
			r.Coalesced++
		}
	}
	if out.stale {
		r.Stale++
	}
	if out.err != nil && out.tier != Origin {
		r.Negative++
	}
	fresh := time.Duration(out.freshUntil - b.c.l.now())
	if !out.stale {
		fresh = max(fresh, 0)
	}
	if first || fresh < r.FreshFor {
		r.FreshFor = fresh
	}
	r.Version = out.version
}

func (b *batch[K, V]) finish(ctx context.Context, err error) {
	if b.o.into != nil {
		*b.o.into = b.report
	}
	if hook := b.c.l.opts.Hooks.Got; hook != nil {
		hook(ctx, b.c.class.name, b.report, err)
	}
}
