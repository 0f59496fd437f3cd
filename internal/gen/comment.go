package gen

import (
	"strings"
	"unicode"
)

// comment writes text as the lines of a Go comment, broken before column 80.
// A text in one paragraph of plain words: gofmt would lay out anew what looks like a
// list or a heading.
func comment(indent, text string) string {
	var b strings.Builder
	line := ""
	flush := func() {
		b.WriteString(strings.TrimRight(indent+"// "+line, " ") + "\n")
		line = ""
	}
	for _, word := range strings.Fields(printable(text)) {
		if line != "" && len(indent)+len(line)+len(word) > 75 {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// printable returns text with a space in place of each character that Go does not
// take in a comment, such as NUL and a byte order mark, that a terminal would obey,
// or that hides in which order a reader sees the rest (CVE-2021-42574).
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}
