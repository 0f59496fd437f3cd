package model

import (
	"fmt"
	"slices"
)

// mostStates ends a search that has got out of hand, before the machine does.
const mostStates = 100_000_000

// Result is what a search found.
type Result struct {
	// States is the number of different states, Depth the number of steps to
	// the farthest of them.
	States, Depth int

	// Broken holds the properties that do not hold, Traces the shortest way to
	// break each of them.
	Broken Properties
	Traces map[Properties][]string

	// fired counts the steps by kind.
	fired [endOfActs]int
}

// Check searches all states of a fleet, breadth first, so that the first way
// found to break a property is a shortest one. The result depends on cfg alone.
func Check(cfg Config) (*Result, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return newSearch(newModel(cfg)).run()
}

// run expands level after level until there is nothing new.
func (s *search) run() (*Result, error) {
	for from := 0; len(s.frontier) > 0; {
		level := s.frontier
		s.frontier = nil
		for i := range level {
			s.expand(&level[i], from+i)
		}
		from += len(level)
		if len(s.frontier) > 0 {
			s.result.Depth++
		}
		if len(s.seen) > mostStates {
			return nil, fmt.Errorf("model: more than %d states", mostStates)
		}
	}
	s.result.States = len(s.seen)
	return s.result, nil
}

// search is a breadth-first search. States are numbered in the order in which
// they were found; only the frontier is kept as states, the rest as the way
// they were reached.
type search struct {
	turn     turn
	seen     map[state]struct{}
	frontier []state
	parents  []int32 // by state number
	choices  []uint8 // which of the parent's steps
	result   *Result // outlives the search, which is big
}

func newSearch(m *model) *search {
	s := &search{
		turn:   turn{model: m},
		seen:   map[state]struct{}{},
		result: &Result{Traces: map[Properties][]string{}},
	}
	start := m.initial()
	m.represent(&start, nil)
	s.add(&start, -1, 0)
	return s
}

// add numbers a state, unless it is known.
func (s *search) add(next *state, parent int, choice int) (added bool) {
	if _, ok := s.seen[*next]; ok {
		return false
	}
	s.seen[*next] = struct{}{}
	s.frontier = append(s.frontier, *next)
	s.parents = append(s.parents, int32(parent))
	s.choices = append(s.choices, uint8(choice))
	return true
}

// expand takes all steps from a state.
func (s *search) expand(from *state, number int) {
	t := &s.turn
	t.steps(from)
	if len(t.moves) == 0 && !t.finished(from) {
		s.report(NoDeadlock, number, -1)
	}
	for i := range t.moves {
		mv := &t.moves[i]
		s.result.fired[mv.step.act]++
		t.represent(&mv.next, nil)
		broken := mv.broken
		if s.add(&mv.next, number, i) {
			broken |= t.broken(&mv.next)
		}
		if broken&^s.result.Broken != 0 {
			s.report(broken, number, i)
		}
	}
}

// report records each property in broken that is new, with the steps to state
// number and then the given choice, if any.
func (s *search) report(broken Properties, number, choice int) {
	broken &^= s.result.Broken
	s.result.Broken |= broken
	trace := s.trace(number, choice)
	for p := Properties(1); p < endOfProperties; p <<= 1 {
		if broken&p != 0 {
			s.result.Traces[p] = trace
		}
	}
}

// trace puts the steps to a state into words. It takes them again from the
// start, because the names of actors depend on all changes of places until
// then.
func (s *search) trace(number, choice int) []string {
	var choices []uint8
	if choice >= 0 {
		choices = append(choices, uint8(choice))
	}
	for ; number > 0; number = int(s.parents[number]) {
		choices = append(choices, s.choices[number])
	}
	slices.Reverse(choices)

	t := &turn{model: s.turn.model}
	at := t.initial()
	n := namesAtStart()
	t.represent(&at, &n)
	var words []string
	for _, c := range choices {
		t.steps(&at)
		words = append(words, n.describe(t.moves[c].step))
		at = t.moves[c].next
		t.represent(&at, &n)
	}
	return words
}
