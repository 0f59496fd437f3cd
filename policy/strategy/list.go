package strategy

import (
	"strings"
)

// inMode takes what stands in a list of never-classes or of targets. It returns what
// a label names.
func (r *reader) inMode(m mode, t text, label clause, rest text, labelled bool) speaker {
	switch {
	case m == misses || m == hits:
		for _, c := range t.clauses() {
			r.account(c.source())
			r.sayTarget(m, c)
		}
		return nil
	case labelled:
		return r.neverBecause(label, rest)
	}
	var who speaker
	all := t.clauses()
	for _, c := range all {
		r.account(c.source())
		who = r.neverThese(c, c.text)
	}
	if len(all) > 1 {
		return nil
	}
	return who
}

// neverBecause takes "Payments: money moves". What stands behind the name of a
// never-class is mostly why, and why is worth keeping: it becomes the description. A
// condition is neither: nothing limits what is never cached.
func (r *reader) neverBecause(label clause, why text) speaker {
	r.account(label.source())
	who := r.neverThese(label, label.text)
	for _, c := range why.clauses() {
		r.account(c.source())
		switch s, ok := who.(*subject[class]); {
		case ok && conditional.MatchString(c.text) && !knows(s, c):
			r.unknown(c, "it limits what is never cached, and nothing does", "leave it out, or name a class of its own")
		case ok && !knows(s, c):
			s.note(c, "description")
			_ = put(s, c, "description", &s.v.Description, c.source())
			r.understand()
		case who != nil:
			r.sayClause(who, c)
		default:
			r.unknown(c, "it does not say what it is about", "name the class before it")
		}
	}
	return who
}

// neverThese makes never-classes, and routes that nobody stores, of names. It
// returns the only one, if it is one. "…" and "etc." are listed: what else must not be
// cached is the last thing to guess.
func (r *reader) neverThese(c clause, names string) speaker {
	var one speaker
	parts := listSeparator.Split(strings.TrimRight(names, ".… "), -1)
	for _, part := range parts {
		part = strings.TrimPrefix(strings.TrimPrefix(part, "and "), "or ")
		if part = strings.TrimSpace(part); part == "" && len(parts) > 1 {
			continue // two separators in a row
		}
		name := c.with(part)
		who, reason := r.named(name)
		if who == nil {
			if part == "" {
				name, reason = c, "it names nothing: what else is never cached is not guessed"
			}
			r.unknown(name, reason, "name each class: \"Never cache: checkout, payment\"")
			continue
		}
		// The rule's own words for it; where it stands is the name's line.
		_ = who.say(clause{place: c.place, text: "never cache"})
		r.noteName(name, who)
		r.understand()
		one = who
	}
	if len(parts) > 1 {
		return nil // what stands beneath is about all of them, or none
	}
	return one
}

// sayTarget takes a target in a list of such, whose label has said of what: "< 10% for
// search" is of misses or of hits.
func (r *reader) sayTarget(m mode, c clause) {
	of := "misses"
	if m == hits {
		of = "hits"
	}
	if !r.target(c, of) {
		r.unknown(c, "a target has a share and a class", `say "< 10% for product catalog"`)
	}
}
