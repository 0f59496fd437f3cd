package strategy

import (
	"cmp"
	"strings"
)

// A place is where something stands on a page. Notes of one line are in the order
// of its words, whenever they were decided.
type place struct {
	line int
	at   int // bytes from where its block begins
}

// compare orders places as they are read.
func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.at, q.at))
}

// A clause is one statement, with runes for its literals.
type clause struct {
	place
	text     string // white space is single spaces
	literals []literal
}

// source is the clause as it was written. Reports quote nothing else: people look for
// their own words.
func (c clause) source() string { return restore(c.text, c.literals) }

// with is the clause with another text of the same literals.
func (c clause) with(text string) clause {
	c.text = strings.Join(strings.Fields(text), " ")
	return c
}

// plain is the clause with the words of its literals in their place.
func (c clause) plain() clause {
	var out strings.Builder
	for _, r := range c.text {
		if i := int(r - firstLiteral); i >= 0 && i < len(c.literals) {
			out.WriteString(c.literals[i].value)
		} else {
			out.WriteRune(r)
		}
	}
	return c.with(out.String())
}

// value is what a part of the clause says: that of its literal, or its words. A part
// with a literal and words is words: half of a name in code is no name.
func (c clause) value(part string) string {
	part = strings.TrimSpace(part)
	if all := c.values(part); len(all) == 1 && len(part) == len(string(firstLiteral)) {
		return all[0]
	}
	return restore(part, c.literals)
}

// values are those of the literals in a part of the clause.
func (c clause) values(part string) []string {
	var all []string
	for _, r := range part {
		if i := int(r - firstLiteral); i >= 0 && i < len(c.literals) {
			all = append(all, c.literals[i].value)
		}
	}
	return all
}
