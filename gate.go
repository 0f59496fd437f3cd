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

// gateForget is the silence after which a node is not waited for any more.
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
	open atomic.Bool // all of them
	wake chan struct{}
	met  chan struct{} // closed at the first heartbeat of any node
	meet sync.Once

	mu sync.Mutex
	of map[string]*gate
}

type gate struct {
	history string
	last    int64 // local time of the latest heartbeat
	now     int64 // the node's clock then
	must    int64 // what the watermark must reach, by the node's clock
	open    bool
	sure    bool
}

// beat takes a node's heartbeat, sent at local time at.
func (g *gates) beat(node string, b store.Beat, at int64) {
	defer g.meet.Do(func() { close(g.met) })
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.of[node]
	if n == nil {
		n = &gate{}
		g.of[node] = n
	}
	if n.history != b.History || at-n.last > int64(g.l.opts.MaxStaleness) {
		n.open, n.must = false, b.Now
	}
	n.history, n.last, n.now, n.sure = b.History, at, b.Now, true
	for name, other := range g.of {
		if at-other.last > int64(gateForget) {
			delete(g.of, name) // it has left the cluster, or comes back as unknown
		}
	}
	if !g.count() {
		poke(g.wake)
	}
}

// reset makes a node's gate unsure: its connection was lost, or it was flushed.
func (g *gates) reset(node string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.of[node]; n != nil {
		n.sure = false
		g.count()
	}
}

// count finds out whether all gates are open. Its caller holds mu.
func (g *gates) count() (open bool) {
	open = len(g.of) > 0
	for _, n := range g.of {
		open = open && n.open && n.sure
	}
	g.open.Store(open)
	return open
}

// allow reports whether the node that holds text is trusted. While all is well
// it takes no lock.
func (g *gates) allow(text string) bool {
	if !g.l.opts.Outbox || g.open.Load() {
		return true
	}
	node := g.l.store.Node(text)
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.of[node]
	return n != nil && n.open && n.sure
}

// await waits for the first heartbeat of any node, but not for longer after the
// start than MaxStaleness: a tier that says nothing then does not answer.
func (g *gates) await(ctx context.Context) {
	timer := time.NewTimer(time.Duration(int64(g.l.opts.MaxStaleness) - g.l.now()))
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
	for _, n := range g.of {
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
		for ctx.Err() == nil && !g.open.Load() {
			g.try(ctx)
			select {
			case <-ctx.Done():
			case <-g.wake:
			case <-tick.C:
			}
		}
	}
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
	for node, n := range g.of {
		if at, ok := reached[n.history]; ok && !n.open && at >= n.must {
			n.open = true
			g.l.opts.Logger.Info("larder: everything committed is delivered, the shared tier is trusted", "tier", node)
		}
	}
	g.count()
}
