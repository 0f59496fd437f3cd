package strategy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A literal is `code` or "quoted": it is what it says, letter by letter. While a
// text is taken apart, a rune of a private plane stands for each literal, so that
// no comma or colon within it can be mistaken for one of the text.
type literal struct {
	raw   string // with its marks
	value string
}

// The runes that stand for literals, and the class that matches one.
const (
	firstLiteral = '\U000F0000'
	lastLiteral  = '\U000FFFFD'
	lit          = `[\x{F0000}-\x{FFFFD}]`
)

// takeLiterals replaces the literals of a text. Runes of the plane that stand in
// the text themselves become U+FFFD; a text with more literals than there are
// runes keeps the rest as it is.
func takeLiterals(s string) (string, []literal) {
	var out strings.Builder
	var found []literal
	for len(s) > 0 {
		if l, n := literalAt(s); n > 0 && firstLiteral+rune(len(found)) <= lastLiteral {
			out.WriteRune(firstLiteral + rune(len(found)))
			found = append(found, l)
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		if r >= firstLiteral && r <= lastLiteral {
			r = utf8.RuneError
		}
		out.WriteRune(r)
		// A run of backticks that opens nothing is not tried again in its middle.
		if r == '`' {
			for n < len(s) && s[n] == '`' {
				out.WriteByte('`')
				n++
			}
		}
		s = s[n:]
	}
	return out.String(), found
}

// literalAt returns the literal that s begins with, and how many bytes it has.
// Literals end on their line.
func literalAt(s string) (literal, int) {
	if s[0] != '`' && s[0] != '"' && !strings.HasPrefix(s, "“") {
		return literal{}, 0
	}
	line, _, _ := strings.Cut(s[:min(len(s), maxLiteral)], "\n")
	switch {
	case strings.HasPrefix(line, "`"):
		return codeAt(line)
	case strings.HasPrefix(line, `"`):
		return quoteAt(line)
	case strings.HasPrefix(line, "“"):
		if end := strings.Index(line, "”"); end >= 0 {
			raw := line[:end+len("”")]
			return literal{raw, line[len("“"):end]}, len(raw)
		}
	}
	return literal{}, 0
}

// maxLiteral bounds how far the end of a literal is looked for, and with it the
// work that a line of opening quotes makes.
const maxLiteral = 16 << 10

// codeAt reads a code span: it ends at as many backticks as it begins with, and one
// space on both sides is not part of it (CommonMark 0.31, section 6.1).
func codeAt(line string) (literal, int) {
	ticks := len(line) - len(strings.TrimLeft(line, "`"))
	for at := ticks; at < len(line); {
		next := strings.IndexByte(line[at:], '`')
		if next < 0 {
			break
		}
		at += next
		run := len(line[at:]) - len(strings.TrimLeft(line[at:], "`"))
		if run == ticks {
			value := line[ticks:at]
			if strings.HasPrefix(value, " ") && strings.HasSuffix(value, " ") && strings.Trim(value, " ") != "" {
				value = value[1 : len(value)-1]
			}
			return literal{line[:at+run], value}, at + run
		}
		at += run
	}
	return literal{}, 0
}

// quoteAt reads a quoted string, with the escapes of Go if they are in order.
func quoteAt(line string) (literal, int) {
	for at := 1; at < len(line); at++ {
		switch line[at] {
		case '\\':
			at++
		case '"':
			raw := line[:at+1]
			value, err := strconv.Unquote(raw)
			if err != nil {
				value = raw[1 : len(raw)-1]
			}
			return literal{raw, value}, at + 1
		}
	}
	return literal{}, 0
}

// code writes a name so that it is read back letter by letter: as a code span, or
// quoted if it has what a span cannot hold.
func code(s string) string {
	if s == "" || len(s) > maxLiteral/2 || strings.ContainsAny(s, "`|\"") || strings.TrimSpace(s) != s || !printable(s) {
		return quote(s)
	}
	return "`" + s + "`"
}

// quote writes a sentence so that it is read back letter by letter, and so that
// Markdown shows it as it is.
func quote(s string) string {
	q := strconv.Quote(s)
	return "\"" + markup.Replace(q[1:len(q)-1]) + "\""
}

// markup writes what Markdown would take for its own as an escape of Go.
var markup = strings.NewReplacer("`", `\x60`, "*", `\x2a`, "<", `\x3c`, "|", `\x7c`, "~", `\x7e`, "[", `\x5b`, "“", `\u201c`)

// printable tells whether s can stand on a page as it is.
func printable(s string) bool {
	q := strconv.Quote(s)
	return q[1:len(q)-1] == strings.ReplaceAll(s, `\`, `\\`)
}
