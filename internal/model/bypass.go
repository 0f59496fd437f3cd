package model

// A reader that meets an intent goes past the shared tier: it reads the
// primary, looks again, and returns what it has read if there still is an
// intent. It caches nothing.

// bypass reads the primary.
func (t *turn) bypass(i int) {
	t.giveUp(i)
	n := t.step(loadPrimary, i, t.s.committed)
	if t.without(noRecheck) {
		t.answerPast(n, i, n.committed)
		return
	}
	n.readers[i].phase = confirming
	n.readers[i].version = n.committed
}

// lookAgain ends the way past the intent, or starts again.
func (t *turn) lookAgain(i int) {
	version := t.s.readers[i].version
	n := t.step(confirmed, i, version)
	if t.confirm(n, version) {
		t.answerPast(n, i, version)
		return
	}
	t.last().step.act = unconfirmed
	n.readers[i].phase, n.readers[i].version = waiting, 0
}

// answerPast puts a version on its way back that will not enter memory.
func (m *model) answerPast(s *state, i int, version uint8) {
	m.answer(s, i, version)
	s.readers[i].inSession = false
}
