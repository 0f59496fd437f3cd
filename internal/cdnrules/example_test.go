package cdnrules_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/internal/cdnrules/cftest"
	"github.com/larderdev/larder/policy"
)

// A zone is planned, made as the policy says, and then there is nothing to do.
func ExampleCloudflare() {
	os.Setenv("SHOP_ZONE", "9a7806061c88ada191ed06f989cc3dac")
	os.Setenv("SHOP_TOKEN", "a token with the permission Cache Rules")
	defer os.Unsetenv("SHOP_ZONE")
	defer os.Unsetenv("SHOP_TOKEN")
	zone := &cftest.Zone{ID: os.Getenv("SHOP_ZONE"), Token: os.Getenv("SHOP_TOKEN"), Plan: "free"}

	p := &policy.Policy{
		Routes: map[string]policy.Route{
			"GET /api/products/{id}": {Edge: time.Hour, Query: []string{}},
			"GET /api/balance":       {NoStore: true},
		},
		CDNs: []policy.CDN{{Kind: "cloudflare", Zone: "SHOP_ZONE", Token: "SHOP_TOKEN", Hosts: []string{"shop.example.com"}}},
	}
	c, err := cdnrules.NewCloudflare(p, p.CDNs[0], cdnrules.Options{HTTP: &http.Client{Transport: direct{zone}}})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	plan, err := c.Plan(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(plan)
	if err := c.Apply(ctx, plan); err != nil {
		log.Fatal(err)
	}
	if plan, err = c.Plan(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println()
	fmt.Print(plan)
	// Output:
	// cloudflare (no rules yet): 2 to create, 0 to update, 0 to delete, 0 to move; 0 rules of others stay as they are
	//
	// + larder_main_bypass_4754099f
	//     description  bypass GET /api/balance [larder b69d8861af64]
	//     enabled      true
	//     expression   http.host eq "shop.example.com" and (http.request.uri.path eq "/api/balance")
	//     parameters   {"cache":false}
	//
	// + larder_main_cache_672ff8d5
	//     description  cache GET /api/products/{id} [larder 489614d9c290]
	//     enabled      true
	//     expression   http.host eq "shop.example.com" and (http.request.uri.path strict wildcard "/api/products/*" and not http.request.uri.path strict wildcard "/*/*/*/*" and not ends_with(http.request.uri.path, "/"))
	//     parameters   {"browser_ttl":{"mode":"respect_origin"},"cache":true,"cache_key":{"custom_key":{"query_string":{"exclude":{"all":true}}}},"edge_ttl":{"mode":"bypass_by_default"}}
	//
	// cloudflare (version 1): nothing to change; 0 rules of others
}

// The rules as VCL for Varnish.
func ExampleExport() {
	p := &policy.Policy{Routes: map[string]policy.Route{"GET /api/categories": {Edge: 10 * time.Minute}}}
	exported, err := cdnrules.Export(p, []string{"shop.example.com"}, cdnrules.Varnish, cdnrules.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range exported.Files {
		fmt.Println(file.Name)
	}
	// Output: larder-routes.vcl
}
