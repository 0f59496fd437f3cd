package strategy_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/larderdev/larder/policy/strategy"
)

// TestRead_NoWordIsLost puts a word that nobody knows between any two words of each
// statement of the corpus that is understood. It must be named: in a statement that
// is not understood, at its line or beneath it, in a note, or in the policy.
func TestRead_NoWordIsLost(t *testing.T) {
	eachInsertion(t, []string{"teapots", "sometimes", "mostly"}, func(in insertion) {
		p, report, err := strategy.Read("page", []byte(in.page))
		listed := slices.ContainsFunc(report.NotUnderstood, func(u strategy.Unknown) bool { return u.Line >= in.line })
		if err != nil || listed || strings.Contains(report.String(), in.word) {
			return
		}
		if policy := strings.Join(fields("", reflect.ValueOf(*p)), "\n"); !strings.Contains(policy, in.word) {
			t.Errorf("%q is lost in\n%s%v%v", in.word, in.page, report, policy)
		}
	})
}

// TestRead_NoLimitIsLost puts words that limit or negate there. One must change the
// policy, contradict something, or make something that is not understood: to quote it
// in a note is not enough.
func TestRead_NoLimitIsLost(t *testing.T) {
	eachInsertion(t, []string{"not", "unless", "except", "without", "if", "instead of", "never"}, func(in insertion) {
		before, _, err := strategy.Read("page", []byte(in.of.page))
		if err != nil {
			t.Fatal(err)
		}
		p, report, err := strategy.Read("page", []byte(in.page))
		if err == nil && len(report.NotUnderstood) == 0 && reflect.DeepEqual(p, before) {
			t.Errorf("%q changes nothing in\n%s%v", in.word, in.page, report)
		}
	})
}

// An insertion is an entry of the corpus with one more word.
type insertion struct {
	of   spoken
	word string
	page string
	line int // where the word is
}

// eachInsertion calls try with pages that come of putting a word between two words of
// an understood entry of the corpus, or at the end of a line: each place has one of
// the words, in turn.
func eachInsertion(t *testing.T, words []string, try func(insertion)) {
	t.Helper()
	tried := 0
	for _, e := range corpus(t) {
		if len(e.want.unknown) > 0 || e.want.conflict {
			continue
		}
		for i := range e.page {
			if !strings.ContainsRune(" \n", rune(e.page[i])) || !within(e.page, i) {
				continue
			}
			word := words[tried%len(words)]
			try(insertion{e, word, e.page[:i] + " " + word + e.page[i:], strings.Count(e.page[:i], "\n") + 1})
			tried++
		}
	}
	if tried < 1000 {
		t.Errorf("%d pages tried, want 1000 at least", tried)
	}
}

// within tells whether a word put at i is part of a statement: not of a mark of
// Markdown, of code, or of the head of a table.
func within(page string, i int) bool {
	from := strings.LastIndexByte(page[:i], '\n') + 1
	before := strings.TrimSpace(page[from:i])
	if strings.Count(before, "`")%2 == 1 {
		return false
	}
	if strings.HasPrefix(page[from:], "|") && (strings.Count(page[:from], "\n") < 2 || strings.HasSuffix(before, "|")) {
		return false
	}
	return strings.ContainsFunc(before, unicode.IsLetter)
}
