package httpcache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// A table of patterns and policies around the mux of a service. What is not in
// the table is kept by nobody.
func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		resp := httpcache.From(r.Context())
		resp.Version(7)            // the row's version, for the ETag
		resp.Tag("category-tea")   // what depends on the row
		io.WriteString(w, `{"…"}`) // and the row itself
	})
	mux.HandleFunc("GET /api/cart", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) })

	layer, err := httpcache.New(map[string]httpcache.Policy{
		"GET /api/products/{id}": {
			Edge: time.Hour, Browser: time.Minute, StaleWhileRevalidate: 5 * time.Minute,
			Tags: []string{"product-{id}"},
		},
	}, httpcache.Options{CDNs: []httpcache.CDN{httpcache.Cloudflare}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(layer.Handler(mux))
	defer server.Close()

	for _, path := range []string{"/api/products/42", "/api/cart"} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(path)
		for _, name := range []string{"Cache-Control", "CDN-Cache-Control", "Cache-Tag", "ETag"} {
			if value := resp.Header.Get(name); value != "" {
				fmt.Printf("  %s: %s\n", name, value)
			}
		}
	}
	// Output:
	// /api/products/42
	//   Cache-Control: public, max-age=60
	//   CDN-Cache-Control: max-age=3600, stale-while-revalidate=300
	//   Cache-Tag: product-42,category-tea
	//   ETag: "7"
	// /api/cart
	//   Cache-Control: private, no-store
	//   CDN-Cache-Control: private, no-store
}

// All mistakes in a table are told at once, when the program starts.
func ExampleNew() {
	_, err := httpcache.New(map[string]httpcache.Policy{
		"GET /assets/":       {Edge: time.Hour, Immutable: true},
		"GET /products/{id}": {Edge: 90 * time.Millisecond, Tags: []string{"product:{id}"}},
	}, httpcache.Options{CDNs: []httpcache.CDN{httpcache.Akamai}})
	fmt.Println(err)
	// Output:
	// httpcache: route "GET /assets/": Immutable needs Browser: it is for copies that a browser uses without asking
	// route "GET /products/{id}": Edge is 90ms, want whole seconds
	// route "GET /products/{id}": Tags[0]: httpcache: tag "product:0": Akamai: ':' in it: want letters, digits and !#$%'+./^_`|~-
}

// One handler with a policy of its own, for routers other than http.ServeMux.
func ExampleLayer_Wrap() {
	layer, err := httpcache.New(nil, httpcache.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	files := http.FileServer(http.Dir("."))
	year := 365 * 24 * time.Hour
	assets, err := layer.Wrap(httpcache.Policy{Edge: year, Browser: year, Immutable: true}, files)
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	assets.ServeHTTP(w, httptest.NewRequest("GET", "/doc.go", nil))
	fmt.Println(w.Code, w.Header().Get("Cache-Control"))
	w = httptest.NewRecorder()
	assets.ServeHTTP(w, httptest.NewRequest("GET", "/absent", nil))
	fmt.Println(w.Code, w.Header().Get("Cache-Control"))
	// Output:
	// 200 public, max-age=31536000, immutable
	// 404 private, no-store
}

// Layer.Check tells a pattern that the mux spells otherwise: its policy would
// never be used.
func ExampleLayer_Check() {
	layer, err := httpcache.New(map[string]httpcache.Policy{"GET /products/{id}": {Edge: time.Hour}}, httpcache.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /products/{sku}", http.NotFoundHandler())
	fmt.Println(layer.Check(mux))
	// Output:
	// httpcache: no handler has the pattern "GET /products/{id}" (a request for it goes to "GET /products/{sku}")
}

// Each tier that was asked adds itself, the farthest first.
func ExampleCacheStatus_AddTo() {
	h := http.Header{}
	for _, tier := range []httpcache.CacheStatus{
		{Cache: "larder-shared", Hit: true, TTL: 40 * time.Second, HasTTL: true},
		{Cache: "larder-memory", Forward: "miss", Stored: true},
	} {
		if err := tier.AddTo(h); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(strings.Join(h["Cache-Status"], ", "))
	// Output:
	// larder-shared; hit; ttl=40, larder-memory; fwd=miss; stored
}

// A targeted field decides if it is valid, else Cache-Control does.
func ExampleParseTargeted() {
	h := http.Header{}
	h.Set("Cache-Control", "no-store")
	h.Set("CDN-Cache-Control", "max-age=60, stale-while-revalidate=30")

	d, ok := httpcache.ParseTargeted(h.Values("CDN-Cache-Control"))
	if !ok {
		d = httpcache.ParseCacheControl(h.Values("Cache-Control"))
	}
	lifetime, _ := d.Seconds("max-age")
	fmt.Println(d.Has("no-store"), lifetime)
	// Output:
	// false 1m0s
}

// A lifetime that makes no sense is negative: no age is below it.
func ExampleDirectives_Seconds() {
	for _, line := range []string{"max-age=60", "max-age=60, max-age=1", "max-age=soon", "public"} {
		lifetime, ok := httpcache.ParseCacheControl([]string{line}).Seconds("max-age")
		age := 10 * time.Second
		fmt.Printf("%s: %v, fresh: %v\n", line, ok, age < lifetime)
	}
	// Output:
	// max-age=60: true, fresh: true
	// max-age=60, max-age=1: true, fresh: false
	// max-age=soon: true, fresh: false
	// public: false, fresh: false
}
