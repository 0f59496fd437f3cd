package model

// state is everything that may differ between two moments of a fleet. It is
// small and comparable: it is the key of the set of states already seen.
type state struct {
	// slot and lease are the shared tier's two keys. The lease holds 1 + the
	// reader that took it: a reader runs one load at a time, so that this is
	// an id of the load. 0 is a free lease.
	slot  slot
	lease uint8

	// committed is the newest version at the primary, replica the newest the
	// replica has applied.
	committed, replica uint8

	// acked is the newest acknowledged version, seen the newest that any
	// completed Get has returned, firm the newest that was committed under an
	// intent. Nobody in the fleet knows them; the properties are about them.
	acked, seen, firm uint8

	// last is the outbox id that the mutant afterLast has come to.
	last uint8

	readers   [maxReaders]reader
	processes [maxProcesses]process
	writers   [maxWriters]writer

	// left is what may still go wrong.
	left Faults
}

// slotKind is what the data key holds.
type slotKind uint8

const (
	absent slotKind = iota
	value
	tombstone
	intent
	lapsed // an intent whose time is over
)

// slot is the data key: a value with its version, or a tombstone or an intent
// with its floor. An unversioned class keeps its versions here too, for the properties;
// no step of the protocol looks at them.
type slot struct {
	kind    slotKind
	version uint8
	owner   uint8 // 1 + the writer whose intent it is
	until   uint8 // the newest version committed when the intent lapsed
}

// reader is one caller of Get and, while it leads a flight, that flight.
type reader struct {
	phase phase
	left  uint8 // Gets not yet complete

	version uint8 // what was found or loaded
	floor   uint8 // what came with the lease
	leader  uint8 // 1 + the reader whose flight was joined

	// tainted says that the key's counter is no longer the one that the flight
	// noted, inSession that the session it noted is the live one. The bits are
	// the comparisons: counters that only grow would make states infinite.
	tainted, inSession bool

	// primary sends the load to the primary.
	primary bool

	owedAck, owedSeen, owedFirm uint8
}

// process is what readers in one process share.
type process struct {
	flight uint8 // 1 + the reader whose flight is in the map
	entry  uint8 // the version in memory, usable; 0 is none
	link   link
	pushes uint8 // sent by the shared tier, not yet delivered
	own    uint8 // the newest version acknowledged by a writer in here
}

// writer is one write.
type writer struct {
	phase   writePhase
	version uint8
	row     row
	robbed  bool  // a fault took its intent away before COMMIT
	id      uint8 // of the row, for the mutant afterLast
}

// initial is a fleet that has just started over an empty shared tier. The row
// is at version 1.
func (m *model) initial() state {
	s := state{committed: 1, replica: 1, left: m.cfg.Faults}
	for i, r := range m.cfg.Readers {
		s.readers[i].left = r.Gets
	}
	return s
}
