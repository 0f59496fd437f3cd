package strategy_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/strategy"
)

// TestWrite_RoundTrip writes policies of every field, reads the page, and writes
// that: the same policy, the same page, and nothing that had to be decided.
func TestWrite_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawPolicy(t)
		page := strategy.Write(want)
		got, report, err := strategy.Read("page", page)
		if err != nil {
			t.Fatalf("%v\n%s", err, page)
		}
		if len(report.NotUnderstood) > 0 || len(report.Notes) > 0 {
			t.Fatalf("of a page by Write:\n%v\n%s", report, page)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\n%s", differ(got, want), page)
		}
		if again := strategy.Write(got); string(again) != string(page) {
			t.Fatalf("written again:\n%s\nat first:\n%s", again, page)
		}
	})
}

// differ says where two policies do.
func differ(got, want *policy.Policy) string {
	var out strings.Builder
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			fmt.Fprintf(&out, "%s:\ngot  %#v\nwant %#v\n", g.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
	return out.String()
}

// Names as a policy has them, and sentences with everything that Markdown, the
// reader and Go's quoting might take for their own.
var (
	classNames = rapid.StringMatching(`[a-z0-9][a-z0-9_.-]{0,12}`)
	rowNames   = rapid.StringMatching(`[a-z][a-z_]{0,8}(\.[a-z]{1,5})?`)
	templates  = rapid.OneOf(rapid.StringMatching(`[a-z]{1,6}(-\{[a-z]{1,4}\})?`), words)
	words      = rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9 ,.:;()*_<>|~"'+/{}#\x60\\\[\]%=-]{1,30}`),
		rapid.StringN(1, 20, 80),
	)
	goTypes   = rapid.StringMatching(`(\*|\[\])?(int64|string|example\.com/[a-z]{1,5}/[a-z]{1,5}\.[A-Z][a-z]{0,5})`)
	patterns  = rapid.StringMatching(`((GET|POST|PUT) )?(shop\.example\.com)?/([a-z]{1,6}/){0,2}(\{[a-z]{1,4}(\.\.\.)?\})?`)
	variables = rapid.StringMatching(`[A-Z][A-Z_]{1,12}`)
	shares    = rapid.OneOf(rapid.Float64Range(0.0001, 0.5), rapid.SampledFrom([]float64{0.07, 0.1, 0.29, 0.3, 0.005}))
	counts    = rapid.IntRange(1, 1<<31)
	sizes     = rapid.OneOf(rapid.Int64Range(1, 1<<50), rapid.SampledFrom([]int64{4 << 10, 64 << 20, 1000, 3 << 30}))
	lengths   = rapid.Custom(func(t *rapid.T) time.Duration {
		unit := rapid.SampledFrom([]time.Duration{1, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "unit")
		return unit * time.Duration(rapid.Int64Range(1, 1000).Draw(t, "number"))
	})
	windows = rapid.OneOf(lengths, rapid.Just(time.Duration(policy.None)))
)

// maybe draws from g, or says nothing.
func maybe[T any](t *rapid.T, g *rapid.Generator[T], name string) T {
	var zero T
	if rapid.Bool().Draw(t, name+"?") {
		return g.Draw(t, name)
	}
	return zero
}

func drawPolicy(t *rapid.T) *policy.Policy {
	p := &policy.Policy{
		Version: policy.FileVersion,
		Fleet: policy.Fleet{
			MaxStaleness: maybe(t, lengths, "staleness"), SharedTimeout: maybe(t, lengths, "timeout"),
			Lease: maybe(t, lengths, "lease"), Hold: maybe(t, lengths, "hold"), Outbox: rapid.Bool().Draw(t, "outbox"),
		},
		Go:       policy.Go{Package: maybe(t, rowNames, "package"), Out: maybe(t, words, "out")},
		Profiles: maybe(t, rapid.MapOfN(words, rapid.Custom(drawProfile), 1, 3), "profiles"),
		Classes:  maybe(t, rapid.MapOfN(classNames, rapid.Custom(drawClass), 1, 4), "classes"),
		Routes:   maybe(t, rapid.MapOfN(patterns, rapid.Custom(drawRoute), 1, 4), "routes"),
	}
	p.CDNs = maybe(t, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.CDN {
		return policy.CDN{
			Kind: rapid.SampledFrom([]string{"cloudflare", "fastly", "larder"}).Draw(t, "kind"),
			Zone: maybe(t, variables, "zone"), Token: maybe(t, variables, "token"),
			Hosts: maybe(t, rapid.SliceOfN(words, 0, 3), "hosts"),
		}
	}), 1, 2), "cdns")
	return p
}

func drawProfile(t *rapid.T) policy.Profile {
	return policy.Profile{
		Fresh: maybe(t, lengths, "fresh"), Stale: maybe(t, lengths, "stale"), Expire: maybe(t, lengths, "expire"),
		Jitter: maybe(t, rapid.OneOf(shares, rapid.Just(float64(policy.None))), "jitter"),
	}
}

func drawClass(t *rapid.T) policy.Class {
	c := policy.Class{
		Description: maybe(t, words, "description"),
		Ignore:      maybe(t, rapid.MapOfN(rowNames, words, 1, 2), "ignore"),
		Pattern:     rapid.SampledFrom([]policy.Pattern{"", policy.CacheAside, policy.WriteThrough, policy.Never}).Draw(t, "pattern"),
	}
	if c.Pattern == policy.Never {
		return c
	}
	c.Key.Type = maybe(t, goTypes, "key")
	if c.Key.Type == "" {
		c.Key.Parts = maybe(t, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.KeyPart {
			return policy.KeyPart{Name: rowNames.Draw(t, "part"), Type: rapid.SampledFrom([]string{"string", "int64", "[]string"}).Draw(t, "type")}
		}), 1, 3), "parts")
	}
	c.Type, c.Profile = maybe(t, goTypes, "type"), maybe(t, words, "profile")
	c.TTL = policy.TTL{Shared: maybe(t, lengths, "ttl"), Memory: maybe(t, lengths, "memory"), Edge: maybe(t, lengths, "edge")}
	c.NegativeTTL, c.FromValue = maybe(t, lengths, "negative"), rapid.Bool().Draw(t, "from value")
	c.StaleWhileRevalidate, c.StaleIfError = maybe(t, windows, "swr"), maybe(t, windows, "sie")
	c.Jitter = maybe(t, rapid.OneOf(shares, rapid.Just(float64(policy.None))), "jitter")
	c.Tiers = maybe(t, rapid.SliceOfN(rapid.SampledFrom([]policy.Tier{policy.Memory, policy.Shared, policy.Edge}), 0, 3), "tiers")
	c.Tags, c.ValueTags = maybe(t, rapid.SliceOfN(templates, 0, 3), "tags"), rapid.Bool().Draw(t, "value tags")
	c.ValueTTL = rapid.Bool().Draw(t, "value ttl")
	c.RowVersion = maybe(t, rapid.SampledFrom([]string{"column", "sequence", "xid-snapshot", "replay-lsn"}), "version")
	c.Batch, c.Strict, c.Encrypt = rapid.Bool().Draw(t, "batch"), rapid.Bool().Draw(t, "strict"), rapid.Bool().Draw(t, "encrypt")
	c.Stampede = policy.Stampede{
		EarlyRefresh: maybe(t, rapid.OneOf(rapid.Float64Range(0.01, 10), rapid.Just(float64(policy.None))), "β"),
		SoftTimeout:  maybe(t, lengths, "soft"), HardTimeout: maybe(t, lengths, "hard"),
	}
	c.Budget = policy.Budget{Loads: maybe(t, counts, "loads"), Rate: maybe(t, rapid.Float64Range(0.001, 1e9), "rate"), Wait: maybe(t, lengths, "wait")}
	c.MemoryEntries, c.MemoryBytes = maybe(t, counts, "entries"), maybe(t, sizes, "bytes")
	c.CompressAbove = maybe(t, rapid.OneOf(sizes, rapid.Just(int64(policy.None))), "compress")
	c.Privacy = maybe(t, rapid.SampledFrom([]policy.Privacy{policy.Public, policy.Private, policy.Sensitive}), "privacy")
	c.Rebuild, c.Target = maybe(t, counts, "rebuild"), policy.Target{MissRate: maybe(t, shares, "target")}
	if c.Target.MissRate != 0 {
		c.Target.Window = maybe(t, lengths, "window")
	}
	c.Source.From = maybe(t, words, "source")
	c.Source.Tables = maybe(t, rapid.SliceOfN(rapid.Custom(drawTable), 1, 3), "tables")
	return c
}

func drawTable(t *rapid.T) policy.Table {
	return policy.Table{
		Name: rowNames.Draw(t, "table"), Key: maybe(t, templates, "key"), Tags: maybe(t, rapid.SliceOfN(templates, 1, 3), "tags"),
		Version: maybe(t, rowNames, "version"), Sequence: maybe(t, rowNames, "sequence"),
	}
}

func drawRoute(t *rapid.T) policy.Route {
	return policy.Route{
		Class: maybe(t, classNames, "class"), NoStore: rapid.Bool().Draw(t, "no-store"), Private: rapid.Bool().Draw(t, "private"),
		Profile: maybe(t, words, "profile"), Edge: maybe(t, windows, "edge"), Browser: maybe(t, windows, "browser"),
		StaleWhileRevalidate: maybe(t, windows, "swr"), StaleIfError: maybe(t, windows, "sie"), Immutable: rapid.Bool().Draw(t, "immutable"),
		Tags: maybe(t, rapid.SliceOfN(templates, 0, 2), "tags"), Query: maybe(t, rapid.SliceOfN(rowNames, 0, 3), "query"),
		Vary:     maybe(t, rapid.SliceOfN(rapid.StringMatching(`[A-Z][a-z]{1,6}(-[A-Z][a-z]{1,6})?`), 0, 2), "vary"),
		Statuses: maybe(t, rapid.MapOfN(rapid.IntRange(200, 599), lengths, 1, 3), "statuses"),
		Ignore:   maybe(t, rapid.MapOfN(rowNames, words, 1, 2), "ignore"),
	}
}
