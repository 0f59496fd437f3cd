package file

import (
	"fmt"
	"regexp"
	"strings"
)

// bare is a text that means itself wherever it stands in YAML, in a list or in the
// place of a key: it begins and ends with a letter or digit, and has no sign that
// could mean something, alone or before a space.
var bare = regexp.MustCompile(`^[A-Za-z0-9/*]([A-Za-z0-9 _./*+~=@()-]*[A-Za-z0-9_/.)])?$`)

// braced is a pattern of a route, in which braces come after something else.
var braced = regexp.MustCompile(`^[A-Z]+ /[A-Za-z0-9_./{}$-]*$`)

// formatPattern writes the pattern of a route as a key of a block, where braces
// mean nothing after other text.
func formatPattern(pattern string) string {
	if braced.MatchString(pattern) {
		return pattern
	}
	return formatText(pattern)
}

// formatText writes a text, in quotes if it could be read as something else by this
// package or by any other reader of YAML. "" stays empty: not said.
//
// Double quotes are the one style that holds every text. Escaped are what the reader
// refuses, what ends a line for YAML 1.1, and the byte order mark.
func formatText(text string) string {
	switch {
	case text == "":
		return ""
	case kindOf(text) != "" || text[0] == '*': // an alias
	case bare.MatchString(text):
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF':
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
