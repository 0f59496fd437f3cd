package larder

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// history remembers, in a table of fixed size, which keys this process has
// met lately. It answers two questions, neither of which needs to be exact:
// is this the second touch (then the key enters memory), and why is a key
// absent from the shared tier (expired, evicted, invalidated or cold)?
//
// A cell holds, of the last key that fell on it: 32 bits of its hash, a bit
// that it was invalidated, and the second (since start) at which it expires.
type history struct {
	seed  maphash.Seed
	cells []atomic.Uint64
}

const invalidatedBit = 1 << 31

func newHistory(entries int) *history {
	n := 1 << bits.Len(uint(min(max(4*entries, 1<<14), 1<<18)-1))
	return &history{seed: maphash.MakeSeed(), cells: make([]atomic.Uint64, n)}
}

func (h *history) cell(text string) (cell *atomic.Uint64, tag uint64) {
	sum := maphash.String(h.seed, text)
	return &h.cells[sum&uint64(len(h.cells)-1)], sum &^ (1<<32 - 1)
}

// touch notes that text is stored until expires and reports whether it had
// been met before.
func (h *history) touch(text string, expires int64) (again bool) {
	cell, tag := h.cell(text)
	old, next := cell.Load(), tag|uint64(min(max(expires/int64(time.Second), 0), invalidatedBit-1))
	if old != next { // most touches change nothing, and a write would cost
		cell.Store(next)
	}
	return old != 0 && old&^(1<<32-1) == tag
}

// invalidated notes that text was invalidated.
func (h *history) invalidated(text string) {
	cell, tag := h.cell(text)
	cell.Store(tag | invalidatedBit)
}

// absence says why text is absent from the shared tier now.
func (h *history) absence(text string, now int64) Cause {
	cell, tag := h.cell(text)
	v := cell.Load()
	switch {
	case v == 0 || v&^(1<<32-1) != tag:
		return Cold
	case v&invalidatedBit != 0:
		return Invalidated
	case now/int64(time.Second) >= int64(v&(invalidatedBit-1)):
		return Expired
	default:
		return Evicted
	}
}
