package model

import "strings"

// Mutant is a set of clauses of the protocol that are left out. Each must break
// a property in some small fleet; a clause whose loss breaks nothing would not
// have earned its place.
type Mutant uint32

const (
	// LeasePerProcess takes leases with an id per process, not per load
	// ("The id is per load"; rueidisaside).
	LeasePerProcess Mutant = 1 << iota

	// LeaseMayBeAbsent accepts a fill when the lease is gone ("lease still
	// present and mine"; memcached add, SETNX).
	LeaseMayBeAbsent

	// NoLease fills with a plain SET after a miss: the usual cache-aside.
	NoLease

	// LeaseForever takes leases without a lifetime ("PX lease"; rockscache on
	// a fresh key).
	LeaseForever

	// KeepLease makes invalidate leave the lease alone ("drop the lease").
	KeepLease

	// NoRetry returns the loaded value of a refused fill ("discarded and the
	// Get starts again").
	NoRetry

	// PlainSingleflight lets strict Gets join a flight that was already sent
	// ("strict reads join only a flight that has not been sent yet").
	PlainSingleflight

	// NoFloor ignores floors, at the loader and at the fill ("version >=
	// floor?").
	NoFloor

	// FloorOnlyAtFill makes the loader ignore the floor that came with the
	// lease ("a load below the floor came from a lagging replica: the loader
	// is called again"), and leaves the comparison to the fill.
	FloorOnlyAtFill

	// FloorOnlyAtLoader leaves the floor out of the fill's conditions. The one
	// clause that this part of the protocol does not need; see the test.
	FloorOnlyAtLoader

	// ShortHold lets a tombstone vanish before the replica has caught up with
	// it ("hold >= replica lag").
	ShortHold

	// ShortTTL lets a value vanish before the replica has caught up with it.
	ShortTTL

	// InvalidateFirst invalidates before COMMIT, when there is no version yet.
	InvalidateFirst

	// AckFirst acknowledges the write before the invalidation was applied.
	AckFirst

	// BareLastRead answers a reader that gave up with what the primary said,
	// without raising the floor to it first.
	BareLastRead

	// NoTaint makes an invalidation drop the memory entry only, and leave
	// flights alone ("taints it and takes it out of the map").
	NoTaint

	// LateNote notes the key's counter when the answer has arrived, not before
	// the command is sent ("registered before any command is sent").
	LateNote

	// NoOwnInvalidate leaves the writer's own process to the push ("own, at
	// once").
	NoOwnInvalidate

	// NoFlush keeps the old session across a reconnect ("flush memory, new
	// generation, taint all flights").
	NoFlush

	// NoFlushOfFlights empties memory at a reconnect, but flights do not note
	// the session ("taint all flights").
	NoFlushOfFlights

	// FlushBeforeTracking starts the new session before tracking is on again
	// ("this order").
	FlushBeforeTracking

	// NoPing reads memory as soon as there is a new session ("PING answered,
	// hits allowed").
	NoPing

	endOfMutants
)

// has reports whether one of the clauses in x is left out.
func (m Mutant) has(x Mutant) bool { return m&x != 0 }

// String names the clauses left out, or says "the protocol".
func (m Mutant) String() string {
	var names []string
	for i, name := range mutantNames() {
		if m.has(1 << i) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "the protocol"
	}
	return strings.Join(names, "+")
}

// mutantNames lists the names in the order of the constants.
func mutantNames() []string {
	return []string{
		"LeasePerProcess", "LeaseMayBeAbsent", "NoLease", "LeaseForever", "KeepLease", "NoRetry", "PlainSingleflight",
		"NoFloor", "FloorOnlyAtFill", "FloorOnlyAtLoader", "ShortHold", "ShortTTL",
		"InvalidateFirst", "AckFirst", "BareLastRead",
		"NoTaint", "LateNote", "NoOwnInvalidate", "NoFlush", "NoFlushOfFlights", "FlushBeforeTracking", "NoPing",
	}
}
