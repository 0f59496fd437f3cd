package strategy_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/strategy"
)

// reference is a strategy as a team had it on a wall.
const reference = `# Caching

- Inventory: write-through, 5min TTL (always fresh)
- Never cache: checkout, payment, …
- Auth tokens: Redis, TTL = token expiry, no extension
- Search results: cache-aside, 5min TTL, key = hash(query+filters)
- Cache miss rate target: < 10% for product catalog, < 20% for search
- Product catalog: write-through + CDN, 1h TTL, tag-based purge
- Stampede prevention: distributed lock pattern for hot keys
- User profiles: cache-aside, 1h TTL, invalidate on update
`

// TestRead_Reference reads the page above: each class ends as the shop has it.
func TestRead_Reference(t *testing.T) {
	p, report, err := strategy.Read("STRATEGY.md", []byte(reference))
	if err != nil {
		t.Fatal(err)
	}
	want := &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{
		"inventory": {
			Pattern: policy.WriteThrough, TTL: policy.TTL{Shared: 5 * time.Minute},
			Tiers: []policy.Tier{policy.Shared}, Strict: true, RowVersion: "column",
		},
		"checkout": {Pattern: policy.Never},
		"payment":  {Pattern: policy.Never},
		"auth-token": {
			FromValue: true, Tiers: []policy.Tier{policy.Shared},
			StaleWhileRevalidate: policy.None, StaleIfError: policy.None,
			Stampede: policy.Stampede{EarlyRefresh: policy.None},
		},
		"search": {
			Pattern: policy.CacheAside, TTL: policy.TTL{Shared: 5 * time.Minute},
			Key:    policy.Key{Parts: []policy.KeyPart{{Name: "query", Type: "string"}, {Name: "filters", Type: "string"}}},
			Target: policy.Target{MissRate: 0.2, Window: 5 * time.Minute},
		},
		"product": {
			Pattern: policy.WriteThrough, TTL: policy.TTL{Shared: time.Hour}, RowVersion: "column",
			Tiers:  []policy.Tier{policy.Memory, policy.Shared, policy.Edge},
			Tags:   []string{"product-{key}", "products"},
			Target: policy.Target{MissRate: 0.1, Window: 5 * time.Minute},
		},
		"user-profile": {Pattern: policy.CacheAside, TTL: policy.TTL{Shared: time.Hour}},
	}}
	for name := range want.Classes {
		if !reflect.DeepEqual(p.Classes[name], want.Classes[name]) {
			t.Errorf("class %s:\ngot  %+v\nwant %+v", name, p.Classes[name], want.Classes[name])
		}
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("the rest: got %+v, want no more than classes", p)
	}
	// All but the "…", which names nothing.
	if got := report.NotUnderstood; len(got) != 1 || got[0].Line != 4 || got[0].Text != "…" {
		t.Errorf("not understood: %+v, want the … of line 4 alone", got)
	}
	if report.Statements != 22 || report.Understood != 21 {
		t.Errorf("%d of %d statements understood, want 21 of 22", report.Understood, report.Statements)
	}
}
