package model

import (
	"strconv"
	"strings"
)

// Act is a kind of step.
type Act uint8

// The acts, by actor.
const (
	HitMemory Act = iota // readers
	Join
	Register
	SendGet
	GetHit
	GetMiss
	LeaseHit
	LeaseBusy
	LeaseGranted
	LoadAnyway
	LoadPrimary
	LoadReplica
	FillAccepted
	FillRefused
	GiveUp
	Raise
	Receive
	Admit

	Commit // writers
	Invalidate
	Acknowledge

	Deliver // sessions
	Lapse
	TrackingOn
	NewSession
	Pong

	Replicate // the world around
	LoadError
	LeaseLost
	ValueGone
	TombstoneGone
	Flush
	Redeliver
	CrashWriter
	Crash
	Disconnect

	endOfActs
)

// Step is one labelled transition.
type Step struct {
	Act Act

	// Actor is the reader, writer or process that the act is about.
	Actor uint8

	// Version is the version that the act is about; for Join the reader that
	// leads the flight.
	Version uint8
}

// phrase describes the act: %r, %w and %p stand for the actor, %v for the
// version, %l for the leader.
func (a Act) phrase() string {
	return [endOfActs]string{
		HitMemory:    "reader %r: Get, memory hit, returns v%v",
		Join:         "reader %r: Get, joins the flight of reader %l",
		Register:     "reader %r: Get, registers a flight",
		SendGet:      "reader %r: GET sent",
		GetHit:       "reader %r: GET served: v%v, reply on its way",
		GetMiss:      "reader %r: GET served: nothing",
		LeaseHit:     "reader %r: LEASE served: v%v, reply on its way",
		LeaseBusy:    "reader %r: LEASE busy, waits",
		LeaseGranted: "reader %r: LEASE granted, floor v%v",
		LoadAnyway:   "reader %r: loads without a lease",
		LoadPrimary:  "reader %r: reads v%v from the primary",
		LoadReplica:  "reader %r: reads v%v from the replica",
		FillAccepted: "reader %r: FILL v%v accepted",
		FillRefused:  "reader %r: FILL v%v refused",
		GiveUp:       "reader %r: gives up waiting, will read the primary",
		Raise:        "reader %r: floor raised to v%v",
		Receive:      "reader %r: returns v%v",
		Admit:        "reader %r: returns v%v, which enters memory",

		Commit:      "writer %w: COMMIT v%v",
		Invalidate:  "writer %w: INVALIDATE floor v%v applied",
		Acknowledge: "writer %w: acknowledged v%v",

		Deliver:    "process %p: push delivered",
		Lapse:      "process %p: heartbeat lapsed, session ended",
		TrackingOn: "process %p: TRACKING ON",
		NewSession: "process %p: new session",
		Pong:       "process %p: PING answered, memory may be read",

		Replicate:     "replica: applies v%v",
		LoadError:     "reader %r: load fails, lease released",
		LeaseLost:     "lease of reader %r: runs out",
		ValueGone:     "data key: value v%v gone (evicted or expired)",
		TombstoneGone: "data key: tombstone with floor v%v gone (evicted or expired)",
		Flush:         "shared tier: FLUSHALL",
		Redeliver:     "relay: INVALIDATE floor v%v of writer %w applied again",
		CrashWriter:   "writer %w: crashes before it invalidates v%v",
		Crash:         "process %p: crashes",
		Disconnect:    "process %p: tracking connection lost, with its pushes",
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
func (n *names) describe(s Step) string {
	number := func(x uint8) string { return strconv.Itoa(int(x)) }
	at := func(names []uint8, place uint8) uint8 { return names[min(int(place), len(names)-1)] }
	return strings.NewReplacer(
		"%r", number(at(n.readers[:], s.Actor)),
		"%w", number(at(n.writers[:], s.Actor)),
		"%p", string(rune(at(n.processes[:], s.Actor))),
		"%l", number(at(n.readers[:], s.Version)),
		"%v", number(s.Version),
	).Replace(s.Act.phrase())
}
