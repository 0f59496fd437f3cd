package file

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy/internal/secret"
)

// unreadable finds a character that is not text. The parser finds them, too, but has no
// column for them. A U+FFFD that stands in the file is one; in a file that is not UTF-8
// the loop sees one for each byte that is wrong.
func (x *Index) unreadable(data []byte) *Error {
	control := func(r rune) bool {
		return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == '\uFFFE' || r == '\uFFFF'
	}
	whole := utf8.Valid(data)
	for i, line := range x.lines {
		column := 0
		for at, r := range line {
			column++
			if r == utf8.RuneError && !whole && !strings.HasPrefix(line[at:], "\uFFFD") {
				return x.at(Position{i + 1, column}, "the file is not UTF-8", "save it as UTF-8")
			}
			if control(r) {
				return x.at(Position{i + 1, column}, fmt.Sprintf("there is a control character, %U", r), fmt.Sprintf(`leave it out, or write \u%04X within double quotes`, r))
			}
		}
	}
	return nil
}

// unlike says how a file is not one document with something in it. Of several documents
// most readers take the first, and the rest of the policy would be lost.
func (x *Index) unlike(documents []yaml.Node) *Error {
	if len(documents) > 1 {
		at := Position{documents[1].Line, documents[1].Column}
		return x.at(at, "the file has more than one document", "write one file for each, without --- between")
	}
	if len(documents) == 0 || len(documents[0].Content) != 1 || documents[0].Content[0].ShortTag() == "!!null" {
		return x.at(Position{1, 1}, "the file is empty", "write at least version: 1")
	}
	return nil
}

// syntaxMends say what helps against what the parser reports, by a part of its
// message: its errors have no codes. The first that fits is the one. If the words
// change in a later version of the parser, the general mend is left; tests have the
// files that lead to each.
var syntaxMends = []struct{ part, mend string }{
	{"tab character", "indent with spaces"},
	{"cannot start any token", "write the value in quotes, and indent with spaces"},
	{"mapping values are not allowed", "check the indentation, or write a value that has a colon in quotes"},
	{"',' or ']'", "close the [ with a ], and write a comma between members"},
	{"',' or '}'", "close the { with a }, and write a comma between keys; a text with [ ] or { } in it stands in quotes: \"[]byte\""},
	{"unknown anchor", "write out what it stands for, or write a text that begins with * in quotes"},
	{"unknown escape", `write \\ for a backslash, or use single quotes`},
	{"unexpected end of stream", "close the quotes"},
	{"document indicator", "close the quotes"},
	{"could not find expected ':'", "write a colon and a space after the key"},
	{"depth", "write fewer collections inside each other"},
}

// syntax says where a file is not YAML. The parser has no more than one mistake to
// tell.
func (x *Index) syntax(err error) *Error {
	var one *yaml.LoadError
	if !errors.As(err, &one) {
		return x.at(Position{1, 1}, oneLine(err.Error()), "")
	}
	at, message := x.placeOf(one), "this is not YAML"
	if !x.secret[at.Line] { // some messages repeat a word of the line
		message += ": " + oneLine(one.Message)
	}
	return x.at(at, message, syntaxMend(one.Message))
}

// placeOf is where the parser has stopped, as a place of the file: it may have stopped
// beyond the last line, or have no place at all.
func (x *Index) placeOf(e *yaml.LoadError) Position {
	at, last := Position{e.Mark.Line, e.Mark.Column}, len(x.lines)
	if at.Line < 1 {
		at = Position{1, 1}
	}
	// The end of the file shows nothing; where the construct begins does.
	if start := e.ContextMark; at.Line >= last && start.Line > 0 {
		at = Position{start.Line, start.Column}
	}
	if at.Line > last {
		at = Position{last, utf8.RuneCountInString(x.lines[last-1]) + 1}
	}
	return at
}

// syntaxMend is the first of syntaxMends that fits a message of the parser.
func syntaxMend(message string) string {
	for _, m := range syntaxMends {
		if strings.Contains(message, m.part) {
			return m.mend
		}
	}
	return "check the indentation, the quotes and the brackets"
}

// oneLine keeps the message of a library, which may repeat a part of the file, on the
// line that an error has.
func oneLine(message string) string { return secret.Hide(strings.Join(strings.Fields(message), " ")) }
