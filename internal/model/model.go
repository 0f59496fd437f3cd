package model

import "slices"

// model is a Config with what follows from it.
type model struct {
	cfg     Config
	readers int

	// per reader
	process [maxReaders]int
	strict  [maxReaders]bool

	// alone marks readers whose flights nobody else can see: they have their
	// process to themselves and the class has no memory.
	alone [maxReaders]bool

	// populated marks processes that have readers; the others hold nothing.
	populated [maxProcesses]bool

	// What may change places: pairs of readers, and the two writers.
	swaps []swap
	twins bool
}

func newModel(cfg Config) *model {
	m := &model{cfg: cfg, readers: len(cfg.Readers)}
	var inhabitants [maxProcesses]int
	for i, r := range cfg.Readers {
		m.process[i] = r.Process
		m.strict[i] = r.Strict || !cfg.Memory
		inhabitants[r.Process]++
	}
	for p, n := range inhabitants {
		m.populated[p] = n > 0
	}
	for i := range cfg.Readers {
		m.alone[i] = !cfg.Memory && inhabitants[m.process[i]] == 1
	}
	m.swaps = m.symmetries()
	m.twins = len(cfg.Writers) == 2 && cfg.Writers[0] == cfg.Writers[1]
	return m
}

// without reports whether one of the clauses is left out.
func (m *model) without(clause Mutant) bool { return m.cfg.Mutant.has(clause) }

// turn collects the steps that are possible in one state.
type turn struct {
	*model
	s     *state // where they start; never changed
	moves []move
}

// move is a step with the state it leads to and the properties it breaks.
type move struct {
	next   state
	step   step
	broken Properties
}

// step adds a step by actor to the turn and returns where it leads: so far a
// copy of the state, which is the caller's to change until it adds another.
func (t *turn) step(a act, actor int, version uint8) *state {
	t.moves = slices.Grow(t.moves, 1)[:len(t.moves)+1]
	mv := t.last()
	mv.next = *t.s
	mv.step = step{act: a, actor: uint8(actor), version: version}
	mv.broken = 0
	return &mv.next
}

// last returns the step added last.
func (t *turn) last() *move { return &t.moves[len(t.moves)-1] }

// steps fills the turn with all steps from s, always in the same order.
func (t *turn) steps(s *state) {
	t.s, t.moves = s, t.moves[:0]
	for i := range t.readers {
		t.reader(i)
	}
	for i := range t.cfg.Writers {
		t.writer(i)
		t.relay(i)
	}
	for p := range maxProcesses {
		if t.cfg.Memory && t.populated[p] {
			t.link(p)
		}
	}
	t.faults()
}
