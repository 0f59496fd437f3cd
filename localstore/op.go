package localstore

import (
	"bytes"
	"time"

	"github.com/larderdev/larder/store"
)

// The operations. Each works on an entry that is free of expired slots, under
// the store's lock.

// get answers with what the data slot holds.
func (s *Store) get(e *entry, _ time.Time) store.Reply {
	if e.data.Kind == 0 {
		return store.Reply{Status: store.Absent}
	}
	return store.Reply{Status: store.Found, Record: e.data}
}

func (s *Store) lease(op store.Lease, e *entry, now time.Time) store.Reply {
	switch {
	case !op.Force && fresh(e.data, now) && e.data.Version >= op.MinVersion:
		return store.Reply{Status: store.Found, Record: e.data}
	case e.hold.end.IsZero():
		e.hold = hold{id: op.ID, end: now.Add(life(op.For))}
		return store.Reply{Status: store.Granted, Record: e.data}
	case e.hold.failed:
		return store.Reply{Status: store.Failed, Wait: e.hold.end.Sub(now)}
	}
	return store.Reply{Status: store.Busy, Wait: e.hold.end.Sub(now)}
}

// fresh reports whether r can be served without a load. A tombstone never is.
// The moment FreshUntil itself is already stale, so that a record that is
// fresh for a second is stale when a second has passed.
func fresh(r store.Record, now time.Time) bool {
	return (r.Kind == store.Value || r.Kind == store.Negative) && now.UnixMilli() < r.FreshUntil
}

func (s *Store) fill(op store.Fill, e *entry, now time.Time) store.Reply {
	if !e.hold.by(op.ID) {
		return store.Reply{Status: store.Lost}
	}
	e.hold = hold{}
	if e.data.Kind != 0 && e.data.Version > op.Version {
		s.changed(e.key) // waiters saw the lease go: they must ask again
		return store.Reply{Status: store.Below, Record: store.Record{Version: e.data.Version}}
	}
	s.set(e, store.Record{
		Kind:       op.Kind,
		Version:    op.Version,
		FreshUntil: now.UnixMilli() + life(op.Fresh).Milliseconds(),
		Body:       op.Body,
	}, later(now.Add(life(op.Life)), e.dataEnd))
	return store.Reply{Status: store.Done}
}

func (s *Store) renew(op store.Renew, e *entry, now time.Time) store.Reply {
	if !e.hold.by(op.ID) {
		return store.Reply{Status: store.Lost}
	}
	e.hold.end = now.Add(life(op.For))
	return store.Reply{Status: store.Done}
}

func (s *Store) release(op store.Release, e *entry, now time.Time) store.Reply {
	if !e.hold.by(op.ID) {
		return store.Reply{Status: store.Lost}
	}
	e.hold = hold{}
	if op.Mark > 0 {
		e.hold = hold{failed: true, end: now.Add(life(op.Mark))}
	}
	return store.Reply{Status: store.Done}
}

func (s *Store) invalidate(op store.Invalidate, e *entry, now time.Time) store.Reply {
	e.hold = hold{}
	value := e.data.Kind == store.Value || e.data.Kind == store.Negative
	if value && op.Floor != 0 && e.data.Version >= op.Floor {
		return store.Reply{Status: store.Kept}
	}
	end := now.Add(life(op.Hold))
	if e.data.Kind == store.Tombstone && e.dataEnd.After(end) {
		end = e.dataEnd
	}
	// The floor takes over a value's version too: versions never fall.
	floor := max(op.Floor, e.data.Version)
	s.set(e, store.Record{Kind: store.Tombstone, Version: floor}, end)
	return store.Reply{Status: store.Done}
}

// discard leaves a tombstone alone, whatever Body is: an empty body may be
// that of a corrupt value, but a floor must not go with it.
func (s *Store) discard(op store.Discard, e *entry) store.Reply {
	if e.data.Kind == 0 || e.data.Kind == store.Tombstone || !bytes.Equal(e.data.Body, op.Body) {
		return store.Reply{Status: store.Kept}
	}
	s.unset(e)
	return store.Reply{Status: store.Done}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// life is d as a store counts it: whole milliseconds, rounded up, one at least.
func life(d time.Duration) time.Duration {
	return max((d + time.Millisecond - 1).Truncate(time.Millisecond), time.Millisecond)
}
