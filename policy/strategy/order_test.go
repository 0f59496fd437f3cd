package strategy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy/strategy"
)

// TestRead_NotesInOrder reads the pages of the cases, and finds the words that each
// note quotes: notes come in the order of lines and, of one line, in that of words.
func TestRead_NotesInOrder(t *testing.T) {
	found := 0
	for name, page := range casePages(t) {
		_, report, _ := strategy.Read("page", []byte(page)) // with a contradiction there are notes, too
		lines := strings.Split(page, "\n")
		line, at := 0, 0
		for _, n := range report.Notes {
			quoted, _, _ := strings.Cut(n.Text, " → ")
			if _, words, ok := strings.Cut(quoted, ": "); ok {
				quoted = words
			}
			if n.Line > line {
				line, at = n.Line, 0
			}
			i := strings.Index(lines[n.Line-1], quoted)
			switch {
			case n.Line < line || i >= 0 && i < at:
				t.Errorf("%s: note %d %q comes too late:\n%v", name, n.Line, n.Text, report)
			case i >= 0:
				at = i
				found++
			}
		}
	}
	if found < 150 {
		t.Errorf("%d notes whose words are on the page, want 150 at least", found)
	}
}

// TestRead_SameEachTime reads each page again and again: Go's maps have no order, and
// what is printed must not have theirs.
func TestRead_SameEachTime(t *testing.T) {
	all := casePages(t)
	all["all"] = "" // many classes and routes at once
	for _, e := range corpus(t) {
		if !e.want.conflict {
			all["all"] += e.page + "\n"
		}
	}
	for name, page := range all {
		first := outcome(t, page)
		for range 4 {
			if again := outcome(t, page); again != first {
				t.Fatalf("%s: at first came\n%s\nthen\n%s", name, first, again)
			}
		}
	}
}

// casePages are the pages of testdata/cases, by name.
func casePages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	all := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)], _, _ = strings.Cut(string(data), mark)
	}
	return all
}
