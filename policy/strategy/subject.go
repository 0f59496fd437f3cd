package strategy

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/larderdev/larder/policy"
)

// A subject is what a page speaks of: a class, a route, the fleet. It holds what
// was said of it so far, and where.
type subject[T any] struct {
	r     *reader
	name  string // "class product"
	label string // what the page calls it
	v     T
	rules []rule[T]
	said  map[string]mention // by field
}

// newSubject makes a subject of which nothing is said yet. name is for messages, label
// for notes, which quote the page.
func newSubject[T any](r *reader, name, label string, rules []rule[T]) *subject[T] {
	return &subject[T]{r: r, name: name, label: label, rules: rules, said: map[string]mention{}}
}

// A mention is where and how a field was said.
type mention struct {
	place
	text string
}

// A speaker is a subject of any kind.
type speaker interface {
	// say makes policy of a clause, or says why not: errPass or a refusal.
	say(c clause) error
	// try tells which fields a clause would say, or why it says none, and changes
	// nothing.
	try(c clause) (fields []string, err error)
	// title names the subject in messages.
	title() string
}

// class returns the class under a name, whose page calls it label.
func (r *reader) class(name, label string) *subject[class] {
	return known(r, r.classes, name, "class "+name, label, allClassRules)
}

// allClassRules are in the order in which they are tried: a bare length of time
// comes after everything that has more words.
var allClassRules = slices.Concat(targetRules, staleRules(classSWR, classSIE), tierRules, loadRules, classRules)

// route returns the route of a pattern.
func (r *reader) route(pattern, label string) *subject[route] {
	return known(r, r.routes, pattern, "route "+pattern, label, allRouteRules)
}

// profile returns the profile under a name.
func (r *reader) profile(name string) *subject[policy.Profile] {
	return known(r, r.profiles, name, "profile "+name, "Profile "+name, profileRules)
}

// known returns the subject under a key, and makes one when the page names it first. Its
// label is how that was: later ones may be shorter.
func known[T any](r *reader, all map[string]*subject[T], key, name, label string, rules []rule[T]) *subject[T] {
	if all[key] == nil {
		all[key] = newSubject(r, name, label, rules)
	}
	return all[key]
}

// cdn adds a CDN.
func (r *reader) cdn(kind string) *subject[policy.CDN] {
	s := newSubject(r, "CDN "+kind, "CDN "+kind, cdnRules)
	s.v.Kind = kind
	r.cdns = append(r.cdns, s)
	return s
}

func (s *subject[T]) title() string { return s.name }

// maxClause bounds what is tried as a clause, in bytes: some hundred names in code.
const maxClause = 4096

// say asks the rules in their order. A clause that is too long for any statement is none
// of theirs: with it their work is bounded.
func (s *subject[T]) say(c clause) error {
	if len(c.text) > maxClause {
		return errPass
	}
	for _, rule := range s.rules {
		if m := rule.form.FindStringSubmatch(c.text); m != nil {
			if err := rule.do(s, c, m); !errors.Is(err, errPass) {
				return err
			}
		}
	}
	return errPass
}

// try says the clause of a subject that nobody has, for a reader that nobody asks: rules
// write notes and contradictions as they go, and there is no way to take these back.
func (s *subject[T]) try(c clause) ([]string, error) {
	trial := newSubject(newReader(&Report{}), s.name, s.label, s.rules)
	err := trial.say(c)
	return slices.Collect(maps.Keys(trial.said)), err
}

// knows tells whether a rule reads the clause as it stands.
func knows(who speaker, c clause) bool {
	_, err := who.try(c)
	return err == nil
}

// mention notes that a clause has said a field, if no other did before: the first is the
// one that a contradiction names beside the later.
func (s *subject[T]) mention(c clause, field string) {
	if _, ok := s.said[field]; !ok {
		s.said[field] = mention{c.place, c.source()}
	}
}

// note writes down what a clause was taken for.
func (s *subject[T]) note(c clause, format string, args ...any) {
	s.r.note(c.place, "%s: %s → %s", s.label, c.source(), fmt.Sprintf(format, args...))
}

// put sets a field, unless it was said before otherwise. To say the same twice is no
// contradiction: pages have a summary and details.
func put[S any, T comparable](s *subject[S], c clause, field string, to *T, v T) error {
	if m, ok := s.said[field]; ok && *to != v {
		s.r.contradict(c.place, m.place, "%s: %q says another %s than %q", s.name, c.source(), field, m.text)
		return nil
	}
	*to = v
	s.mention(c, field)
	return nil
}

// putList is put for lists.
func putList[S any, T comparable](s *subject[S], c clause, field string, to *[]T, v []T) error {
	if m, ok := s.said[field]; ok && !slices.Equal(*to, v) {
		s.r.contradict(c.place, m.place, "%s: %q says another %s than %q", s.name, c.source(), field, m.text)
		return nil
	}
	*to = v
	s.mention(c, field)
	return nil
}
