package localstore

import (
	"bytes"
	"math"
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
	case e.data.Kind == store.Intent:
		return store.Reply{Status: store.Intended, Record: e.data, Wait: time.UnixMilli(e.data.FreshUntil).Sub(now)}
	case e.hold.end.IsZero():
		e.hold = hold{id: op.ID, end: now.Add(life(op.For))}
		return store.Reply{Status: store.Granted, Record: e.data}
	case e.hold.failed:
		return store.Reply{Status: store.Failed, Wait: e.hold.end.Sub(now)}
	}
	return store.Reply{Status: store.Busy, Wait: e.hold.end.Sub(now)}
}

// fresh reports whether r can be served without a load. Only a value or a
// negative is.
// The moment FreshUntil itself is already stale, so that a record that is
// fresh for a second is stale when a second has passed.
func fresh(r store.Record, now time.Time) bool {
	return (r.Kind == store.Value || r.Kind == store.Negative) && now.UnixMilli() < r.FreshUntil
}

// fill need not look for an intent: while one stands nobody holds the lease.
func (s *Store) fill(op store.Fill, e *entry, now time.Time) store.Reply {
	if !e.hold.by(op.ID) {
		return store.Reply{Status: store.Lost}
	}
	e.hold = hold{}
	if e.data.Kind != 0 && e.data.Version > op.Version {
		s.changed(e.key) // waiters saw the lease go: they must ask again
		return store.Reply{Status: store.Below, Record: store.Record{Version: e.data.Version}}
	}
	s.put(e, now, store.Record{Kind: op.Kind, Version: op.Version, Body: op.Body}, op.Fresh, op.Life)
	return store.Reply{Status: store.Done}
}

// put stores a value or negative that is fresh and lives for so long from now,
// and not shorter than what it replaces.
func (s *Store) put(e *entry, now time.Time, r store.Record, forFresh, forLife time.Duration) {
	r.FreshUntil = moment(now, forFresh)
	s.set(e, r, later(now.Add(life(forLife)), e.dataEnd))
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

// invalidate leaves a value at the floor alone, and has every other record say
// that the value is no longer good. An intent stays one in any case: its writer
// may not have committed yet, and until then a load could read what was there
// before.
func (s *Store) invalidate(op store.Invalidate, e *entry, now time.Time) store.Reply {
	e.hold = hold{}
	kind := e.data.Kind
	value := kind == store.Value || kind == store.Negative
	if value && op.Floor != 0 && e.data.Version >= op.Floor {
		return store.Reply{Status: store.Kept}
	}
	end := now.Add(life(op.Hold))
	r := store.Record{Kind: store.Tombstone, Version: max(op.Floor, e.data.Version)}
	switch {
	case kind == store.Intent:
		s.raise(e, op.Floor, later(end, e.dataEnd))
		return store.Reply{Status: store.Done}
	case op.Soft && (kind == store.Value || kind == store.Stale):
		r.Kind, r.FreshUntil, r.Body = store.Stale, e.data.FreshUntil, e.data.Body
		end = later(end, e.dataEnd)
	default:
		end = e.floorEnd(end)
	}
	s.set(e, r, end)
	return store.Reply{Status: store.Done}
}

// raise has an intent stand above what was invalidated. Of a change without a
// version nobody knows whether it came before the writer's or after it, so that
// the writer's value is no longer good for the cache.
func (s *Store) raise(e *entry, floor uint64, end time.Time) {
	r, spoilt := e.data, e.spoilt || floor == 0
	r.Version = max(r.Version, floor)
	s.set(e, r, end)
	e.spoilt = spoilt
}

// floorEnd is end, or the later one at which the floor that e holds would end.
func (e *entry) floorEnd(end time.Time) time.Time {
	switch e.data.Kind {
	case store.Tombstone, store.Stale, store.Intent:
		return later(end, e.dataEnd)
	}
	return end
}

// discard leaves a tombstone alone, whatever Body is: an empty body may be
// that of a corrupt value, but a floor must not go with it. An intent is none
// of Larder's values either.
func (s *Store) discard(op store.Discard, e *entry) store.Reply {
	switch e.data.Kind {
	case store.Value, store.Negative, store.Stale:
		if bytes.Equal(e.data.Body, op.Body) {
			s.unset(e)
			return store.Reply{Status: store.Done}
		}
	}
	return store.Reply{Status: store.Kept}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// life is d as a store counts it: whole milliseconds, rounded up, one at least.
func life(d time.Duration) time.Duration {
	const most = math.MaxInt64 / time.Millisecond * time.Millisecond
	if d >= most {
		return most
	}
	return max((d + time.Millisecond - 1).Truncate(time.Millisecond), time.Millisecond)
}

// moment is the one that is d from now, as FreshUntil has it.
func moment(now time.Time, d time.Duration) int64 { return now.UnixMilli() + life(d).Milliseconds() }
