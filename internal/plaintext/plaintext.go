// Package plaintext makes texts that come from somewhere else fit to be printed: a
// name of a file, a key, an answer of a server. What acts on whoever reads them is
// written as an escape of Go:
//
//   - control characters, which terminals obey;
//   - those that hide in which order a reader sees the rest (CVE-2021-42574);
//   - the beginning of a workflow command, which the runners of GitHub Actions obey
//     wherever a line begins with it.
package plaintext

import (
	"strconv"
	"strings"
	"unicode"
)

// Line returns text as a part of one line: line feeds and tabs are escaped, too.
func Line(text string) string { return escape(text, "") }

// Text returns text of several lines. Line feeds and tabs stay.
// A runner looks at lines after it has taken the white space before them away, so that
// a backslash is put before what begins a command, behind that space.
func Text(text string) string {
	text = escape(text, "\n\t")
	if !strings.Contains(text, "::") && !strings.Contains(text, "##[") {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		rest := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(rest, "::") || strings.HasPrefix(rest, "##[") {
			line = line[:len(line)-len(rest)] + `\` + rest
		}
		b.WriteString(line)
	}
	return b.String()
}

// escape writes escapes for what acts, but for the characters in kept.
func escape(text, kept string) string {
	// Most texts are plain, and stay the same string. Bytes that are no UTF-8 become
	// U+FFFD below.
	if !strings.ContainsFunc(text, acts) && strings.ToValidUTF8(text, "") == text {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if acts(r) && !strings.ContainsRune(kept, r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// acts tells whether a character does something to whoever shows it. U+2028 and U+2029
// end a line for some programs and not for others, which is a way to write a line of
// one's own.
func acts(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
