package model

// link is the state of a process's tracking connection and session.
//
//	      connection dies     heartbeat lapses     TRACKING ON      new session     PING answered
//	live ───────────────> lost ──────────────> down ──────────> bare ──────────> fresh ──────────> live
//
// A process cannot tell live from lost: it reads memory in both, and only the
// heartbeat bounds how long.
type link uint8

const (
	live link = iota
	lost
	down
	bare      // tracking without a session
	fresh     // tracking and a session, not yet proven
	untracked // a session without tracking: the mutant flushBeforeTracking
	gone      // the process died
)

// tracked reports whether the server sends pushes.
func (l link) tracked() bool { return l == live || l == bare || l == fresh }

// hasSession reports whether a flight registered now has a session to note.
func (l link) hasSession() bool { return l == live || l == lost || l == fresh || l == untracked }

// servesMemory reports whether the process trusts its memory.
func (l link) servesMemory() bool { return l == live || l == lost }

// link adds the steps of process p's connection.
func (t *turn) link(p int) {
	switch t.s.processes[p].link {
	case lost:
		t.lapse(p)
	case down:
		if t.without(flushBeforeTracking) {
			t.beginSession(p, untracked)
		} else {
			t.step(trackingOn, p, 0).processes[p].link = bare
		}
	case untracked:
		t.step(trackingOn, p, 0).processes[p].link = fresh
	case bare:
		if t.without(noPing) {
			t.beginSession(p, live)
		} else {
			t.beginSession(p, fresh)
		}
	case fresh:
		t.step(pong, p, 0).processes[p].link = live
	}
	t.disconnect(p)
	t.deliver(p)
}

// beginSession empties memory. Flights registered from here on note the new
// session; what an earlier one brings home is not usable.
func (t *turn) beginSession(p int, to link) {
	n := t.step(newSession, p, 0)
	n.processes[p].link = to
	if !t.without(noFlush) {
		n.processes[p].entry = 0
	}
}

// deliver hands the oldest push to the process.
func (t *turn) deliver(p int) {
	if t.s.processes[p].pushes == 0 {
		return
	}
	n := t.step(deliver, p, 0)
	n.processes[p].pushes--
	t.forget(n, p)
}

// disconnect loses the connection and the pushes in it. While it is being set
// up the process notices at once, because a command of its own fails.
func (t *turn) disconnect(p int) {
	from := t.s.processes[p].link
	if t.s.left.Disconnects == 0 || !from.tracked() {
		return
	}
	n := t.step(disconnect, p, 0)
	n.left.Disconnects--
	n.processes[p].pushes = 0
	if from == live {
		n.processes[p].link = lost
		return
	}
	t.endSession(n, p)
}

// lapse is the moment when no heartbeat has been answered for too long.
func (t *turn) lapse(p int) {
	t.endSession(t.step(lapse, p, 0), p)
}

// endSession takes the session away: nothing that noted it is usable again.
func (m *model) endSession(s *state, p int) {
	s.processes[p].link = down
	if m.without(noFlush) {
		return
	}
	s.processes[p].entry = 0
	if m.without(noFlushOfFlights) {
		return
	}
	for i := range m.readers {
		if m.process[i] == p {
			s.readers[i].inSession = false
		}
	}
}
