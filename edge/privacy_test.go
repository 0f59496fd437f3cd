package edge

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestPrivacy mixes clients with and without credentials on all kinds of routes.
// The origin puts the name of who asked into the body, so that a body that
// reaches somebody else is seen.
func TestPrivacy(t *testing.T) {
	careless := []string{"Cache-Control: public, max-age=60", "CDN-Cache-Control: max-age=60, stale-while-revalidate=60"}
	for _, tt := range []struct {
		name    string
		profile Profile
		// personal are the fields of a response to somebody with credentials.
		personal []string
	}{
		{"an origin that takes no care, the safe profile", SafeDefault, careless},
		{"an origin that says private, the strict profile", StrictRFC, []string{"Cache-Control: private, max-age=60"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var number atomic.Int64
			h := newEdge(t, func(r *http.Request) (*http.Response, error) {
				who := r.Header.Get("Authorization") + r.Header.Get("Cookie")
				if who == "" {
					return respond(200, "anybody ", careless...), nil
				}
				lines := append([]string{`ETag: "same"`}, tt.personal...)
				if rand.N(4) == 0 {
					lines = append(lines, "Set-Cookie: a="+who)
				}
				return respond(200, fmt.Sprintf("%s %d", who, number.Add(1)), lines...), nil
			}, func(o *Options) { o.Profile = tt.profile })
			var wg sync.WaitGroup
			for client := range 8 {
				wg.Go(func() {
					for i := range 2500 {
						path := fmt.Sprintf("/%d", rand.N(20))
						if i%50 == 0 {
							h.store.forget("http://www.example.com" + path)
						}
						visit(t, h, path, client)
					}
				})
			}
			wg.Wait()
			if got := h.Stats(); got.Hits == 0 || got.Stored == 0 {
				t.Errorf("nothing was stored, so that nothing was shown: %+v", got)
			}
		})
	}
}

// visit asks as a client, with one of its credentials or none, and looks whether
// the answer is somebody else's.
func visit(t *testing.T, h *Handler, path string, client int) {
	name := fmt.Sprintf("user%d", client)
	var lines []string
	switch rand.N(3) {
	case 0:
		lines = []string{"Authorization: " + name}
	case 1:
		lines = []string{"Cookie: session=" + name}
	default:
		name = "anybody"
	}
	w := get(h, path, lines...)
	owner, _, _ := strings.Cut(strings.TrimPrefix(w.Body.String(), "session="), " ")
	if owner != name && owner != "anybody" || w.Code != 200 {
		t.Errorf("%s on %s got %d %q", name, path, w.Code, w.Body)
	}
	if cookie := w.Header().Get("Set-Cookie"); cookie != "" && !strings.HasSuffix(cookie, name) {
		t.Errorf("%s on %s got Set-Cookie: %s", name, path, cookie)
	}
}

// TestOverriding: a field by which an origin takes another URL or method than those
// of the request puts nothing under their key, also when it is written with "_",
// which many origins do not tell from "-".
func TestOverriding(t *testing.T) {
	for _, name := range []string{"X-HTTP-Method-Override", "X_HTTP_Method_Override", "X-Original_URL", "X_Rewrite-URL"} {
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			for field := range r.Header {
				if strings.EqualFold(strings.ReplaceAll(field, "_", "-"), strings.ReplaceAll(name, "_", "-")) {
					return respond(200, "admin", "Cache-Control: max-age=60"), nil
				}
			}
			return respond(200, "tea", "Cache-Control: max-age=60"), nil
		})
		get(h, "/a", name+": /admin")
		want(t, get(h, "/a"), 200, "tea")
	}
}
