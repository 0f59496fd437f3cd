package cdnrules_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/policy"
)

var update = flag.Bool("update", false, "write the files in testdata/export anew")

// strange has what is special in the languages of the formats.
func strange() *policy.Policy {
	p := shop()
	p.Routes["GET /a b/ü*\"}$;/x.y/{id}/{$}"] = policy.Route{Edge: time.Hour, Query: []string{"filter[a]", "q.x", "a&b", "${x}", `a\`}}
	p.Routes["GET www.example.com/"] = policy.Route{Edge: time.Hour}
	p.Routes["GET /assets/"] = policy.Route{NoStore: true}
	return p
}

func export(t *testing.T, p *policy.Policy, hosts []string, f cdnrules.Format) *cdnrules.Exported {
	t.Helper()
	e, err := cdnrules.Export(p, hosts, f, cdnrules.Options{Plan: "enterprise"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExport_Golden(t *testing.T) {
	for name, c := range map[string]struct {
		policy *policy.Policy
		hosts  []string
	}{"shop": {shop(), cdn().Hosts}, "strange": {strange(), nil}} {
		for _, format := range cdnrules.Formats() {
			for _, file := range export(t, c.policy, c.hosts, format).Files {
				path := filepath.Join("testdata", "export", name, file.Name)
				if *update {
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(file.Content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatalf("%v\nTo write it: go test ./internal/cdnrules -run Golden -update", err)
				}
				if file.Content != string(want) {
					t.Errorf("%s is\n%s\nwant\n%s", path, file.Content, want)
				}
			}
		}
	}
}

func TestExport_Deterministic(t *testing.T) {
	for _, format := range cdnrules.Formats() {
		first := export(t, strange(), nil, format)
		for range 20 {
			again := export(t, strange(), nil, format)
			for i := range first.Files {
				if again.Files[i] != first.Files[i] {
					t.Fatalf("%s: %s differs from one export to the next", format, again.Files[i].Name)
				}
			}
		}
	}
}

func TestExport_Mistakes(t *testing.T) {
	for want, route := range map[string]policy.Route{
		`query parameter "a\"b"`: {Edge: time.Hour, Query: []string{`a"b`}},
		`vary "*"`:               {Edge: time.Hour, Vary: []string{"*"}},
		`vary "host"`:            {Edge: time.Hour, Vary: []string{"Host"}},
		`no class "none"`:        {Class: "none"},
	} {
		for _, format := range cdnrules.Formats() {
			p := &policy.Policy{Routes: map[string]policy.Route{"GET /x": route}}
			_, err := cdnrules.Export(p, nil, format, cdnrules.Options{})
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `route "GET /x"`) {
				t.Errorf("%s: got %v, want %s of the route", format, err, want)
			}
		}
	}
	for pattern, want := range map[string]string{"GET x": `route "GET x"`, "/{x": `route "/{x"`, "GET a_b/": `host "a_b"`} {
		p := &policy.Policy{Routes: map[string]policy.Route{pattern: {Edge: time.Hour}}}
		if _, err := cdnrules.Export(p, nil, cdnrules.Varnish, cdnrules.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", pattern, err, want)
		}
	}
	p := &policy.Policy{Routes: map[string]policy.Route{"GET /{x}/a": {}, "GET /a/{x}": {}}}
	if _, err := cdnrules.Export(p, []string{"https://x"}, cdnrules.Nginx, cdnrules.Options{}); err == nil ||
		!strings.Contains(err.Error(), "conflicts") || !strings.Contains(err.Error(), `host "https://x"`) {
		t.Errorf("got %v, want the conflict and the host", err)
	} else if strings.Contains(err.Error(), ".go:") {
		t.Errorf("got %v, with where this program was built", err)
	}
	if _, err := cdnrules.Export(shop(), nil, "squid", cdnrules.Options{}); err == nil || !strings.Contains(err.Error(), `the format is "squid"`) {
		t.Errorf("got %v", err)
	}
}

// TestExport_NothingHides: no comment of a file shows its reader another order of
// characters than the program that reads the file sees (CVE-2021-42574).
func TestExport_NothingHides(t *testing.T) {
	p := &policy.Policy{Routes: map[string]policy.Route{"GET /a\u202Eb\u2066/": {Edge: time.Hour}, "GET /b\u2028c": {NoStore: true}}}
	for _, format := range cdnrules.Formats() {
		for _, file := range export(t, p, nil, format).Files {
			if i := strings.IndexFunc(file.Content, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' }); i >= 0 {
				t.Errorf("%s: %+q stands in %q", format, file.Content[i:i+3], file.Content[max(0, i-40):i+3])
			}
		}
	}
}
