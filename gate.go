package larder

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/store"
)

// gateEvery is how often a closed gate is tried.
const gateEvery = 50 * time.Millisecond

// gateWarn is after how long without a watermark somebody should look, and how
// often that is said.
const gateWarn = 10 * time.Second

// gateForget is the silence after which a node is as one that was never heard of.
const gateForget = time.Minute

// gates keep, for Larders with an outbox, a process from trusting a node of the
// shared tier that may not have heard of all that was committed:
//
//	unknown ──heartbeat──> closed ──watermark of after that heartbeat──> open
//	              ▲                                                       │
//	              └── another history, or silence for MaxStaleness ───────┘
//
// While a node's connection is being made anew its gate is unsure, which counts
// as closed until the next heartbeat. A relay's watermark says up to which moment
// of a history everything that was committed has been delivered.
type gates struct {
	l    *Larder
	wake chan struct{}
	met  chan struct{} // closed at the first heartbeat of any node
	meet sync.Once

	// of is replaced, never changed: each read that misses memory looks a gate
	// up.
	of atomic.Pointer[map[string]*gate]
	mu sync.Mutex // of those who replace it, and of the gates
}

type gate struct {
	// until is the local time up to which the node is trusted: its latest
	// heartbeat and MaxStaleness, 0 while the gate is closed.
	until atomic.Int64

	history string
	last    int64 // local time of the latest heartbeat
	now     int64 // the node's clock then
	must    int64 // what the watermark must reach, by the node's clock
	open    bool
	sure    bool
}

// publish says until when the node is trusted. Its caller holds the lock.
func (n *gate) publish(bound time.Duration) {
	if n.open && n.sure {
		n.until.Store(n.last + int64(bound))
	} else {
		n.until.Store(0)
	}
}

// beat takes a node's heartbeat, sent at local time at.
func (g *gates) beat(node string, b store.Beat, at int64) {
	defer g.meet.Do(func() { close(g.met) })
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.gate(node, at)
	if n.history != b.History || at-n.last > int64(g.l.opts.MaxStaleness) {
		n.open, n.must = false, b.Now
	}
	n.history, n.last, n.now, n.sure = b.History, at, b.Now, true
	n.publish(g.l.opts.MaxStaleness)
	if !n.open {
		poke(g.wake)
	}
}

// gate returns the gate of a node that is heard at local time at. With one that
// is new those leave that were not heard of for long: they have left the
// cluster, or come back as unknown. Its caller holds the lock.
func (g *gates) gate(node string, at int64) *gate {
	old := *g.of.Load()
	if n := old[node]; n != nil {
		return n
	}
	next := map[string]*gate{node: {}}
	for name, n := range old {
		if at-n.last <= int64(gateForget) {
			next[name] = n
		}
	}
	g.of.Store(&next)
	return next[node]
}

// reset makes a node's gate unsure: its connection was lost, or it was flushed.
func (g *gates) reset(node string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := (*g.of.Load())[node]; n != nil {
		n.sure = false
		n.publish(g.l.opts.MaxStaleness)
	}
}

// allow reports whether the node that holds text is trusted now.
func (g *gates) allow(text string) bool {
	return !g.l.opts.Outbox || g.trusts(g.l.store.Node(text))
}

// believe reports whether r, which answers text, may be used. It is asked once r is
// here, too: since the question was sent another node may have taken the place of
// the one that holds text, and have answered it.
func (g *gates) believe(text string, r *store.Reply) bool {
	if r.Elsewhere && g.l.opts.Outbox {
		return g.trusts(r.Node)
	}
	return g.allow(text)
}

// trusts reports whether a node is trusted now. It takes no lock.
func (g *gates) trusts(node string) bool {
	n := (*g.of.Load())[node]
	return n != nil && g.l.clock.Bound() < n.until.Load()
}

// await waits for the first heartbeat of any node, but not for longer after the
// start than MaxStaleness: a tier that says nothing then does not answer.
func (g *gates) await(ctx context.Context) {
	left := int64(g.l.opts.MaxStaleness) - g.l.now()
	if left <= 0 {
		return
	}
	timer := time.NewTimer(time.Duration(left))
	defer timer.Stop()
	select {
	case <-g.met:
	case <-timer.C:
	case <-ctx.Done():
	case <-g.l.ctx.Done():
	}
}

// histories returns the nodes' histories, each with the moment of its latest
// heartbeat, of the nodes that answer.
func (g *gates) histories() map[string]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.l.now()
	all := map[string]int64{}
	for _, n := range *g.of.Load() {
		if n.history != "" && now-n.last <= int64(g.l.opts.MaxStaleness) {
			all[n.history] = n.now
		}
	}
	return all
}

// run opens gates until ctx ends. Larder.Open starts it and Close waits for it.
func (g *gates) run(ctx context.Context) {
	tick := time.NewTicker(gateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		warn := g.l.now() + int64(gateWarn)
		for ctx.Err() == nil && g.closed() {
			if now := g.l.now(); now >= warn {
				warn = now + int64(gateWarn)
				g.l.opts.Logger.Warn("larder: the shared tier answers and is not trusted: no relay has confirmed that everything committed is delivered; does one run?")
			}
			g.try(ctx)
			select {
			case <-ctx.Done():
			case <-g.wake:
			case <-tick.C:
			}
		}
	}
}

// closed reports whether a node that is heard waits for a watermark.
func (g *gates) closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.l.now()
	for _, n := range *g.of.Load() {
		if !n.open && now-n.last <= int64(g.l.opts.MaxStaleness) {
			return true
		}
	}
	return false
}

// try reads the watermark and opens the gates that it has reached.
func (g *gates) try(ctx context.Context) {
	r := g.l.store.Get(g.l.limit(ctx), []string{watermarkKey})[0]
	if r.Err != nil || r.Status != store.Found || r.Record.Kind != store.Value {
		return
	}
	var reached map[string]int64
	if json.Unmarshal(r.Record.Body, &reached) != nil {
		return // somebody else's bytes: the next watermark replaces them
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for node, n := range *g.of.Load() {
		if at, ok := reached[n.history]; ok && !n.open && at >= n.must {
			n.open = true
			n.publish(g.l.opts.MaxStaleness)
			g.l.opts.Logger.Info("larder: everything committed is delivered, the shared tier is trusted", "tier", node)
		}
	}
}
