package model

// The shared tier's scripts for strict updates. An intent says that a write is
// about to commit: nothing under it may be read or filled.

// intend is the intent script for writer w. It takes the place of whatever is
// there, another writer's intent included, and keeps the highest floor.
func (m *model) intend(s *state, w int) {
	if !m.without(keepLease) {
		s.lease = 0
	}
	floor := s.slot.version
	if m.without(intentForgets) {
		floor = 0
	}
	s.slot = slot{kind: intent, version: floor, owner: uint8(1 + w)}
	m.changed(s)
}

// finish is the finish script for writer w, whose version is committed.
func (m *model) finish(s *state, w int) {
	version := s.writers[w].version
	through := m.cfg.Writers[w].Through
	switch {
	case !m.owns(s, w) && through:
		m.writeThrough(s, version)
	case !m.owns(s, w):
		m.invalidate(s, version)
	case through && (version >= s.slot.version || m.without(finishBelowFloor)):
		s.slot = slot{kind: value, version: version}
		m.changed(s)
	default:
		s.slot = slot{kind: tombstone, version: m.floorOf(s, max(version, s.slot.version))}
		m.changed(s)
	}
}

// withdraw is the finish script for writer w, which has rolled back. What was
// committed under the intent, perhaps by others whose intent it replaced, is
// not known: as when its time is over.
func (m *model) withdraw(s *state, w int) {
	if m.owns(s, w) {
		m.expire(s)
		m.changed(s)
	}
}

// owns reports whether the live intent, if any, is writer w's.
func (m *model) owns(s *state, w int) bool {
	return s.slot.kind == intent && (s.slot.owner == uint8(1+w) || m.without(finishAnyID))
}

// expire ends the time of the live intent. It is a tombstone from now on, but
// one whose floor says too little: the write may have been committed, and the
// replica not have it. Loads therefore read the primary until it is gone.
func (m *model) expire(s *state) {
	s.slot.owner = 0
	if m.cfg.Replica && !m.cfg.Unversioned && !m.without(lapsedIsTombstone) {
		s.slot.kind = lapsed
		s.slot.until = s.committed
		return
	}
	s.slot = slot{kind: tombstone, version: m.floorOf(s, s.slot.version)}
}

// underIntent is what an invalidation does to an intent, live or not: the
// intent stays, with the highest floor.
func (m *model) underIntent(s *state, floor uint8) {
	if floor > s.slot.version && !m.without(deafIntent) {
		s.slot.version = floor
		m.changed(s)
	}
}

// confirm is the script by which a reader looks again before it returns what
// it has read from the primary past an intent. It reports whether there still
// is a live intent. Whose it is does not matter: each of them has dropped all
// leases. The reader's answer is in no cache, so that the intent's floor must
// be raised to it: see bareRecheck.
func (m *model) confirm(s *state, version uint8) bool {
	if s.slot.kind != intent {
		return false
	}
	if !m.without(bareRecheck) {
		m.underIntent(s, version)
	}
	return true
}

// floorOf returns what stands for a tombstone's floor. In an unversioned class
// nobody reads it; held does, for "everything until now".
func (m *model) floorOf(s *state, floor uint8) uint8 {
	if m.cfg.Unversioned {
		return s.committed
	}
	return floor
}
