package redisstore

import (
	"context"
	"sync/atomic"
)

// places counts the requests in a connection's queue. A channel of the same
// capacity would do, and costs every hit a lock.
type places struct {
	limit   int64
	taken   atomic.Int64
	waiting atomic.Int64  // callers in wait
	freed   chan struct{} // wakes one of them
}

func newPlaces(limit int64) *places {
	return &places{limit: limit, freed: make(chan struct{}, 1)}
}

// take takes a place. While there is none it waits, until ctx ends or gone is
// closed.
func (p *places) take(ctx context.Context, gone <-chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.try() {
		return nil
	}
	return p.wait(ctx, gone)
}

// try takes a place if there is one.
func (p *places) try() bool {
	for {
		n := p.taken.Load()
		if n >= p.limit {
			return false
		}
		if p.taken.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// wait announces itself before it tries again, so that whoever frees a place
// after that attempt sees that somebody waits.
func (p *places) wait(ctx context.Context, gone <-chan struct{}) error {
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	for !p.try() {
		select {
		case <-p.freed:
		case <-gone:
			return errGone
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.wake() // several may have been freed, and only one of us woken
	return nil
}

// give gives n places back.
func (p *places) give(n int64) {
	p.taken.Add(-n)
	if p.waiting.Load() > 0 {
		p.wake()
	}
}

// wake lets one caller that waits try again.
func (p *places) wake() {
	select {
	case p.freed <- struct{}{}:
	default:
	}
}
