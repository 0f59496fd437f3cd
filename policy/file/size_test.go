package file

import (
	"fmt"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy/lint"
)

// BenchmarkSize fills a file of the greatest size, 1 MiB, with what once took time that
// grew with its square. Formatting and lint should take a few times as long as reading:
// an editor waits for them.
func BenchmarkSize(b *testing.B) {
	fill := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	for _, file := range []struct{ name, text string }{
		{"comments", "version: 1\nclasses:\n" + fill(12000, "  c%d: {ttl: 1h, source: db}\n") + strings.Repeat("#\n", 250000)},
		{"no_such_profile", "version: 1\nprofiles:\n" + fill(20000, "  p%d: {fresh: 1h}\n") + "classes:\n" + fill(20000, "  c%[1]d: {profile: q%[1]d}\n")},
		{"request_fields", "version: 1\nroutes:\n  GET /a: {edge: 1h, vary: [" + fill(90000, "X-%d,") + "X]}\n"},
	} {
		data := []byte(file.text)
		b.Run("read/"+file.name, func(b *testing.B) {
			for b.Loop() {
				_, _, _ = Parse("larder.yaml", data)
			}
		})
		b.Run("format/"+file.name, func(b *testing.B) {
			for b.Loop() {
				_, _ = Reformat("larder.yaml", data)
			}
		})
		b.Run("lint/"+file.name, func(b *testing.B) {
			for b.Loop() {
				if p, _, err := Parse("larder.yaml", data); err == nil {
					lint.Check(p)
				}
			}
		})
	}
}
