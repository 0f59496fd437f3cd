package model

// writeStrict adds the steps of writer w if it is strict. It holds the row
// lock from the UPDATE until COMMIT or ROLLBACK. That it has the lock but has
// not yet placed its intent is a difference to nobody.
//
//	              lock, INTENT           COMMIT            FINISH
//	unwritten ──────────────> intended ──────> committed ──────> invalidated ──> acknowledged
//	    │                         │                └──────in doubt──────┐
//	    │                         └──ROLLBACK──> withdrawing <──────────┘
//	    │                                             └──FINISH without a version──> withdrawn
//	    └──gone, the INTENT on its way──> adrift ──INTENT──> crashed
func (t *turn) writeStrict(w int) {
	switch t.s.writers[w].phase {
	case unwritten:
		if !t.locked(t.s) {
			t.beginStrict(w)
		}
	case intended:
		t.commitStrict(w).phase = committed
		t.rollback(w)
		t.crashIntended(w)
	case unannounced:
		t.intend(w).phase = committed
	case committed:
		t.finish(w).phase = invalidated
		t.crashWriter(w)
		t.doubt(w)
	case withdrawing:
		n := t.step(withdraw, w, 0)
		t.withdraw(n, w)
		n.writers[w].phase = withdrawn
	case adrift:
		t.intend(w).phase = crashed
		if t.without(finishUnanswered) {
			t.last().next.writers[w].phase = withdrawing
		}
	case invalidated:
		t.acknowledge(w).phase = acknowledged
	}
}

// beginStrict is UPDATE and intent.
func (t *turn) beginStrict(w int) {
	if t.without(intentLate) {
		t.commitStrict(w).phase = unannounced
		return
	}
	t.intend(w).phase = intended
	if t.s.left.WriterCrashes > 0 {
		n := t.step(crashAdrift, w, 0)
		n.left.WriterCrashes--
		n.writers[w].phase = adrift
	}
}

// intend applies the intent at the shared tier.
func (t *turn) intend(w int) *writer {
	n := t.step(intend, w, 0)
	t.model.intend(n, w)
	return &n.writers[w]
}

// commitStrict is COMMIT. From here on no Get may return anything older,
// unless a fault has taken the intent away meanwhile.
func (t *turn) commitStrict(w int) *writer {
	wr := t.commit(w)
	if n := &t.last().next; !wr.robbed {
		n.firm = wr.version
	}
	wr.robbed = false
	return wr
}

// finish brings the version, or the value, to the shared tier.
func (t *turn) finish(w int) *writer {
	n := t.step(finish, w, t.s.writers[w].version)
	t.model.finish(n, w)
	return &n.writers[w]
}

// rollback ends the transaction. The lock is free before the intent is gone.
func (t *turn) rollback(w int) {
	if t.s.left.Rollbacks == 0 {
		return
	}
	n := t.step(rollback, w, 0)
	n.left.Rollbacks--
	n.writers[w].phase, n.writers[w].robbed = withdrawing, false
}

// doubt hides from the writer that its COMMIT took effect. It finishes as if
// it had not, which is right in both cases; with an outbox, the relay knows.
func (t *turn) doubt(w int) {
	if t.s.left.Doubts == 0 {
		return
	}
	n := t.step(doubt, w, 0)
	n.left.Doubts--
	n.writers[w].phase = withdrawing
}

// crashIntended kills the writer before COMMIT; the database rolls back.
func (t *turn) crashIntended(w int) {
	if t.s.left.WriterCrashes == 0 {
		return
	}
	n := t.step(crashIntended, w, 0)
	n.left.WriterCrashes--
	n.writers[w].phase, n.writers[w].robbed = crashed, false
}

// locked reports whether a transaction holds the row lock.
func (m *model) locked(s *state) bool {
	if m.without(intentEarly) {
		return false
	}
	for w := range m.cfg.Writers {
		if s.writers[w].phase == intended {
			return true
		}
	}
	return false
}

// lapseIntent lets the live intent's time run out. That of a dead holder always does
// so in the end.
func (t *turn) lapseIntent() {
	if t.s.slot.kind != intent {
		return
	}
	owner := int(t.s.slot.owner - 1)
	alive := t.s.writers[owner].phase.holdsIntent()
	if alive && t.s.left.Lapses == 0 {
		return
	}
	n := t.step(intentLapses, owner, 0)
	if alive {
		n.left.Lapses--
	}
	t.rob(n)
	t.expire(n)
}

// rob notes that a fault took away what the writers relied upon that have
// placed their intent and not yet committed.
func (m *model) rob(s *state) {
	if s.slot.kind != intent {
		return
	}
	for w := range m.cfg.Writers {
		if s.writers[w].phase == intended {
			s.writers[w].robbed = true
		}
	}
}
