package strategy_test

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/strategy"
)

func ExampleRead() {
	page := []byte(`
- Product catalog: write-through + CDN, 1h TTL, tag-based purge, no row version
- Never cache: checkout, payment
- Search results: 300 seconds TTL, best effort
`)
	p, report, err := strategy.Read("STRATEGY.md", page)
	if err != nil {
		log.Fatal(err)
	}
	product, err := p.Resolve("product")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(product.Pattern, product.TTL.Shared, product.Tiers, product.Tags)
	for _, n := range report.Notes {
		fmt.Printf("line %d: %s\n", n.Line, n.Text)
	}
	for _, u := range report.NotUnderstood {
		fmt.Printf("line %d: %q: %s\n", u.Line, u.Text, u.Reason)
	}
	// Output:
	// write-through 1h0m0s [memory shared edge] [product-{key} products]
	// line 2: Product catalog → class product
	// line 2: Product catalog: CDN → tiers [memory shared edge]
	// line 2: Product catalog: CDN → everybody gets the same value there: if values belong to one user, say "private" and leave the CDN out
	// line 2: Product catalog: tag-based purge → tags [product-{key} products]
	// line 4: Search results → class search
	// line 4: "best effort": no statement of a policy has this form
}

func ExampleWrite() {
	p := &policy.Policy{
		Version: policy.FileVersion,
		Fleet:   policy.Fleet{MaxStaleness: time.Second, Outbox: true},
		Go:      policy.Go{Package: "caches", Out: "internal/caches"},
		Profiles: map[string]policy.Profile{
			"hourly":  {Fresh: time.Hour},
			"listing": {Fresh: time.Minute, Stale: 5 * time.Minute},
		},
		Classes: map[string]policy.Class{
			"product": {
				Description: "What the shop sells.",
				Pattern:     policy.WriteThrough,
				Key:         policy.Key{Type: "int64"},
				Type:        "example.com/shop/catalog.Product",
				Profile:     "hourly",
				TTL:         policy.TTL{Memory: 5 * time.Minute},
				Tiers:       []policy.Tier{policy.Memory, policy.Shared, policy.Edge},
				Tags:        []string{"product-{key}", "products"},
				RowVersion:  "column",
				Target:      policy.Target{MissRate: 0.1, Window: 5 * time.Minute},
				Source: policy.Source{Tables: []policy.Table{
					{Name: "products", Key: "{id}", Tags: []string{"product-{id}", "products"}, Version: "version"},
				}},
			},
			"checkout": {Pattern: policy.Never},
			"payment":  {Pattern: policy.Never, Description: "Card data."},
		},
		Routes: map[string]policy.Route{
			"GET /api/products/{id}": {Class: "product", Browser: time.Minute, Query: []string{}},
		},
		CDNs: []policy.CDN{{Kind: "cloudflare", Zone: "CLOUDFLARE_ZONE_ID", Token: "CLOUDFLARE_API_TOKEN"}},
	}
	if _, err := os.Stdout.Write(strategy.Write(p)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// # Caching strategy
	//
	// How each kind of data is cached, and for how long. Made by `larder docs`; `larder init --from` reads it back.
	//
	// ## What all share
	//
	// - Fleet: memory at most 1s behind, outbox
	// - Generated code: package `caches`, in `internal/caches`
	//
	// ## Profiles
	//
	// - Profile `hourly`: fresh 1h
	// - Profile `listing`: fresh 1m, stale 5m
	//
	// ## Never cached
	//
	// - Never cache: `checkout`
	// - `payment`: never cache
	//   - Description: "Card data."
	//
	// ## Data
	//
	// - `product`: write-through, profile `hourly`, in `memory`, `shared`, `edge`
	//   - Description: "What the shop sells."
	//   - memory lifetime 5m
	//   - tags `product-{key}`, `products`
	//   - key `int64`, values of type `example.com/shop/catalog.Product`, version from `column`
	//   - table `products` key `{id}` tags `product-{id}`, `products` version `version`
	//   - misses below 10% over 5m
	//
	// ## Routes
	//
	// - `GET /api/products/{id}`: class `product`, browser 1m
	//   - no query
	//
	// ## CDNs
	//
	// - CDN `cloudflare`: zone `CLOUDFLARE_ZONE_ID`, token `CLOUDFLARE_API_TOKEN`
}
