package plaintext

import "testing"

func TestPlaintext(t *testing.T) {
	for _, tt := range []struct{ text, line, lines string }{
		{"", "", ""},
		{"product:42 ü", "product:42 ü", "product:42 ü"},
		{"a\x1b[2J\x00\u009b\u202e\u2028", `a\x1b[2J\x00\u009b\u202e\u2028`, `a\x1b[2J\x00\u009b\u202e\u2028`},
		{"a\n\tb\r", `a\n\tb\r`, "a\n\tb\\r"},
		{"a\n::error::b", `a\n::error::b`, "a\n\\::error::b"},
		{"a\n \t::add-mask::b\n##[group]c\nd::e", `a\n \t::add-mask::b\n##[group]c\nd::e`, "a\n \t\\::add-mask::b\n\\##[group]c\nd::e"},
		{"::error::", "::error::", `\::error::`},
		{"a\x9b\xffb", "a\uFFFD\uFFFDb", "a\uFFFD\uFFFDb"},
	} {
		if got := Line(tt.text); got != tt.line {
			t.Errorf("Line(%q) is %q, want %q", tt.text, got, tt.line)
		}
		if got := Text(tt.text); got != tt.lines {
			t.Errorf("Text(%q) is %q, want %q", tt.text, got, tt.lines)
		}
	}
}
