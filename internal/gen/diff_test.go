package gen

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestUnified(t *testing.T) {
	for _, tt := range []struct{ name, a, b, want string }{
		{"same", "a\nb\n", "a\nb\n", ""},
		{"new", "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"gone", "a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		{"one line", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n", "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"},
		{"no end of line", "a\nb", "a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
		{"moved", "f {\n}\ng {\n}\n", "g {\n}\nf {\n}\n", "@@ -1,4 +1,4 @@\n-f {\n-}\n g {\n+}\n+f {\n }\n"},
	} {
		want := tt.want
		if want != "" {
			want = "--- old\n+++ new\n" + want
		}
		if got := unified("old", "new", tt.a, tt.b); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, want)
		}
	}
}

// TestUnifiedApplies: what a diff says makes the one text of the other, for texts of
// few different lines, where it is easy to go wrong.
func TestUnifiedApplies(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	text := func() string {
		var b strings.Builder
		for range r.IntN(30) {
			fmt.Fprintf(&b, "%c\n", 'a'+rune(r.IntN(1+r.IntN(26))))
		}
		if r.IntN(4) == 0 {
			b.WriteString("no end")
		}
		return b.String()
	}
	for range 20_000 {
		a, b := text(), text()
		diff := unified("old", "new", a, b)
		got, err := apply(a, diff)
		if err != nil || got != b {
			t.Fatalf("of\n%s\nand\n%s\nthe diff is\n%s\nwhich gives\n%s\n%v", a, b, diff, got, err)
		}
	}
}

// apply changes a text as a unified diff says, and checks all that it says of the
// text.
func apply(text, diff string) (string, error) {
	var out strings.Builder
	rest := lines(text)
	line := 0 // of text, behind what is in out
	made := 0
	take := func(want string) error {
		if len(rest) == 0 || rest[0] != want {
			return fmt.Errorf("line %d is not %q", line+1, want)
		}
		rest, line = rest[1:], line+1
		return nil
	}
	all := lines(diff)
	for i, l := range all {
		body := l[1:]
		if i+1 < len(all) && all[i+1][0] == '\\' {
			body = strings.TrimSuffix(body, "\n")
		}
		switch {
		case i < 2 || l[0] == '\\':
		case l[0] == '@':
			from, to, err := hunkPlaces(l)
			if err != nil {
				return "", err
			}
			for line < from {
				out.WriteString(rest[0])
				rest, line, made = rest[1:], line+1, made+1
			}
			if made != to || line != from {
				return "", fmt.Errorf("%s: at lines %d and %d", l, line, made)
			}
		case l[0] == ' ' || l[0] == '-':
			if err := take(body); err != nil {
				return "", err
			}
			if l[0] == ' ' {
				out.WriteString(body)
				made++
			}
		case l[0] == '+':
			out.WriteString(body)
			made++
		}
	}
	return out.String() + strings.Join(rest, ""), nil
}

// hunkPlaces returns how many lines of both texts are before a hunk.
func hunkPlaces(head string) (from, to int, err error) {
	fields := strings.Fields(head)
	before := func(span string) int {
		first, count, two := strings.Cut(span[1:], ",")
		n, convErr := strconv.Atoi(first)
		if convErr != nil {
			err = convErr
		}
		if two && count == "0" {
			return n
		}
		return n - 1
	}
	return before(fields[1]), before(fields[2]), err
}

// TestUnifiedPatch gives a diff to the program that reads such diffs.
func TestUnifiedPatch(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("there is no program patch; TestUnifiedApplies checks the same")
	}
	dir, out := folder(t)
	want := read(t, dir, "caches_gen.go")
	changed := strings.ReplaceAll(strings.Replace(want, "\n\n", "\n", 3), "errs", "mistakes")
	put(t, dir, "caches_gen.go", changed)
	diff, err := out.Diff()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), patch, "-p0")
	cmd.Dir, cmd.Stdin = filepath.Dir(filepath.Dir(dir)), strings.NewReader(diff)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("patch: %v\n%s\n%s", err, said, diff)
	}
	if got := read(t, dir, "caches_gen.go"); got != want {
		t.Errorf("patch has made\n%s", got)
	}
}
