package lardertest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

// ErrFault is the error of a call that a [Fault] made fail.
var ErrFault = errors.New("lardertest: forced fault")

// FaultOptions configures a [Fault]. The zero value forces nothing.
type FaultOptions struct {
	// Seed decides on everything that is left to chance. The same calls in
	// the same order meet the same fate.
	//
	// Default: 0, a seed like any other.
	Seed uint64

	// DropRequest and DropReply are the shares of keys and operations, 0 to
	// 1, that end with [ErrFault]: without any effect, and after it took
	// place.
	//
	// Default: 0.
	DropRequest, DropReply float64

	// Delay is the longest time that a call spends on its way to the store,
	// somewhere between two operations of a batch, and again on the way back.
	// Each is drawn anew.
	//
	// Default: 0.
	Delay time.Duration

	// PushDelay is the longest time that a report to a Feed is late. Reports
	// do not overtake each other.
	//
	// Default: 0.
	PushDelay time.Duration

	// Hook decides on a mishap for one key of a Get, where op is nil, or for
	// one operation of a Do. What it returns is added to what chance brings.
	// It may be called concurrently.
	//
	// Default: none.
	Hook func(key string, op store.Op) Mishap
}

// Mishap is what happens to one key or operation.
type Mishap struct {
	// Before is a delay on the way to the store, of this operation and of
	// those behind it. When the caller's context ends meanwhile, the caller
	// gets its error, and the operation takes effect when it arrives.
	Before time.Duration
	// After is a delay of the replies to the whole batch.
	After time.Duration
	// DropRequest and DropReply make it end with [ErrFault], without any
	// effect or after it.
	DropRequest, DropReply bool
}

// Outage is a state of the way to a store.
type Outage int

// The states of the way to a store.
const (
	// Up lets calls through.
	Up Outage = iota
	// Refusing makes calls fail at once with [ErrFault], without any effect.
	Refusing
	// Hanging makes calls wait, as with a server that is paused: until their
	// context ends or the outage does. When it does they take effect, also
	// those whose caller has given up.
	Hanging
)

// Fault is a [store.Store] that stands before another one and makes it fail on
// request. One Fault is the way of one process to the store: put several
// before one store to have a fleet of which a part is cut off. What becomes of
// the store itself is not the way's: see localstore's Rewind for a failover
// that loses acknowledged changes, and its Flush.
//
// All its methods may be called concurrently. It works in a
// [testing/synctest] bubble.
type Fault struct {
	inner store.Store
	opts  FaultOptions
	done  chan struct{}  // closed by Close
	calls sync.WaitGroup // calls under way, also those whose caller has left

	mu      sync.Mutex // guards the rest
	closed  bool
	rand    *rand.Rand
	outage  Outage
	mended  chan struct{} // closed when the outage ends; nil when there is none
	mode    WatchMode
	watches map[*faultyFeed]struct{}
}

var _ store.Store = (*Fault)(nil)

// NewFault returns a Fault before inner, all of it working.
func NewFault(inner store.Store, opts FaultOptions) *Fault {
	return &Fault{
		inner:   inner,
		opts:    opts,
		done:    make(chan struct{}),
		rand:    rand.New(rand.NewPCG(opts.Seed, 0)),
		watches: make(map[*faultyFeed]struct{}),
	}
}

// SetOutage changes the state of the way to the store. It concerns Get and Do;
// see [Fault.SetWatch] for the way back.
func (f *Fault) SetOutage(o Outage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mended != nil {
		close(f.mended)
		f.mended = nil
	}
	f.outage = o
	if o == Hanging {
		f.mended = make(chan struct{})
	}
}

// Get implements [store.Store].
func (f *Fault) Get(ctx context.Context, keys []string) []store.Reply {
	mishaps := make([]Mishap, len(keys))
	for i, key := range keys {
		mishaps[i] = f.decide(key, nil)
	}
	return f.call(ctx, mishaps, func(ctx context.Context, some []int) []store.Reply {
		chosen := make([]string, len(some))
		for i, at := range some {
			chosen[i] = keys[at]
		}
		return f.inner.Get(ctx, chosen)
	})
}

// Do implements [store.Store].
func (f *Fault) Do(ctx context.Context, ops []store.Op) []store.Reply {
	mishaps := make([]Mishap, len(ops))
	for i, op := range ops {
		mishaps[i] = f.decide(op.Target(), op)
	}
	return f.call(ctx, mishaps, func(ctx context.Context, some []int) []store.Reply {
		chosen := make([]store.Op, len(some))
		for i, at := range some {
			chosen[i] = ops[at]
		}
		return f.inner.Do(ctx, chosen)
	})
}

// decide draws the fate of one key or operation.
func (f *Fault) decide(key string, op store.Op) Mishap {
	var m Mishap
	if f.opts.Hook != nil {
		m = f.opts.Hook(key, op)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opts.DropRequest > 0 {
		m.DropRequest = f.rand.Float64() < f.opts.DropRequest || m.DropRequest
	}
	if f.opts.DropReply > 0 {
		m.DropReply = f.rand.Float64() < f.opts.DropReply || m.DropReply
	}
	return m
}

// spread adds the delays of a whole call to the fates of its parts.
func (f *Fault) spread(mishaps []Mishap) {
	if f.opts.Delay <= 0 || len(mishaps) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	mishaps[0].Before += f.draw(f.opts.Delay)
	mishaps[0].After += f.draw(f.opts.Delay)
	if n := len(mishaps); n > 1 {
		mishaps[1+f.rand.IntN(n-1)].Before += f.draw(f.opts.Delay)
	}
}

// draw returns a time up to longest. The caller holds the lock.
func (f *Fault) draw(longest time.Duration) time.Duration {
	return time.Duration(f.rand.Int64N(int64(longest) + 1))
}

// passage runs a part of a batch, given by the places of its members.
type passage func(ctx context.Context, some []int) []store.Reply

// call takes a batch through its mishaps.
func (f *Fault) call(ctx context.Context, mishaps []Mishap, inner passage) []store.Reply {
	if err := ctx.Err(); err != nil && !f.isClosed() {
		return same(len(mishaps), err)
	}
	f.spread(mishaps)
	mended, err := f.begin()
	if err != nil {
		return same(len(mishaps), err)
	}
	if mended == nil && !late(mishaps) {
		defer f.calls.Done()
		return f.pass(ctx, mishaps, inner)
	}
	// The caller may leave before the batch has arrived; it arrives all the
	// same.
	result := make(chan []store.Reply, 1)
	go func() {
		defer f.calls.Done()
		result <- f.travel(context.WithoutCancel(ctx), mended, mishaps, inner)
	}()
	select {
	case replies := <-result:
		return replies
	case <-ctx.Done():
		return same(len(mishaps), ctx.Err())
	}
}

func (f *Fault) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// begin registers a call. It returns what the call has to wait for, if
// anything, or the error that it ends with.
func (f *Fault) begin() (mended <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, store.ErrClosed
	case f.outage == Refusing:
		return nil, ErrFault
	}
	f.calls.Add(1)
	return f.mended, nil
}

// travel waits for the end of an outage and takes the batch to the store.
func (f *Fault) travel(ctx context.Context, mended <-chan struct{}, mishaps []Mishap, inner passage) []store.Reply {
	if mended != nil {
		select {
		case <-mended:
		case <-f.done:
			return same(len(mishaps), store.ErrClosed)
		}
	}
	return f.pass(ctx, mishaps, inner)
}

// pass takes the batch to the store, in as many parts as delays make of it.
func (f *Fault) pass(ctx context.Context, mishaps []Mishap, inner passage) []store.Reply {
	replies := make([]store.Reply, len(mishaps))
	var some []int
	deliver := func() {
		if len(some) == 0 {
			return
		}
		for i, reply := range inner(ctx, some) {
			replies[some[i]] = reply
		}
		some = nil
	}
	var after time.Duration
	for i, m := range mishaps {
		if m.Before > 0 {
			deliver()
			if !f.sleep(m.Before) {
				return same(len(mishaps), store.ErrClosed)
			}
		}
		if m.DropRequest {
			replies[i] = store.Reply{Err: ErrFault}
			continue
		}
		some = append(some, i)
		after = max(after, m.After)
	}
	deliver()
	for i, m := range mishaps {
		if m.DropReply {
			replies[i] = store.Reply{Err: ErrFault}
		}
	}
	if after > 0 && !f.sleep(after) {
		return same(len(mishaps), store.ErrClosed)
	}
	return replies
}

// sleep waits, and reports false if the Fault is closed meanwhile.
func (f *Fault) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.done:
		return false
	}
}

// late reports whether any of the mishaps takes time.
func late(mishaps []Mishap) bool {
	for _, m := range mishaps {
		if m.Before > 0 || m.After > 0 {
			return true
		}
	}
	return false
}

// same is an error for everything.
func same(n int, err error) []store.Reply {
	replies := make([]store.Reply, n)
	for i := range replies {
		replies[i].Err = err
	}
	return replies
}

// Node implements [store.Store].
func (f *Fault) Node(key string) string { return f.inner.Node(key) }

// Close implements [store.Store]. It closes the way to the store and leaves
// the store itself open. What is under way is lost; Close waits for its end.
func (f *Fault) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.done)
	}
	f.mu.Unlock()
	f.calls.Wait()
	return nil
}
