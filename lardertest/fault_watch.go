package lardertest

import (
	"context"
	"slices"
	"time"

	"github.com/larderdev/larder/store"
)

// WatchMode is a state of the way back from a store, on which its reports
// come.
type WatchMode int

// The states of the way back.
const (
	// WatchUp lets reports through.
	WatchUp WatchMode = iota
	// WatchHeld holds reports back, heartbeats too, and nobody notices. They
	// come, in order, when the state changes to WatchUp.
	WatchHeld
	// WatchLost loses reports, heartbeats too, and nobody notices. What comes
	// when the state changes begins with a Reset.
	WatchLost
	// WatchDown is a connection that is lost and known to be: Reset at once,
	// then nothing, and a Reset again when the state changes.
	WatchDown
)

// SetWatch changes the state of the way back, for each Watch. It concerns the
// reports to the Feed; see [Fault.SetOutage] for calls.
func (f *Fault) SetWatch(mode WatchMode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	back := f.mode.loses() && !mode.loses()
	f.mode = mode
	for w := range f.watches {
		if mode.loses() {
			w.queue = nil
		}
		if mode == WatchDown || back {
			w.reset()
		}
		w.ring()
	}
}

// loses reports whether reports are lost in this state.
func (m WatchMode) loses() bool { return m == WatchLost || m == WatchDown }

// faultyFeed stands between the inner store and one Feed. Fault.mu guards its
// fields.
type faultyFeed struct {
	f     *Fault
	queue []parcel
	nodes []string      // all that were ever reported
	wake  chan struct{} // holds a token while there may be something to do
}

// parcel is a report on its way to a Feed.
type parcel struct {
	due     time.Time
	deliver func(store.Feed)
}

// Watch implements [store.Store].
func (f *Fault) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &faultyFeed{f: f, wake: make(chan struct{}, 1)}
	if !f.subscribe(w) {
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.inner.Watch(ctx, w, period)
	}()
	w.run(ctx, ended, feed)
	cancel()
	<-ended
	f.unsubscribe(w)
	if f.isClosed() {
		for _, node := range w.nodes {
			feed.Reset(node)
		}
	}
}

// subscribe reports false if the Fault is closed.
func (f *Fault) subscribe(w *faultyFeed) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watches[w] = struct{}{}
	return !f.closed
}

func (f *Fault) unsubscribe(w *faultyFeed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.watches, w)
}

// run delivers reports when they are due, until ctx ends, the Fault is closed
// or the inner Watch returns.
func (w *faultyFeed) run(ctx context.Context, ended <-chan struct{}, feed store.Feed) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.f.done:
			return
		case <-ended:
			for deliver := w.next(nil); deliver != nil; deliver = w.next(nil) {
				deliver(feed)
			}
			return
		case <-w.wake:
		case <-timer.C:
		}
		for deliver := w.next(timer); deliver != nil; deliver = w.next(timer) {
			deliver(feed)
		}
	}
}

// next takes the first report out of the queue, if it is due. If it is not,
// the timer is set for it.
func (w *faultyFeed) next(timer *time.Timer) func(store.Feed) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if len(w.queue) == 0 || w.f.mode == WatchHeld {
		return nil
	}
	first := w.queue[0]
	if wait := time.Until(first.due); wait > 0 && timer != nil {
		timer.Reset(wait)
		return nil
	}
	w.queue = w.queue[1:]
	return first.deliver
}

// Reset implements [store.Feed].
func (w *faultyFeed) Reset(node string) {
	w.add(node, func(feed store.Feed) { feed.Reset(node) })
}

// Beat implements [store.Feed].
func (w *faultyFeed) Beat(node string, b store.Beat) {
	w.add(node, func(feed store.Feed) { feed.Beat(node, b) })
}

// Changed implements [store.Feed].
func (w *faultyFeed) Changed(node string, keys []string) {
	w.add(node, func(feed store.Feed) { feed.Changed(node, keys) })
}

// add puts a report into the queue, behind all others.
func (w *faultyFeed) add(node string, deliver func(store.Feed)) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if !slices.Contains(w.nodes, node) {
		w.nodes = append(w.nodes, node)
	}
	if w.f.mode.loses() {
		return
	}
	due := time.Now()
	if w.f.opts.PushDelay > 0 {
		due = due.Add(w.f.draw(w.f.opts.PushDelay))
	}
	w.queue = append(w.queue, parcel{due, deliver})
	w.ring()
}

// reset reports that changes may have been missed, for all nodes.
func (w *faultyFeed) reset() {
	for _, node := range w.nodes {
		w.queue = append(w.queue, parcel{time.Now(), func(feed store.Feed) { feed.Reset(node) }})
	}
}

func (w *faultyFeed) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
