package file

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// comment is a comment of a file.
type comment struct {
	at    Position
	text  string // without the #
	alone bool   // there is nothing before it on its line
	next  int    // the first line after it with anything but comments: what it may be about
}

// comments finds the comments of a file that YAML has been read from. The parser
// knows them too, but not where they are, and it loses some inside of lists. As the
// file is YAML, the only question is what is text: quotes and blocks over several
// lines, in which a # begins nothing.
func (x *Index) comments() []comment {
	var found []comment
	var quote byte // the one that a scalar is in
	block := -1    // the indentation that ends a block scalar; -1: there is none
	for i, line := range x.lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if block >= 0 {
			if strings.TrimSpace(line) == "" || indent > block {
				continue
			}
			block = -1
		}
		at, begins := -1, false
		at, quote, begins = scanLine(line, quote)
		// A text ends at the indentation of its key, to which the dashes of lists count.
		if begins {
			block = len(line) - len(strings.TrimLeft(line, " -"))
		}
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

// scalarStart is what stands before the first character of a scalar: elsewhere a quote
// is an apostrophe, as in "it's".
const scalarStart = " \t[{,:-?"

// blockHeader is what begins a text over several lines.
var blockHeader = regexp.MustCompile(`^[|>][-+0-9]*\s*(#.*)?$`)

// scanLine returns where the comment of a line begins, -1 if it has none, which
// quotes are open at its end, and whether a block scalar begins in it. quote are those
// that are open at its begin, or 0. A # begins a comment only after white space (YAML
// 1.2.2, 6.6).
func scanLine(line string, quote byte) (at int, open byte, block bool) {
	plain := false // inside of a plain scalar, where quotes mean nothing
	for i := 0; i < len(line); i++ {
		c := line[i]
		start := i == 0 || strings.IndexByte(scalarStart, line[i-1]) >= 0
		switch {
		case quote == '"' && c == '\\', quote == '\'' && strings.HasPrefix(line[i:], "''"):
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i, 0, block
		case !plain && start && (c == '"' || c == '\''):
			quote = c
		case !plain && start && blockHeader.MatchString(line[i:]):
			block = true
		case strings.IndexByte("[]{},", c) >= 0, c == ':' && (i+1 == len(line) || strings.IndexByte(" \t", line[i+1]) >= 0):
			plain = false
		case c != ' ' && c != '\t' && !(c == '-' && start):
			plain = true
		}
	}
	return -1, quote, block
}
