package gen

import (
	"time"

	"github.com/larderdev/larder/policy"
)

// catalogPath is a package that the types of the cases are in.
const catalogPath = "github.com/larderdev/larder/internal/gen/testdata/shop/catalog"

// golden are the policies whose code is kept in testdata, by the name of their
// folder. Each folder is a package with a test of its own, which runs the code.
func golden() map[string]*policy.Policy {
	return map[string]*policy.Policy{
		"example": example(),
	}
}

// example is larder.example.yaml, with types that are there.
func example() *policy.Policy {
	return &policy.Policy{
		Version: policy.FileVersion,
		Fleet:   policy.Fleet{MaxStaleness: time.Second, Outbox: true},
		Go:      policy.Go{Package: "caches", Out: "example"},
		Profiles: map[string]policy.Profile{
			"volatile": {Fresh: 5 * time.Minute},
			"hourly":   {Fresh: time.Hour},
			"listing":  {Fresh: time.Minute, Stale: 5 * time.Minute},
		},
		Classes: exampleClasses(),
		Routes: map[string]policy.Route{
			"GET /api/products":      {Profile: "listing", Tags: []string{"products"}, Query: []string{"category", "page"}},
			"GET /api/products/{id}": {Class: "product", Browser: time.Minute, Tags: []string{"product-{id}", "products"}, Query: []string{}},
			"GET /api/users/{id}":    {Class: "user-profile", Private: true},
			"GET /assets/{name}":     {Edge: 365 * 24 * time.Hour, Browser: 365 * 24 * time.Hour, Immutable: true},
			"POST /api/checkout":     {Class: "checkout"},
			"GET /api/balance":       {Class: "balance"},
			"GET /api/categories": {
				Edge: 10 * time.Minute, Vary: []string{"Accept-Language"}, Statuses: map[int]time.Duration{404: 30 * time.Second},
			},
		},
		CDNs: []policy.CDN{{
			Kind: "cloudflare", Zone: "CLOUDFLARE_ZONE_ID", Token: "CLOUDFLARE_API_TOKEN", Hosts: []string{"shop.example.com"},
		}},
	}
}

func exampleClasses() map[string]policy.Class {
	return map[string]policy.Class{
		"user-profile": {
			Description: "What a customer sees and changes of themselves.",
			Key:         policy.Key{Type: "int64"}, Type: catalogPath + ".User", Profile: "hourly",
			Privacy: policy.Private, RowVersion: "column", Batch: true,
			Source: policy.Source{Tables: []policy.Table{{Name: "users", Key: "{id}", Version: "version"}}},
		},
		"product": {
			Pattern: policy.WriteThrough,
			Key:     policy.Key{Type: "int64"}, Type: catalogPath + ".Product", Profile: "hourly",
			TTL:   policy.TTL{Memory: 5 * time.Minute, Edge: time.Hour},
			Tiers: []policy.Tier{policy.Memory, policy.Shared, policy.Edge},
			Tags:  []string{"product-{key}", "products"}, RowVersion: "column", Batch: true, Rebuild: 100,
			Target: policy.Target{MissRate: 0.1, Window: 5 * time.Minute}, MemoryBytes: 64 << 20,
			Source: policy.Source{Tables: []policy.Table{{
				Name: "products", Key: "{id}", Tags: []string{"product-{id}", "products"}, Version: "version",
			}}},
		},
		"inventory": {
			Pattern: policy.WriteThrough,
			Key:     policy.Key{Type: "int64"}, Type: catalogPath + ".Stock", Profile: "volatile",
			Tiers: []policy.Tier{policy.Shared}, RowVersion: "column", Strict: true,
			Source: policy.Source{Tables: []policy.Table{{Name: "stock", Key: "{product_id}", Version: "version"}}},
		},
		"search": {
			Key: policy.Key{Parts: []policy.KeyPart{
				{Name: "query", Type: "string"},
				{Name: "category", Type: "string"},
				{Name: "max_cents", Type: "int64"},
				{Name: "page", Type: "int64"},
			}},
			Type: "[]" + catalogPath + ".Hit", TTL: policy.TTL{Shared: 5 * time.Minute}, Jitter: 0.2,
			Target:   policy.Target{MissRate: 0.2, Window: 5 * time.Minute},
			Stampede: policy.Stampede{EarlyRefresh: 1, HardTimeout: 5 * time.Second},
			Budget:   policy.Budget{Loads: 64, Rate: 200, Wait: time.Second},
			Source:   policy.Source{From: "the search index"},
		},
		"auth-token": {
			Type: catalogPath + ".Session", FromValue: true, Tiers: []policy.Tier{policy.Shared}, Privacy: policy.Sensitive,
			Source: policy.Source{Tables: []policy.Table{{Name: "sessions", Key: "{digest}"}}},
		},
		"checkout": {Pattern: policy.Never},
		"balance":  {Pattern: policy.Never},
	}
}
