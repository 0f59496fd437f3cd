package strategy

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
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

// The marks of Markdown within a line, and where a label ends and clauses do.
var (
	boldLabel  = regexp.MustCompile(`^(?:\*\*|__)([^*_]+?)(?:\s*[:—–-])?(?:\*\*|__)\s*(?:[:—–]|->?|→)?(?:\s+|$)`)
	link       = regexp.MustCompile(`!?\[([^\[\]]*)\]\(([^()\s]*)\)`)
	lineBreak  = regexp.MustCompile(`(?i)<br\s*/?>`)
	stars      = regexp.MustCompile(`(^|[^/*])\*+`)
	under      = regexp.MustCompile(`(^|[\s(])_{1,2}(\S[^_]*?)_{1,2}([\s).,:;]|$)`)
	lifeBehind = regexp.MustCompile(`(?i)\b((?:memory|redis|valkey|cdn|edge|l1|l2|shared|browser)s?) \((\d[^()]*)\)`)
	shortened  = regexp.MustCompile(`(?i)\b(max|min|approx|ca)\.\s+(\d)`)
	labelEnd   = regexp.MustCompile(`:(?:\s|$)|\s(?:[—–-]|->|→|=>)\s|—`)
	between    = regexp.MustCompile(`,\s+|,$|,` + lit + `|;|\.(?:\s+|$)|\s[—–-]\s|—|\s\(|\)[,.]?\s*|→|\s-?->\s|[…]`)
)

// A text is that of a block, without marks and with runes for its literals.
type text struct {
	place
	s        string
	literals []literal
}

// clause is one in these words, which stands where the text begins.
func (t text) clause(words string) clause {
	return clause{place: t.place, literals: t.literals}.with(words)
}

// newText takes marks and literals from the text of a block. What is lost, the
// addresses of links, goes to dropped.
func newText(b block, dropped func(string)) text {
	s, literals := takeLiterals(b.text)
	s = boldLabel.ReplaceAllString(s, "$1: ")
	s = link.ReplaceAllStringFunc(s, func(l string) string {
		m := link.FindStringSubmatch(l)
		dropped(m[2])
		return m[1]
	})
	s = lineBreak.ReplaceAllStringFunc(s, func(l string) string {
		dropped(l)
		return "; "
	})
	s = shortened.ReplaceAllString(s, "$1 $2")
	s = lifeBehind.ReplaceAllString(s, "$1 $2")
	s = stars.ReplaceAllString(s, "$1")
	s = under.ReplaceAllString(s, "$1$2$3")
	return text{place{b.line, b.at}, s, literals}
}

// label parts "Inventory: write-through" into the label and the rest. ok is false
// if there is none. "Sessions (Redis): 1h" has the label "Sessions", and the rest
// begins with what is in parentheses.
func (t text) label() (label clause, rest text, ok bool) {
	m := labelEnd.FindStringIndex(t.s)
	if m == nil || strings.ContainsAny(t.s[:m[0]], ",;") && strings.Contains(t.s[:m[0]], ". ") {
		return clause{}, t, false
	}
	head, rest := t.s[:m[0]], text{place{t.line + strings.Count(t.s[:m[1]], "\n"), t.at + m[1]}, t.s[m[1]:], t.literals}
	if open := strings.Index(head, " ("); open > 0 && strings.HasSuffix(head, ")") {
		rest.s = head[open:] + ", " + rest.s
		rest.line = t.line // and what was behind the label stays in order after it
		head = head[:open]
	}
	c := t.clause(head)
	return c, rest, c.text != ""
}

// clauses parts a text where commas and the like do, but for those within literals,
// between two literals, in calls like hash(a, b), and in numbers.
func (t text) clauses() []clause {
	var all []clause
	start, depth, line := 0, 0, t.line
	cut := func(from, to int) {
		c := clause{place{line, t.at + start}, "", t.literals}.with(t.s[start:from])
		blank := len(t.s[start:from]) - len(strings.TrimLeft(t.s[start:from], " \n"))
		c.line += strings.Count(t.s[start:start+blank], "\n")
		if strings.Trim(c.text, ".,:;-–— \"'") != "" {
			all = append(all, c)
		}
		line += strings.Count(t.s[start:to], "\n")
		start = to
	}
	for at := 0; at < len(t.s); {
		m := between.FindStringIndex(t.s[at:])
		if m == nil {
			break
		}
		from, to := at+m[0], at+m[1]
		depth = max(0, depth+attached(t.s[at:from]))
		sep := t.s[from:to]
		at = to
		switch {
		case strings.HasPrefix(sep, ")") && depth > 0:
			depth--
			at = from + 1 // a comma behind it parts again
		case depth > 0, strings.HasPrefix(sep, ",") && isLiteral(utf8.DecodeLastRuneInString(t.s[:from])) && isLiteral(utf8.DecodeRuneInString(strings.TrimLeft(t.s[from+1:], " \n"))):
			at = from + 1
		case sep == "…":
			cut(from, from)
			all = append(all, clause{place{line, t.at + from}, "…", t.literals})
			start = to
		case len(sep) > 1 && isLiteral(utf8.DecodeRuneInString(sep[1:])): // ",`a`" cuts after the comma
			at = from + 1
			cut(from, at)
		default:
			cut(from, to)
		}
	}
	cut(len(t.s), len(t.s))
	return joinLists(all)
}

// The words that begin a list of names, and a name of it in plain words.
var (
	listBegins = regexp.MustCompile(`(?i)^(?:tags?|tagged|vary|varies|query)\b.*[a-z0-9_}-]$|^(?:cache )?keys?(?:ed)?\b[^()]*[a-z0-9_}-]$`)
	listMember = regexp.MustCompile(`^(?:and )?[a-zA-Z][a-zA-Z0-9_{}-]*(?: and [a-zA-Z][a-zA-Z0-9_{}-]*)?$`)
)

// joinLists puts "tags: a" and "b" together again, where a comma has parted a list
// of names in plain words: half a list would be another statement.
func joinLists(all []clause) []clause {
	var joined []clause
	for _, c := range all {
		last := len(joined) - 1
		if last >= 0 && listBegins.MatchString(joined[last].text) && listMember.MatchString(c.text) && !ownWord(c) {
			joined[last].text += ", " + c.text
			continue
		}
		joined = append(joined, c)
	}
	return joined
}

// ownWord tells whether a member says something of a class or a route by itself, as
// "private" does, or one of two that "and" joins.
func ownWord(c clause) bool {
	r := newReader(&Report{})
	for word := range strings.SplitSeq(c.text, " and ") {
		if word := c.with(word); knows(r.class("any", "any"), word) || knows(r.route("/", "/"), word) {
			return true
		}
	}
	return false
}

// isLiteral tells whether a rune stands for a literal.
func isLiteral(r rune, _ int) bool { return r >= firstLiteral && r <= lastLiteral }

// attached counts the parentheses in s that follow a word at once, as in "hash(":
// what is in them belongs to the word.
func attached(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] == '(' && i > 0 && s[i-1] != ' ' && s[i-1] != '\n' {
			n++
		}
	}
	return n
}

// What a rule may answer besides nil, done.
var errPass = errors.New("the clause is none of this rule's")

// A refusal says that a rule knows the clause, and why it cannot be policy.
type refusal struct{ reason, mend string }

// Error says why.
func (r *refusal) Error() string { return r.reason }

// refuse makes a refusal.
func refuse(reason, mend string) error { return &refusal{reason, mend} }

// A rule reads clauses of one form about a T.
type rule[T any] struct {
	form *regexp.Regexp
	do   func(s *subject[T], c clause, m []string) error
}

// on makes a rule of a form that the whole clause must have, in any case of
// letters: no word of a statement is left over. Words in capitals are those of the
// vocabulary.
func on[T any](form string, do func(s *subject[T], c clause, m []string) error) rule[T] {
	return rule[T]{regexp.MustCompile(`(?i)^(?:` + vocabulary.Replace(form) + `)$`), do}
}
