package gen

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/diff"
	"github.com/larderdev/larder/store"
)

// program is a service before or after a change of its policy: it reads one key of
// class c, and tells whether it had to load the value.
type program func(t *testing.T, tier store.Store, c policy.Class) (loaded bool)

// reads returns a program whose class has keys of type K and values of type V.
func reads[K comparable, V any](key K, value V) program {
	return func(t *testing.T, tier store.Store, c policy.Class) (loaded bool) {
		t.Helper()
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"c": policyOf(c)}, Shared: tier,
			Keys: [][]byte{make([]byte, 32)}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		loader := larder.Loader[K, V]{Load: func(context.Context, K) (V, error) { loaded = true; return value, nil }}
		if c.RowVersion != "" {
			loader.Version = func(V) uint64 { return 7 }
		}
		if c.ValueTags {
			loader.Tags = func(K, V) []string { return []string{"of-value"} }
		}
		if c.ValueTTL {
			loader.TTL = func(K, V) time.Duration { return 0 }
		}
		if c.FromValue {
			loader.Expires = func(K, V) time.Time { return time.Now().Add(time.Hour) }
		}
		cache, err := larder.NewCache(l, "c", loader)
		if err != nil {
			t.Fatal(err)
		}
		// What has an end of its own is kept once the tier's clock is heard of.
		if _, err := l.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := cache.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		return loaded
	}
}

// TestDiff_ColdStartIsOne: what larder diff calls a cold start is one, and nothing
// else is. A program of the old policy fills the shared tier; one of the new policy
// reads the same key from it.
func TestDiff_ColdStartIsOne(t *testing.T) {
	text, number := reads("42", "value"), reads(int64(42), "value")
	for _, tt := range []struct {
		name    string
		change  func(*policy.Class)
		before  func(*policy.Class)
		program program // after the change
	}{
		{name: "longer", change: func(c *policy.Class) { c.TTL.Shared = 2 * time.Hour }},
		{name: "shorter", change: func(c *policy.Class) { c.TTL.Shared = time.Minute }},
		{name: "memory shorter", change: func(c *policy.Class) { c.TTL.Memory = time.Second }},
		{name: "missing ones", change: func(c *policy.Class) { c.NegativeTTL = time.Second }},
		{name: "stale windows", change: func(c *policy.Class) { c.StaleWhileRevalidate, c.StaleIfError = time.Minute, time.Hour }},
		{name: "jitter", change: func(c *policy.Class) { c.Jitter = policy.None }},
		{name: "write-through", change: func(c *policy.Class) { c.Pattern, c.RowVersion = policy.WriteThrough, "column" }},
		{name: "versions", change: func(c *policy.Class) { c.RowVersion = "column" }},
		{name: "no versions", before: func(c *policy.Class) { c.RowVersion = "column" }, change: func(c *policy.Class) { c.RowVersion = "" }},
		{name: "first tags", change: func(c *policy.Class) { c.Tags = []string{"a"} }},
		{name: "tags of values", change: func(c *policy.Class) { c.ValueTags = true }},
		{name: "last tags", before: func(c *policy.Class) { c.Tags = []string{"a"} }, change: func(c *policy.Class) { c.Tags = nil }},
		{name: "other tags", before: func(c *policy.Class) { c.Tags = []string{"a"} }, change: func(c *policy.Class) { c.Tags = []string{"b"} }},
		{name: "tags beside tags of values", before: func(c *policy.Class) { c.ValueTags = true }, change: func(c *policy.Class) { c.Tags = []string{"b"} }},
		{name: "lives of values", change: func(c *policy.Class) { c.ValueTTL = true }},
		{name: "ends of values", change: func(c *policy.Class) { c.FromValue = true }},
		{name: "strict", change: func(c *policy.Class) { c.Strict = true }},
		{name: "encrypted", change: func(c *policy.Class) { c.Encrypt = true }},
		{name: "clear", before: func(c *policy.Class) { c.Encrypt = true }, change: func(c *policy.Class) { c.Encrypt = false }},
		{name: "private", change: func(c *policy.Class) { c.Privacy = policy.Private }},
		{name: "sensitive", change: func(c *policy.Class) { c.Privacy = policy.Sensitive }},
		{name: "sensitive and encrypted", before: func(c *policy.Class) { c.Encrypt = true }, change: func(c *policy.Class) { c.Privacy = policy.Sensitive }},
		{name: "compressed", change: func(c *policy.Class) { c.CompressAbove = 1 }},
		{name: "no memory", change: func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared} }},
		{name: "memory alone", change: func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Memory} }},
		{name: "edge", change: func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Memory, policy.Shared, policy.Edge} }},
		{name: "budget", change: func(c *policy.Class) { c.Budget = policy.Budget{Loads: 1, Rate: 100, Wait: time.Second} }},
		{name: "stampede", change: func(c *policy.Class) {
			c.Stampede = policy.Stampede{EarlyRefresh: policy.None, HardTimeout: time.Second}
		}},
		{name: "rebuild", change: func(c *policy.Class) { c.Rebuild = 5 }},
		{name: "memory's bound", change: func(c *policy.Class) { c.MemoryEntries = 5 }},
		{name: "key is a number", change: func(c *policy.Class) { c.Key.Type = "int64" }, program: number},
		{name: "key is another number", before: func(c *policy.Class) { c.Key.Type = "uint8" }, change: func(c *policy.Class) { c.Key.Type = "int64" }, program: number},
		{name: "key is a bool", change: func(c *policy.Class) { c.Key.Type = "bool" }, program: reads(true, "value")},
		{name: "type", change: func(c *policy.Class) { c.Type = "int64" }, program: reads("42", int64(1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, new := policyOfOne(tt.before), policyOfOne(tt.before, tt.change)
			program := tt.program
			if program == nil {
				program = text
			}
			tier := localstore.New(localstore.Options{})
			defer func() { _ = tier.Close() }()
			if !text(t, tier, resolved(t, old)) {
				t.Fatal("the first program found a value in an empty tier")
			}
			got := program(t, tier, resolved(t, new))
			changes := diff.Compare(old, new)
			said := false
			for _, c := range changes {
				said = said || strings.Contains(strings.ToLower(c.Effect), "cold start")
			}
			if said != got {
				t.Errorf("the value was loaded again: %t; diff says %v", got, changes)
			}
		})
	}
}

// policyOfOne returns a policy of one class, after changes; nil changes nothing.
func policyOfOne(changes ...func(*policy.Class)) *policy.Policy {
	c := policy.Class{Type: "string", TTL: policy.TTL{Shared: time.Hour}}
	for _, change := range changes {
		if change != nil {
			change(&c)
		}
	}
	return &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{"c": c}}
}

func resolved(t *testing.T, p *policy.Policy) policy.Class {
	t.Helper()
	c, err := p.Resolve("c")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
