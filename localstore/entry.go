package localstore

import (
	"container/list"
	"time"

	"github.com/larderdev/larder/store"
)

// overhead is what an entry costs beside its key and body: the struct, its
// place in the list and in the map. In bytes, rounded up.
const overhead = 256

// entry holds both slots of a key.
type entry struct {
	key   string
	place *list.Element // nil while the entry is not in the store
	size  int64         // as counted in Store.bytes

	data    store.Record // Kind 0: the slot is absent
	dataEnd time.Time    // when data's life is over
	hold    hold

	spoilt bool      // of an intent: it will not become a value
	tag    store.Tag // of a tag, whose data is of kind Identity
	moved  time.Time // when the tag was last invalidated or made
}

// hold is the content of a lease slot: a load's id, or the mark of one that
// failed.
type hold struct {
	id     string
	failed bool
	end    time.Time // zero: the slot is absent
}

// by reports whether load id holds the lease.
func (h hold) by(id string) bool { return !h.end.IsZero() && !h.failed && h.id == id }

// open returns key's entry with what has expired taken out of it, and an intent
// that has lapsed made the tombstone that it is taken for. That is no change to
// report: whoever saw the intent knew when it would lapse. An absent entry is
// made, but is not in the store before settle.
func (s *Store) open(key string, now time.Time) *entry {
	e, ok := s.entries[key]
	if !ok {
		return &entry{key: key}
	}
	s.recent.MoveToFront(e.place)
	if e.data.Kind != 0 && !now.Before(e.dataEnd) {
		s.unset(e)
	}
	if e.data.Kind == store.Intent && now.UnixMilli() >= e.data.FreshUntil {
		e.data = store.Record{Kind: store.Tombstone, Version: e.data.Version}
	}
	if !now.Before(e.hold.end) {
		e.hold = hold{}
	}
	return e
}

// set puts a record into the data slot, until end.
func (s *Store) set(e *entry, r store.Record, end time.Time) {
	e.data, e.dataEnd, e.spoilt = r, end, false
	s.changed(e.key)
}

// unset makes the data slot absent. The lease stays.
func (s *Store) unset(e *entry) {
	e.data, e.dataEnd = store.Record{}, time.Time{}
	e.spoilt, e.tag = false, store.Tag{}
	s.changed(e.key)
}

// settle brings the store in line with what has been done to e: an empty entry
// leaves, and others are evicted to make room for a new or bigger one.
func (s *Store) settle(e *entry) {
	if e.cost() > s.maxBytes && e.data.Kind != 0 {
		s.unset(e) // or it would push out everything else before itself
	}
	if e.data.Kind == 0 && e.hold.end.IsZero() {
		s.remove(e)
		return
	}
	if e.place == nil {
		e.place = s.recent.PushFront(e)
		s.entries[e.key] = e
	}
	s.bytes += e.cost() - e.size
	e.size = e.cost()
	s.evict()
}

// cost is what e counts for now.
func (e *entry) cost() int64 {
	size := len(e.key) + len(e.data.Body) + len(e.hold.id)
	return overhead + int64(size+len(e.tag.Epoch)+len(e.tag.Hard)+len(e.tag.Soft))
}

// evict removes the least recently used entries until the rest fits.
func (s *Store) evict() {
	for s.recent.Len() > 0 && (len(s.entries) > s.maxEntries || s.bytes > s.maxBytes) {
		e := s.recent.Back().Value.(*entry)
		if e.data.Kind != 0 {
			s.changed(e.key)
		}
		s.remove(e)
	}
}

// remove takes e out of the store.
func (s *Store) remove(e *entry) {
	if e.place == nil {
		return
	}
	s.recent.Remove(e.place)
	delete(s.entries, e.key)
	s.bytes -= e.size
	e.place, e.size = nil, 0
}
