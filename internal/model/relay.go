package model

// row is a write's row in the outbox, which is there from COMMIT on, and how
// far the relay has come with it. There may be many relays: nothing here asks
// which of them it is.
//
//	none ──COMMIT──> pending ──invalidate──> delivered ──mark──> done
//	                    ^───────crash────────────┘
type row uint8

const (
	none row = iota
	pending
	delivered
	done
	markedFirst // marked done, not yet delivered: the mutant doneFirst
)

// relay adds the relay's steps with writer w's row. That it has taken the row
// but not yet delivered it is nobody's business: dying then changes nothing.
func (t *turn) relay(w int) {
	switch t.s.writers[w].row {
	case pending:
		switch {
		case !t.visible(t.s, w):
		case t.without(doneFirst):
			t.step(relayMarks, w, 0).writers[w].row = markedFirst
		default:
			t.relayDelivers(w)
		}
	case delivered:
		t.step(relayMarks, w, 0).writers[w].row = done
		t.relayCrashes(w, pending)
	case markedFirst:
		t.relayDelivers(w)
		t.relayCrashes(w, done)
	}
}

// relayDelivers applies the invalidation of writer w's row. If nothing can
// happen between this and the mark, the two are one step.
func (t *turn) relayDelivers(w int) {
	wr := &t.s.writers[w]
	n := t.step(relayDelivers, w, wr.version)
	t.invalidate(n, wr.version)
	n.writers[w].row = delivered
	if t.s.left.RelayCrashes == 0 || wr.row == markedFirst {
		n.writers[w].row = done
	}
	if t.without(afterLast) {
		n.last = wr.id
	}
}

// relayCrashes kills the relay that has writer w's row, and leaves the row as
// it is for the next.
func (t *turn) relayCrashes(w int, left row) {
	if t.s.left.RelayCrashes == 0 {
		return
	}
	n := t.step(relayCrashes, w, 0)
	n.left.RelayCrashes--
	n.writers[w].row = left
}

// visible reports whether the relay's query finds writer w's pending row. It
// finds all, locked ones aside. The mutant afterLast takes one after the other
// by id, and ids commit out of order.
func (m *model) visible(s *state, w int) bool {
	if !m.without(afterLast) {
		return true
	}
	mine := s.writers[w].id
	for i := range m.cfg.Writers {
		other := &s.writers[i]
		if other.row == pending && other.id > s.last && other.id < mine {
			return false // that one first
		}
	}
	return mine > s.last
}

// drawID begins the transaction of writer w with its outbox row, which has an
// id from then on. Only the mutant afterLast looks at ids.
func (t *turn) drawID(w int) *writer {
	id := uint8(1)
	for i := range t.cfg.Writers {
		id = max(id, t.s.writers[i].id+1)
	}
	n := t.step(drawID, w, id)
	n.writers[w].id = id
	return &n.writers[w]
}

// abandoned reports whether writer w's version is committed, and there is nobody
// left who would bring it to the shared tier.
func (m *model) abandoned(s *state, w int) bool {
	wr := &s.writers[w]
	if wr.phase != crashed && wr.phase != withdrawn || wr.version == 0 {
		return false
	}
	switch wr.row {
	case none, done:
		return true
	case pending:
		return m.without(afterLast) && wr.id <= s.last
	}
	return false
}
