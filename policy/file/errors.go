package file

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/larderdev/larder/internal/plaintext"
)

const (
	// maxErrors bounds the mistakes that are reported of one file: whoever has more
	// has one cause for most of them.
	maxErrors = 50
	// maxShown bounds the characters of a line that are shown.
	maxShown = 120
)

// Error is a mistake in a file.
type Error struct {
	// File is the name of the file as it was given.
	File string
	// Line and Column say where, from 1; a column is a character. Both are 0 if the
	// mistake is the file itself.
	Line, Column int
	// Field is the path of the field, as in [Path]; "" if it belongs to none.
	Field string
	// Message says what is wrong.
	Message string
	// Mend says what to write instead; "" if Message leaves no doubt.
	Mend string
	// Shown is the line, or the part of it around Column. "" if there is none, or if
	// it may hold a secret.
	Shown string
	// Caret is the character of Shown, from 0, that Column is.
	Caret int
}

// Error returns "file:line:column: message: mend".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(plaintext.Line(e.File))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": " + e.Message)
	if e.Mend != "" {
		b.WriteString(": " + e.Mend)
	}
	return b.String()
}

// Excerpt returns the line and, below it, a caret: two lines with a newline after
// each, or "" if there is no line to show.
func (e *Error) Excerpt() string {
	if e.Shown == "" {
		return ""
	}
	var gap strings.Builder
	for i, r := range []rune(e.Shown) {
		if i == e.Caret {
			break
		}
		// A tab is as wide as the one above it.
		if r != '\t' {
			r = ' '
		}
		gap.WriteRune(r)
	}
	return "\t" + plaintext.Text(e.Shown) + "\n\t" + gap.String() + "^\n"
}

// Errors are the mistakes in a file, in the order of their places.
type Errors struct {
	// List has at most 50 of them, and at least one.
	List []*Error
	// More is how many others there are.
	More int
}

// Error returns all mistakes, each with its line.
func (e *Errors) Error() string {
	var b strings.Builder
	for i, mistake := range e.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(mistake.Error())
		if excerpt := mistake.Excerpt(); excerpt != "" {
			b.WriteString("\n" + strings.TrimSuffix(excerpt, "\n"))
		}
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.More)
	}
	return b.String()
}

// Unwrap returns the mistakes, each an [Error].
func (e *Errors) Unwrap() []error {
	all := make([]error, len(e.List))
	for i, mistake := range e.List {
		all[i] = mistake
	}
	return all
}

// sorted makes one error of mistakes, of which there is at least one, and of the
// number of others, each with its line.
func (x *Index) sorted(mistakes []*Error, more int) error {
	slices.SortStableFunc(mistakes, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	kept := min(len(mistakes), maxErrors)
	for _, e := range mistakes[:kept] {
		x.show(e)
	}
	return &Errors{List: mistakes[:kept:kept], More: more + len(mistakes) - kept}
}

// only makes an error of the only mistake that could be found.
func (x *Index) only(e *Error) error { return &Errors{List: []*Error{x.show(e)}} }

// cut shows the part of a line around a character: all of it, mostly. What a terminal
// would obey becomes U+FFFD, one for one, so that the caret stays below its character.
func cut(line string, column int) (shown string, caret int) {
	if !utf8.ValidString(line) {
		line = strings.ToValidUTF8(line, "\uFFFD")
	}
	runes, caret := []rune(line), max(column-1, 0)
	for i, r := range runes {
		if r != '\t' && r < ' ' || r == 0x7f {
			runes[i] = '\uFFFD'
		}
	}
	if len(runes) <= maxShown {
		return string(runes), min(caret, len(runes))
	}
	from := min(max(caret-maxShown/2, 0), len(runes)-maxShown)
	return string(runes[from : from+maxShown]), min(caret-from, maxShown)
}
