package torture

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/ledgertest"
)

const (
	maxClasses = 14
	keysOf     = 40 // of each class
	maxNodes   = 4
)

// The phases of a run.
const (
	running  = iota // reads, writes and faults
	quiet           // no more writes
	auditing        // each process compares its tiers with the truth
)

// ledger is the truth of a run, in memory that all its processes share.
type ledger struct {
	phase atomic.Uint64
	// epoch is odd from the start of a fault until the fleet has had time to
	// get over it.
	epoch atomic.Uint64
	// losses is odd while the shared tier may be losing data, and is another
	// number afterwards.
	losses atomic.Uint64
	fault  atomic.Uint64 // the number of the last one, and when it was, for reports
	at     atomic.Int64
	class  [maxClasses]classLedger
	node   [maxNodes]nodeLedger
	truth  [maxClasses][keysOf]atomic.Uint64 // at the end

	written atomic.Uint64 // by clerks
	token   atomic.Int64  // the one that is in use
	tokens  [len(tokenClasses)][keysOf]tokenLedger
}

// tokenLedger says when the last Gets of a token began that were answered with
// the token, and with "not found", in each process.
type tokenLedger struct {
	accepted, refused [maxNodes]atomic.Int64
	fromMemory        [maxNodes]atomic.Int64
}

// classLedger is the part of one class.
type classLedger struct {
	keys                                   [keysOf]keyLedger
	strict, memory, early                  atomic.Uint64 // reads judged
	stale, tooEarly, backwards, tooOld     atomic.Uint64 // reads that were wrong
	staleAt                                atomic.Int64  // when the last one began
	writes, deaths, pending, refused       atomic.Uint64
	failures, loads, replicaLoads, audited atomic.Uint64
	stuckMemory, stuckShared               atomic.Uint64
	worstAge                               atomic.Uint64
	calm                                   atomic.Uint64    // reads judged against what the process had seen
	tiers                                  [3]atomic.Uint64 // reads by the tier that answered: memory, shared, origin
}

// keyLedger is the part of one key. What is told apart are the values that carry
// one tag; in classes without tags of values the first stands for all.
type keyLedger struct {
	committed atomic.Uint64 // version<<16 | the low bits of losses/2
	told      [owners]ledgertest.Told
}

type nodeLedger struct {
	reads, starts atomic.Uint64
	audited       atomic.Uint64 // the phase it has finished
	downAt        atomic.Int64  // when the shared tier last failed or was not trusted
}

// commit notes that version v is committed, by a write that began when losses
// were before. What was lost meanwhile may have been its intent.
func (l *ledger) commit(k *keyLedger, v, before uint64) {
	if before%2 == 0 && l.losses.Load() == before {
		ledgertest.Raise(&k.committed, v<<16|before/2&0xffff)
	}
}

// due returns the committed version that a read which begins now must not be
// older than, and losses for excused.
func (l *ledger) due(k *keyLedger) (version, losses uint64) {
	losses = l.losses.Load()
	packed := k.committed.Load()
	if losses%2 == 1 || packed&0xffff != losses/2&0xffff {
		return 0, losses
	}
	return packed >> 16, losses
}

// acked returns what is acknowledged.
func (k *keyLedger) acked() (versions [owners]uint64) {
	for i := range k.told {
		versions[i] = k.told[i].Acked.Load()
	}
	return versions
}

// sum adds up a counter of all classes.
func (l *ledger) sum(of func(*classLedger) *atomic.Uint64) (n uint64) {
	for i := range l.class {
		n += of(&l.class[i]).Load()
	}
	return n
}

// report prints what was judged.
func (l *ledger) report(t *testing.T) {
	t.Helper()
	t.Logf("%-15s %9s %6s %9s %6s %9s %6s %9s %5s %8s | %8s %8s %8s | %7s %6s %7s %7s %8s | %6s %6s", "class", "strict", "stale", "committed",
		"early", "memory", "tooOld", "calm", "back", "worst", "memory", "shared", "origin", "writes", "deaths", "pending", "refused", "loads", "audit", "stuck")
	for i, spec := range classes() {
		c := &l.class[i]
		t.Logf("%-15s %9d %6d %9d %6d %9d %6d %9d %5d %8v | %8d %8d %8d | %7d %6d %7d %7d %8d | %6d %6s", spec.name,
			c.strict.Load(), c.stale.Load(), c.early.Load(), c.tooEarly.Load(), c.memory.Load(), c.tooOld.Load(), c.calm.Load(), c.backwards.Load(),
			time.Duration(c.worstAge.Load()).Round(time.Millisecond), c.tiers[0].Load(), c.tiers[1].Load(), c.tiers[2].Load(),
			c.writes.Load(), c.deaths.Load(), c.pending.Load(), c.refused.Load(), c.loads.Load(), c.audited.Load(),
			fmt.Sprintf("%d+%d", c.stuckMemory.Load(), c.stuckShared.Load()))
	}
	starts := uint64(0)
	for i := range l.node {
		starts += l.node[i].starts.Load()
	}
	of := l.sum
	t.Logf("reads judged: %d strict, %d against what was committed, %d by memory's bound, %d against what the process had seen",
		of(func(c *classLedger) *atomic.Uint64 { return &c.strict }), of(func(c *classLedger) *atomic.Uint64 { return &c.early }),
		of(func(c *classLedger) *atomic.Uint64 { return &c.memory }), of(func(c *classLedger) *atomic.Uint64 { return &c.calm }))
	t.Logf("writes %d, of which %d were followed by SIGKILL between COMMIT and the cache; process starts %d; loads %d, %d of them from the replica; gets that failed %d",
		of(func(c *classLedger) *atomic.Uint64 { return &c.writes }), of(func(c *classLedger) *atomic.Uint64 { return &c.deaths }), starts,
		of(func(c *classLedger) *atomic.Uint64 { return &c.loads }), of(func(c *classLedger) *atomic.Uint64 { return &c.replicaLoads }),
		of(func(c *classLedger) *atomic.Uint64 { return &c.failures }))
}
