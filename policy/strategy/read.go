package strategy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
)

// Read reads a caching strategy in Markdown. name is for messages. Every statement
// of the page is in the policy, or in the report's NotUnderstood; what had to be
// decided is in its Notes. Classes have no Go type after that: a page does not say
// it, and the report's Wants name them.
//
// The errors are a page above [MaxSize], and [*Contradictions]. With an error there
// is no policy; with contradictions there still is a report.
func Read(name string, markdown []byte) (*policy.Policy, *Report, error) {
	if len(markdown) > MaxSize {
		return nil, nil, fmt.Errorf("%s: a page has at most %d bytes, this one has %d; take out what is no strategy", name, MaxSize, len(markdown))
	}
	r := newReader(&Report{Name: name})
	page := strings.TrimPrefix(strings.ToValidUTF8(string(markdown), "\uFFFD"), "\uFEFF")
	all := blocks(page)
	for i, b := range all {
		r.block(b, i+1 < len(all) && all[i+1].kind == item && all[i+1].indent > b.indent)
	}
	p := r.finish()
	r.report.Notes, r.report.NotUnderstood = inOrder(r.notes), inOrder(r.unknowns)
	if len(r.wrong) > 0 {
		return nil, r.report, &Contradictions{Name: name, All: inOrder(r.wrong)}
	}
	return p, r.report, nil
}

// A reader goes through a page and collects what it says. Nothing is decided before the
// page has ended that a later line could decide: targets may name a class that comes
// below, and "not in memory" may stand before "Redis".
type reader struct {
	report   *Report
	notes    []found[Note]
	unknowns []found[Unknown]
	wrong    []found[Contradiction]
	noted    map[Note]bool // so that none is there twice

	classes  map[string]*subject[class]
	routes   map[string]*subject[route]
	profiles map[string]*subject[policy.Profile]
	cdns     []*subject[policy.CDN]
	fleet    *subject[policy.Fleet]
	golang   *subject[policy.Go]

	headings []context // from the page's to the nearest
	items    []context // from the outermost list's to the nearest
	targets  []aim     // to be matched with classes when all are known
}

// newReader makes a reader of a page, or of one clause that is only tried. The fleet and
// the generated code are there once, whether they are spoken of or not.
func newReader(report *Report) *reader {
	r := &reader{
		report:   report,
		noted:    map[Note]bool{},
		classes:  map[string]*subject[class]{},
		routes:   map[string]*subject[route]{},
		profiles: map[string]*subject[policy.Profile]{},
	}
	r.fleet = newSubject(r, "the fleet", "Fleet", fleetRules)
	r.golang = newSubject(r, "generated code", "Generated code", goRules)
	return r
}

// finish makes a policy of what was said, when all of it is known.
func (r *reader) finish() *policy.Policy {
	r.closeItems(-1)
	p := &policy.Policy{Version: policy.FileVersion, Fleet: r.fleet.v, Go: r.golang.v}
	r.aimTargets()
	for _, name := range slices.Sorted(maps.Keys(r.classes)) {
		if s := r.classes[name]; len(s.said) > 0 {
			r.finishClass(s)
			insert(&p.Classes, name, s.v)
		}
	}
	for pattern, s := range r.routes {
		if len(s.said) > 0 {
			insert(&p.Routes, pattern, s.v)
		}
	}
	for name, s := range r.profiles {
		if len(s.said) > 0 {
			insert(&p.Profiles, name, s.v)
		}
	}
	for _, s := range r.cdns {
		p.CDNs = append(p.CDNs, s.v)
	}
	r.want(p)
	return p
}

// insert puts a value into a map that is made when it is needed.
func insert[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// finishClass decides what depends on all that was said of a class. A class that is
// never cached has nothing else: a TTL of it would be a second opinion.
func (r *reader) finishClass(s *subject[class]) {
	if s.v.Pattern == policy.Never {
		never := s.said["pattern"]
		if m, ok := s.said["privacy"]; ok { // it says why
			s.v.Privacy = ""
			delete(s.said, "privacy")
			r.note(m.place, "%s: %s → nothing to set: nothing of it is kept", s.label, m.text)
		}
		for _, field := range slices.Sorted(maps.Keys(s.said)) {
			if m := s.said[field]; field != "pattern" && field != "description" && !strings.HasPrefix(field, "rule ") && !strings.HasPrefix(field, saidNot+"tier") {
				r.contradict(m.place, never.place, "%s: %q is for what is cached, but %q", s.name, m.text, never.text)
				return
			}
		}
		return
	}
	r.end(s)
	r.tiers(s)
	if _, ok := s.said["row version"]; !ok && s.v.Pattern == policy.WriteThrough {
		s.v.RowVersion = "column"
		m := s.said["pattern"]
		r.note(m.place, "%s: %s → row_version column, which puts writers that cross in order; or say \"version from a sequence\", \"no row version\"", s.label, m.text)
	}
}

// want lists what classes need before code can be made of them. A guess would be worse:
// a type or a table is right or does not compile, and a TTL that nobody chose is wrong
// without a word.
func (r *reader) want(p *policy.Policy) {
	add := func(class, field, why string) {
		r.report.Wants = append(r.report.Wants, Want{class, field, why})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
		c := p.Classes[name]
		if c.Pattern == policy.Never {
			continue
		}
		for _, t := range c.Source.Tables {
			if t.Key == "" && t.Tags == nil {
				add(name, "source", fmt.Sprintf("what of the class a row of %s changes, such as key: \"{id}\"; the file is not read without", t.Name))
			}
		}
		if c.Type == "" {
			add(name, "type", "the Go type of its values; until then it is encoding/json.RawMessage")
		}
		if c.TTL.Shared == 0 && c.Profile == "" && !c.FromValue {
			add(name, "ttl", "how long a value is fresh; the page does not say")
		}
		if c.Source.From == "" && c.Source.Tables == nil {
			add(name, "source", "where its values are loaded from")
		}
	}
}

// A found is something for the report, with its place on the page.
type found[T any] struct {
	place
	what T
}

// inOrder sorts what was found as it is read, and leaves the places out.
func inOrder[T any](all []found[T]) []T {
	slices.SortStableFunc(all, func(a, b found[T]) int { return a.compare(b.place) })
	var sorted []T
	for _, f := range all {
		sorted = append(sorted, f.what)
	}
	return sorted
}

// note writes down a decision.
func (r *reader) note(at place, format string, args ...any) {
	n := Note{at.line, fmt.Sprintf(format, args...)}
	if !r.noted[n] {
		r.noted[n] = true
		r.notes = append(r.notes, found[Note]{at, n})
	}
}

// contradict writes down two statements that cannot both hold.
func (r *reader) contradict(at, other place, format string, args ...any) {
	if at.compare(other) < 0 {
		at, other = other, at
	}
	r.wrong = append(r.wrong, found[Contradiction]{at, Contradiction{at.line, other.line, fmt.Sprintf(format, args...)}})
}

// understand counts a statement that is in the policy, or that asks for what is there.
func (r *reader) understand() {
	r.report.Statements++
	r.report.Understood++
}

// unknown lists a statement that is not.
func (r *reader) unknown(c clause, reason, suggestion string) {
	r.report.Statements++
	r.unknowns = append(r.unknowns, found[Unknown]{c.place, Unknown{c.line, c.source(), reason, suggestion}})
}

// account keeps a text that a block was taken apart into. Nothing but a test looks at
// them: all pieces together have each letter of the page once, so that no way through
// this package can pass over a word.
func (r *reader) account(text string) { r.report.pieces = append(r.report.pieces, text) }
