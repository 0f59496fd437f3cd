package strategy

import (
	"strings"

	"github.com/larderdev/larder/policy"
)

// row takes a row of a table: the first cell names, the others say.
func (r *reader) row(b block) {
	r.closeItems(b.indent)
	if len(b.cells) == 0 {
		return
	}
	line := func(s string) text { return newText(block{line: b.line, text: s}, r.account) }
	t := line(b.cells[0])
	label := clause{line: b.line, literals: t.literals}.with(strings.TrimRight(t.s, ": "))
	r.account(label.source())
	who, reason := r.named(label)
	before := r.report.Understood
	for i, cell := range b.cells[1:] {
		t := line(cell)
		for _, c := range t.clauses() {
			r.account(c.source())
			if who == nil {
				r.unknown(c, reason, "name a class in the first column")
				continue
			}
			r.cell(who, c, i+1, b.head)
		}
	}
	switch {
	case who != nil && r.report.Understood > before:
		r.noteName(label, who)
	case who != nil && len(b.cells) == 1:
		r.unknown(label, "nothing is said of it", `add a cell, such as "5m TTL"`)
	}
}

// cell takes a statement of a cell: with the head of its column before it, if a
// rule reads that, or by itself.
func (r *reader) cell(who speaker, c clause, column int, head []string) {
	if empty := strings.ToLower(c.text); empty == "n/a" || empty == "none" || empty == "–" {
		if c.text != "none" {
			r.understand() // it says nothing on purpose
			return
		}
	}
	if column < len(head) {
		words := strings.Trim(head[column], "*_` ")
		for _, form := range []string{words + ": " + c.text, words + " " + c.text} {
			if labelled := c.with(form); who.knows(labelled) && !who.knows(c) {
				c = labelled
				break
			}
		}
	}
	if s, ok := who.(*subject[class]); ok && strings.EqualFold(c.text, string(policy.Never)) {
		_ = put(s, c, "pattern", &s.v.Pattern, policy.Never)
		r.understand()
		return
	}
	r.sayClause(who, c)
}
