package httpcache_test

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// all are the CDNs that can say a stale window; with the others it is a mistake.
var all = []httpcache.CDN{httpcache.Cloudflare, httpcache.Fastly, httpcache.Akamai, httpcache.Bunny, httpcache.LarderEdge}

func newLayer(t *testing.T, routes map[string]httpcache.Policy, o httpcache.Options) *httpcache.Layer {
	t.Helper()
	if o.OnTagError == nil {
		o.OnTagError = func(r *http.Request, err *httpcache.TagError) { t.Errorf("%s: %v", r.URL, err) }
	}
	layer, err := httpcache.New(routes, o)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// get asks a handler for a path and returns the answer. fields are pairs of
// request fields and their values.
func get(h http.Handler, path string, fields ...string) *http.Response {
	return ask(h, "GET", path, fields...)
}

func ask(h http.Handler, method, path string, fields ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// cacheFields are all fields of a response about caching, "name: value".
func cacheFields(h http.Header) []string {
	var lines []string
	for name, values := range h {
		lower := strings.ToLower(name)
		for _, word := range []string{"cache-control", "surrogate", "tag", "groups", "xkey", "expires", "pragma", "edge-control"} {
			if strings.Contains(lower, word) && lower != "etag" {
				lines = append(lines, lower+": "+strings.Join(values, "|"))
				break
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func checkFields(t *testing.T, what string, got *http.Response, want ...string) {
	t.Helper()
	if lines := cacheFields(got.Header); !slices.Equal(lines, want) {
		t.Errorf("%s: got\n\t%s\nwant\n\t%s", what, strings.Join(lines, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// nobody is what a response says that nobody may keep.
var nobody = []string{"cache-control: private, no-store", "cdn-cache-control: private, no-store", "surrogate-control: private, no-store"}

// answer is a handler that sends a body, after it has called each of do.
func answer(body string, do ...func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, f := range do {
			f(w, r)
		}
		w.Write([]byte(body))
	}
}

// setField returns a function for answer that adds a field.
func setField(name, value string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { w.Header()[name] = append(w.Header()[name], value) }
}

func TestPolicy_Fields(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy httpcache.Policy
		cdns   []httpcache.CDN
		want   []string
	}{
		{"nobody", httpcache.Policy{NoStore: true}, all, nobody},
		{"edge", httpcache.Policy{Edge: time.Minute}, all, []string{
			"cache-control: public, max-age=0, must-revalidate", "cdn-cache-control: max-age=60", "surrogate-control: max-age=60",
		}},
		{"windows", httpcache.Policy{Edge: time.Minute, Browser: time.Second, StaleWhileRevalidate: 5 * time.Minute, StaleIfError: time.Hour}, all, []string{
			"cache-control: public, max-age=1",
			"cdn-cache-control: max-age=60, stale-while-revalidate=300, stale-if-error=3600",
			"surrogate-control: max-age=60, stale-while-revalidate=300, stale-if-error=3600",
		}},
		{"asset", httpcache.Policy{Edge: 365 * 24 * time.Hour, Browser: 365 * 24 * time.Hour, Immutable: true}, nil, []string{
			"cache-control: public, max-age=31536000, immutable", "cdn-cache-control: max-age=31536000", "surrogate-control: max-age=31536000",
		}},
		{"private", httpcache.Policy{Private: true}, all, []string{
			"cache-control: private, no-cache", "cdn-cache-control: private, no-store", "surrogate-control: private, no-store",
		}},
		{"private for a while", httpcache.Policy{Private: true, Browser: time.Minute, Immutable: true}, nil, []string{
			"cache-control: private, max-age=60, immutable", "cdn-cache-control: private, no-store", "surrogate-control: private, no-store",
		}},
		{"Cache-Control alone", httpcache.Policy{Edge: time.Hour, Browser: time.Minute}, []httpcache.CDN{httpcache.CloudFront}, []string{
			"cache-control: public, max-age=60, s-maxage=3600", "cdn-cache-control: max-age=3600", "surrogate-control: max-age=3600",
		}},
		{"with Authorization", httpcache.Policy{Edge: time.Hour, SameForEveryoneDespiteAuthorization: true}, nil, []string{
			"cache-control: public, max-age=0, must-revalidate", "cdn-cache-control: public, max-age=3600", "surrogate-control: max-age=3600",
		}},
		{"tags", httpcache.Policy{Edge: time.Hour, Tags: []string{"b", "a", "b", `q"`}}, []httpcache.CDN{
			httpcache.Cloudflare, httpcache.Fastly, httpcache.Bunny, httpcache.LarderEdge, httpcache.Cloudflare,
		}, []string{
			"cache-control: public, max-age=0, must-revalidate", `cache-groups: "b", "a", "q\""`, `cache-tag: b,a,q"`,
			"cdn-cache-control: max-age=3600", `cdn-tag: b,a,q"`, "surrogate-control: max-age=3600", `surrogate-key: b a q"`,
		}},
		{"tags of the others", httpcache.Policy{Edge: time.Hour, Tags: []string{"b", "a"}}, []httpcache.CDN{
			httpcache.Akamai, httpcache.Varnish, httpcache.GoogleCDN, httpcache.CloudFront,
		}, []string{
			"cache-control: public, max-age=0, s-maxage=3600, must-revalidate", "cache-tag: b,a",
			"cdn-cache-control: max-age=3600", "edge-cache-tag: b,a", "surrogate-control: max-age=3600", "xkey: b a",
		}},
	} {
		layer := newLayer(t, map[string]httpcache.Policy{"/": tt.policy}, httpcache.Options{CDNs: tt.cdns})
		mux := http.NewServeMux()
		// What stands in these fields before is gone, also in other spellings.
		mux.HandleFunc("/", answer("x", setField("Expires", "0"), setField("Pragma", "x"), setField("Cache-Control", "public, max-age=7"),
			setField("CDN-Cache-Control", "max-age=7"), setField("Cloudflare-CDN-Cache-Control", "max-age=7"), setField("surrogate-control", "max-age=7"),
			setField("X-Accel-Expires", "7"), setField("Edge-Control", "!no-store"), setField("Cache-Tag", "old"), setField("surrogate-key", "old"),
			setField("XKEY", "old"), setField("Edge-Cache-Tag", "old"), setField("CDN-Tag", "old"), setField("Cache-Groups", `"old"`)))
		checkFields(t, tt.name, get(layer.Handler(mux), "/"), tt.want...)
	}
}

// TestLayer_SafeDefaults: what nobody may keep unless the policy says so in words
// that nobody types by accident.
func TestLayer_SafeDefaults(t *testing.T) {
	public := httpcache.Policy{Edge: time.Hour, Browser: time.Minute, Tags: []string{"a"}}
	despiteAuth, despiteCookies, dropped, withErrors := public, public, public, public
	despiteAuth.SameForEveryoneDespiteAuthorization = true
	despiteCookies.SameForEveryoneDespiteCookies = true
	dropped.SameForEveryoneSoDropSetCookie = true
	withErrors.Statuses = map[int]time.Duration{404: 30 * time.Second, 301: 2 * time.Hour}
	layer := newLayer(t, map[string]httpcache.Policy{
		"/public": public, "/auth": despiteAuth, "/cookies": despiteCookies, "/dropped": dropped, "/errors": withErrors,
		"/private": {Private: true, Browser: time.Minute}, "/never": {NoStore: true},
	}, httpcache.Options{
		CDNs: all, Credentials: []string{"x-api-key"}, HarmlessCookies: []string{"_ga*", "theme"},
	})
	mux := http.NewServeMux()
	for _, path := range []string{"/public", "/auth", "/cookies", "/dropped", "/errors", "/private", "/never", "/unknown"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			for name, values := range r.URL.Query() {
				if name != "status" {
					w.Header()[name] = values
				}
			}
			w.Header().Set("Cache-Control", "public, max-age=99")
			if v := r.URL.Query()["Cache-Control"]; v != nil {
				w.Header()["Cache-Control"] = v
			}
			status := http.StatusOK
			for s := 200; s < 600; s++ {
				if r.URL.Query().Get("status") == http.StatusText(s) && http.StatusText(s) != "" {
					status = s
				}
			}
			w.WriteHeader(status)
		})
	}
	h := layer.Handler(mux)
	for _, tt := range []struct {
		name, method, target string
		fields               []string
		want                 string // Cache-Control; "": nobody
	}{
		{"a route with a policy", "GET", "/public", nil, "public, max-age=60"},
		{"HEAD", "HEAD", "/public", nil, "public, max-age=60"},
		{"another method", "POST", "/public", nil, ""},
		{"another method", "OPTIONS", "/public", nil, ""},
		{"no policy", "GET", "/unknown", nil, ""},
		{"no route", "GET", "/nowhere", nil, ""},
		{"NoStore", "GET", "/never", nil, ""},
		{"Authorization", "GET", "/public", []string{"Authorization", "Bearer x"}, ""},
		{"empty Authorization", "GET", "/public", []string{"Authorization", ""}, ""},
		{"a field of the options", "GET", "/public", []string{"X-Api-Key", "x"}, ""},
		{"a cookie", "GET", "/public", []string{"Cookie", "sid=1"}, ""},
		{"a cookie behind a harmless one", "GET", "/public", []string{"Cookie", "theme=dark; sid=1"}, ""},
		{"a cookie in another line", "GET", "/public", []string{"Cookie", "theme=dark", "Cookie", "sid=1"}, ""},
		{"no cookie at all", "GET", "/public", []string{"Cookie", "x"}, ""},
		{"a name that begins with a harmless one", "GET", "/public", []string{"Cookie", "themes=1"}, ""},
		{"harmless cookies", "GET", "/public", []string{"Cookie", "theme=dark; _ga_X=1;_ga=2; "}, "public, max-age=60"},
		{"allowed Authorization", "GET", "/auth", []string{"Authorization", "x"}, "public, max-age=60"},
		{"allowed Authorization, not cookies", "GET", "/auth", []string{"Authorization", "x", "Cookie", "sid=1"}, ""},
		{"allowed cookies", "GET", "/cookies", []string{"Cookie", "sid=1"}, "public, max-age=60"},
		{"allowed cookies, not Authorization", "GET", "/cookies", []string{"Authorization", "x"}, ""},
		{"private with credentials", "GET", "/private", []string{"Authorization", "x", "Cookie", "sid=1"}, "private, max-age=60"},
		{"Set-Cookie", "GET", "/public?Set-Cookie=a", nil, ""},
		{"set-cookie", "GET", "/public?set-cookie=a", nil, ""},
		{"Set-Cookie of a private response", "GET", "/private?Set-Cookie=a", nil, ""},
		{"removed Set-Cookie", "GET", "/dropped?Set-Cookie=a&set-cookie=b", nil, "public, max-age=60"},
		{"Vary: *", "GET", "/public?Vary=a,%20*", nil, ""},
		{"Vary: Cookie", "GET", "/public?Vary=a,%20cookie", nil, ""},
		{"Vary: Authorization", "GET", "/public?Vary=Authorization", nil, ""},
		{"Vary: Cookie of a private response", "GET", "/private?Vary=Cookie", nil, "private, max-age=60"},
		{"allowed Vary: Cookie", "GET", "/cookies?Vary=Cookie", nil, "public, max-age=60"},
		{"allowed Vary: Cookie, not Authorization", "GET", "/cookies?Vary=Authorization", nil, ""},
		{"allowed Vary: Authorization", "GET", "/auth?Vary=Authorization", nil, "public, max-age=60"},
		{"allowed Vary: Authorization, not Cookie", "GET", "/auth?Vary=Cookie", nil, ""},
		{"the handler's no-store", "GET", "/public?Cache-Control=no-store", nil, ""},
		{"the handler's private", "GET", "/public?Cache-Control=private", nil, ""},
		{"the handler's no-cache", "GET", "/public?Cache-Control=max-age%3D1,no-cache%3D%22x%22", nil, ""},
		{"the handler's targeted no-store", "GET", "/public?CDN-Cache-Control=no-store", nil, ""},
		{"the handler's Surrogate-Control", "GET", "/public?Surrogate-Control=no-store", nil, ""},
		{"an error", "GET", "/public?status=Not+Found", nil, ""},
		{"an error", "GET", "/public?status=Internal+Server+Error", nil, ""},
		{"a redirect", "GET", "/public?status=Moved+Permanently", nil, ""},
		{"201", "GET", "/public?status=Created", nil, ""},
		{"204", "GET", "/public?status=No+Content", nil, "public, max-age=60"},
		{"206", "GET", "/public?status=Partial+Content", nil, "public, max-age=60"},
		{"304", "GET", "/public?status=Not+Modified", nil, "public, max-age=60"},
		{"an error with a line", "GET", "/errors?status=Not+Found", nil, "public, max-age=30"},
		{"a redirect with a line", "GET", "/errors?status=Moved+Permanently", nil, "public, max-age=60"},
		{"an error without", "GET", "/errors?status=Bad+Gateway", nil, ""},
		{"an error with a line, and a cookie", "GET", "/errors?status=Not+Found", []string{"Cookie", "sid=1"}, ""},
	} {
		got := ask(h, tt.method, tt.target, tt.fields...)
		if tt.want == "" {
			checkFields(t, tt.name+": "+tt.target, got, nobody...)
			continue
		}
		if cc := got.Header["Cache-Control"]; !slices.Equal(cc, []string{tt.want}) {
			t.Errorf("%s: %s: Cache-Control is %q, want %q", tt.name, tt.target, cc, tt.want)
		}
		if edge := strings.HasPrefix(tt.want, "public"); edge != (got.Header.Get("Cache-Tag") == "a") || edge != strings.HasPrefix(got.Header.Get("CDN-Cache-Control"), "max-age") &&
			!strings.HasPrefix(got.Header.Get("CDN-Cache-Control"), "public") {
			t.Errorf("%s: %s: %q", tt.name, tt.target, cacheFields(got.Header))
		}
		if cookies := slices.Collect(maps.Keys(got.Header)); slices.ContainsFunc(cookies, func(n string) bool { return strings.EqualFold(n, "Set-Cookie") }) {
			t.Errorf("%s: %s: what shared caches keep sets a cookie", tt.name, tt.target)
		}
	}
}

// TestLayer_Mixed: a shared cache that obeys the fields, and nothing else, never
// gives one user's page to another, whoever asks for what at the same time.
func TestLayer_Mixed(t *testing.T) {
	layer := newLayer(t, map[string]httpcache.Policy{
		"GET /public":  {Edge: time.Hour, Tags: []string{"a"}},
		"GET /private": {Private: true, Browser: time.Hour},
		"GET /never":   {NoStore: true},
	}, httpcache.Options{CDNs: all})
	mux := http.NewServeMux()
	for _, path := range []string{"/public", "/private", "/never", "/unknown"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("login") {
				w.Header().Set("Set-Cookie", "sid=new")
			}
			w.Write([]byte(r.Header.Get("Authorization") + r.Header.Get("Cookie") + w.Header().Get("Set-Cookie")))
		})
	}
	h := layer.Handler(mux)
	var mu sync.Mutex
	cache := map[string]string{}
	hits, kept := 0, 0
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				target := []string{"/public", "/private", "/never", "/unknown", "/public?login"}[(i+worker)%5]
				who := []string{"", "Authorization", "Cookie"}[i%3]
				var fields []string
				if who != "" {
					fields = []string{who, fmt.Sprintf("user=%d-%d", worker, i)}
				}
				mu.Lock()
				body, hit := cache[target]
				mu.Unlock()
				if !hit {
					got := get(h, target, fields...)
					b, _ := io.ReadAll(got.Body)
					body = string(b)
					d, ok := httpcache.ParseTargeted(got.Header["Cdn-Cache-Control"])
					if !ok || !d.Has("no-store") && !d.Has("private") {
						mu.Lock()
						cache[target] = body
						kept++
						mu.Unlock()
					}
				}
				mu.Lock()
				if hit {
					hits++
				}
				mu.Unlock()
				if hit && body != "" {
					t.Errorf("%s: somebody gets %q", target, body)
				}
			}
		})
	}
	wg.Wait()
	if len(cache) != 1 || cache["/public"] != "" || kept == 0 || hits == 0 {
		t.Errorf("the cache holds %q after %d hits", cache, hits)
	}
}

// TestLayer_Warning: without a hook, the log hears of responses that cannot be
// purged, once a second however many there are.
func TestLayer_Warning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		defer slog.SetDefault(old)
		layer, err := httpcache.New(map[string]httpcache.Policy{"/p/{id}": {Edge: time.Hour, Tags: []string{"p-{id}"}}}, httpcache.Options{CDNs: all})
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		mux.Handle("/p/{id}", answer("x"))
		h := layer.Handler(mux)
		for range 2 {
			for range 100 {
				get(h, "/p/a,b")
			}
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "cannot be purged"); n != 2 || !strings.Contains(log.String(), "/p/{id}") {
			t.Errorf("%d warnings in two seconds, want 2:\n%s", n, log.String())
		}
	})
}

// TestLayer_Allocations bounds what the layer costs a response with a version
// and a tag of its own: the exchange, the request, the list of tags, the tag and
// the ETag.
func TestLayer_Allocations(t *testing.T) {
	mux := http.NewServeMux()
	contentType, body := []string{"text/plain"}, []byte("body")
	mux.HandleFunc("GET /p/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = contentType
		httpcache.From(r.Context()).Version(42)
		w.Write(body)
	})
	layer := newLayer(t, map[string]httpcache.Policy{"GET /p/{id}": {Edge: time.Hour, Tags: []string{"p-{id}"}}}, httpcache.Options{CDNs: all[:2]})
	count := func(h http.Handler) float64 {
		r, w := httptest.NewRequest("GET", "/p/1", nil), &sink{h: http.Header{}}
		return testing.AllocsPerRun(1000, func() {
			clear(w.h)
			h.ServeHTTP(w, r)
		})
	}
	if got := count(layer.Handler(mux)) - count(mux); got > 5 {
		t.Errorf("the layer makes %v allocations, at most 5", got)
	}
}
