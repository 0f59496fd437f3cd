package headers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larderdev/larder/httpcache"
	headers "github.com/larderdev/larder/internal/gen/testdata/routes/caches"
)

// TestRoutes: a layer with the table says what the policy says.
func TestRoutes(t *testing.T) {
	layer, err := httpcache.New(headers.Routes(), httpcache.Options{CDNs: headers.CDNs()})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for pattern := range headers.Routes() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("page")) })
	}
	if err := layer.Check(mux); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct{ method, path, field, want string }{
		{"GET", "/", "Surrogate-Control", "max-age=60"},
		{"GET", "/", "Surrogate-Key", "pages"},
		{"GET", "/pages/a", "CDN-Cache-Control", "max-age=600"},
		{"GET", "/pages/a", "Cache-Control", "max-age=30"},
		{"GET", "/pages/a", "Surrogate-Key", "page-a"},
		{"GET", "/account", "Cache-Control", "private"},
		{"GET", "/nothing", "Cache-Control", "no-store"},
		{"POST", "/payment", "Cache-Control", "no-store"},
	} {
		w := httptest.NewRecorder()
		layer.Handler(mux).ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if got := w.Header().Get(tt.field); !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %s is %q, want %s in it", tt.method, tt.path, tt.field, got, tt.want)
		}
	}
}
