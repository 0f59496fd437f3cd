package model

// phase is where a reader is in its Get: what it, or the server, does next.
type phase uint8

const (
	idle       phase = iota // find it in memory, join a flight, or register one
	joined                  // return when the leader does
	registered              // send GET
	asked                   // GET: a value: answered; nothing: missed
	missed                  // LEASE: a value: answered; busy: waiting; granted: leased
	waiting                 // between rounds: send GET again, or give up: lastRead
	leased                  // read the origin
	loaded                  // send FILL
	filling                 // FILL: accepted: answered; refused: waiting
	lastRead                // read the primary
	barred                  // read the primary past an intent: confirming
	confirming              // look again: an intent: answered; none: waiting
	raising                 // raise the floor to what was read: answered
	answered                // receive the answer and return
	orphaned                // FILL of a process that died
)

// leads reports whether the reader leads a flight.
func (p phase) leads() bool { return p >= registered && p <= answered }

// unasked reports whether the command that will answer the flight has yet to
// be sent, so that the answer cannot be older than a Get that joins now. A
// load is answered by its FILL: accepted, it vouches for what was loaded.
func (p phase) unasked() bool {
	return p == registered || p == waiting || p == leased || p == loaded || p == barred
}

// loads reports whether the reader is a living holder of a lease, as far as it
// knows.
func (p phase) loads() bool { return p == leased || p == loaded || p == filling }

// reader adds the steps of reader i.
func (t *turn) reader(i int) {
	r := &t.s.readers[i]
	switch r.phase {
	case idle:
		if r.left > 0 {
			t.begin(i)
		}
	case registered, waiting:
		t.ask(i)
	case asked:
		t.serveGet(i)
	case missed:
		t.serveLease(i)
	case leased:
		t.load(i)
	case loaded:
		t.sendFill(i)
	case filling, orphaned:
		t.serveFill(i)
	case lastRead:
		t.readPrimary(i)
	case barred:
		t.bypass(i)
	case confirming:
		t.lookAgain(i)
	case raising:
		t.raise(i)
	case answered:
		t.receive(i)
	}
}

// begin starts a Get: memory, a flight to join, a flight of its own. It may
// always start its own: joining is a right, not a duty.
func (t *turn) begin(i int) {
	if version := t.remembered(t.s, i); version != 0 {
		n := t.step(hitMemory, i, version)
		t.owe(n, i)
		t.complete(n, i, version)
		return
	}
	if leader := t.joinable(t.s, i); leader >= 0 {
		n := t.step(join, i, uint8(leader))
		t.owe(n, i)
		n.readers[i].phase = joined
		n.readers[i].leader = uint8(1 + leader)
	}
	n := t.step(register, i, 0)
	t.owe(n, i)
	t.register(n, i)
}

// ask sends the GET. A reader that waits is woken by whatever may end its
// wait; a poll in between would find nothing new and is left out.
func (t *turn) ask(i int) {
	if t.s.readers[i].phase == waiting {
		t.giveUp(i)
		if t.s.lease != 0 && t.s.slot.kind != value {
			return
		}
	}
	if t.alone[i] {
		t.serveGet(i) // nobody could tell that it was sent before
		return
	}
	t.step(sendGet, i, 0).readers[i].phase = asked
}

// serveGet answers the GET.
func (t *turn) serveGet(i int) {
	if t.s.slot.kind == value {
		t.find(getHit, i)
		return
	}
	t.step(getMiss, i, 0).readers[i].phase = missed
}

// find sends the value in the slot back to reader i.
func (t *turn) find(a act, i int) {
	n := t.step(a, i, t.s.slot.version)
	t.answer(n, i, t.s.slot.version)
}

// answer puts a version on its way back to reader i.
func (m *model) answer(s *state, i int, version uint8) {
	r := &s.readers[i]
	*r = reader{
		phase: answered, version: version, left: r.left, owedAck: r.owedAck, owedSeen: r.owedSeen, owedFirm: r.owedFirm,
		tainted: r.tainted, inSession: r.inSession,
	}
}
