// Package memory is the memory tier: typed values in the process, bounded by
// entries or by bytes.
//
// It knows nothing of freshness, sessions or invalidation: what it holds may
// be out of date, and the caller judges each entry before serving it. That
// keeps a hit at one table look-up, and lets an invalidation be one counter
// instead of a search. Eviction is W-TinyLFU, by otter; no other package
// imports it.
package memory

import (
	"iter"

	"github.com/maypok86/otter/v2"
)

// Tier maps keys to entries. It may be used concurrently.
type Tier[K comparable, E any] struct {
	table *otter.Cache[K, *E]
}

// Bounds limits a tier. Exactly one of the fields is positive.
type Bounds struct {
	Entries int
	Bytes   int64
}

// New returns an empty tier. weigh tells the bytes of an entry and is asked
// only when bounds are in bytes.
func New[K comparable, E any](b Bounds, weigh func(*E) uint32) (*Tier[K, E], error) {
	o := &otter.Options[K, *E]{}
	if b.Bytes > 0 {
		o.MaximumWeight = uint64(b.Bytes)
		o.Weigher = func(_ K, e *E) uint32 { return weigh(e) }
	} else {
		o.MaximumSize = b.Entries
	}
	table, err := otter.New(o)
	if err != nil {
		return nil, err
	}
	return &Tier[K, E]{table: table}, nil
}

// Get returns the entry under key, or nil.
func (t *Tier[K, E]) Get(key K) *E {
	e, _ := t.table.GetIfPresent(key)
	return e
}

// Set puts an entry under key, in place of what was there.
func (t *Tier[K, E]) Set(key K, e *E) { t.table.Set(key, e) }

// Delete removes what is under key.
func (t *Tier[K, E]) Delete(key K) { t.table.Invalidate(key) }

// Hottest returns the entries, those that are used most first. It is a walk over
// all of them if it is not stopped.
func (t *Tier[K, E]) Hottest() iter.Seq2[K, *E] {
	return func(yield func(K, *E) bool) {
		for e := range t.table.Hottest() {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// Clear removes everything.
func (t *Tier[K, E]) Clear() { t.table.InvalidateAll() }

// Len estimates the number of entries.
func (t *Tier[K, E]) Len() int { return t.table.EstimatedSize() }

// Close empties the tier and ends its goroutines.
func (t *Tier[K, E]) Close() {
	t.table.InvalidateAll()
	t.table.StopAllGoroutines()
}
