package file

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/internal/plaintext"
	"github.com/larderdev/larder/policy/internal/field"
)

// Position is a place in a file. Both numbers are from 1; a column is a character.
type Position struct{ Line, Column int }

// String says where a position is, as "line:column".
func (p Position) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// Index knows where in a file each field is. It does not change and may be used
// concurrently.
type Index struct {
	name   string
	lines  []string
	places map[string]Position
	// texts are the scalars in quotes and over several lines, by where they begin.
	texts map[Position]*yaml.Node
	// secret are the lines with something in them that may be a secret.
	secret map[int]bool
}

// newIndex returns the index of a file in which nothing has been found yet.
func newIndex(name string, data []byte) *Index {
	return &Index{name: name, lines: splitLines(string(data)), places: map[string]Position{}, texts: map[Position]*yaml.Node{}, secret: map[int]bool{}}
}

// lineBreak is what ends a line for YAML 1.1, which the parser counts by. YAML 1.2 has
// fewer; by those all lines after a U+2028 in a text would be wrong.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

func splitLines(text string) []string { return lineBreak.Split(text, -1) }

// Path returns the path of a field, by which an [Index] finds it: the keys that
// lead to it, with dots between them. Keys with other characters than ASCII
// letters, digits, "_" and "-" are quoted as in Go, and members of lists have their
// number in brackets (see [Member]):
//
//	classes.product.ttl.memory
//	routes."GET /x/{id}".tags[1]
//	cdn[0].zone
//
// The keys are those of the file. What can be written in two ways has the path of
// the longer one too: "ttl: 5m" is found by classes.x.ttl and by
// classes.x.ttl.shared.
func Path(segments ...string) string { return field.Path("", segments...) }

// Member returns the path of a member of the list at path, from 0.
func Member(path string, index int) string { return field.At(path, index) }

// Position returns where the field at path is: its value if that is a scalar, else
// its key. What is not in the file is where that is in which it would be, and 1:1
// in the end.
func (x *Index) Position(path string) Position {
	for ; path != ""; path = field.Parent(path) {
		if at, ok := x.places[path]; ok {
			return at
		}
	}
	return Position{Line: 1, Column: 1}
}

// Has tells whether the field at path is in the file.
func (x *Index) Has(path string) bool {
	_, ok := x.places[path]
	return ok
}

// Error returns a mistake at the place of the field at path, with its line.
func (x *Index) Error(path, message, mend string) *Error {
	e := x.at(x.Position(path), message, mend)
	e.Field = path
	return x.show(e)
}

// at returns a mistake at a place, without the line: few of many are shown. What it says
// takes one line, though a value that it repeats may have several.
func (x *Index) at(at Position, message, mend string) *Error {
	return &Error{File: x.name, Line: at.Line, Column: at.Column, Message: plaintext.Line(message), Mend: plaintext.Line(mend)}
}

// show adds the line to a mistake.
func (x *Index) show(e *Error) *Error {
	if e.Line >= 1 && e.Line <= len(x.lines) && !x.secret[e.Line] && !x.mayHide(e.Line) {
		e.Shown, e.Caret = cut(x.lines[e.Line-1], e.Column)
	}
	return e
}

// put notes where a field is.
func (x *Index) put(path string, n *yaml.Node) {
	x.places[path] = Position{Line: n.Line, Column: n.Column}
}

// putKey notes where the field of a key is: at its value, which is what people change,
// but for values below the key, and for those that have no character to point at.
func (x *Index) putKey(path string, key, value *yaml.Node) {
	if value.Kind == yaml.ScalarNode && value.Value != "" {
		key = value
	}
	x.put(path, key)
}
