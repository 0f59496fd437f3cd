package torture

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
)

// TestWrites drives three processes that read and write, two relays, a
// primary, a replica that is 20 ms behind, and a Redis, while all but the
// databases are killed, stopped, cut off and made to forget. One write in a
// hundred ends with the death of its process between COMMIT and the cache.
func TestWrites(t *testing.T) {
	f := newFleet(t)
	f.follow()
	n := &nemesis{fleet: f, server: redistest.Start(t)}
	n.operator = redistest.NewOperator(t, n.server.Addr())
	wires, opts := f.wires(n.server, 3)
	n.wires = wires
	direct := server{Addrs: []string{n.server.Addr()}}
	f.relays = f.start(config{Role: "relay", Outbox: true}, []server{direct, direct})
	f.nodes = f.start(config{Role: "node", Outbox: true, Deaths: 0.01}, opts)
	n.until(time.Now().Add(length(t, time.Minute)))
	f.finish()
	n.report()
	f.judge(20)
}

// TestWrites_ReplicaLag has nothing but the replica's lag go wrong. Values live
// shortly, so that most loads read the replica.
func TestWrites_ReplicaLag(t *testing.T) {
	f := newFleet(t)
	f.follow()
	redis := redistest.Start(t)
	_, opts := f.wires(redis, 3)
	f.relays = f.start(config{Role: "relay", Outbox: true}, []server{{Addrs: []string{redis.Addr()}}})
	f.nodes = f.start(config{Role: "node", Outbox: true, TTL: 500 * time.Millisecond}, opts)
	<-time.After(10 * time.Second)
	f.finish()
	f.judge(20)
	if n := f.ledger.sum(func(c *classLedger) *atomic.Uint64 { return &c.replicaLoads }); n < 100 {
		t.Errorf("only %d loads read the replica", n)
	}
}

// TestWrites_WithoutOutbox shows that the checker finds what is stuck: without
// an outbox a writer that dies after COMMIT leaves its keys to the TTL.
func TestWrites_WithoutOutbox(t *testing.T) {
	f := newFleet(t)
	f.follow()
	redis := redistest.Start(t)
	_, opts := f.wires(redis, 3)
	f.nodes = f.start(config{Role: "node", Deaths: 0.05}, opts)
	<-time.After(15 * time.Second)
	f.finish()
	f.ledger.report(t)
	stuck := uint64(0)
	for i := range classes() {
		stuck += f.ledger.class[i].stuckShared.Load()
	}
	if stuck == 0 {
		t.Error("no key was found stuck although writers died and there is no outbox")
	}
}
