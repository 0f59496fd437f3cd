package strategy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
)

// longPages are pages made to be slow.
var longPages = map[string]func(n int) string{
	"clauses":    func(n int) string { return "- a: " + strings.Repeat("b,c, ", n/5) },
	"one clause": func(n int) string { return "- a: " + strings.Repeat("b ", n/2) },
	"joints": func(n int) string {
		return strings.Repeat("- a: for 5m and 5m and 5m and 5m and 5m and 5m and x\n", n/53)
	},
	"lines":        func(n int) string { return strings.Repeat("- a: redis\n", n/11) },
	"continued":    func(n int) string { return "- a: b" + strings.Repeat("\n x,", n/4) },
	"code":         func(n int) string { return "- a: " + strings.Repeat("`a` ", n/4) },
	"quotes":       func(n int) string { return "- a: " + strings.Repeat("“", n/3) },
	"backticks":    func(n int) string { return "- a: " + strings.Repeat("`a``b ", n/6) },
	"nested":       func(n int) string { return nest(n) },
	"table":        func(n int) string { return "|a|b|\n|-|-|\n" + strings.Repeat("|x|5m|\n", n/7) },
	"sentences":    func(n int) string { return strings.Repeat("a b is cached. ", n/15) },
	"targets":      func(n int) string { return "- miss target: " + strings.Repeat("5% for a, ", n/10) },
	"parentheses":  func(n int) string { return "- a: b" + strings.Repeat("(", n) },
	"never":        func(n int) string { return "- never cache: " + strings.Repeat("a/b/", n/4) },
	"never commas": func(n int) string { return "- never cache: " + strings.Repeat("a, ", n/3) },
}

func nest(n int) string {
	var out strings.Builder
	for i := 0; out.Len() < n-2000; i++ {
		fmt.Fprintf(&out, "%s- a\n", strings.Repeat(" ", i%1000))
	}
	return out.String()
}

// TestRead_Size reads what is one byte too long, and says what to do.
func TestRead_Size(t *testing.T) {
	p, report, err := Read("long.md", make([]byte, MaxSize+1))
	if p != nil || report != nil || err == nil || !strings.HasPrefix(err.Error(), "long.md: a page has at most 524288 bytes") {
		t.Errorf("of %d bytes: policy %v, report %v, error %v", MaxSize+1, p, report, err)
	}
}

// BenchmarkRead_Long reads the longest pages that were made to be slow.
func BenchmarkRead_Long(b *testing.B) {
	for name, page := range longPages {
		data := []byte(page(64 << 10))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := Read("page", data); err != nil && len(err.Error()) == 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRoundTrip writes and reads a policy of 500 classes.
func BenchmarkRoundTrip(b *testing.B) {
	p := &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{}}
	for i := range 500 {
		p.Classes[fmt.Sprintf("class-%d", i)] = policy.Class{
			Pattern: policy.WriteThrough, TTL: policy.TTL{Shared: 5e9}, Tags: []string{"a-{key}", "b"}, Strict: true,
			Type: "example.com/shop.Thing", Description: "A thing of the shop.", Source: policy.Source{From: "the shop"},
		}
	}
	for b.Loop() {
		if _, report, err := Read("page", Write(p)); err != nil || len(report.NotUnderstood) > 0 {
			b.Fatal(err, report)
		}
	}
}
