package gen

import (
	"go/format"
	"strings"
	"testing"
)

// TestFormatted: what is generated is formatted, also when a description has what
// gofmt takes for a list or a heading.
func TestFormatted(t *testing.T) {
	all := golden(t)
	for _, text := range []string{"# Heading", "- a - b 1. c", strings.Repeat("# x - y ", 40), "*/ /* // go:build x", "\u2028\u0085 a", "[Caches] [x]: y"} {
		p := all["minimal"]
		c := p.Classes["greeting"]
		c.Description = text
		p.Classes["greeting"] = c
		for _, f := range generate(t, p, "").Files {
			again, err := format.Source(f.Data)
			if err != nil || string(again) != string(f.Data) {
				t.Errorf("%q: %s is not formatted: %v\n%s", text, f.Name, err, f.Data)
			}
		}
	}
}
