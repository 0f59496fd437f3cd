package model

import (
	"slices"
	"testing"
)

// apart is n strict readers, each in a process of its own.
func apart(n int, gets uint8) []Reader {
	var readers []Reader
	for i := range n {
		readers = append(readers, Reader{Process: i, Gets: gets, Strict: true})
	}
	return readers
}

// twoAndOne is two strict readers in process 0 and one in process 1.
func twoAndOne() []Reader {
	return []Reader{{Process: 0, Gets: 1, Strict: true}, {Process: 0, Gets: 1, Strict: true}, {Process: 1, Gets: 1, Strict: true}}
}

// twoGetsAndOne is two strict readers apart, the first of which does two Gets.
func twoGetsAndOne() []Reader {
	return []Reader{{Process: 0, Gets: 2, Strict: true}, {Process: 1, Gets: 1, Strict: true}}
}

// sharingMemory is two readers of one memory tier: the first does two Gets.
func sharingMemory() []Reader {
	return []Reader{{Process: 0, Gets: 2}, {Process: 0, Gets: 1}}
}

// elsewhere is n writers that share no process with readers.
func elsewhere(n int) []Writer {
	return slices.Repeat([]Writer{{Process: Elsewhere}}, n)
}

// through is n writers elsewhere that write through.
func through(n int) []Writer {
	return slices.Repeat([]Writer{{Process: Elsewhere, Through: true}}, n)
}

// oneThrough is a writer that writes through and one that invalidates.
func oneThrough() []Writer {
	return []Writer{{Process: Elsewhere, Through: true}, {Process: Elsewhere}}
}

// strictly is n strict writers elsewhere.
func strictly(n int) []Writer {
	return slices.Repeat([]Writer{{Process: Elsewhere, Strict: true}}, n)
}

// strictlyThrough is n strict writers elsewhere that write through.
func strictlyThrough(n int) []Writer {
	return slices.Repeat([]Writer{{Process: Elsewhere, Strict: true, Through: true}}, n)
}

// oneStrict is a strict writer that writes through and one that invalidates.
func oneStrict() []Writer {
	return []Writer{{Process: Elsewhere, Strict: true, Through: true}, {Process: Elsewhere}}
}

// check explores a fleet.
func check(t *testing.T, cfg Config) *Result {
	t.Helper()
	r, err := Check(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// logTrace prints the shortest way to break p.
func logTrace(t *testing.T, r *Result, p Properties) {
	t.Helper()
	for i, line := range r.Traces[p] {
		t.Logf("%3d  %s", i+1, line)
	}
}
