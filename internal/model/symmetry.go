package model

// Readers that differ in nothing but their number lead to the same states with
// other numbers. Each state is replaced by a representative in which such
// readers, and such writers, are sorted.

// swap is a pair of readers that may change places, with their processes if
// these differ.
type swap struct{ a, b int }

// symmetries lists the swaps in an order that sorts: first the lightest reader
// comes first, then the next.
func (m *model) symmetries() []swap {
	var swaps []swap
	for a := range m.readers {
		for b := a + 1; b < m.readers; b++ {
			if m.alike(a, b) {
				swaps = append(swaps, swap{a, b})
			}
		}
	}
	return swaps
}

// alike reports whether readers a and b are interchangeable: the same work, in
// one process, or each alone in one that has no writers.
func (m *model) alike(a, b int) bool {
	x, y := m.cfg.Readers[a], m.cfg.Readers[b]
	if x.Gets != y.Gets || x.Strict != y.Strict {
		return false
	}
	return x.Process == y.Process || m.lonely(a) && m.lonely(b)
}

// lonely reports whether nobody shares reader i's process.
func (m *model) lonely(i int) bool {
	for j, r := range m.cfg.Readers {
		if j != i && r.Process == m.process[i] {
			return false
		}
	}
	for _, w := range m.cfg.Writers {
		if w.Process == m.process[i] {
			return false
		}
	}
	return true
}

// represent replaces s by its representative and keeps n, if any, in step.
func (m *model) represent(s *state, n *names) {
	if s.seen <= s.acked {
		s.seen = 0 // what A asks for, M need not ask for again
	}
	if s.firm <= s.acked {
		s.firm = 0
	}
	if m.twins {
		sortWriters(s, n)
	}
	for _, pair := range m.swaps {
		if m.heavier(s, pair.a, pair.b) {
			m.exchange(s, pair.a, pair.b, n)
		}
	}
}

// heavier reports whether reader a belongs behind reader b. The phase decides
// most cases, and cheaply.
func (m *model) heavier(s *state, a, b int) bool {
	if p, q := s.readers[a].phase, s.readers[b].phase; p != q {
		return p > q
	}
	return m.weight(s, a) > m.weight(s, b)
}

// weight orders readers of one phase by all else they are, but their number.
func (m *model) weight(s *state, i int) uint64 {
	r, p := &s.readers[i], &s.processes[m.process[i]]
	w := uint64(r.left)<<4 | uint64(r.version)
	w = w<<4 | uint64(r.floor)
	w = w<<4 | uint64(r.owedAck)
	w = w<<4 | uint64(r.owedSeen)
	w = w<<4 | uint64(r.owedFirm)
	w = w<<4 | flags(r.leader != 0, r.tainted, r.inSession, r.primary)
	w = w<<4 | flags(s.lease == uint8(1+i), p.flight == uint8(1+i), p.flight != 0, false)
	w = w<<4 | uint64(p.entry)
	w = w<<4 | uint64(p.link)
	return w<<4 | uint64(p.pushes)
}

// flags packs four facts.
func flags(facts ...bool) uint64 {
	var b uint64
	for _, fact := range facts {
		b <<= 1
		if fact {
			b |= 1
		}
	}
	return b
}

// exchange lets readers a and b change places.
func (m *model) exchange(s *state, a, b int, n *names) {
	s.readers[a], s.readers[b] = s.readers[b], s.readers[a]
	p, q := m.process[a], m.process[b]
	s.processes[p], s.processes[q] = s.processes[q], s.processes[p]
	s.lease = exchanged(s.lease, a, b)
	for i := range s.processes {
		s.processes[i].flight = exchanged(s.processes[i].flight, a, b)
	}
	for i := range s.readers {
		s.readers[i].leader = exchanged(s.readers[i].leader, a, b)
	}
	if n != nil {
		n.readers[a], n.readers[b] = n.readers[b], n.readers[a]
		n.processes[p], n.processes[q] = n.processes[q], n.processes[p]
	}
}

// exchanged follows a reference (1 + the reader or writer, 0 is none) to its new place.
func exchanged(ref uint8, a, b int) uint8 {
	switch ref {
	case uint8(1 + a):
		return uint8(1 + b)
	case uint8(1 + b):
		return uint8(1 + a)
	}
	return ref
}

// sortWriters puts the writer that has come further second.
func sortWriters(s *state, n *names) {
	a, b := &s.writers[0], &s.writers[1]
	if a.weight() <= b.weight() {
		return
	}
	*a, *b = *b, *a
	s.slot.owner = exchanged(s.slot.owner, 0, 1)
	if n != nil {
		n.writers[0], n.writers[1] = n.writers[1], n.writers[0]
	}
}

// weight orders writers.
func (w *writer) weight() uint64 {
	return uint64(w.phase)<<16 | uint64(w.version)<<12 | uint64(w.row)<<8 | uint64(w.id)<<4 | flags(w.robbed)
}
