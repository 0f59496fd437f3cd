package strategy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/larderdev/larder/policy"
)

// row takes a row of a table: the first cell names, the others say. The first column
// is the name whatever its head says, since "Data", "Entity" and "What" are as good.
func (r *reader) row(b block) {
	r.closeItems(b.indent)
	if len(b.cells) == 0 {
		return
	}
	t := newText(block{line: b.line, text: b.cells[0]}, r.account)
	label := t.clause(strings.TrimRight(t.s, ": ")) // a colon behind it says nothing in a table
	r.account(label.source())
	who, reason := r.named(label)
	before := r.report.Understood
	at := len(b.cells[0])
	for i, cell := range b.cells[1:] {
		t := newText(block{line: b.line, at: at, text: cell}, r.account)
		at += len(cell) + 1
		for _, c := range cellClauses(t, b.head, i+1) {
			r.account(c.source())
			if who == nil {
				r.unknown(c, reason, "name a class in the first column")
				continue
			}
			r.cell(who, c, columnName(b.head, i+1))
		}
	}
	switch {
	case who != nil && r.report.Understood > before:
		r.noteName(label, who)
	case who != nil && len(b.cells) == 1: // else its cells are listed by themselves
		r.unknown(label, "nothing is said of it", `add a cell, such as "5m TTL"`)
	}
}

// columnName is what the head of a table calls a column, or "" for one beyond the head:
// rows may have more cells than that, and these are statements, too.
func columnName(head []string, column int) string {
	if column >= len(head) {
		return ""
	}
	return strings.Trim(head[column], "*_`? ")
}

// cellClauses are the statements of a cell: one, if its column is one of lists of
// names, whose commas part names and not statements.
func cellClauses(t text, head []string, column int) []clause {
	if name := columnName(head, column); listBegins.MatchString(name+" a") && strings.TrimSpace(t.s) != "" && strings.Trim(t.s, " –—-") != "" {
		return []clause{t.clause(t.s)}
	}
	return t.clauses()
}

// plainColumn begins the names of columns whose cells speak for themselves. Under
// any other name, "Retention" or "Update frequency", they speak of something else:
// without it they would be understood, and wrongly.
var plainColumn = regexp.MustCompile(`(?i)^(?:pattern|strategy|approach|policy|how|where|kept|level|location|ttl|time|duration|valid|for how long|consistency|privacy|scope|purge|notes?|comments?|remarks?|details|other|rest|rules?|settings?|source|loaded|from|key|tags?|target)\b|^(?:cach|expir|invalidat|life|fresh|tier|layer|stor)`)

// What a cell says of its column as a whole.
var (
	cellYes   = regexp.MustCompile(`(?i)^(?:yes|y|true|on|x|✓|✔|✅)$`)
	cellNo    = regexp.MustCompile(`(?i)^(?:no|n|false|off|never|✗|✘|❌)$`)
	cellEmpty = regexp.MustCompile(`(?i)^(?:n/a|–)$`)
)

// cell takes a statement of a cell: with the name of its column before it, if a rule
// reads that, or by itself. The name comes first because it says what the cell leaves
// out: "30s" is a TTL, but beneath "SWR" it is not.
func (r *reader) cell(who speaker, c clause, column string) {
	var forms []string
	switch {
	case cellEmpty.MatchString(c.text):
		r.understand() // it says nothing on purpose
		return
	case column == "":
	case cellYes.MatchString(c.text):
		forms = []string{column}
	case cellNo.MatchString(c.text):
		forms = []string{column + ": " + c.text, "no " + column, "not " + column}
	default:
		forms = []string{column + ": " + c.text, column + " " + c.text}
	}
	for _, form := range forms {
		if labelled := c.with(form); understood(who, labelled) {
			r.sayClause(who, labelled)
			return
		}
	}
	if column != "" && (!plainColumn.MatchString(column) || isTime(c.text) && !timeLabel.MatchString(column)) {
		r.unknown(c, fmt.Sprintf("nothing is known of %q", column), "name the column after what it says, such as TTL, Redis or Key")
		return
	}
	if strings.EqualFold(c.text, string(policy.Never)) { // in a column of patterns, whatever that is called
		c = c.with("never cache")
	}
	r.sayClause(who, c)
}
