package larder

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxPending    = 100_000
	pendingBackup = time.Second // the longest pause between two tries
)

// pending are invalidations that the shared tier has not acknowledged. While
// a key is here this process asks the origin for it. They are lost with the
// process: an outbox is what keeps them (see the package documentation).
type pending struct {
	l      *Larder
	count  atomic.Int64
	wake   chan struct{}
	reason atomic.Pointer[error] // of the last failure

	mu   sync.Mutex
	keys map[string]uint64 // text to a number that tells a later add from an earlier one
	last uint64
}

// has reports whether text waits here. It costs one atomic read when nothing
// does.
func (p *pending) has(text string) bool {
	if p.count.Load() == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.keys[text]
	return ok
}

// add keeps texts for later delivery and returns how many had no room.
func (p *pending) add(texts []string) (dropped int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range texts {
		if _, ok := p.keys[text]; !ok && len(p.keys) >= maxPending {
			dropped++
			continue
		}
		p.last++
		p.keys[text] = p.last
	}
	p.count.Store(int64(len(p.keys)))
	p.nudge()
	return dropped
}

// settle removes what was delivered, unless it was added again meanwhile.
func (p *pending) settle(text string, number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys[text] == number {
		delete(p.keys, text)
	}
	p.count.Store(int64(len(p.keys)))
}

// why returns why something still waits.
func (p *pending) why() error {
	if reason := p.reason.Load(); reason != nil {
		return *reason
	}
	return ErrClosed
}

// nudge makes run try at once: a heartbeat was answered.
func (p *pending) nudge() {
	if p.count.Load() > 0 {
		poke(p.wake)
	}
}

// run delivers until ctx ends. Larder.Open starts it and Close waits for it.
func (p *pending) run(ctx context.Context) {
	pause := time.Duration(0)
	for {
		wait := pendingBackup
		if p.count.Load() > 0 && pause > 0 {
			wait = pause
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.wake:
			timer.Stop()
		case <-timer.C:
		}
		if p.deliver(ctx) {
			pause = 0
		} else {
			pause = min(max(2*pause, 50*time.Millisecond), pendingBackup)
		}
	}
}

// deliver sends all that waits once, in batches; false if something is left.
func (p *pending) deliver(ctx context.Context) bool {
	texts, numbers := p.snapshot()
	for i, r := range p.l.doInvalidate(ctx, texts) {
		if r.Err != nil {
			p.reason.Store(&r.Err)
			continue
		}
		p.l.changed(texts[i])
		p.settle(texts[i], numbers[i])
	}
	return p.count.Load() == 0
}

func (p *pending) snapshot() (texts []string, numbers []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for text, number := range p.keys {
		texts = append(texts, text)
		numbers = append(numbers, number)
	}
	return texts, numbers
}
