package larder

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// limits makes the contexts under which the shared tier is asked. One for each
// request would cost more than the rest of our part of a hit, so that requests
// share them: a limit is used for an eighth of its time, and a request gets at
// least the other seven. There are a few, so that many cores do not wait for
// one another.
type limits struct {
	timeout time.Duration
	current [8]atomic.Pointer[limit]
}

type limit struct {
	ctx    context.Context
	cancel context.CancelFunc
	until  int64 // local time; then it is not given out any more
}

// get returns a limit that ends in SharedTimeout or up to an eighth less.
func (s *limits) get(now int64) *limit {
	place := &s.current[rand.Uint32N(uint32(len(s.current)))]
	old := place.Load()
	if old != nil && now < old.until {
		return old
	}
	fresh := &limit{until: now + int64(s.timeout/8)}
	fresh.ctx, fresh.cancel = context.WithTimeout(context.Background(), s.timeout)
	place.CompareAndSwap(old, fresh) // the old one ends by itself when its time is over
	return fresh
}

// stop frees the last ones, once nobody uses them any more.
func (s *limits) stop() {
	for i := range s.current {
		if last := s.current[i].Load(); last != nil {
			last.cancel()
		}
	}
}

// limited has the values of one context and the end of another.
type limited struct {
	context.Context
	values context.Context
}

func (l limited) Value(key any) any { return l.values.Value(key) }

// limit returns a context for one request to the shared tier. It has the
// values of ctx and ends after SharedTimeout, so that a cancellation of ctx
// while the tier is silent is noticed by then. If ctx has a deadline before
// that it is used itself.
func (l *Larder) limit(ctx context.Context) context.Context {
	now := l.clock.Bound()
	if at, ok := ctx.Deadline(); ok && int64(at.Sub(l.clock.Start())) < now+int64(l.opts.SharedTimeout) {
		return ctx
	}
	return limited{l.limits.get(now).ctx, ctx}
}
