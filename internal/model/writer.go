package model

// writePhase is how far a write has come.
//
//	unwritten ──COMMIT──> committed ──invalidate──> invalidated ──own process, ack──> acknowledged
//	                          └──────crash──────> crashed
//
// A write-through takes the same way, with another script.
type writePhase uint8

const (
	unwritten writePhase = iota
	begun                // for the mutant afterLast: its outbox row has an id
	committed
	invalidated
	acknowledged
	crashed

	// strict writers only
	intended
	unannounced // committed, and no intent yet: the mutant intentLate
	withdrawing
	withdrawn
	adrift
)

// ended reports whether nothing is left to do.
func (p writePhase) ended() bool { return p == acknowledged || p == crashed || p == withdrawn }

// holdsIntent reports whether the writer lives and will finish its intent.
func (p writePhase) holdsIntent() bool { return p == intended || p == committed || p == withdrawing }

// writer adds the steps of writer w.
func (t *turn) writer(w int) {
	switch {
	case t.without(invalidateFirst):
		t.writeInvalidateFirst(w)
		return
	case t.without(ackFirst):
		t.writeAckFirst(w)
		return
	case t.cfg.Writers[w].Strict:
		t.writeStrict(w)
		return
	}
	switch t.s.writers[w].phase {
	case unwritten:
		if t.without(afterLast) {
			t.drawID(w).phase = begun
		} else if !t.locked(t.s) {
			t.commit(w).phase = committed
		}
	case begun:
		t.commit(w).phase = committed
	case committed:
		t.apply(w).phase = invalidated
		t.crashWriter(w)
	case invalidated:
		t.acknowledge(w).phase = acknowledged
	}
}

// writeInvalidateFirst is the write of the mutant invalidateFirst.
func (t *turn) writeInvalidateFirst(w int) {
	switch t.s.writers[w].phase {
	case unwritten:
		t.sendInvalidate(w).phase = invalidated
	case invalidated:
		t.commit(w).phase = committed
	case committed:
		t.acknowledge(w).phase = acknowledged
	}
}

// writeAckFirst is the write of the mutant ackFirst: the last two steps, and
// the names of the phases they lead to, change places.
func (t *turn) writeAckFirst(w int) {
	switch t.s.writers[w].phase {
	case unwritten:
		t.commit(w).phase = committed
	case committed:
		t.acknowledge(w).phase = invalidated
	case invalidated:
		t.sendInvalidate(w).phase = acknowledged
	}
}

// commit makes a new version. Two writes of one row follow each other: the row
// lock is held until COMMIT.
func (t *turn) commit(w int) *writer {
	n := t.step(commit, w, t.s.committed+1)
	n.committed++
	n.writers[w].version = n.committed
	if t.cfg.Outbox && !t.without(noOutbox) {
		n.writers[w].row = pending
	}
	return &n.writers[w]
}

// apply brings the write to the shared tier, in the way of this writer.
func (t *turn) apply(w int) *writer {
	if !t.cfg.Writers[w].Through {
		return t.sendInvalidate(w)
	}
	version := t.s.writers[w].version
	n := t.step(writeThrough, w, version)
	if !t.writeThrough(n, version) {
		t.last().step.act = throughFloor
	}
	return &n.writers[w]
}

// sendInvalidate applies the write's invalidation at the shared tier.
func (t *turn) sendInvalidate(w int) *writer {
	floor := t.s.writers[w].version
	n := t.step(invalidate, w, floor)
	t.invalidate(n, floor)
	return &n.writers[w]
}

// acknowledge tells the writer's own process, then returns to the caller. No
// Get can begin in between that would have to see it, so it is one step.
func (t *turn) acknowledge(w int) *writer {
	version := t.s.writers[w].version
	n := t.step(acknowledge, w, version)
	n.acked = max(n.acked, version)
	if p := t.cfg.Writers[w].Process; p != Elsewhere {
		n.processes[p].own = max(n.processes[p].own, version)
		if !t.without(noOwnInvalidate) {
			t.forget(n, p)
		}
	}
	return &n.writers[w]
}

// crashWriter kills the writer between COMMIT and invalidation. Nothing was
// acknowledged, so that without an outbox nothing is owed. With one, the rest
// is the relay's.
func (t *turn) crashWriter(w int) {
	if t.s.left.WriterCrashes == 0 {
		return
	}
	n := t.step(crashWriter, w, t.s.writers[w].version)
	n.left.WriterCrashes--
	n.writers[w].phase = crashed
}
