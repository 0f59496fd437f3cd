package model

import "strings"

// Mutant is a set of clauses of the protocol that are left out. Each must break
// a property in some small fleet; a clause whose loss breaks nothing would not
// have earned its place.
type Mutant uint64

const (
	// leasePerProcess takes leases with an id per process, not per load
	// ("The id is per load"; rueidisaside).
	leasePerProcess Mutant = 1 << iota

	// leaseMayBeAbsent accepts a fill when the lease is gone ("lease still
	// present and mine"; memcached add, SETNX).
	leaseMayBeAbsent

	// noLease fills with a plain SET after a miss: the usual cache-aside.
	noLease

	// leaseForever takes leases without a lifetime ("PX lease"; rockscache on
	// a fresh key).
	leaseForever

	// keepLease makes invalidate leave the lease alone ("drop the lease").
	keepLease

	// noRetry returns the loaded value of a refused fill ("discarded and the
	// Get starts again").
	noRetry

	// plainSingleflight lets strict Gets join a flight that was already sent
	// ("strict reads join only a flight that has not been sent yet").
	plainSingleflight

	// noFloor ignores floors, at the loader and at the fill ("version >=
	// floor?").
	noFloor

	// floorOnlyAtFill makes the loader ignore the floor that came with the
	// lease ("a load below the floor came from a lagging replica: the loader
	// is called again"), and leaves the comparison to the fill.
	floorOnlyAtFill

	// floorOnlyAtLoader leaves the floor out of the fill's conditions. The one
	// clause that this part of the protocol does not need; see the test.
	floorOnlyAtLoader

	// shortHold lets a tombstone vanish before the replica has caught up with
	// it ("hold >= replica lag").
	shortHold

	// shortTTL lets a value vanish before the replica has caught up with it.
	shortTTL

	// invalidateFirst invalidates before COMMIT, when there is no version yet.
	invalidateFirst

	// ackFirst acknowledges the write before the invalidation was applied.
	ackFirst

	// bareLastRead answers a reader that gave up with what the primary said,
	// without raising the floor to it first.
	bareLastRead

	// noTaint makes an invalidation drop the memory entry only, and leave
	// flights alone ("taints it and takes it out of the map").
	noTaint

	// lateNote notes the key's counter when the answer has arrived, not before
	// the command is sent ("registered before any command is sent").
	lateNote

	// noOwnInvalidate leaves the writer's own process to the push ("own, at
	// once").
	noOwnInvalidate

	// noFlush keeps the old session across a reconnect ("flush memory, new
	// generation, taint all flights").
	noFlush

	// noFlushOfFlights empties memory at a reconnect, but flights do not note
	// the session ("taint all flights").
	noFlushOfFlights

	// flushBeforeTracking starts the new session before tracking is on again
	// ("this order").
	flushBeforeTracking

	// noPing reads memory as soon as there is a new session ("PING answered,
	// hits allowed").
	noPing

	// throughUnversioned writes through over any value ("over an existing value
	// with a lower version").
	throughUnversioned

	// throughOverNothing compares versions only: what is absent, and a lower
	// floor, lose to the value of a write-through ("over an existing value").
	throughOverNothing

	// noOutbox commits without an outbox row ("outbox row in the writer's
	// transaction").
	noOutbox

	// doneFirst marks a row done, or deletes it, before it is delivered ("mark
	// done only after the shared tier acknowledged").
	doneFirst

	// afterLast takes rows by their ids, beyond the last one taken ("never by
	// id > last").
	afterLast

	// intentEarly places the intent before the UPDATE, without the row lock
	// ("intent under the row lock (after the UPDATE").
	intentEarly

	// intentLate places the intent after COMMIT ("before COMMIT").
	intentLate

	// intentForgets places an intent without the floor of what it replaces.
	intentForgets

	// intentYields lets an invalidation replace a live intent by a tombstone.
	intentYields

	// lapsedYields lets an invalidation replace a lapsed intent by a tombstone.
	lapsedYields

	// deafIntent lets an invalidation leave the intent's floor alone.
	deafIntent

	// lapsedIsTombstone takes an intent whose time is over, and one that was
	// taken back, for a tombstone like any other.
	lapsedIsTombstone

	// fillOverIntent leaves the intent out of the fill's conditions ("no
	// intent?").
	fillOverIntent

	// noRecheck returns what was read past an intent without looking again.
	noRecheck

	// bareRecheck looks again, but leaves the intent's floor alone.
	bareRecheck

	// joinPast lets strict Gets join a reader that has read the primary past an
	// intent, until it looks again.
	joinPast

	// finishAnyID finishes whatever intent there is.
	finishAnyID

	// finishUnanswered takes back an intent that was not answered in time ("leave
	// it to lapse"), which may have been placed late.
	finishUnanswered

	// finishBelowFloor puts the value in the place of the own intent without a
	// look at its floor.
	finishBelowFloor

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
		"leasePerProcess", "leaseMayBeAbsent", "noLease", "leaseForever", "keepLease", "noRetry", "plainSingleflight",
		"noFloor", "floorOnlyAtFill", "floorOnlyAtLoader", "shortHold", "shortTTL",
		"invalidateFirst", "ackFirst", "bareLastRead",
		"noTaint", "lateNote", "noOwnInvalidate", "noFlush", "noFlushOfFlights", "flushBeforeTracking", "noPing",
		"throughUnversioned", "throughOverNothing",
		"noOutbox", "doneFirst", "afterLast",
		"intentEarly", "intentLate", "intentForgets", "intentYields", "lapsedYields", "deafIntent", "lapsedIsTombstone",
		"fillOverIntent", "noRecheck", "bareRecheck", "joinPast", "finishAnyID", "finishUnanswered", "finishBelowFloor",
	}
}
