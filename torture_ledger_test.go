package larder_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/ledgertest"
)

const tortureKeys = 200

// ledger is the truth of a torture run, in memory that all its processes
// share: the origin's versions, and what was acknowledged and seen.
type ledger struct {
	keys [tortureKeys]struct {
		origin, seen atomic.Uint64
		told         ledgertest.Told
	}
	strictReads, memoryReads  atomic.Uint64
	stale, inversions         atomic.Uint64
	writes, pending, failures atomic.Uint64
	loads                     atomic.Uint64
	worstAge                  atomic.Uint64     // ns, of memory reads
	ages                      [8]atomic.Uint64  // memory reads by age: see ageBounds
	nodeReads                 [16]atomic.Uint64 // by process, to see that each works
}

// ageBounds are the upper bounds of ledger.ages; the last is open.
var ageBounds = [7]time.Duration{
	100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2 * time.Second,
}

// strict judges a strict read that found acked and seen when it began.
func (l *ledger) strict(key int, acked, seen, got uint64) {
	l.strictReads.Add(1)
	if got < acked {
		l.stale.Add(1)
	}
	if got < seen {
		l.inversions.Add(1)
	}
	ledgertest.Raise(&l.keys[key].seen, got)
}

// memory judges a read that memory may have answered.
func (l *ledger) memory(key int, acked, got uint64, began time.Time) {
	l.memoryReads.Add(1)
	if got >= acked {
		return
	}
	age := l.keys[key].told.Age(got, acked, began)
	ledgertest.Raise(&l.worstAge, uint64(age))
	i := 0
	for i < len(ageBounds) && age > ageBounds[i] {
		i++
	}
	l.ages[i].Add(1)
}

func (l *ledger) report(t *testing.T) {
	t.Helper()
	t.Logf("reads judged: %d strict, %d by memory's bound; stale %d, backwards %d",
		l.strictReads.Load(), l.memoryReads.Load(), l.stale.Load(), l.inversions.Load())
	t.Logf("writes %d, of them pending %d; loads %d; gets that failed %d",
		l.writes.Load(), l.pending.Load(), l.loads.Load(), l.failures.Load())
	for i := range l.ages {
		bound := "more"
		if i < len(ageBounds) {
			bound = "≤ " + ageBounds[i].String()
		}
		t.Logf("memory older by %-8s %d", bound, l.ages[i].Load())
	}
	t.Logf("the oldest: %v", time.Duration(l.worstAge.Load()))
}
