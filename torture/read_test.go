package torture

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/ledgertest"
)

// bound is MaxStaleness, by its default.
const bound = time.Second

// read reads until the end.
func (n *node) read() {
	for i := 0; ; i++ {
		if i%4 == 0 {
			<-time.After(4 * time.Millisecond)
		}
		if n.ledger.phase.Load() == auditing {
			<-time.After(100 * time.Millisecond)
			continue
		}
		class, key := rand.IntN(len(n.classes)), pick()
		// A strict read heals memory, so that half of the keys see none.
		if spec := &n.classes[class]; spec.policy.Tiers == larder.Shared {
			n.readOnce(class, key, true)
		} else {
			n.readOnce(class, key, key%2 == 0 && i%3 == 0)
		}
	}
}

// readOnce reads and judges.
func (n *node) readOnce(class, key int, strict bool) {
	spec, led := &n.classes[class], &n.ledger.class[class]
	k := &led.keys[key]
	n.ledger.node[n.Number].reads.Add(1)
	epoch := n.now()
	due, losses := uint64(0), uint64(0)
	if spec.policy.Strict {
		due, losses = n.ledger.due(k)
	}
	began := time.Now()
	known, seen := k.acked(), n.seen[class][key].at(epoch)
	var report larder.Report
	opts := []larder.GetOption{larder.Into(&report)}
	if strict {
		opts = append(opts, larder.Strict())
	}
	got, err := n.caches[class].Get(context.Background(), key, opts...)
	if err != nil {
		led.failures.Add(1)
		return
	}
	led.tiers[tierIndex(report.Tier())].Add(1)
	told := spec.told(got.Owner)
	acked := known[told]
	age := k.told[told].Age(got.Version, acked, began)
	if strict {
		led.strict.Add(1)
		if got.Version < acked {
			led.stale.Add(1)
			led.staleAt.Store(began.UnixNano())
			n.complain("stale: class %s key %d from %v: %d, acknowledged %d, %v before", spec.name, key, report.Tier(), got.Version, acked, age)
		}
	} else {
		led.memory.Add(1)
		ledgertest.Raise(&led.worstAge, uint64(age))
		if age > bound {
			led.tooOld.Add(1)
			n.complain("memory too old: class %s key %d from %v: %d, acknowledged %d, %v before", spec.name, key, report.Tier(), got.Version, acked, age)
		}
	}
	if spec.policy.Strict && n.ledger.losses.Load() == losses && due > 0 {
		led.early.Add(1)
		if got.Version < due {
			led.tooEarly.Add(1)
			n.complain("older than committed: class %s key %d from %v: %d, committed %d", spec.name, key, report.Tier(), got.Version, due)
		}
	}
	n.see(class, key, epoch, seen, got.Version, &report)
}

// tierIndex is a tier's place in the ledger.
func tierIndex(t larder.Tier) int {
	switch t {
	case larder.Memory:
		return 0
	case larder.Shared:
		return 1
	}
	return 2
}

// sight is the newest version of a key that a Get of this process has
// returned, and the epoch of that.
type sight struct {
	mu             sync.Mutex
	version, epoch uint64
}

// at returns what was seen in an epoch.
func (s *sight) at(epoch uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch {
		return 0
	}
	return s.version
}

// raise notes what was seen in an epoch.
func (s *sight) raise(version, epoch uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch {
		s.version, s.epoch = 0, epoch
	}
	s.version = max(s.version, version)
}

// see judges whether a read went backwards, and notes what it has seen. A
// failure of the shared tier is noticed a little later than it happens, so that
// the verdict waits for that.
func (n *node) see(class, key int, epoch, seen, got uint64, report *larder.Report) {
	if !calm(epoch) || n.now() != epoch {
		return
	}
	n.ledger.class[class].calm.Add(1)
	if got < seen {
		<-time.After(2 * outageNoticed)
		if n.now() == epoch {
			n.ledger.class[class].backwards.Add(1)
			n.complain("backwards: class %s key %d from %v: %d after %d", n.classes[class].name, key, report.Tier(), got, seen)
		}
		return
	}
	n.seen[class][key].raise(got, epoch)
}

// audit compares all that this process's tiers hold with the truth. It waits
// until the process trusts the shared tier again, by a class that is not in
// memory: a strict read of one that is would heal it.
func (n *node) audit() {
	for trusted := false; !trusted; <-time.After(20 * time.Millisecond) {
		trusted = true
		for key := range keysOf {
			var report larder.Report
			_, err := n.caches[0].Get(context.Background(), key, larder.Into(&report))
			trusted = trusted && err == nil && report.Shared == 1
		}
	}
	// At the second touch values enter memory, at the third they are served
	// from there.
	for range 3 {
		for class := range n.classes {
			led := &n.ledger.class[class]
			for key := range keysOf {
				n.auditKey(class, key, false, &led.stuckMemory)
				n.auditKey(class, key, true, &led.stuckShared)
				led.audited.Add(1)
			}
		}
	}
}

func (n *node) auditKey(class, key int, strict bool, stuck *atomic.Uint64) {
	var report larder.Report
	opts := []larder.GetOption{larder.Into(&report)}
	if strict {
		opts = append(opts, larder.Strict())
	}
	want := n.ledger.truth[class][key].Load()
	got, err := n.caches[class].Get(context.Background(), key, opts...)
	if err != nil || got.Version != want {
		stuck.Add(1)
		n.complain("stuck: class %s key %d in %v: %d, the database has %d (%v)", n.classes[class].name, key, report.Tier(), got.Version, want, err)
	}
}
