package torture

import (
	"slices"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
)

// failover is a primary that is lost, and the replica that takes its place.
type failover struct {
	primary, replica *redistest.Member
	options          server
	// pause stops the primary instead of killing it: it comes back later, and
	// believes for a moment that it still is one.
	pause bool
}

// TestFailover_Sentinel: the Sentinels promote a replica that lacks the last
// writes.
func TestFailover_Sentinel(t *testing.T) {
	for name, pause := range map[string]bool{"killed": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			w := redistest.StartWatched(t, 3)
			failover{
				primary: w.Primary, replica: w.Replica, pause: pause,
				options: server{Addrs: w.Sentinels, Sentinel: redistest.SentinelMaster},
			}.run(t)
		})
	}
}

// TestFailover_Cluster: the same in one of three parts of a cluster.
func TestFailover_Cluster(t *testing.T) {
	c := redistest.StartCluster(t, 3, 3)
	for _, m := range slices.Concat(c.Primaries, c.Replicas) {
		m.Run("CONFIG", "SET", "cluster-node-timeout", "2000") // on a busy machine a second is soon over
	}
	failover{
		primary: c.Primaries[0], replica: c.Replicas[0],
		options: server{Addrs: c.Addrs(), Cluster: true},
	}.run(t)
}

func (o failover) run(t *testing.T) {
	f := newFleet(t)
	f.follow()
	opts := slices.Repeat([]server{o.options}, 3)
	f.relays = f.start(config{Role: "relay", Outbox: true}, opts[:2])
	f.nodes = f.start(config{Role: "node", Outbox: true}, opts)
	f.waitTrusted(time.Now())
	<-time.After(3 * time.Second)
	before := f.db.rewinds(t)
	if !o.primary.Holds([]string{"INFO", "replication"}, "role:master") {
		t.Fatal("the replica was promoted before the primary was lost: this machine is too busy")
	}
	o.primary.CutReplicas()
	<-time.After(time.Second) // of writes that the replica lacks
	t.Logf("the replica lacks %d bytes of what the primary has acknowledged", o.primary.Offset()-o.replica.Offset())

	f.ledger.epoch.Add(1)
	f.ledger.losses.Add(1)
	lost := time.Now()
	f.ledger.at.Store(lost.UnixNano())
	if o.pause {
		o.primary.Pause()
	} else {
		o.primary.Kill()
	}
	eventually(t, "the replica is promoted", func() bool {
		return o.replica.Holds([]string{"INFO", "replication"}, "role:master")
	})
	promoted := time.Since(lost)
	if o.pause {
		<-time.After(time.Second)
		o.primary.Resume()
	}
	eventually(t, "a relay rewinds", func() bool { return f.db.rewinds(t) > before })
	rewound := time.Since(lost)
	f.waitTrusted(lost)
	f.ledger.losses.Add(1)
	f.ledger.epoch.Add(1)
	trusted := f.lastDown()
	<-time.After(3 * time.Second)
	f.finish()
	f.ledger.report(t)
	t.Logf("after the loss of the primary: replica promoted %v, outbox rewound %v, shared tier trusted by all %v",
		promoted.Round(time.Millisecond), rewound.Round(time.Millisecond), trusted.Sub(lost).Round(time.Millisecond))
	o.judge(f, lost, trusted)
}

// judge demands that nothing is stale once the shared tier is trusted again.
// Until then P1 is not promised, and what was seen of that is reported.
func (o failover) judge(f *fleet, lost, trusted time.Time) {
	for i, spec := range classes() {
		c := &f.ledger.class[i]
		if n := c.stale.Load(); n > 0 {
			at := time.Unix(0, c.staleAt.Load())
			f.t.Logf("%s: %d reads were stale, the last %v after the loss", spec.name, n, at.Sub(lost).Round(time.Millisecond))
			if at.After(trusted) {
				f.t.Errorf("%s: a read was stale %v after the shared tier was trusted again", spec.name, at.Sub(trusted))
			}
		}
		if n := c.stuckMemory.Load() + c.stuckShared.Load(); n > 0 {
			f.t.Errorf("%s: %d audits found a key stale", spec.name, n)
		}
		if n := c.backwards.Load(); n > 0 {
			f.t.Errorf("%s: %d reads went backwards before or after the failover", spec.name, n)
		}
		if c.audited.Load() == 0 || c.strict.Load() < 20 {
			f.t.Errorf("%s: %d strict reads and %d audits", spec.name, c.strict.Load(), c.audited.Load())
		}
	}
}

// waitTrusted waits until the shared tier has answered for all processes for a
// second, and they have read since a moment.
func (f *fleet) waitTrusted(since time.Time) {
	f.t.Helper()
	var reads []uint64
	for i := range f.nodes {
		reads = append(reads, f.ledger.node[i].reads.Load())
	}
	eventually(f.t, "the shared tier is trusted", func() bool {
		for i := range f.nodes {
			if f.ledger.node[i].reads.Load() < reads[i]+100 || f.ledger.node[i].downAt.Load() == 0 {
				return false
			}
		}
		last := f.lastDown()
		return last.After(since) && time.Since(last) > time.Second
	})
}

// lastDown is when the shared tier has last failed a process, or was not trusted.
func (f *fleet) lastDown() (last time.Time) {
	for i := range f.nodes {
		if at := time.Unix(0, f.ledger.node[i].downAt.Load()); at.After(last) {
			last = at
		}
	}
	return last
}
