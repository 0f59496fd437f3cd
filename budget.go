package larder

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	rampStart = 8 // after an outage the budget starts at 1/rampStart
	rampStep  = time.Second
)

// budget bounds the loader calls of a class: how many run at once, first come
// first served, and how many begin in a second. After an outage it grows from
// an eighth, doubling each second.
type budget struct {
	max  int
	rate float64 // calls per second; 0: no bound
	wait time.Duration
	now  func() int64

	mu       sync.Mutex
	running  int
	queue    []chan struct{}
	begin    int64 // when the latest call that the rate has admitted may begin
	rampFrom int64 // 0: no ramp
	stepping bool  // a timer waits for the ramp's next step
}

func newBudget(p *Policy, now func() int64) budget {
	return budget{
		max: p.MaxLoads, rate: p.MaxLoadRate, wait: p.LoadWait, now: now,
		begin: now() - int64(time.Second), // the bucket is empty
	}
}

func (b *budget) ramp(now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rampFrom = now + 1
	b.stepLater()
}

// stepLater lets those who wait in at the ramp's next step: nobody before them
// may end for long. Its caller holds mu.
func (b *budget) stepLater() {
	if b.stepping {
		return
	}
	b.stepping = true
	time.AfterFunc(rampStep+time.Millisecond, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.stepping = false
		b.admitNext()
		if b.share() < 1 {
			b.stepLater()
		}
	})
}

// share is the part of the budget that is open now. Its caller holds mu.
func (b *budget) share() float64 {
	if b.rampFrom == 0 {
		return 1
	}
	steps := (b.now() - b.rampFrom) / int64(rampStep)
	share := math.Ldexp(1.0/rampStart, int(min(max(steps, 0), 64)))
	if share >= 1 {
		b.rampFrom, share = 0, 1
	}
	return share
}

func (b *budget) limit() int { return max(1, int(float64(b.max)*b.share())) }

// acquire takes a place, waiting up to b.wait for the rate and as long for the
// place. Every success needs a release.
func (b *budget) acquire(ctx context.Context) error {
	if err := b.pace(ctx); err != nil {
		return err
	}
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
	i := slices.Index(b.queue, turn)
	if i < 0 {
		return nil
	}
	b.queue = slices.Delete(b.queue, i, i+1)
	return why
}

func (b *budget) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running--
	b.admitNext()
}

// admitNext gives turns to the first in the queue while there is room. Its
// caller holds mu.
func (b *budget) admitNext() {
	for len(b.queue) > 0 && b.running < b.limit() {
		b.running++
		close(b.queue[0])
		b.queue = b.queue[1:]
	}
}

// pace waits until the rate admits a call.
func (b *budget) pace(ctx context.Context) error {
	if b.rate == 0 {
		return nil
	}
	pause, ok := b.admit()
	switch {
	case !ok:
		return ErrOverloaded
	case pause <= 0:
		return nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err() // what it was admitted for is lost, to the safe side
	}
}

// admit says after which pause a call may begin, or that this is later than
// b.wait. It is a leaky bucket that holds the calls of one second.
func (b *budget) admit() (pause time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	interval := int64(min(float64(time.Second)/(b.rate*b.share()), float64(math.MaxInt64/4)))
	begin := max(b.begin, now-int64(time.Second)) + interval
	if time.Duration(begin-now) > b.wait {
		return 0, false
	}
	b.begin = begin
	return time.Duration(begin - now), true
}
