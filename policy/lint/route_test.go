package lint

import (
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
)

// TestRouteNotServeMux: wildcards of other routers are named with their mend, and
// what only looks like one is left alone.
func TestRouteNotServeMux(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /a/:id":            "Write {id}.",
		"/a/:id/b":              "Write {id}.",
		"GET /a/*":              "{path...}",
		"GET /a/**":             "{path...}",
		"GET /a/*rest":          "Write {rest...}.",
		"GET /a/<id>":           "Write {id}.",
		"GET /a/<int:id>":       "Write {id}.",
		"GET api/items":         "Write /api/items if",
		"GET /a/{id}":           "",
		"GET /a/{path...}":      "",
		"GET /a/{$}":            "",
		"GET /":                 "",
		"GET /v1/items:batch":   "",
		"GET /a/*.js":           "",
		"GET /a/:":              "",
		"GET shop.example/a":    "",
		"GET localhost/a":       "",
		"GET shop.example/a/:b": "Write {b}.",
	} {
		p := &policy.Policy{Version: policy.FileVersion, Routes: map[string]policy.Route{pattern: {Edge: time.Minute}}}
		var got []string
		for _, f := range Check(p) {
			if f.Rule == "route-not-servemux" {
				got = append(got, f.Mend)
			}
		}
		if text := strings.Join(got, "|"); (text == "") != (want == "") || !strings.Contains(text, want) {
			t.Errorf("%s: %q, want %q", pattern, text, want)
		}
	}
}
