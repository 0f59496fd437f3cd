package model

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// The trace is the reason why a reader who gave up must raise the floor. It
// must read like a story, and keep its actors' names although states are
// replaced by representatives on the way.
func TestCheck_TraceTellsAStory(t *testing.T) {
	r := check(t, Config{Mutant: bareLastRead, Readers: apart(3, 1), Writers: elsewhere(1), GiveUp: true})
	want := []string{
		"reader 1: Get, registers a flight",
		"reader 2: Get, registers a flight",
		"reader 2: GET served: nothing",
		"reader 1: GET served: nothing",
		"reader 1: LEASE granted, floor v0",
		"reader 2: LEASE busy, waits",
		"reader 2: gives up waiting, will read the primary",
		"reader 1: reads v1 from the primary",
		"reader 1: FILL v1 accepted",
		"writer 1: COMMIT v2",
		"reader 2: reads v2 from the primary",
		"reader 2: returns v2",
		"reader 3: Get, registers a flight",
		"reader 3: GET served: v1, reply on its way",
		"reader 3: returns v1",
	}
	if got := r.Traces[Monotonic]; !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// The other trace that decides what the code does: why the second look of a
// reader past an intent must raise the floor.
func TestCheck_TraceOfTheBareSecondLook(t *testing.T) {
	r := check(t, Config{Mutant: bareRecheck, Readers: apart(2, 1), Writers: oneStrict()})
	want := []string{
		"reader 1: Get, registers a flight",
		"reader 1: GET served: nothing",
		"writer 1: INTENT placed",
		"reader 1: LEASE served: an intent",
		"writer 1: COMMIT v2",
		"writer 2: COMMIT v3",
		"reader 1: reads v3 from the primary",
		"reader 1: looks again at v3, there is an intent",
		"reader 1: returns v3",
		"reader 2: Get, registers a flight",
		"writer 1: FINISH v2",
		"reader 2: GET served: v2, reply on its way",
		"reader 2: returns v2",
	}
	if got := r.Traces[Monotonic]; !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestCheck_IsDeterministic(t *testing.T) {
	cfg := Config{Mutant: noLease, Readers: apart(3, 1), Writers: elsewhere(1)}
	a, b := check(t, cfg), check(t, cfg)
	if a.States != b.States || a.fired != b.fired {
		t.Errorf("%d states, then %d", a.States, b.States)
	}
	if !maps.EqualFunc(a.Traces, b.Traces, slices.Equal) {
		t.Errorf("traces %v, then %v", a.Traces, b.Traces)
	}
}

// Representatives save work; they must not change what is found.
func TestCheck_SymmetryChangesNothing(t *testing.T) {
	for _, a := range []ablation{
		{"the protocol", Config{
			Readers: apart(3, 1), Writers: elsewhere(2),
		}, 0},
		{"lease id per process", Config{
			Mutant: leasePerProcess, Readers: twoAndOne(), Writers: elsewhere(1), Faults: Faults{Evictions: 1},
		}, 0},
		{"no retry", Config{
			Mutant: noRetry, Readers: apart(3, 1), Writers: elsewhere(2),
		}, 0},
		{"no taint", Config{
			Mutant: noTaint, Readers: []Reader{{Process: 0, Gets: 1}, {Process: 0, Gets: 1}}, Writers: []Writer{{Process: 0}, {Process: 0}}, Memory: true,
		}, 0},
		{"intent outside the row lock", Config{
			Mutant: intentEarly, Readers: apart(2, 1), Writers: strictlyThrough(2), Faults: Faults{WriterCrashes: 1},
		}, 0},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			m := newModel(a.cfg)
			m.swaps, m.twins = nil, false
			whole, err := newSearch(m).run()
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, a.cfg)
			t.Logf("%d states, %d without symmetry", r.States, whole.States)
			if r.States >= whole.States {
				t.Errorf("%d states, want fewer than %d", r.States, whole.States)
			}
			sameLengths(t, r.Traces, whole.Traces)
		})
	}
}

// sameLengths expects the same properties broken in the same number of steps.
func sameLengths(t *testing.T, got, want map[Properties][]string) {
	for p := Properties(1); p < endOfProperties; p <<= 1 {
		if len(got[p]) != len(want[p]) {
			t.Errorf("%v is broken in %d steps, without symmetry in %d", p, len(got[p]), len(want[p]))
		}
	}
}

func TestCheck_ReportsAllMistakesOfAConfig(t *testing.T) {
	_, err := Check(Config{
		Readers: []Reader{{Process: 3, Gets: 1}, {Process: 0}, {}, {}},
		Writers: []Writer{{Process: -2}, {Through: true}, {}}, Unversioned: true,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"4 readers, want 1 to 3",
		"3 writers, want at most 2",
		"reader 1 is in process 3, want 0 to 2",
		"reader 2 does no Get",
		"writer 1 is in process -2, want -1 to 2",
		"writer 2 writes through, which needs versions",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %q, want it to say %q", err, want)
		}
	}
}

func TestCheck_EveryActHasAPhrase(t *testing.T) {
	n := namesAtStart()
	for act := range endOfActs {
		if words := n.describe(step{act: act, version: 1}); words == "" || strings.Contains(words, "%") {
			t.Errorf("act %d is described as %q", act, words)
		}
	}
}
