package model

// mostPushes bounds the pushes on their way to one process. The server merges
// what it has not sent yet, so this leaves no behaviour out: one is on the wire
// and one stands for all that follow.
const mostPushes = 2

// changed tells every process with tracking on that the data key has changed.
func (m *model) changed(s *state) {
	if !m.cfg.Memory {
		return
	}
	for i := range s.processes {
		if p := &s.processes[i]; m.populated[i] && p.link.tracked() {
			p.pushes = min(p.pushes+1, mostPushes)
		}
	}
}

// forget is what an invalidation does in process p: the key's counter moves
// on, so that the entry and every flight registered until now are no longer
// usable.
func (m *model) forget(s *state, p int) {
	s.processes[p].entry = 0
	if m.without(noTaint) {
		return
	}
	s.processes[p].flight = 0
	for i := range m.readers {
		if r := &s.readers[i]; m.process[i] == p && r.phase.leads() && m.cfg.Memory {
			r.tainted = true
		}
	}
}

// remembered returns the version that reader i finds in memory, or 0.
func (m *model) remembered(s *state, i int) uint8 {
	p := &s.processes[m.process[i]]
	if m.strict[i] || !p.link.servesMemory() {
		return 0
	}
	return p.entry
}

// register puts a flight of reader i into the map, in place of one that the
// reader could not join. It notes counter and session before any command.
func (m *model) register(s *state, i int) {
	p := &s.processes[m.process[i]]
	r := &s.readers[i]
	r.phase = registered
	if m.alone[i] {
		return
	}
	p.flight = uint8(1 + i)
	r.inSession = m.cfg.Memory && (p.link.hasSession() || m.without(noFlush|noFlushOfFlights))
}

// joinable returns the reader whose flight reader i may join now, or -1.
func (m *model) joinable(s *state, i int) int {
	p := &s.processes[m.process[i]]
	if p.flight == 0 {
		return -1
	}
	leader := int(p.flight - 1)
	f := &s.readers[leader]
	switch {
	case f.phase.unasked(), m.without(plainSingleflight):
		return leader
	case f.phase == confirming && m.without(joinPast):
		return leader
	case !m.strict[i] && p.link.servesMemory() && f.inSession && !f.tainted:
		return leader
	}
	return -1
}

// unlist takes reader i's flight out of the map.
func (m *model) unlist(s *state, i int) {
	if p := &s.processes[m.process[i]]; p.flight == uint8(1+i) {
		p.flight = 0
	}
}

// admissible reports whether the answer of reader i's flight may enter memory:
// nothing has happened to the key or the session since it was registered.
func (m *model) admissible(s *state, i int) bool {
	r := &s.readers[i]
	if m.without(lateNote) {
		return s.processes[m.process[i]].link.hasSession()
	}
	return r.inSession && (!r.tainted || m.without(noTaint))
}
