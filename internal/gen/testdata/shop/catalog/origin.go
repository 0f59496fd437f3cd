package catalog

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/larderdev/larder"
)

// Table is a table of an origin, in memory. It counts how often it is asked.
type Table[K comparable, V any] struct {
	mu    sync.Mutex
	rows  map[K]V
	asked int
}

// Put writes a row.
func (t *Table[K, V]) Put(key K, value V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rows == nil {
		t.rows = map[K]V{}
	}
	t.rows[key] = value
}

// Load reads a row.
func (t *Table[K, V]) Load(_ context.Context, key K) (V, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	value, ok := t.rows[key]
	if !ok {
		return value, larder.ErrNotFound
	}
	return value, nil
}

// LoadBatch reads rows at once.
func (t *Table[K, V]) LoadBatch(_ context.Context, keys []K) (map[K]V, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	found := maps.Clone(t.rows)
	maps.DeleteFunc(found, func(key K, _ V) bool { return !slices.Contains(keys, key) })
	return found, nil
}

// Asked returns how often the table was asked since the last call.
func (t *Table[K, V]) Asked() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.asked
	t.asked = 0
	return n
}
