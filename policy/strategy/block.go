package strategy

import (
	"regexp"
	"strings"
)

// A kind is what a block of Markdown is.
type kind int

const (
	heading   kind = iota
	item           // of a list
	paragraph      // or text on its own beneath an item
	row            // of a table
	fence          // a block of code
	layout         // what only shapes the page: rules, comments, the line beneath a table's head
)

// A block is some lines of a page that belong together.
type block struct {
	kind   kind
	line   int
	at     int      // of a cell's text, in its row
	indent int      // of an item's mark, or a paragraph
	level  int      // of a heading
	text   string   // without marks; its lines are kept apart by "\n"
	cells  []string // of a row
	head   []string // the cells of the table's head
}

// The lines that begin blocks: ATX headings (CommonMark 0.31, 4.2), items of lists (5.2)
// with a task's box, breaks and setext underlines (4.1, 4.3), fences (4.5), and the line
// beneath the head of a table of GitHub. "•" is no mark of Markdown, and comes of text
// that was copied out of a document.
var (
	headingLine = regexp.MustCompile(`^(#{1,6})(?:\s+(.*?))?\s*#*$`)
	itemLine    = regexp.MustCompile(`^(?:[-*+•]|\d{1,9}[.)])(?:\s+(?:\[[ xX]\](?:\s+|$))?(.*))?$`)
	ruleLine    = regexp.MustCompile(`^(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,}|={2,})$`)
	fenceLine   = regexp.MustCompile("^(`{3,}|~{3,})[^`]*$")
	underTable  = regexp.MustCompile(`^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$`)
)

// blocks takes a page apart. Each line that is not blank is in exactly one block, so
// that what is listed as not understood and what is in the policy add up to the page.
func blocks(page string) []block {
	s := scanner{lines: strings.Split(page, "\n")}
	for s.at < len(s.lines) {
		s.next()
	}
	return s.found
}

// A scanner goes through the lines of a page.
type scanner struct {
	lines []string
	at    int
	found []block
	open  bool     // the last block may go on in the next line
	head  []string // of the table we are in
}

// next takes the line at hand, and those that must go with it. The blocks are those of
// CommonMark 0.31 and of GitHub's tables, as far as strategies have them.
func (s *scanner) next() {
	raw := strings.ReplaceAll(strings.TrimSuffix(s.lines[s.at], "\r"), "\t", "    ")
	s.at++
	line := strings.TrimLeft(raw, " ")
	// A quotation is read like the rest: people quote a strategy that they agree with.
	for strings.HasPrefix(line, ">") {
		line = strings.TrimLeft(line[1:], " ")
	}
	indent := len(raw) - len(strings.TrimLeft(raw, " "))
	line = strings.TrimRight(line, " ")
	switch {
	case line == "":
		s.open, s.head = false, nil
		return
	case s.table(line, indent): // before the others, since a cell may begin with a dash
		return
	}
	s.head = nil
	switch {
	case fenceLine.MatchString(line):
		s.until(fence, line, fenceEnd(line))
	case strings.HasPrefix(line, "<!--"):
		s.until(layout, line, func(l string) bool { return strings.Contains(l, "-->") })
	case headingLine.MatchString(line):
		m := headingLine.FindStringSubmatch(line)
		s.add(block{kind: heading, level: len(m[1]), text: m[2]}, false)
	case ruleLine.MatchString(line):
		s.rule(line)
	case itemLine.MatchString(line):
		s.add(block{kind: item, indent: indent, text: itemLine.FindStringSubmatch(line)[1]}, true)
	case s.open:
		s.found[len(s.found)-1].text += "\n" + line
	default:
		s.add(block{kind: paragraph, indent: indent, text: line}, true)
	}
}

// add appends the block that the line just taken begins. open tells that the next line
// may go on with it, without a mark of its own ("lazy continuation").
func (s *scanner) add(b block, open bool) {
	if b.line == 0 {
		b.line = s.at
	}
	s.found = append(s.found, b)
	s.open = open
}

// until takes lines up to one that ends the block, or to the end of the page. The
// first line may end a comment, too.
func (s *scanner) until(k kind, line string, ends func(string) bool) {
	b := block{kind: k, line: s.at, text: line}
	for done := k == layout && ends(line); !done && s.at < len(s.lines); s.at++ {
		b.text += "\n" + s.lines[s.at]
		done = ends(s.lines[s.at])
	}
	s.add(b, false)
}

// fenceEnd tells the line that closes the fence which line opens.
func fenceEnd(line string) func(string) bool {
	mark := fenceLine.FindStringSubmatch(line)[1]
	return func(l string) bool {
		l = strings.TrimSpace(l)
		return strings.HasPrefix(l, mark) && strings.Trim(l, mark[:1]) == ""
	}
}

// rule takes a line of dashes or the like: it makes a heading of the paragraph
// before it, or only divides the page.
func (s *scanner) rule(line string) {
	if s.open && strings.Trim(line, "=-") == "" && s.found[len(s.found)-1].kind == paragraph {
		last := &s.found[len(s.found)-1]
		last.kind, last.level = heading, 1
		if line[0] == '-' {
			last.level = 2
		}
		s.open = false
		return
	}
	s.add(block{kind: layout, text: line}, false)
}

// table takes a line if it is one of a table: its head, known by the line beneath
// it, or one of the rows that follow. A bar alone makes no table: prose has bars.
func (s *scanner) table(line string, indent int) bool {
	if s.head != nil && (strings.HasPrefix(line, "|") || strings.Contains(line, "|")) {
		s.add(block{kind: row, indent: indent, text: line, cells: cells(line), head: s.head}, false)
		return true
	}
	if !strings.Contains(line, "|") || s.at >= len(s.lines) {
		return false
	}
	under := strings.TrimSpace(s.lines[s.at])
	if !underTable.MatchString(under) || !strings.Contains(under, "|") {
		return false
	}
	s.head = cells(line)
	s.add(block{kind: layout, text: line + "\n" + under}, false)
	s.at++
	return true
}

// cells takes a row of a table apart. A bar in a literal, or after a backslash, is
// part of its cell.
func cells(line string) []string {
	s, literals := takeLiterals(strings.ReplaceAll(line, `\|`, "\x00"))
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "|"), "|")
	parts := strings.Split(s, "|")
	for i, p := range parts {
		parts[i] = strings.TrimSpace(strings.ReplaceAll(restore(p, literals), "\x00", "|"))
	}
	return parts
}

// restore puts literals back where runes stand for them, with their marks: it is the
// inverse of takeLiterals, for all that people see.
func restore(s string, literals []literal) string {
	var out strings.Builder
	for _, r := range s {
		if i := int(r - firstLiteral); i >= 0 && i < len(literals) {
			out.WriteString(literals[i].raw)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}
