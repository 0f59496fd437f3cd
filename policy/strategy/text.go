package strategy

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// The marks of Markdown within a line, and where a label ends and clauses do. A bold word
// at the begin of a line is a label, whether its colon is within the stars, behind them,
// or nowhere. "Redis (24h)" says where and for how long, and is one statement: its
// parentheses must not part it. The dot of "max. 5 min" ends no sentence.
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
// addresses of links, goes to dropped. Literals go first: what is within one is no mark.
// Underscores are taken away only in pairs around words, since a name such as
// row_version has them, too.
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
// between two literals, in calls like hash(a, b), and in numbers. Each clause has the
// line of its first word, which is where people look for it.
func (t text) clauses() []clause {
	p := cutter{text: t, next: t.line}
	depth := 0 // of calls that are open
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
		case depth > 0, strings.HasPrefix(sep, ",") && t.literalsAround(from):
			at = from + 1
		case sep == "…": // a clause of its own: what it stands for is not guessed
			p.cut(from, from)
			p.found = append(p.found, clause{place{p.next, t.at + from}, "…", t.literals})
			p.start = to
		case len(sep) > 1 && isLiteral(utf8.DecodeRuneInString(sep[1:])): // ",`a`" cuts after the comma
			at = from + 1
			p.cut(from, at)
		default:
			p.cut(from, to)
		}
	}
	p.cut(len(t.s), len(t.s))
	return joinLists(p.found)
}

// literalsAround tells whether the comma at an offset is between two literals: it is
// one of a list, and parts no statements.
func (t text) literalsAround(comma int) bool {
	return isLiteral(utf8.DecodeLastRuneInString(t.s[:comma])) &&
		isLiteral(utf8.DecodeRuneInString(strings.TrimLeft(t.s[comma+1:], " \n")))
}

// A cutter cuts clauses off a text, from its begin to its end.
type cutter struct {
	text
	start int // of the next clause
	next  int // the line of start
	found []clause
}

// cut ends a clause at from, and begins the next at to. What is only punctuation is no
// statement.
func (p *cutter) cut(from, to int) {
	s := p.s[p.start:from]
	c := clause{place{p.next, p.at + p.start}, "", p.literals}.with(s)
	blank := len(s) - len(strings.TrimLeft(s, " \n"))
	c.line += strings.Count(s[:blank], "\n")
	if strings.Trim(c.text, ".,:;-–— \"'") != "" {
		p.found = append(p.found, c)
	}
	p.next += strings.Count(p.s[p.start:to], "\n")
	p.start = to
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
