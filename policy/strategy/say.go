package strategy

import (
	"errors"
	"strings"
)

// sayAll says each clause of a text of who. Each is by itself: one that is not understood
// takes nothing from the others.
func (r *reader) sayAll(who speaker, t text) {
	for _, c := range t.clauses() {
		r.account(c.source())
		r.sayClause(who, c)
	}
}

// fits tells whether a clause is about who: it names a field, or rules read or refuse
// it as a whole, or read it in parts.
func (r *reader) fits(who speaker, c clause) bool {
	_, err := tryReadings(who, c)
	return fieldLabel.MatchString(c.text) || !errors.Is(err, errPass) || parts(who, c) != nil
}

// understood tells whether a rule takes one of the clause's readings.
func understood(who speaker, c clause) bool {
	_, err := tryReadings(who, c)
	return err == nil
}

// tryReadings tells which fields a clause would say in the first of its readings
// that a rule takes or refuses.
func tryReadings(who speaker, c clause) (fields []string, err error) {
	for _, reading := range readings(c) {
		if fields, err = who.try(reading); !errors.Is(err, errPass) {
			return fields, err
		}
	}
	return nil, err
}

// sayClause says one clause, and counts it. A refusal ends the search: the rule that
// knows what is meant knows better than any that reads half of it.
func (r *reader) sayClause(who speaker, c clause) {
	for _, reading := range readings(c) {
		var no *refusal
		switch err := who.say(reading); {
		case err == nil:
			r.understand()
			return
		case errors.As(err, &no):
			r.unknown(c, no.reason, no.mend)
			return
		}
	}
	list := parts(who, c)
	for _, p := range list {
		r.sayClause(who, p)
	}
	if list == nil {
		r.unknown(c, "no statement of a policy has this form", suggest(c))
	}
}

// suggest says what to write instead of a clause that no rule reads, by what people have
// mostly meant that looks like it.
func suggest(c clause) string {
	switch {
	case strings.ContainsAny(c.text, "0123456789"):
		return `a length of time is said as "5m TTL", "memory 1m" or "CDN 60s"; docs/strategy.md has all forms`
	case len(strings.Fields(c.text)) == 1:
		return "names in a list are written in code: tags `a`, `b`; docs/strategy.md has all forms"
	case len(strings.Fields(c.text)) > 5:
		return "say it in a few words, or leave explanations out of the list; docs/strategy.md has all forms"
	}
	return "docs/strategy.md has all forms"
}
