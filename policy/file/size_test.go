package file

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/policy/lint"
)

// TestSize_Linear: whatever fills a file of the greatest size, nothing takes many times
// as long as reading it does: it must not stop an editor.
func TestSize_Linear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	fill := func(n int, form string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, form, i)
		}
		return b.String()
	}
	took := func(f func()) time.Duration {
		start := time.Now()
		f()
		return time.Since(start)
	}
	bad := "version: 1\nprofiles:\n" + fill(20000, "  p%d: {fresh: 1h}\n") + "classes:\n" + fill(20000, "  c%[1]d: {profile: q%[1]d}\n")
	for name, text := range map[string]string{
		"comments behind all fields":  "version: 1\nclasses:\n" + fill(12000, "  c%d: {ttl: 1h, source: db}\n") + strings.Repeat("#\n", 250000),
		"profiles that are not there": bad,
		"request fields":              "version: 1\nroutes:\n  GET /a: {edge: 1h, vary: [" + fill(90000, "X-%d,") + "X]}\n",
	} {
		fine := strings.ReplaceAll(text, "profile: q", "profile: p")
		read := took(func() {
			p, _, err := Parse("larder.yaml", []byte(fine))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_ = p.Validate()
		})
		for what, f := range map[string]func(){
			"to format": func() { _, _ = Reformat("larder.yaml", []byte(text)) },
			"to lint": func() {
				if p, _, err := Parse("larder.yaml", []byte(text)); err == nil {
					lint.Check(p)
				}
			},
		} {
			if d := took(f); d > 8*read {
				t.Errorf("%s: %v %s, and %v to read", name, d, what, read)
			}
		}
	}
}
