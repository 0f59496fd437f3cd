package model

// The shared tier's scripts. Each is one step: Redis runs them one at a time.

// reply is what the lease script says.
type reply uint8

const (
	hit reply = iota
	granted
	busy
	noEntry // there is a live intent
)

// leaseReply is what the lease script says to a load that asks.
func (s *state) leaseReply() reply {
	switch {
	case s.slot.kind == value:
		return hit
	case s.slot.kind == intent:
		return noEntry
	case s.lease != 0:
		return busy
	}
	return granted
}

// mayFill reports whether the lease lets reader i's fill through.
func (m *model) mayFill(s *state, i int) bool {
	switch {
	case m.without(noLease):
		return true
	case s.lease == 0:
		return m.without(leaseMayBeAbsent)
	case m.without(leasePerProcess):
		return m.process[s.lease-1] == m.process[i]
	}
	return s.lease == uint8(1+i)
}

// fill is the fill script for reader i. It reports whether the value is now
// the one that the fleet has.
func (m *model) fill(s *state, i int) bool {
	if !m.mayFill(s, i) {
		return false
	}
	s.lease = 0
	version := s.readers[i].version
	if s.slot.kind == intent && !m.without(fillOverIntent) {
		return false
	}
	if s.slot.kind != absent && version < s.slot.version && m.comparesAtFill() {
		m.changed(s) // the nudge that wakes the waiters
		return false
	}
	s.slot = slot{kind: value, version: version}
	m.changed(s)
	return true
}

// comparesAtFill reports whether the fill script looks at the floor.
func (m *model) comparesAtFill() bool {
	return !m.cfg.Unversioned && !m.without(noFloor|floorOnlyAtLoader|noLease)
}

// comparesAtLoad reports whether the loader looks at the lease's floor.
func (m *model) comparesAtLoad() bool {
	return !m.cfg.Unversioned && !m.without(noFloor|floorOnlyAtFill)
}

// release is the release script for reader i.
func (m *model) release(s *state, i int) {
	if s.lease != 0 && m.mayFill(s, i) {
		s.lease = 0
	}
}

// invalidate is the invalidate script. The writer, a relay and a reader that
// gave up all use it, in any order and as often as they like.
func (m *model) invalidate(s *state, floor uint8) {
	if !m.without(keepLease) {
		s.lease = 0
	}
	if s.slot.kind == value && s.slot.version >= floor && floor != 0 && !m.cfg.Unversioned {
		return
	}
	switch {
	case s.slot.kind == intent && !m.without(intentYields), s.slot.kind == lapsed && !m.without(lapsedYields):
		m.underIntent(s, floor)
		return
	case s.slot.kind != value:
		floor = max(floor, s.slot.version)
	}
	s.slot = slot{kind: tombstone, version: m.floorOf(s, floor)}
	m.changed(s)
}

// writeThrough is the write-through script. It puts the value over an older
// one only: a value in the slot is at least as new as all that has been
// acknowledged, so that a newer one is too. Nothing else there says as much,
// and then the version is no more than a floor. It reports whether it put the
// value there.
func (m *model) writeThrough(s *state, version uint8) bool {
	if !m.mayWrite(s, version) {
		m.invalidate(s, version)
		return false
	}
	s.lease = 0
	s.slot = slot{kind: value, version: version}
	m.changed(s)
	return true
}

// mayWrite reports whether a write-through may put its value into the slot.
func (m *model) mayWrite(s *state, version uint8) bool {
	switch {
	case s.slot.kind == value && m.without(throughUnversioned):
		return true
	case s.slot.kind == intent || s.slot.kind != value && !m.without(throughOverNothing):
		return false
	}
	return s.slot.version < version
}

// vanish removes the data key.
func (m *model) vanish(s *state) {
	s.slot = slot{}
	m.changed(s)
}

// held reports whether the data key must still stay: the replica has not yet
// caught up with what only this key remembers.
func (m *model) held(s *state) bool {
	if !m.cfg.Replica {
		return false
	}
	switch s.slot.kind {
	case value:
		return s.replica < s.slot.version && !m.without(shortTTL)
	case tombstone:
		return s.replica < s.slot.version && !m.without(shortHold)
	case lapsed:
		return s.replica < max(s.slot.version, s.slot.until) && !m.without(shortHold)
	case intent:
		return s.replica < s.committed && !m.without(shortHold)
	}
	return false
}
