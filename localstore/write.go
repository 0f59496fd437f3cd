package localstore

import (
	"time"

	"github.com/larderdev/larder/store"
)

// The operations of writers. As those in op.go, each works on an entry that is
// free of expired slots and lapsed intents, under the store's lock.

// writeThrough stores nothing where a newer value may have been evicted: there
// is then nothing to compare with, and a write that was late would stay.
func (s *Store) writeThrough(op store.WriteThrough, e *entry, now time.Time) store.Reply {
	if e.data.Kind == store.Value && e.data.Version < op.Version {
		e.hold = hold{}
		s.put(e, now, store.Record{Kind: store.Value, Version: op.Version, Body: op.Body}, op.Fresh, op.Life)
		return store.Reply{Status: store.Done}
	}
	return s.clear(e, op.Version, op.Hold, now)
}

// clear invalidates for a writer, who wants to know whether a value is left.
func (s *Store) clear(e *entry, floor uint64, hold time.Duration, now time.Time) store.Reply {
	reply := s.invalidate(store.Invalidate{Floor: floor, Hold: hold}, e, now)
	if reply.Status == store.Done {
		reply.Status = store.Cleared
	}
	return reply
}

func (s *Store) intend(op store.Intend, e *entry, now time.Time) store.Reply {
	e.hold = hold{}
	s.set(e, store.Record{
		Kind:       store.Intent,
		Version:    e.data.Version,
		FreshUntil: moment(now, op.For),
		Body:       []byte(op.ID),
	}, e.floorEnd(now.Add(life(max(op.Hold, op.For)))))
	return store.Reply{Status: store.Done}
}

// lift leaves the lease alone: while an intent stands there is none.
func (s *Store) lift(op store.Raise, e *entry) store.Reply {
	if e.data.Kind != store.Intent {
		return store.Reply{Status: store.Lost}
	}
	e.spoilt = e.spoilt || op.Floor == 0
	if op.Floor > e.data.Version {
		raised := e.data
		raised.Version = op.Floor
		s.set(e, raised, e.dataEnd)
	}
	return store.Reply{Status: store.Done}
}

// finish may store a value over its own intent: as long as that stands nobody
// else has changed the row, or has told of it. Nor does anybody hold the lease.
func (s *Store) finish(op store.Finish, e *entry, now time.Time) store.Reply {
	own := e.data.Kind == store.Intent && string(e.data.Body) == op.ID
	switch {
	case own && op.Body != nil && !e.spoilt && op.Version >= e.data.Version:
		s.put(e, now, store.Record{Kind: store.Value, Version: op.Version, Body: op.Body}, op.Fresh, op.Life)
		return store.Reply{Status: store.Done}
	case own:
		tombstone := store.Record{Kind: store.Tombstone, Version: max(op.Version, e.data.Version)}
		s.set(e, tombstone, e.floorEnd(now.Add(life(op.Hold))))
		return store.Reply{Status: store.Cleared}
	case op.Body != nil:
		return s.writeThrough(store.WriteThrough{
			Version: op.Version, Fresh: op.Fresh, Life: op.Life, Body: op.Body, Hold: op.Hold,
		}, e, now)
	}
	return s.clear(e, op.Version, op.Hold, now)
}
