package cdnrules_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/internal/cdnrules/cftest"
	"github.com/larderdev/larder/policy"
)

// asServeMux returns the pattern that ServeMux finds.
func asServeMux(mux *http.ServeMux, host, path string) string {
	r, err := http.NewRequest(http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return ""
	}
	h, pattern := mux.Handler(r)
	if _, ok := h.(found); !ok {
		return "" // a redirect
	}
	return pattern
}

type found struct{}

func (found) ServeHTTP(http.ResponseWriter, *http.Request) {}

// compiled are the rules of a zone, to be asked many times.
type compiled struct {
	rules   []cftest.Rule
	matches []func(cftest.Request) bool
}

func compile(t *testing.T, rules []cftest.Rule) *compiled {
	t.Helper()
	c := &compiled{rules: rules}
	for _, r := range rules {
		match, err := cftest.Compile(r.Expression)
		if err != nil {
			t.Fatalf("%s: %v", r.Expression, err)
		}
		c.matches = append(c.matches, match)
	}
	return c
}

// matching returns the numbers of the rules that match.
func (c *compiled) matching(host, path string) []int {
	var all []int
	for i, match := range c.matches {
		if match(cftest.Request{Method: http.MethodGet, Host: host, Path: path}) {
			all = append(all, i)
		}
	}
	return all
}

// verdict is what the zone does: of the rules that match the last decides.
func (c *compiled) verdict(host, path string) (cached bool, key string) {
	for _, i := range c.matching(host, path) {
		if cached = c.rules[i].ActionParameters["cache"] == true; cached {
			key = fmt.Sprint(c.rules[i].ActionParameters)
		}
	}
	return cached, key
}

// TestExpressions_AsServeMux compares the rules of random policies with what
// ServeMux finds: a path is eligible exactly if its route is cached, with the
// settings of that route.
func TestExpressions_AsServeMux(t *testing.T) {
	const rounds, paths = 150, 200
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "b", "c*d", "é x", "{x}", "{y}"}
	compared, cachedPaths := 0, 0
	for round := range rounds {
		routes := map[string]policy.Route{}
		mux := http.NewServeMux()
		for range 1 + random.IntN(7) {
			pattern := randomPattern(random, pieces)
			if !tryHandle(mux, pattern) {
				continue // it conflicts with one that is there
			}
			routes[pattern] = []policy.Route{
				{Edge: time.Hour},
				{Edge: time.Hour, Query: []string{}},
				{Edge: time.Hour, Query: []string{"q"}},
				{Edge: time.Hour, Vary: []string{"X-" + fmt.Sprint(round)}},
				{NoStore: true},
				{Private: true},
			}[random.IntN(6)]
		}
		p := &policy.Policy{Routes: routes, CDNs: []policy.CDN{cdn()}}
		p.CDNs[0].Hosts = [][]string{nil, {"h.example.com"}, {"h.example.com", "other.example.com"}}[random.IntN(3)]
		zone, open := newZone(t, "enterprise")
		apply(t, open(p))
		rules := compile(t, zone.Rules())
		for range paths {
			host := []string{"h.example.com", "other.example.com"}[random.IntN(2)]
			if len(p.CDNs[0].Hosts) == 1 {
				host = "h.example.com" // the only one of the zone
			}
			path := randomPath(random)
			pattern := asServeMux(mux, host, path)
			want := routes[pattern]
			cached, key := rules.verdict(host, path)
			if pattern == "" {
				continue // the service answers with a redirect or 404, and no-store
			}
			compared++
			if cached != (want.Edge > 0) {
				t.Fatalf("%s%s: cached %t, want %t of %q\nroutes %v\nrules %+v", host, path, cached, want.Edge > 0, pattern, routes, rules.rules)
			}
			if !cached {
				continue
			}
			cachedPaths++
			for part, there := range map[string]bool{
				"exclude:map[all:true]": want.Query != nil && len(want.Query) == 0,
				"list:[q]":              len(want.Query) == 1,
				"passthrough":           len(want.Vary) > 0,
			} {
				if strings.Contains(key, part) != there {
					t.Fatalf("%s%s: settings %s, %q there: want %t, of %q\nroutes %v\nrules %+v", host, path, key, part, there, pattern, routes, rules.rules)
				}
			}
		}
	}
	t.Logf("%d paths compared, %d of them cached", compared, cachedPaths)
	if compared < rounds*10 || cachedPaths < rounds*5 {
		t.Errorf("only %d paths were compared, %d of them cached", compared, cachedPaths)
	}
}

func tryHandle(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(pattern, found{})
	return true
}

func randomPattern(random *rand.Rand, pieces []string) string {
	pattern := []string{"GET ", "GET ", ""}[random.IntN(3)] + []string{"", "", "h.example.com"}[random.IntN(3)]
	used := map[string]bool{}
	for range random.IntN(4) {
		piece := pieces[random.IntN(len(pieces))]
		if strings.HasPrefix(piece, "{") && used[piece] {
			continue // a name is there once
		}
		used[piece] = true
		pattern += "/" + piece
	}
	return pattern + []string{"", "/", "/{$}", "/{rest...}"}[random.IntN(4)]
}

func randomPath(random *rand.Rand) string {
	path := ""
	for range random.IntN(5) {
		path += "/" + []string{"a", "b", "c*d", "%C3%A9%20x", "z", "c-d"}[random.IntN(6)]
	}
	if path == "" || random.IntN(4) == 0 {
		path += "/"
	}
	return path
}

func TestExpressions_PlanFeatures(t *testing.T) {
	t.Setenv("TEST_ZONE", zoneID)
	t.Setenv("TEST_TOKEN", token)
	p := &policy.Policy{Routes: map[string]policy.Route{"GET /a/{x}/b/": {Edge: time.Hour}}, CDNs: []policy.CDN{cdn()}}
	for plan, wrong := range map[string]bool{"": true, "pro": true, "business": false, "enterprise": false} {
		_, err := cdnrules.NewCloudflare(p, cdn(), cdnrules.Options{Plan: plan})
		if (err != nil) != wrong || wrong && !strings.Contains(err.Error(), `route "GET /a/{x}/b/": a literal between a wildcard and an open end needs the operator matches`) {
			t.Errorf("plan %q: got %v, want an error: %t", plan, err, wrong)
		}
	}
}

func TestExpressions_Length(t *testing.T) {
	p := &policy.Policy{Routes: map[string]policy.Route{}, CDNs: []policy.CDN{cdn()}}
	for i := range 300 {
		p.Routes[fmt.Sprintf("GET /never/%03d/{id}", i)] = policy.Route{NoStore: true}
	}
	zone, open := newZone(t, "business")
	apply(t, open(p))
	rules := zone.Rules()
	if len(rules) < 5 {
		t.Errorf("%d rules for 300 routes: the expressions were not split", len(rules))
	}
	all := compile(t, rules)
	for i := range 300 {
		if got := all.matching("shop.example.com", fmt.Sprintf("/never/%03d/1", i)); len(got) != 1 {
			t.Errorf("route %d is in %d rules", i, len(got))
		}
	}
	p.Routes = map[string]policy.Route{"GET /" + strings.Repeat("x", 5000): {Edge: time.Hour}}
	_, err := cdnrules.NewCloudflare(p, cdn(), cdnrules.Options{})
	if err == nil || !strings.Contains(err.Error(), "at most 4096") {
		t.Errorf("got %v, want an error about the length", err)
	}
}

// FuzzRules: whatever ServeMux takes as a pattern has expressions that compile, and
// what it refuses is an error.
func FuzzRules(f *testing.F) {
	for _, pattern := range []string{"GET /", "/{$}", "GET h.example.com/a/{x}/b/{rest...}", "POST\t /a", "GET /%2F%zz/é\"\\{}", "GET /{x", "x", "GET /a\x00\n*", "GET /\x9b"} {
		f.Add(pattern, "GET /{y}/", "q[]")
	}
	f.Fuzz(func(t *testing.T, first, second, query string) {
		t.Setenv("TEST_ZONE", zoneID)
		t.Setenv("TEST_TOKEN", token)
		p := &policy.Policy{Routes: map[string]policy.Route{
			first: {Edge: time.Hour, Query: []string{query}}, second: {NoStore: true},
		}}
		mux := http.NewServeMux()
		fine := tryHandle(mux, first) && (second == first || tryHandle(mux, second))
		for _, format := range cdnrules.Formats() {
			if _, err := cdnrules.Export(p, nil, format, cdnrules.Options{Plan: "enterprise"}); err == nil && !fine {
				t.Fatalf("%s: %q and %q were taken, and ServeMux refuses them", format, first, second)
			}
		}
		zone := &cftest.Zone{ID: zoneID, Token: token, Plan: "enterprise"}
		c, err := cdnrules.NewCloudflare(p, policy.CDN{Kind: "cloudflare", Zone: "TEST_ZONE", Token: "TEST_TOKEN"}, cdnrules.Options{Plan: "enterprise", HTTP: &http.Client{Transport: direct{zone}}})
		if err != nil {
			return
		}
		apply(t, c) // the stand-in refuses what it cannot read
	})
}
