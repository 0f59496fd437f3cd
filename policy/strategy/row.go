package strategy

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
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
	b, label = r.withMethod(b, label)
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

// withMethod takes the method of a route from a column of its own: "/cart" beside
// "POST" is the route "POST /cart".
func (r *reader) withMethod(b block, label clause) (block, clause) {
	if _, ok := patternOf(label); !ok || strings.Contains(label.text, " ") {
		return b, label
	}
	for i, cell := range b.cells[1:] {
		method := strings.Trim(cell, "`* ")
		if methodColumn.MatchString(columnName(b.head, i+1)) && methodName.MatchString(method) {
			r.account(cell)
			r.understand()
			b.cells = slices.Clone(b.cells)
			b.cells[i+1] = ""
			return b, label.with(method + " " + label.plain().text)
		}
	}
	return b, label
}

// The column of methods, and what stands in it. A "*" or "GET/POST" is none: routes
// of several methods are several routes.
var (
	methodColumn = regexp.MustCompile(`(?i)^(?:http )?(?:method|verb)s?$`)
	methodName   = regexp.MustCompile(`^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$`)
)

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
var plainColumn = regexp.MustCompile(`(?i)^(?:pattern|strategy|approach|policy|how|where|kept|level|location|ttl|time|duration|valid|for how long|consistency|privacy|scope|purge|notes?|comments?|remarks?|details|other|rest|rules?|settings?|source|stale|loaded|from|key|tags?|target)\b|^(?:cach|expir|invalidat|life|fresh|tier|layer|stor)`)

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
	var refused *refusal
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
		labelled := c.with(form)
		var no *refusal
		switch _, err := tryReadings(who, labelled); {
		case err == nil:
			r.sayClause(who, labelled)
			return
		case errors.As(err, &no):
			refused = cmp.Or(refused, no)
		}
	}
	if refused != nil && (isTime(c.text) || !understood(who, c)) { // "30s SWR" says by itself what "Stale: 30s" does not
		r.unknown(c, refused.reason, refused.mend)
		return
	}
	if column != "" && understood(who, c.with(column+" 1m")) && !isTime(c.text) {
		r.unknown(c, fmt.Sprintf("it is no length of time, and nothing else that %q says", column), suggest(c))
		return
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
