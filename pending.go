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
	keys map[string]waiting
	last uint64
}

// waiting is the sum of the changes of one text.
type waiting struct {
	change
	number uint64 // tells a later add from an earlier one
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

// add keeps changes for later delivery and returns how many had no room. Of one
// text the highest floor is kept, and a change that is not soft. One without a
// version takes the versions away: it wants whatever is stored gone.
func (p *pending) add(changes []change) (dropped int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range changes {
		old, ok := p.keys[c.text]
		if !ok && len(p.keys) >= maxPending {
			dropped++
			continue
		}
		if ok {
			c.soft = c.soft && old.soft
			c.floor = both(c.floor, old.floor)
		}
		p.last++
		p.keys[c.text] = waiting{c, p.last}
	}
	p.count.Store(int64(len(p.keys)))
	p.nudge()
	return dropped
}

// settle removes what was delivered, unless it was added again meanwhile.
func (p *pending) settle(text string, number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys[text].number == number {
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
	changes, numbers := p.snapshot()
	errs := p.l.sendChanges(ctx, changes)
	sent := acknowledged(changes, errs)
	p.l.changedHere(sent) // before they are trusted again
	for i, err := range errs {
		if err != nil {
			p.reason.Store(&err)
			continue
		}
		p.settle(changes[i].text, numbers[i])
	}
	if len(sent) > 0 {
		if err := p.l.announce(ctx, sent); err != nil {
			p.l.opts.Logger.Warn("larder: OnInvalidate has failed for invalidations that had been pending", "error", err)
		}
	}
	return p.count.Load() == 0
}

func (p *pending) snapshot() (changes []change, numbers []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.keys {
		changes = append(changes, w.change)
		numbers = append(numbers, w.number)
	}
	return changes, numbers
}
