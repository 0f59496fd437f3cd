// Package ledgertest is what the ledgers of torture runs have in common: the
// truth of a run, in memory that all its processes share, and how old a read is
// by it. What a ledger counts is its test's.
//
// Versions of a key are totally ordered, so "a read that began after version v
// was acknowledged returns v or more" is all that linearizability asks here.
//
// # Invariants
//
//   - All that is shared is in atomics: a process may be killed between any two
//     instructions, so that no lock can be in this memory.
//   - Numbers that only grow ([Raise]) are never set back by a slower process.
package ledgertest

import (
	"sync/atomic"
	"time"
)

// remembered is how many acknowledgements of a key are kept: more than there are
// while a read is as late as it may be.
const remembered = 64

// Raise makes x no less than v.
func Raise(x *atomic.Uint64, v uint64) {
	for old := x.Load(); v > old && !x.CompareAndSwap(old, v); old = x.Load() {
	}
}

// Told says up to which version the values of a key were acknowledged to be gone,
// and when the last ones were. Its zero value is ready, in shared memory too.
type Told struct {
	// Acked is the highest version that was acknowledged.
	Acked atomic.Uint64
	acks  [remembered]struct{ version, at atomic.Uint64 }
}

// Acknowledge notes that version v is acknowledged as of now.
func (t *Told) Acknowledge(v uint64) {
	a := &t.acks[v%remembered]
	a.version.Store(v)
	a.at.Store(uint64(time.Now().UnixNano()))
	// Last: whoever reads Acked finds the time there.
	Raise(&t.Acked, v)
}

// Age is how long before began the first version above got was acknowledged, 0 if
// none was. acked is what was acknowledged when the read began: what came later
// the read need not have met.
func (t *Told) Age(got, acked uint64, began time.Time) (age time.Duration) {
	if got >= acked {
		return 0
	}
	for i := range t.acks {
		a := &t.acks[i]
		if v := a.version.Load(); v > got && v <= acked {
			age = max(age, time.Duration(uint64(began.UnixNano())-a.at.Load()))
		}
	}
	return age
}
