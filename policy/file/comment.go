package file

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// comment is a comment of a file.
type comment struct {
	at    Position
	text  string // without the #
	alone bool   // there is nothing before it on its line
	next  int    // the first line after it with anything but comments: what it may be about
}

// comments finds the comments of a file that YAML has been read from. The parser
// knows them too, but not where they are, and it loses some inside of lists. What it
// has read tells where a # is text: whether a quote begins one depends on all that
// stands before it.
func (x *Index) comments() []comment {
	var found []comment
	var quote byte // the one that a scalar is in
	block := 0     // the least indentation of the lines of a block scalar; 0: there is none
	for i, line := range x.lines {
		if block > 0 {
			if strings.TrimSpace(line) == "" || indentOf(line) >= block {
				continue
			}
			block = 0
		}
		at := -1
		at, quote, block = x.scanLine(i+1, quote)
		if at >= 0 {
			found = append(found, comment{
				at:    Position{i + 1, utf8.RuneCountInString(line[:at]) + 1},
				text:  line[at+1:],
				alone: strings.TrimSpace(line[:at]) == "",
			})
		}
	}
	x.findNext(found)
	return found
}

// findNext fills in what comes after each comment, from the last line to the first. A
// line has one comment at most.
func (x *Index) findNext(comments []comment) {
	next, last := len(x.lines)+1, len(comments)-1
	for line := len(x.lines); line > 0; line-- {
		if last >= 0 && comments[last].at.Line == line {
			comments[last].next = next
			last--
		}
		if !emptyLine.MatchString(x.lines[line-1]) {
			next = line
		}
	}
}

// emptyLine is a line without anything but maybe a comment.
var emptyLine = regexp.MustCompile(`^\s*(#.*)?$`)

// scanLine returns where the comment of a line begins, -1 if it has none, which
// quotes are open at its end, and the indentation of the block scalar that begins in
// it, 0 if none does. quote are those that are open at its begin, or 0. A # begins a
// comment only after white space (YAML 1.2.2, 6.6).
func (x *Index) scanLine(number int, quote byte) (at int, open byte, block int) {
	line, column := x.lines[number-1], 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		if utf8.RuneStart(c) {
			column++
		}
		switch {
		case quote == '"' && c == '\\', quote == '\'' && strings.HasPrefix(line[i:], "''"):
			if i++; i < len(line) && utf8.RuneStart(line[i]) {
				column++
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i, 0, block
		case strings.IndexByte(`"'|>`, c) >= 0:
			switch n := x.texts[Position{number, column}]; {
			case n == nil:
			case c == '"' || c == '\'':
				quote = c
			default:
				block = x.blockIndent(number, n.Value)
			}
		}
	}
	return -1, quote, block
}

// blockIndent returns the indentation of the lines of a block scalar, by the first
// that has more than white space: what stands before it in the value was written
// beyond that.
func (x *Index) blockIndent(header int, value string) int {
	for line := range strings.SplitSeq(value, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		for _, written := range x.lines[header:] {
			if strings.TrimSpace(written) != "" {
				return indentOf(written) - indentOf(line)
			}
		}
	}
	return 0
}

// putTexts notes the scalars in which a # is text.
func (x *Index) putTexts(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && quoted(n) {
		x.texts[Position{n.Line, n.Column}] = n
	}
	for _, child := range n.Content {
		x.putTexts(child)
	}
}
