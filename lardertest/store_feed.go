package lardertest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

// period is that of the heartbeats in a test.
const period = 5 * time.Millisecond

// report is one call of a Feed.
type report struct {
	kind    string // "Reset", "Beat" or "Changed"
	node    string
	keys    []string
	sent    time.Time
	now     int64
	history string
}

// feedLog is a [store.Feed] that writes down what it is told.
type feedLog struct {
	t    *trial
	busy sync.Map // node, while one of its calls is under way

	mu      sync.Mutex
	reports []report
	more    chan struct{} // closed and replaced with each report
	over    bool          // Watch has returned
}

// Reset implements [store.Feed].
func (f *feedLog) Reset(node string) { f.add(report{kind: "Reset", node: node}) }

// Beat implements [store.Feed].
func (f *feedLog) Beat(node string, b store.Beat) {
	f.add(report{kind: "Beat", node: node, sent: b.Sent, now: b.Now, history: b.History})
}

// Changed implements [store.Feed].
func (f *feedLog) Changed(node string, keys []string) {
	f.add(report{kind: "Changed", node: node, keys: slices.Clone(keys)})
}

func (f *feedLog) add(r report) {
	if _, twice := f.busy.LoadOrStore(r.node, true); twice {
		f.t.Errorf("%s of node %q while another call for that node is under way", r.kind, r.node)
	}
	defer f.busy.Delete(r.node)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		f.t.Errorf("%s of node %q after Watch has returned", r.kind, r.node)
	}
	f.reports = append(f.reports, r)
	close(f.more)
	f.more = make(chan struct{})
}

// length is how many reports there are.
func (f *feedLog) length() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reports)
}

// since returns the reports from one on, and a channel that is closed when
// there are more.
func (f *feedLog) since(from int) ([]report, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.reports[from:]), f.more
}

// wait returns the reports from one on up to the first that ok approves.
func (f *feedLog) wait(t *trial, what string, from int, ok func(report) bool) []report {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		reports, more := f.since(from)
		if i := slices.IndexFunc(reports, ok); i >= 0 {
			return reports[:i+1]
		}
		select {
		case <-more:
		case <-timeout.C:
			t.Fatalf("waited %v for this report: %s", patience, what)
		}
	}
}

// beatAfter returns the first heartbeat that left at a time or later.
func (f *feedLog) beatAfter(t *trial, at time.Time) report {
	t.Helper()
	reports := f.wait(t, "a heartbeat", 0, func(r report) bool { return r.kind == "Beat" && !r.sent.Before(at) })
	return reports[len(reports)-1]
}

// watch starts a Watch that ends with the test, and returns when its first
// heartbeat has been reported.
func (t *trial) watch() *feedLog {
	t.Helper()
	f := &feedLog{t: t, more: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.store.Watch(ctx, f, period)
		f.mu.Lock()
		f.over = true
		f.mu.Unlock()
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Errorf("Watch has not returned %v after the end of its context", patience)
		}
	})
	f.wait(t, "the first heartbeat", 0, func(r report) bool { return r.kind == "Beat" })
	return f
}

// wantReported checks that changes of keys, acknowledged by now, are reported
// before the next heartbeat of their node.
func (f *feedLog) wantReported(t *trial, what string, from int, keys ...string) {
	t.Helper()
	acknowledged := time.Now()
	for _, key := range keys {
		node := t.store.Node(key)
		reports := f.wait(t, "a heartbeat", from, func(r report) bool {
			return r.kind == "Beat" && r.node == node && r.sent.After(acknowledged)
		})
		if !slices.ContainsFunc(reports, func(r report) bool { return r.covers(node, key) }) {
			t.Errorf("%s: a heartbeat that left later was reported first", what)
		}
	}
}

// covers reports whether r makes a local copy of key go.
func (r report) covers(node, key string) bool {
	return r.node == node && (r.kind == "Reset" || r.kind == "Changed" && slices.Contains(r.keys, key))
}

var _ store.Feed = (*feedLog)(nil)
