package file

import (
	"fmt"
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/larderdev/larder/policy"
)

// drawPolicy draws a valid policy. Every field has a value in some of them.
func drawPolicy(t *rapid.T) *policy.Policy {
	p := &policy.Policy{
		Version: policy.FileVersion,
		Fleet: policy.Fleet{
			MaxStaleness:  maybe(t, rapid.Map(rapid.Int64Range(10e6, math.MaxInt64), func(n int64) time.Duration { return time.Duration(n) })),
			SharedTimeout: maybe(t, durations), Lease: maybe(t, durations), Hold: maybe(t, durations),
			Outbox: rapid.Bool().Draw(t, "outbox"),
		},
		Go: policy.Go{Package: maybe(t, rapid.SampledFrom([]string{"caches", "yes", "n"})), Out: maybe(t, rapid.SampledFrom([]string{"../x", ".", "internal/caches", "a b/ü"}))},
	}
	if p.Go.Out == "." && p.Go.Package == "" {
		p.Go.Package = "caches" // a folder without a name gives the package none
	}
	profiles := rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(t, "profiles")
	for _, name := range profiles {
		put(&p.Profiles, name, drawProfile(t))
	}
	classes := rapid.SliceOfNDistinct(names, 0, 4, rapid.ID).Draw(t, "classes")
	for _, name := range classes {
		put(&p.Classes, name, drawClass(t, profiles))
	}
	for _, pattern := range rapid.SliceOfNDistinct(patterns, 0, 4, rapid.ID).Draw(t, "routes") {
		put(&p.Routes, pattern, drawRoute(t, profiles, classes))
	}
	p.CDNs = maybe(t, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.CDN {
		return policy.CDN{
			Kind: rapid.SampledFrom([]string{"cloudflare", "fastly", "larder"}).Draw(t, "kind"),
			Zone: maybe(t, rapid.StringMatching(`[A-Z_][A-Z0-9_]{0,8}`)), Token: maybe(t, rapid.StringMatching(`[A-Z_][A-Z0-9_]{0,8}`)),
			Hosts: maybe(t, rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,4}\.[a-z]{2}`), 1, 3, rapid.ID)),
		}
	}), 1, 3))
	return p
}

var (
	durations = rapid.OneOf(
		rapid.Map(rapid.Int64Range(1, math.MaxInt64), func(n int64) time.Duration { return time.Duration(n) }),
		rapid.Map(rapid.IntRange(1, 1000), func(n int) time.Duration { return time.Duration(n) * time.Minute }),
	)
	windows = rapid.OneOf(durations, rapid.Just(time.Duration(policy.None)))
	names   = rapid.OneOf(rapid.StringMatching(`[a-z0-9][a-z0-9_.-]{0,6}`), rapid.SampledFrom([]string{"no", "null", "0x1", "1e3", "007", "2020-01-01", "y", "a.b", "1-"}))
	anyText = rapid.OneOf(rapid.StringN(1, 20, -1), rapid.SampledFrom([]string{
		"no", "~", "1:30", "a: b", "a #b", "# larder:ignore X y", "- a", "*x", "&x", "!x", "'", "\"", "\n", " a ", "{a}", "[]", "null", "none", "0o17", "<<", "a\u2028b", "\ufeff", "\U0001F600", "\x7f", "%", "@", "`",
	}))
	patterns = rapid.SampledFrom([]string{
		"/", "GET /", "GET /x", "GET /x/{id}", "POST example.com/x/{id}/{rest...}", "GET /é", "/a/{$}", "GET /a%20b", "GET  /two", "DELETE /x/{id}", "example.com/",
	})
	shares = rapid.Float64Range(1e-9, 0.5)
)

// maybe draws nothing, or a value.
func maybe[T any](t *rapid.T, g *rapid.Generator[T]) (value T) {
	if rapid.Bool().Draw(t, "is said") {
		value = g.Draw(t, "value")
	}
	return value
}

func put[T any](m *map[string]T, name string, value T) {
	if *m == nil {
		*m = map[string]T{}
	}
	(*m)[name] = value
}

func drawProfile(t *rapid.T) policy.Profile {
	p := policy.Profile{
		Fresh: time.Duration(rapid.Int64Range(1, math.MaxInt64/4).Draw(t, "fresh")),
		Stale: maybe(t, rapid.Map(rapid.Int64Range(1, math.MaxInt64/4), func(n int64) time.Duration { return time.Duration(n) })),
	}
	if rapid.Bool().Draw(t, "expires") {
		p.Expire = p.Fresh + p.Stale + time.Duration(rapid.Int64Range(0, math.MaxInt64/4).Draw(t, "more"))
	}
	p.Jitter = maybe(t, rapid.OneOf(shares, rapid.Just(float64(policy.None))))
	return p
}

func drawClass(t *rapid.T, profiles []string) policy.Class {
	c := policy.Class{Description: maybe(t, anyText), Ignore: drawIgnore(t)}
	if rapid.IntRange(0, 5).Draw(t, "never") == 0 {
		c.Pattern = policy.Never
		return c
	}
	c.Pattern = maybe(t, rapid.SampledFrom([]policy.Pattern{policy.CacheAside, policy.WriteThrough}))
	c.Type = maybe(t, rapid.SampledFrom([]string{"string", "[]*time.Time", "example.com/a-b/c.D", "*float64"}))
	c.Key.Type = maybe(t, rapid.SampledFrom([]string{"string", "int64", "example.com/x.Key"}))
	if c.Key.Type == "" {
		c.Key.Parts = maybe(t, rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) policy.KeyPart {
			return policy.KeyPart{
				Name: rapid.OneOf(rapid.StringMatching(`[A-Za-z][A-Za-z0-9_.-]{0,5}`), rapid.SampledFrom([]string{"y", "on", "null", "true"})).Draw(t, "part"),
				Type: rapid.SampledFrom([]string{"string", "bool", "int64", "float64", "[]string"}).Draw(t, "part type"),
			}
		}), 1, 5, func(p policy.KeyPart) string { return p.Name }))
	}
	if len(profiles) > 0 {
		c.Profile = maybe(t, rapid.SampledFrom(profiles))
	}
	c.TTL = policy.TTL{Shared: maybe(t, durations), Memory: maybe(t, durations), Edge: maybe(t, durations)}
	c.FromValue = rapid.Bool().Draw(t, "from value")
	c.NegativeTTL, c.StaleWhileRevalidate, c.StaleIfError = maybe(t, durations), maybe(t, windows), maybe(t, windows)
	c.Jitter = maybe(t, rapid.OneOf(shares, rapid.Just(float64(policy.None))))
	c.Tiers = maybe(t, rapid.SliceOfNDistinct(rapid.SampledFrom([]policy.Tier{policy.Memory, policy.Shared, policy.Edge}), 1, 3, rapid.ID))
	c.Tags = maybe(t, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "x-{key}", "é", "no", "a: b", "{key}", " "}), 1, 3, rapid.ID))
	c.RowVersion = maybe(t, rapid.SampledFrom([]string{"column", "sequence", "xid-snapshot", "replay-lsn"}))
	c.ValueTTL = rapid.Bool().Draw(t, "b")
	c.ValueTags, c.Batch, c.Strict, c.Encrypt = rapid.Bool().Draw(t, "b"), rapid.Bool().Draw(t, "b"), rapid.Bool().Draw(t, "b"), rapid.Bool().Draw(t, "b")
	positive := rapid.Float64Range(1e-300, 1e300)
	c.Stampede = policy.Stampede{EarlyRefresh: maybe(t, rapid.OneOf(positive, rapid.Just(float64(policy.None)))), SoftTimeout: maybe(t, durations)}
	if c.Stampede.SoftTimeout == 0 {
		c.Stampede.HardTimeout = maybe(t, durations)
	}
	counts := rapid.IntRange(1, math.MaxInt)
	c.Budget = policy.Budget{Loads: maybe(t, counts), Rate: maybe(t, positive), Wait: maybe(t, durations)}
	sizes := rapid.Int64Range(1, math.MaxInt64)
	if c.MemoryEntries = maybe(t, counts); c.MemoryEntries == 0 {
		c.MemoryBytes = maybe(t, sizes)
	}
	c.CompressAbove = maybe(t, rapid.OneOf(sizes, rapid.Just(int64(policy.None)), rapid.Just(int64(3)<<20)))
	c.Privacy = maybe(t, rapid.SampledFrom([]policy.Privacy{policy.Public, policy.Private, policy.Sensitive}))
	c.Rebuild = maybe(t, counts)
	if c.Target.MissRate = maybe(t, rapid.Float64Range(1e-9, 1)); c.Target.MissRate > 0 {
		c.Target.Window = maybe(t, durations)
	}
	if c.Source.From = maybe(t, anyText); c.Source.From == "" {
		c.Source.Tables = maybe(t, rapid.SliceOfN(rapid.Custom(drawTable), 1, 3))
	}
	return c
}

func drawTable(t *rapid.T) policy.Table {
	table := policy.Table{
		Name: rapid.SampledFrom([]string{"products", "shop.products", "no", "a-b"}).Draw(t, "table"),
		Key:  rapid.SampledFrom([]string{"{id}", "x:{a}/{b}", "all", "007", "a #b"}).Draw(t, "key"),
		Tags: maybe(t, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "x-{id}", "no", "[a]"[1:2]}), 1, 2, rapid.ID)),
	}
	if table.Version = maybe(t, rapid.SampledFrom([]string{"version", "y"})); table.Version != "" {
		table.Sequence = maybe(t, rapid.SampledFrom([]string{"versions", "shop.versions"}))
	}
	return table
}

func drawRoute(t *rapid.T, profiles, classes []string) policy.Route {
	r := policy.Route{Ignore: drawIgnore(t)}
	if len(classes) > 0 {
		r.Class = maybe(t, rapid.SampledFrom(classes))
	}
	r.Tags = maybe(t, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "é", "no", "a, b"}), 1, 3, rapid.ID))
	if r.Query = maybe(t, rapid.SliceOfNDistinct(anyText, 0, 3, rapid.ID)); r.Query != nil && len(r.Query) == 0 {
		r.Query = []string{}
	}
	r.Vary = maybe(t, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Accept", "X-A", "!", "`", "~", "#a", "null"}), 1, 3, rapid.ID))
	switch rapid.IntRange(0, 3).Draw(t, "kept") {
	case 0:
		r.NoStore = true
		return r
	case 1:
		r.Private = true
	default:
		r.Edge = maybe(t, windows)
		if len(profiles) > 0 {
			r.Profile = maybe(t, rapid.SampledFrom(profiles))
		}
		r.Statuses = maybe(t, rapid.MapOfN(rapid.SampledFrom([]int{201, 301, 404, 410, 599}), durations, 1, 3))
	}
	r.Browser, r.StaleWhileRevalidate, r.StaleIfError = maybe(t, windows), maybe(t, windows), maybe(t, windows)
	r.Immutable = rapid.Bool().Draw(t, "immutable")
	return r
}

func drawIgnore(t *rapid.T) map[string]string {
	return maybe(t, rapid.MapOfN(rapid.Map(rapid.IntRange(1, 20), func(n int) string { return fmt.Sprintf("LARDER%03d", n) }),
		rapid.SampledFrom([]string{"it is so", "\"quoted\" # and more", "because: [x", "é – ü"}), 1, 3))
}
