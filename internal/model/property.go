package model

import "strings"

// Properties is a set of what the protocol promises.
type Properties uint16

const (
	// ReadAfterAck (A): a strict Get returns at least the newest version that
	// was acknowledged when it began.
	ReadAfterAck Properties = 1 << iota

	// Monotonic (M): a strict Get returns nothing older than what a Get
	// returned that was complete when it began.
	Monotonic

	// SharedTier (S): at no time does the shared tier hold a value older than
	// the newest acknowledged version. Nothing would remove it before its TTL.
	SharedTier

	// Repaired (R): once a writer has died after COMMIT, or does not
	// know of it, and the relay has
	// nothing to deliver for it, neither tier holds anything older than what
	// it wrote, as far as it is not about to be removed. Promised with an
	// outbox only.
	Repaired

	// MemoryTier (S1): while a session is live and all its pushes have been
	// delivered, memory holds no usable entry older than the newest
	// acknowledged version. Nothing would remove it either.
	MemoryTier

	// OwnWrites (OWN): a Get that begins after its own process acknowledged an
	// invalidation returns at least that version, memory or not.
	OwnWrites

	// Committed (C): a strict Get that begins after the COMMIT of a strict
	// update returns at least its version, acknowledged or not; unless the
	// update's intent had been lost by then.
	Committed

	// OneLoad (L): at most one load can still be filled.
	OneLoad

	// NoDeadlock (D): whoever is not finished can go on.
	NoDeadlock

	endOfProperties
)

// String names the set by the letters above.
func (p Properties) String() string {
	var names []string
	for i, name := range []string{"A", "M", "S", "R", "S1", "OWN", "C", "L", "D"} {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ",")
}

// judge compares the version that reader i returns with what was owed to it
// when it began, and notes it as seen.
func (m *model) judge(s *state, i int, version uint8) Properties {
	r := &s.readers[i]
	s.seen = max(s.seen, version)
	var broken Properties
	if version < r.owedAck {
		broken = ReadAfterAck
		if !m.strict[i] {
			broken = OwnWrites
		}
	}
	if version < r.owedSeen {
		broken |= Monotonic
	}
	if version < r.owedFirm {
		broken |= Committed
	}
	return broken
}

// owe notes what reader i, beginning now, must not fall behind.
func (m *model) owe(s *state, i int) {
	r := &s.readers[i]
	if !m.strict[i] {
		r.owedAck = s.processes[m.process[i]].own
		return
	}
	r.owedAck = s.acked
	r.owedSeen = s.seen
	r.owedFirm = s.firm
}

// broken lists the properties that do not hold in s, whatever led to it.
func (m *model) broken(s *state) Properties {
	var broken Properties
	if s.slot.kind == value && s.slot.version < s.acked {
		broken |= SharedTier
	}
	lost := m.lost(s)
	if s.slot.kind == value && s.slot.version < lost {
		broken |= Repaired
	}
	for p := range s.processes {
		if stuck(&s.processes[p], s.acked) {
			broken |= MemoryTier
		}
		if stuck(&s.processes[p], lost) {
			broken |= Repaired
		}
	}
	if m.fillable(s) > 1 {
		broken |= OneLoad
	}
	return broken
}

// stuck reports whether p serves something older than version that no push is
// coming for.
func stuck(p *process, version uint8) bool {
	return p.link == live && p.pushes == 0 && p.entry != 0 && p.entry < version
}

// lost returns the newest version that is committed, not acknowledged, and
// that nobody will bring to the shared tier any more, or 0.
func (m *model) lost(s *state) uint8 {
	if !m.cfg.Outbox {
		return 0
	}
	version := uint8(0)
	for w := range m.cfg.Writers {
		if m.abandoned(s, w) {
			version = max(version, s.writers[w].version)
		}
	}
	return version
}

// fillable counts the loads whose fill the lease would let through now.
func (m *model) fillable(s *state) int {
	n := 0
	for i := range m.readers {
		if phase := s.readers[i].phase; (phase.loads() || phase == orphaned) && m.mayFill(s, i) {
			n++
		}
	}
	return n
}

// finished reports whether nobody has anything left to do. A fill on its way
// from a dead process is nobody's.
func (m *model) finished(s *state) bool {
	for i := range m.readers {
		r := &s.readers[i]
		if r.left > 0 || r.phase != idle && r.phase != orphaned {
			return false
		}
	}
	for i := range m.cfg.Writers {
		if !s.writers[i].phase.ended() {
			return false
		}
	}
	return true
}
