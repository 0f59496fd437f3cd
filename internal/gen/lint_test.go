package gen

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/lint"
)

// TestLintPasses: of what larder lint passes code can be made. A policy that was drawn
// loses the classes and routes in which there is an error until there is none.
func TestLintPasses(t *testing.T) {
	passed := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		mistakes := failed(p)
		for range 10 {
			drop(p, mistakes)
			mistakes = failed(p)
		}
		if len(mistakes) > 0 {
			return // nothing is left
		}
		if _, err := Generate(p, ""); err != nil {
			t.Fatalf("lint passes it, and %v\nof %+v", err, p)
		}
		passed++
	})
	if passed == 0 {
		t.Error("no policy passes: this looks at nothing")
	}
}

// failed returns the paths of what lint calls an error.
func failed(p *policy.Policy) []string {
	var paths []string
	for _, f := range lint.Check(p) {
		if f.Severity == lint.Error {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

// drop takes out of a policy what the paths are in.
func drop(p *policy.Policy, paths []string) {
	for _, path := range paths {
		maps.DeleteFunc(p.Classes, func(name string, _ policy.Class) bool {
			if strings.Contains(name, ".") {
				name = `"` + name + `"`
			}
			rest, ok := strings.CutPrefix(path, "classes."+name)
			return ok && (rest == "" || rest[0] == '.')
		})
		maps.DeleteFunc(p.Routes, func(pattern string, r policy.Route) bool {
			_, there := p.Classes[r.Class]
			return strings.HasPrefix(path, `routes."`+pattern+`"`) || r.Class != "" && !there
		})
		switch {
		case strings.HasPrefix(path, "fleet"):
			p.Fleet = policy.Fleet{}
		case strings.HasPrefix(path, "go"):
			p.Go = policy.Go{}
		case strings.HasPrefix(path, "cdn"):
			p.CDNs = nil
		}
	}
}

// drawPolicy draws a policy of few names, so that they meet, whose fields are mostly
// such as people write, and sometimes what somebody refuses.
func drawPolicy(t *rapid.T) *policy.Policy {
	p := &policy.Policy{
		Version: policy.FileVersion, Classes: map[string]policy.Class{}, Routes: map[string]policy.Route{},
		Profiles: map[string]policy.Profile{"hourly": {Fresh: time.Hour}, "stale": {Fresh: time.Hour, Stale: time.Minute, Expire: 48 * time.Hour}},
		Fleet:    policy.Fleet{Outbox: rapid.Bool().Draw(t, "outbox"), Lease: seldom(t, time.Microsecond, time.Second), Hold: seldom(t, 0, time.Minute)},
		Go:       policy.Go{Out: one(t, "", "internal/caches", "a-b", "x/func"), Package: one(t, "", "", "caches", "x_test")},
	}
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{
		"a", "a-b", "a_b", "a-batch", "load-a", "a-version", "a-tags", "parse-a", "close", "larder", "open", "list", "new-list", "a-key", "2fa", "class2fa", "x.", "ttl", "a-ttl", "loaders", "caches",
	}), 0, 5, rapid.ID).Draw(t, "classes")
	for _, name := range names {
		p.Classes[name] = drawClass(t)
	}
	for _, pattern := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"/", "GET /a", "GET /a/{id}", "GET /{x}/b", "POST /a", "GET  /b", "GET /f/{rest...}", "HEAD /a", "a.example/x"}), 0, 3, rapid.ID).Draw(t, "routes") {
		p.Routes[pattern] = drawRoute(t, append(names, ""))
	}
	for range rapid.IntRange(0, 2).Draw(t, "cdns") {
		p.CDNs = append(p.CDNs, policy.CDN{Kind: one(t, "cloudflare", "fastly", "cloudfront", "akamai", "bunny", "google", "varnish", "nginx", "larder"), Zone: "ZONE", Token: "TOKEN"})
	}
	return p
}

// one draws one of several.
func one[T any](t *rapid.T, values ...T) T { return rapid.SampledFrom(values).Draw(t, "one") }

// seldom draws mostly nothing, and sometimes one of values.
func seldom[T any](t *rapid.T, values ...T) (value T) {
	if rapid.IntRange(0, 5).Draw(t, "said") == 0 {
		value = one(t, values...)
	}
	return value
}

// lives are those of classes and routes: the odd ones are refused somewhere.
var lives = []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour, policy.None, 1500 * time.Millisecond, time.Microsecond, 1 << 62}

// rules are all that an exception can name.
var rules = func() (ids []string) {
	for _, r := range lint.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}()

func drawIgnore(t *rapid.T) map[string]string {
	return seldom(t, rapid.MapOfN(rapid.SampledFrom(rules), rapid.Just("it is so"), 1, 20).Draw(t, "ignore"))
}

func drawClass(t *rapid.T) policy.Class {
	if rapid.IntRange(0, 9).Draw(t, "never") == 0 {
		return policy.Class{Pattern: policy.Never}
	}
	c := policy.Class{
		Pattern: one(t, "", policy.CacheAside, policy.WriteThrough), Profile: one(t, "", "hourly", "stale"), Description: seldom(t, "*/", "a\nb"),
		Type:        one(t, "", "string", "[]*time.Time", "example.com/a-b/c.D", "example.com/larder.E", "unsafe.Pointer"),
		TTL:         policy.TTL{Shared: one(t, append(lives, 0)...), Memory: seldom(t, lives...), Edge: seldom(t, lives...)},
		NegativeTTL: seldom(t, lives...), StaleWhileRevalidate: seldom(t, lives...), StaleIfError: seldom(t, lives...),
		FromValue: seldom(t, true), Jitter: seldom(t, policy.None, 0.5, 0.6), ValueTags: seldom(t, true), ValueTTL: seldom(t, true),
		Tiers:      seldom(t, []policy.Tier{policy.Memory}, []policy.Tier{policy.Shared, policy.Edge}, []policy.Tier{policy.Edge}, []policy.Tier{}),
		Tags:       seldom(t, []string{"a"}, []string{"x-{key}", "y"}, []string{"a, b"}, []string{"{id}"}, slices.Sorted(maps.Keys(many(65)))),
		RowVersion: seldom(t, "column", "sequence", "xid-snapshot", "replay-lsn", "xmin"), Batch: seldom(t, true), Strict: seldom(t, true), Encrypt: seldom(t, true),
		Stampede: policy.Stampede{EarlyRefresh: seldom[float64](t, policy.None, 2, 101), SoftTimeout: seldom(t, lives...), HardTimeout: seldom(t, lives...)},
		Budget:   policy.Budget{Loads: seldom(t, 1, -1), Rate: seldom(t, 0.5, -1), Wait: seldom(t, lives...)}, MemoryEntries: seldom(t, 5), MemoryBytes: seldom[int64](t, 5),
		CompressAbove: seldom[int64](t, policy.None, 5, 1<<40), Privacy: seldom(t, policy.Private, policy.Sensitive), Rebuild: seldom(t, 3, 1<<40),
		Target: policy.Target{MissRate: seldom(t, 0.1, 2)}, Ignore: drawIgnore(t),
	}
	switch rapid.IntRange(0, 3).Draw(t, "key") {
	case 0:
		c.Key.Type = one(t, "int64", "example.com/x.Key", "float32", "bool")
	case 1:
		for name := range maps.Keys(rapid.MapOfN(rapid.SampledFrom([]string{"a", "a-b", "a_b", "marshal-text", "x.y", "id", "ID"}), rapid.Just(true), 1, 3).Draw(t, "parts")) {
			c.Key.Parts = append(c.Key.Parts, policy.KeyPart{Name: name, Type: one(t, "string", "bool", "int64", "float64", "[]string")})
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "tables") {
		c.Source.Tables = append(c.Source.Tables, policy.Table{
			Name: one(t, "products", "public.products", "shop.products", "prices", "larder_outbox", "a b"), Key: one(t, "", "{id}", "all", "{"),
			Tags: one(t, nil, []string{"a"}, []string{"x-{id}"}), Version: one(t, "", "", "v", "w"), Sequence: seldom(t, "s", "public.s", "shop.s"),
		})
	}
	return c
}

// many returns so many names.
func many(n int) map[string]bool {
	all := map[string]bool{}
	for len(all) < n {
		all[strings.Repeat("t", len(all)+1)] = true
	}
	return all
}

func drawRoute(t *rapid.T, classes []string) policy.Route {
	return policy.Route{
		Class: one(t, classes...), Profile: seldom(t, "hourly", "stale"), NoStore: seldom(t, true), Private: seldom(t, true),
		Edge: seldom(t, lives...), Browser: seldom(t, lives...), StaleWhileRevalidate: seldom(t, lives...), StaleIfError: seldom(t, lives...), Immutable: seldom(t, true),
		Tags: seldom(t, []string{"a"}, []string{"a-{id}"}, []string{"a b"}, []string{"é"}, slices.Sorted(maps.Keys(many(60)))), Query: seldom(t, []string{}, []string{"q"}),
		Vary:     seldom(t, []string{"Accept"}, []string{"Cookie"}, []string{"a b"}, []string{"Accept-Encoding"}, []string{"Origin", "origin"}),
		Statuses: seldom(t, map[int]time.Duration{404: time.Second}, map[int]time.Duration{500: time.Hour}, map[int]time.Duration{301: 1}), Ignore: drawIgnore(t),
	}
}
