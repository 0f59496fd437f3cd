package file_test

import (
	"fmt"
	"reflect"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
)

// A policy that a program builds equals the one that is read from a file. This is
// the example of the repository.
func Example() {
	built := &policy.Policy{
		Version: policy.FileVersion,
		Fleet:   policy.Fleet{MaxStaleness: time.Second, Outbox: true},
		Go:      policy.Go{Package: "caches", Out: "internal/caches"},
		Profiles: map[string]policy.Profile{
			"volatile": {Fresh: 5 * time.Minute},
			"hourly":   {Fresh: time.Hour},
			"listing":  {Fresh: time.Minute, Stale: 5 * time.Minute},
		},
		Classes: map[string]policy.Class{
			"user-profile": {
				Description: "What a customer sees and changes of themselves.",
				Key:         policy.Key{Type: "int64"},
				Type:        "example.com/shop/catalog.User",
				Profile:     "hourly",
				Privacy:     policy.Private,
				RowVersion:  "column",
				Batch:       true,
				Source:      policy.Source{Tables: []policy.Table{{Name: "users", Key: "{id}", Version: "version"}}},
			},
			"product": {
				Pattern:     policy.WriteThrough,
				Key:         policy.Key{Type: "int64"},
				Type:        "example.com/shop/catalog.Product",
				Profile:     "hourly",
				TTL:         policy.TTL{Memory: 5 * time.Minute, Edge: time.Hour},
				Tiers:       []policy.Tier{policy.Memory, policy.Shared, policy.Edge},
				Tags:        []string{"product-{key}", "products"},
				RowVersion:  "column",
				Batch:       true,
				Rebuild:     100,
				Target:      policy.Target{MissRate: 0.1, Window: 5 * time.Minute},
				MemoryBytes: 64 << 20,
				Source: policy.Source{Tables: []policy.Table{{
					Name: "products", Key: "{id}", Version: "version",
				}}},
			},
			"inventory": {
				Pattern:    policy.WriteThrough,
				Key:        policy.Key{Type: "int64"},
				Type:       "example.com/shop/catalog.Stock",
				Profile:    "volatile",
				Tiers:      []policy.Tier{policy.Shared},
				RowVersion: "column",
				Strict:     true,
				Source:     policy.Source{Tables: []policy.Table{{Name: "stock", Key: "{product_id}", Version: "version"}}},
			},
			"search": {
				Key: policy.Key{Parts: []policy.KeyPart{
					{Name: "query", Type: "string"},
					{Name: "category", Type: "string"},
					{Name: "max_cents", Type: "int64"},
					{Name: "page", Type: "int64"},
				}},
				Type:     "[]example.com/shop/catalog.Hit",
				TTL:      policy.TTL{Shared: 5 * time.Minute},
				Jitter:   0.2,
				Target:   policy.Target{MissRate: 0.2, Window: 5 * time.Minute},
				Stampede: policy.Stampede{EarlyRefresh: 1, HardTimeout: 5 * time.Second},
				Budget:   policy.Budget{Loads: 64, Rate: 200, Wait: time.Second},
				Source:   policy.Source{From: "the search index"},
			},
			"auth-token": {
				Type:      "example.com/shop/catalog.Session",
				FromValue: true,
				Tiers:     []policy.Tier{policy.Shared},
				Privacy:   policy.Sensitive,
				Source:    policy.Source{Tables: []policy.Table{{Name: "sessions", Key: "{digest}"}}},
			},
			"checkout": {Pattern: policy.Never},
			"balance":  {Pattern: policy.Never},
		},
		Routes: map[string]policy.Route{
			"GET /api/products": {
				Profile: "listing",
				Tags:    []string{"products"},
				Query:   []string{"category", "page"},
			},
			"GET /api/products/{id}": {
				Class:   "product",
				Browser: time.Minute,
				Tags:    []string{"product-{id}", "products"},
				Query:   []string{},
			},
			"GET /api/users/{id}": {Class: "user-profile", Private: true},
			"GET /assets/{name}": {
				Edge:      365 * 24 * time.Hour,
				Browser:   365 * 24 * time.Hour,
				Immutable: true,
			},
			"POST /api/checkout": {Class: "checkout"},
			"GET /api/balance":   {Class: "balance"},
			"GET /api/categories": {
				Edge:     10 * time.Minute,
				Vary:     []string{"Accept-Language"},
				Statuses: map[int]time.Duration{404: 30 * time.Second},
			},
		},
		CDNs: []policy.CDN{{
			Kind:  "cloudflare",
			Zone:  "CLOUDFLARE_ZONE_ID",
			Token: "CLOUDFLARE_API_TOKEN",
			Hosts: []string{"shop.example.com"},
		}},
	}
	if err := built.Validate(); err != nil {
		fmt.Println(err)
	}
	loaded, _, err := file.Load("../../larder.example.yaml")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(reflect.DeepEqual(loaded, built))
	// Output: true
}

// All mistakes are told at once, each with its line.
func ExampleParse() {
	_, _, err := file.Parse("larder.yaml", []byte(`version: 1
classes:
  product:
    tll: 5m
    negative_ttl: 60
`))
	fmt.Println(err)
	// Output:
	// larder.yaml:4:5: unknown key "tll": did you mean ttl?
	// 	    tll: 5m
	// 	    ^
	// larder.yaml:5:19: the duration "60" has no unit: write 60s if seconds are meant
	// 	    negative_ttl: 60
	// 	                  ^
}

// A finding of any kind can be told with the line that it is about.
func ExampleIndex_Error() {
	_, index, err := file.Parse("larder.yaml", []byte("version: 1\nclasses:\n  product: {ttl: 1h}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	finding := index.Error(file.Path("classes", "product", "ttl"), "an hour is long", "write 5m")
	fmt.Println(finding)
	fmt.Print(finding.Excerpt())
	// Output:
	// larder.yaml:3:18: an hour is long: write 5m
	// 	  product: {ttl: 1h}
	// 	                 ^
}

func ExampleFormat() {
	fmt.Print(string(file.Format(&policy.Policy{
		Version: policy.FileVersion,
		Classes: map[string]policy.Class{
			"product": {TTL: policy.TTL{Shared: 90 * time.Minute}, StaleIfError: policy.None},
		},
	})))
	// Output:
	// # yaml-language-server: $schema=larder.schema.json
	// version: 1
	//
	// classes:
	//   product:
	//     ttl: 1h30m
	//     stale_if_error: none
}
