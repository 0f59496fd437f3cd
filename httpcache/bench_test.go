package httpcache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// sink is a ResponseWriter that costs nothing.
type sink struct {
	h      http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

// BenchmarkLayer is what the layer adds to a request: the mux is a part of all.
func BenchmarkLayer(b *testing.B) {
	body := make([]byte, 1<<10)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		httpcache.From(r.Context()).Version(42)
		w.Write(body)
	})
	mux.HandleFunc("GET /list", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Write(body)
	})
	layer, err := httpcache.New(map[string]httpcache.Policy{
		"GET /products/{id}": {Edge: time.Hour, Browser: time.Minute, Tags: []string{"product-{id}"}},
		"GET /list":          {Edge: time.Hour, Tags: []string{"products"}},
	}, httpcache.Options{CDNs: []httpcache.CDN{httpcache.Cloudflare, httpcache.Fastly}})
	if err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name, path, match string
		handler           http.Handler
	}{
		{"mux alone", "/products/42", "", mux},
		{"version, 200", "/products/42", "", layer.Handler(mux)},
		{"version, 304", "/products/42", `"42"`, layer.Handler(mux)},
		{"bytes, 200", "/list", "", layer.Handler(mux)},
		{"no policy", "/nothing", "", layer.Handler(mux)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, err := http.NewRequest("GET", "http://host"+bb.path, nil)
			if err != nil {
				b.Fatal(err)
			}
			if bb.match != "" {
				r.Header.Set("If-None-Match", bb.match)
			}
			w := &sink{h: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				bb.handler.ServeHTTP(w, r)
			}
		})
	}
}
