package larder_test

import (
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const (
	tortureKeys = 200
	ackMemory   = 64 // acknowledgements remembered for each key
)

// ledger is the truth of a torture run, in memory that all its processes
// share: the origin's versions, and what was acknowledged and seen. Versions
// of a key are totally ordered, so "a read that began after version v was
// acknowledged returns v or more" is all that linearizability asks here.
type ledger struct {
	keys [tortureKeys]struct {
		origin, acked, seen atomic.Uint64
		acks                [ackMemory]struct{ version, at atomic.Uint64 }
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

// openLedger maps the ledger in path, which is made if it is not there.
func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int(unsafe.Sizeof(ledger{}))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*ledger)(unsafe.Pointer(&b[0])), nil
}

func raise(x *atomic.Uint64, v uint64) {
	for old := x.Load(); v > old && !x.CompareAndSwap(old, v); old = x.Load() {
	}
}

// acknowledge notes that version v of key is acknowledged as of now.
func (l *ledger) acknowledge(key int, v uint64) {
	a := &l.keys[key].acks[v%ackMemory]
	a.version.Store(v)
	a.at.Store(uint64(time.Now().UnixNano()))
	raise(&l.keys[key].acked, v)
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
	raise(&l.keys[key].seen, got)
}

// memory judges a read that memory may have answered. Its age is how long
// before began the first newer version was acknowledged.
func (l *ledger) memory(key int, acked, got uint64, began time.Time) {
	l.memoryReads.Add(1)
	if got >= acked {
		return
	}
	age := time.Duration(0)
	for i := range l.keys[key].acks {
		a := &l.keys[key].acks[i]
		if v := a.version.Load(); v > got && v <= acked {
			age = max(age, time.Duration(uint64(began.UnixNano())-a.at.Load()))
		}
	}
	raise(&l.worstAge, uint64(age))
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
