package localstore

import (
	"crypto/rand"
)

// Snapshot is what a [Store] held at one moment: all slots with the moments at
// which they end. The zero value is that of a store which holds nothing.
type Snapshot struct {
	entries []entry // the least recently used first
}

// Snapshot returns what the store holds now.
func (s *Store) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	var copied Snapshot
	for place := s.recent.Back(); place != nil; place = place.Prev() {
		e := *place.Value.(*entry)
		e.place, e.size = nil, 0
		copied.entries = append(copied.entries, e)
	}
	return copied
}

// Rewind takes the store back to a snapshot, under another history, and has
// every Watch report a Reset before the first heartbeat with that. It is for
// tests of a failover: a replica that lacks the last acknowledged changes takes
// the place of the node that had them. Leases and tags go back too; what has
// ended since the snapshot was made stays ended. Rewind to Snapshot{} is a node
// that was started anew and remembers nothing. A snapshot can serve again, also
// another store.
func (s *Store) Rewind(to Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.drop()
	s.history = rand.Text()
	for _, e := range to.entries {
		s.restore(e)
	}
	for w := range s.watches {
		w.miss()
	}
}

// restore puts one entry of a snapshot back.
func (s *Store) restore(e entry) {
	e.place = s.recent.PushFront(&e)
	e.size = e.cost()
	s.entries[e.key] = &e
	s.bytes += e.size
	s.evict()
}
