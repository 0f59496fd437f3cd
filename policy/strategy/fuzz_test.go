package strategy

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// FuzzRead reads anything. It must not panic, and must account for all of it: each
// statement is understood or listed, each line that is named is one of the page,
// and each letter of the page is in exactly one of the texts that it was taken
// apart into.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		page, _, _ := strings.Cut(string(data), "\n---- ")
		f.Add(page)
	}
	for _, page := range []string{"- `a", "- \"a\\", "|\n|-|\n|a|", "- a: (b (c) d", "`````", "- " + string(firstLiteral) + ": 5m", "# `a`: b", "- a:b,c", "<!--", "~~~", "- [x](y", "…"} {
		f.Add(page)
	}
	f.Fuzz(func(t *testing.T, page string) {
		if len(page) > 64<<10 {
			t.Skip("long pages say no more than short ones")
		}
		p, report, err := Read("page", []byte(page))
		var wrong *Contradictions
		if (p == nil) != (err != nil) || err != nil && !errors.As(err, &wrong) {
			t.Fatalf("Read(%q): policy %v, error %v", page, p, err)
		}
		if report.Statements != report.Understood+len(report.NotUnderstood) {
			t.Errorf("Read(%q): %d statements, %d understood and %d not", page, report.Statements, report.Understood, len(report.NotUnderstood))
		}
		lines := strings.Count(page, "\n") + 1
		for _, u := range report.NotUnderstood {
			if u.Line < 1 || u.Line > lines || u.Reason == "" || u.Suggestion == "" {
				t.Errorf("Read(%q) of %d lines: %+v", page, lines, u)
			}
		}
		for _, n := range report.Notes {
			if n.Line < 1 || n.Line > lines {
				t.Errorf("Read(%q) of %d lines: %+v", page, lines, n)
			}
		}
		want := letters(task.ReplaceAllString(strings.ToValidUTF8(page, "\uFFFD"), "$1"))
		if got := letters(strings.Join(report.pieces, "\n")); !maps.Equal(got, want) {
			t.Errorf("Read(%q): letters %v of the page, %v in the pieces %q", page, want, got, report.pieces)
		}
	})
}

// task is the mark of a list's item that is done.
var task = regexp.MustCompile(`(?m)^([ \t>]*(?:[-*+•]|\d{1,9}[.)])\s+)\[[xX]\](?:\s|$)`)

// letters counts those of a text.
func letters(s string) map[rune]int {
	n := map[rune]int{}
	for _, r := range s {
		if unicode.IsLetter(r) {
			n[r]++
		}
	}
	return n
}
