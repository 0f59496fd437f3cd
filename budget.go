package larder

import (
	"context"
	"sync"
	"time"
)

const (
	rampStart = 8 // after an outage the budget starts at 1/rampStart
	rampStep  = time.Second
)

// budget bounds the loader calls of a class that run at once, first come
// first served. After an outage it grows from an eighth, doubling each second.
type budget struct {
	max  int
	wait time.Duration
	now  func() int64

	mu       sync.Mutex
	running  int
	queue    []chan struct{}
	rampFrom int64 // 0: no ramp
}

func (b *budget) ramp(now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rampFrom = now + 1
}

func (b *budget) limit() int {
	if b.rampFrom == 0 {
		return b.max
	}
	n := max(1, b.max/rampStart)
	for t := b.now() - b.rampFrom; t >= int64(rampStep) && n < b.max; t -= int64(rampStep) {
		n *= 2
	}
	if n >= b.max {
		b.rampFrom, n = 0, b.max
	}
	return n
}

// acquire takes a place, waiting up to b.wait. Every success needs a release.
func (b *budget) acquire(ctx context.Context) error {
	b.mu.Lock()
	if b.running < b.limit() {
		b.running++
		b.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	b.queue = append(b.queue, turn)
	b.mu.Unlock()

	timer := time.NewTimer(b.wait)
	defer timer.Stop()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return b.leave(turn, ctx.Err())
	case <-timer.C:
		return b.leave(turn, ErrOverloaded)
	}
}

// leave gives up waiting; a turn that came at the same moment is kept.
func (b *budget) leave(turn chan struct{}, why error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, t := range b.queue {
		if t == turn {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			return why
		}
	}
	return nil
}

func (b *budget) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	for len(b.queue) > 0 && b.running < b.limit() {
		b.running++
		close(b.queue[0])
		b.queue = b.queue[1:]
	}
}
