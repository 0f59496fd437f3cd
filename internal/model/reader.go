package model

// phase is where a reader is in its Get.
//
//	           ┌───────────────────── again ─────────────────────┐
//	           v                                                 │
//	idle ─> registered ──GET──> asked ──nothing──> missed ──busy──> waiting
//	  │                           │                  │ │           ^   │
//	  │                           └─value─┐  ┌─value─┘ └─granted─┐ │   └─gives up─> lastRead ─> raising
//	  └─> joined                          v  v                   v │refused                        │
//	                                    answered <──accepted── loaded <──origin── leased           │
//	                                        ^──────────────────────────────────────────────────────┘
//
// asked is a GET on its way to the shared tier, missed a LEASE, loaded a FILL,
// raising an invalidation; answered is an answer on its way back.
type phase uint8

const (
	idle phase = iota
	joined
	registered
	asked
	missed
	waiting
	leased
	loaded
	lastRead
	raising
	answered
	orphaned // the process died with its FILL on the way
)

// leads reports whether the reader leads a flight.
func (p phase) leads() bool { return p >= registered && p <= answered }

// unasked reports whether the command that will answer the flight has yet to
// be sent, so that the answer cannot be older than a Get that joins now.
func (p phase) unasked() bool { return p == registered || p == waiting || p == leased }

// loads reports whether the reader is a living holder of a lease, as far as it
// knows.
func (p phase) loads() bool { return p == leased || p == loaded }

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
	case loaded, orphaned:
		t.serveFill(i)
	case lastRead:
		t.readPrimary(i)
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
		n := t.step(HitMemory, i, version)
		t.owe(n, i)
		t.complete(n, i, version)
		return
	}
	if leader := t.joinable(t.s, i); leader >= 0 {
		n := t.step(Join, i, uint8(leader))
		t.owe(n, i)
		n.readers[i].phase = joined
		n.readers[i].leader = uint8(1 + leader)
	}
	n := t.step(Register, i, 0)
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
	t.step(SendGet, i, 0).readers[i].phase = asked
}

// serveGet answers the GET.
func (t *turn) serveGet(i int) {
	if t.s.slot.kind == value {
		t.find(GetHit, i)
		return
	}
	t.step(GetMiss, i, 0).readers[i].phase = missed
}

// find sends the value in the slot back to reader i.
func (t *turn) find(act Act, i int) {
	n := t.step(act, i, t.s.slot.version)
	t.answer(n, i, t.s.slot.version)
}

// answer puts a version on its way back to reader i.
func (m *model) answer(s *state, i int, version uint8) {
	r := &s.readers[i]
	*r = reader{phase: answered, version: version, left: r.left, owedAck: r.owedAck, owedSeen: r.owedSeen,
		tainted: r.tainted, inSession: r.inSession}
}
