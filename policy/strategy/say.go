package strategy

import (
	"errors"
	"strings"
)

// sayAll says each clause of a text of who.
func (r *reader) sayAll(who speaker, t text) {
	for _, c := range t.clauses() {
		r.account(c.source())
		r.sayClause(who, c)
	}
}

// fits tells whether a clause is about who: a rule reads it as a whole, without
// the name of a field before it, or in parts.
func (r *reader) fits(who speaker, c clause) bool {
	bare := c.with(fieldLabel.ReplaceAllString(c.text, ""))
	return who.knows(c) || len(c.literals) > 0 && who.knows(c.plain()) || bare.text != "" && who.knows(bare) || parts(who, bare) != nil || fieldLabel.MatchString(c.text)
}

// sayClause says one clause, and counts it.
func (r *reader) sayClause(who speaker, c clause) {
	err := who.say(c)
	if errors.Is(err, errPass) {
		if bare := c.with(fieldLabel.ReplaceAllString(c.text, "")); bare.text != c.text && bare.text != "" {
			c = bare
			err = who.say(c)
		}
	}
	if errors.Is(err, errPass) && len(c.values(c.text)) > 0 { // `1h` TTL: words in code that are no names
		if plain := c.plain(); who.knows(plain) {
			c = plain
			err = who.say(c)
		}
	}
	var no *refusal
	switch {
	case err == nil:
		r.understand()
	case errors.As(err, &no):
		r.unknown(c, no.reason, no.mend)
	default:
		if list := parts(who, c); list != nil {
			for _, p := range list {
				r.sayClause(who, p)
			}
			return
		}
		r.unknown(c, "no statement of a policy has this form", suggest(c))
	}
}

// maxParts bounds how many words that join are tried as joints of a clause.
const maxParts = 8

// parts parts a clause at words that join, such that a rule reads each part: "for 5
// minutes in Redis". It is nil if there is no way, or nothing to part.
func parts(who speaker, c clause) []clause {
	if len(c.text) > maxClause {
		return nil
	}
	joints := connector.FindAllStringIndex(c.text, maxParts+1)
	if len(joints) == 0 || len(joints) > maxParts {
		return nil
	}
	joints = append(joints, []int{len(c.text), len(c.text)})
	dead := map[int]bool{} // where no way leads on from
	var from func(start, next int) []clause
	from = func(start, next int) []clause {
		if dead[start] {
			return nil
		}
		for i := len(joints) - 1; i >= next; i-- {
			if start == 0 && i == len(joints)-1 {
				continue
			}
			head := c.with(c.text[start:joints[i][0]])
			if head.text == "" || !who.knows(head) {
				continue
			}
			if i == len(joints)-1 {
				return []clause{head}
			}
			if tail := from(joints[i][1], i+1); tail != nil {
				return append([]clause{head}, tail...)
			}
		}
		dead[start] = true
		return nil
	}
	return from(0, 0)
}

// suggest says what to write instead of a clause that no rule reads.
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
