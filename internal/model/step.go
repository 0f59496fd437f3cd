package model

import (
	"strconv"
	"strings"
)

// act is a kind of step.
type act uint8

// The acts, by actor.
const (
	hitMemory act = iota // readers
	join
	register
	sendGet
	getHit
	getMiss
	leaseHit
	leaseBusy
	leaseBarred
	leaseGranted
	loadAnyway
	loadPrimary
	loadReplica
	sendFill
	fillAccepted
	fillRefused
	giveUp
	raise
	confirmed
	unconfirmed
	receive
	admit

	drawID // writers
	commit
	invalidate
	writeThrough
	throughFloor
	acknowledge
	intend
	finish
	rollback
	withdraw
	doubt

	relayDelivers // relays
	relayMarks
	relayCrashes

	deliver // sessions
	lapse
	trackingOn
	newSession
	pong

	replicate // the world around
	loadError
	leaseLost
	valueGone
	tombstoneGone
	intentGone
	intentLapses
	flush
	redeliver
	crashWriter
	crashIntended
	crashAdrift
	crash
	disconnect

	endOfActs
)

// step is one labelled transition.
type step struct {
	act act

	actor   uint8 // the reader, writer or process
	version uint8 // for join, the reader that leads the flight
}

// phrase describes the act: %r, %w and %p stand for the actor, %v for the
// version, %l for the leader.
func (a act) phrase() string {
	return [endOfActs]string{
		hitMemory:    "reader %r: Get, memory hit, returns v%v",
		join:         "reader %r: Get, joins the flight of reader %l",
		register:     "reader %r: Get, registers a flight",
		sendGet:      "reader %r: GET sent",
		getHit:       "reader %r: GET served: v%v, reply on its way",
		getMiss:      "reader %r: GET served: nothing",
		leaseHit:     "reader %r: LEASE served: v%v, reply on its way",
		leaseBusy:    "reader %r: LEASE busy, waits",
		leaseBarred:  "reader %r: LEASE served: an intent",
		leaseGranted: "reader %r: LEASE granted, floor v%v",
		loadAnyway:   "reader %r: loads without a lease",
		loadPrimary:  "reader %r: reads v%v from the primary",
		loadReplica:  "reader %r: reads v%v from the replica",
		sendFill:     "reader %r: FILL v%v sent",
		fillAccepted: "reader %r: FILL v%v accepted",
		fillRefused:  "reader %r: FILL v%v refused",
		giveUp:       "reader %r: gives up waiting, will read the primary",
		raise:        "reader %r: floor raised to v%v",
		confirmed:    "reader %r: looks again at v%v, there is an intent",
		unconfirmed:  "reader %r: looks again, there is no intent, starts again",
		receive:      "reader %r: returns v%v",
		admit:        "reader %r: returns v%v, which enters memory",

		drawID:       "writer %w: transaction begins with outbox row %v",
		commit:       "writer %w: COMMIT v%v",
		invalidate:   "writer %w: INVALIDATE floor v%v applied",
		writeThrough: "writer %w: WRITE-THROUGH v%v, which is stored",
		throughFloor: "writer %w: WRITE-THROUGH v%v, taken as a floor",
		acknowledge:  "writer %w: acknowledged v%v",

		intend:   "writer %w: INTENT placed",
		finish:   "writer %w: FINISH v%v",
		rollback: "writer %w: ROLLBACK",
		withdraw: "writer %w: FINISH without a version",

		doubt:         "writer %w: does not learn of its COMMIT",
		relayDelivers: "relay: INVALIDATE floor v%v of writer %w",
		relayMarks:    "relay: row of writer %w is marked done",
		relayCrashes:  "relay: crashes with the row of writer %w",

		deliver:    "process %p: push delivered",
		lapse:      "process %p: heartbeat lapsed, session ended",
		trackingOn: "process %p: TRACKING ON",
		newSession: "process %p: new session",
		pong:       "process %p: PING answered, memory may be read",

		replicate:     "replica: applies v%v",
		loadError:     "reader %r: load fails, lease released",
		leaseLost:     "lease of reader %r: runs out",
		valueGone:     "data key: value v%v gone (evicted or expired)",
		tombstoneGone: "data key: tombstone with floor v%v gone (evicted or expired)",
		intentGone:    "data key: intent gone (evicted)",
		intentLapses:  "intent of writer %w: lapses",
		flush:         "shared tier: FLUSHALL",
		redeliver:     "relay: INVALIDATE floor v%v of writer %w applied again",
		crashWriter:   "writer %w: crashes before it invalidates v%v",
		crashIntended: "writer %w: crashes before COMMIT",
		crashAdrift:   "writer %w: dies or rolls back with its INTENT still on its way",
		crash:         "process %p: crashes",
		disconnect:    "process %p: tracking connection lost, with its pushes",
	}[a]
}

// names holds the names of readers, writers and processes by their place in a
// state. Places change when a state is replaced by its representative.
type names struct {
	readers   [maxReaders]uint8
	writers   [maxWriters]uint8
	processes [maxProcesses]uint8
}

// namesAtStart counts from 1, and processes from A.
func namesAtStart() names {
	return names{readers: [...]uint8{1, 2, 3}, writers: [...]uint8{1, 2}, processes: [...]uint8{'A', 'B', 'C'}}
}

// describe puts the step into words.
func (n *names) describe(s step) string {
	number := func(x uint8) string { return strconv.Itoa(int(x)) }
	at := func(names []uint8, place uint8) uint8 { return names[min(int(place), len(names)-1)] }
	return strings.NewReplacer(
		"%r", number(at(n.readers[:], s.actor)),
		"%w", number(at(n.writers[:], s.actor)),
		"%p", string(rune(at(n.processes[:], s.actor))),
		"%l", number(at(n.readers[:], s.version)),
		"%v", number(s.version),
	).Replace(s.act.phrase())
}
