package httpcache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// TestHandler_Patterns: the policy is that of the pattern which the mux has
// found, letter for letter, and of no other that would match.
func TestHandler_Patterns(t *testing.T) {
	layer := newLayer(t, map[string]httpcache.Policy{
		"GET /p/{id}":       {Edge: 1 * time.Second},
		"GET /p/{id}/photo": {Edge: 2 * time.Second},
		"/files/":           {Edge: 3 * time.Second},
		"example.com/host":  {Edge: 4 * time.Second},
		"GET /inner/{id}":   {Edge: 5 * time.Second},
	}, httpcache.Options{})
	mux := http.NewServeMux()
	inner := http.NewServeMux()
	for _, pattern := range []string{"GET /p/{id}", "GET /p/mine", "GET /p/{id}/photo", "/files/", "/files/secret", "example.com/host", "/host"} {
		mux.Handle(pattern, answer("x"))
	}
	inner.Handle("GET /inner/{id}", answer("x"))
	inner.Handle("GET /inner/mine", answer("x"))
	mux.Handle("/inner/", inner)
	mux.Handle("/strip/", http.StripPrefix("/strip", mux))
	h := layer.Handler(mux)
	for target, want := range map[string]string{
		"/p/1":                    "max-age=1",
		"/p/mine":                 "private, no-store", // more specific, and not in the table
		"/p/1/photo":              "max-age=2",
		"/files/a":                "max-age=3",
		"/files/secret":           "private, no-store",
		"http://example.com/host": "max-age=4",
		"http://example.org/host": "private, no-store",
		"/inner/1":                "max-age=5",
		"/inner/mine":             "private, no-store",
		"/strip/p/1":              "private, no-store", // another request, of which the layer sees nothing
		"/p":                      "private, no-store",
		"/files":                  "private, no-store", // a redirect
	} {
		if got := get(h, target).Header.Get("CDN-Cache-Control"); got != want {
			t.Errorf("%s: CDN-Cache-Control %q, want %q", target, got, want)
		}
	}
}

// TestHandler_Twice: middleware that sets cookies is inside the layer, and the
// layer finds the pattern although that replaces the request.
func TestHandler_Twice(t *testing.T) {
	type key struct{}
	sessions := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("login") {
				w.Header().Set("Set-Cookie", "sid=1")
			}
			next.ServeHTTP(wrapper{w}, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
		})
	}
	layer := newLayer(t, map[string]httpcache.Policy{"/p/{id}": {Edge: time.Hour, Tags: []string{"p-{id}"}}}, httpcache.Options{CDNs: all})
	mux := http.NewServeMux()
	mux.Handle("/p/{id}", answer("x", tag("t")))
	once, twice := layer.Handler(sessions(mux)), layer.Handler(sessions(layer.Handler(mux)))
	checkFields(t, "once", get(once, "/p/1"), nobody...)
	checkFields(t, "twice, with a cookie", get(twice, "/p/1?login"), nobody...)
	r := httptest.NewRequest("GET", "/p/1", nil)
	w := httptest.NewRecorder()
	if twice.ServeHTTP(w, r); w.Header().Get("Cache-Tag") != "p-1,t" || r.Pattern != "/p/{id}" {
		t.Errorf("twice: %q, pattern %q", cacheFields(w.Header()), r.Pattern)
	}
}

// wrap is Layer.Wrap for policies without mistakes.
func wrap(t *testing.T, layer *httpcache.Layer, p httpcache.Policy, h http.Handler) http.Handler {
	t.Helper()
	wrapped, err := layer.Wrap(p, h)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func TestWrap(t *testing.T) {
	layer := newLayer(t, map[string]httpcache.Policy{"/table/{id}": {Edge: time.Second}}, httpcache.Options{CDNs: all})
	policy := httpcache.Policy{Edge: time.Hour, Tags: []string{"p-{id}"}}
	leaf := wrap(t, layer, policy, answer("x", tag("t")))
	mux := http.NewServeMux()
	mux.Handle("/alone/{id}", leaf)
	mux.Handle("/table/{id}", leaf)
	mux.Handle("/wrapped/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leaf.ServeHTTP(wrapper{w}, r) }))
	mux.Handle("/clone/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leaf.ServeHTTP(w, r.WithContext(r.Context())) }))
	mux.Handle("/strip/", http.StripPrefix("/strip", func() http.Handler {
		inner := http.NewServeMux()
		inner.Handle("/{id}", leaf)
		return inner
	}()))
	for name, h := range map[string]http.Handler{"without Handler": mux, "below Handler": layer.Handler(mux)} {
		for _, path := range []string{"/alone/1", "/table/1", "/wrapped/1", "/clone/1", "/strip/1"} {
			got := get(h, path).Header
			if got.Get("CDN-Cache-Control") != "max-age=3600" || got.Get("Cache-Tag") != "p-1,t" {
				t.Errorf("%s %s: %q", name, path, cacheFields(got))
			}
		}
	}
}

// TestWrap_Fragment: a page that is made of the responses of other handlers does
// not get their policy.
func TestWrap_Fragment(t *testing.T) {
	layer := newLayer(t, map[string]httpcache.Policy{"/page": {NoStore: true}}, httpcache.Options{CDNs: all})
	fragment := wrap(t, layer, httpcache.Policy{Edge: time.Hour, Tags: []string{"f"}}, answer("part"))
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		part := httptest.NewRecorder()
		fragment.ServeHTTP(part, r)
		if got := part.Header().Get("Cache-Tag"); got != "f" {
			t.Errorf("the fragment has the tag %q, want f", got)
		}
		io.WriteString(w, "["+part.Body.String()+"]")
	})
	got := get(layer.Handler(mux), "/page")
	if body, _ := io.ReadAll(got.Body); string(body) != "[part]" {
		t.Errorf("body %q", body)
	}
	checkFields(t, "page", got, nobody...)
}

// Two layers: the outer one has the last word, and what the inner one forbids
// stays forbidden.
func TestTwoLayers(t *testing.T) {
	routes := map[string]httpcache.Policy{"/a": {Edge: time.Hour}, "/b": {NoStore: true}}
	inner := newLayer(t, routes, httpcache.Options{})
	outer := newLayer(t, map[string]httpcache.Policy{"/a": {Edge: time.Minute}, "/b": {Edge: time.Minute}}, httpcache.Options{})
	mux := http.NewServeMux()
	mux.Handle("/a", answer("x"))
	mux.Handle("/b", answer("x"))
	outside := http.NewServeMux()
	outside.Handle("/a", inner.Handler(mux))
	outside.Handle("/b", inner.Handler(mux))
	h := outer.Handler(outside)
	if got := get(h, "/a").Header.Get("CDN-Cache-Control"); got != "max-age=60" {
		t.Errorf("/a: %q, want max-age=60", got)
	}
	checkFields(t, "/b", get(h, "/b"), nobody...)
}

// TestFrom_Nowhere: handlers work without a layer.
func TestFrom_Nowhere(t *testing.T) {
	r := httpcache.From(context.Background())
	if r.Tag("a") || r.Version(1) || r.NoStore() {
		t.Error("somebody has heard what was said to nobody")
	}
}

// TestResponse_TooLate: what comes when the header has been sent is not heard,
// and a tag that is lost so is reported.
func TestResponse_TooLate(t *testing.T) {
	var errs []*httpcache.TagError
	layer := newLayer(t, nil, httpcache.Options{CDNs: all, OnTagError: func(_ *http.Request, err *httpcache.TagError) { errs = append(errs, err) }})
	for _, begin := range []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(404) },
		func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("x", 100_000)) },
	} {
		errs = nil
		var early, late []bool
		h := wrap(t, layer, httpcache.Policy{Edge: time.Hour}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			resp := httpcache.From(r.Context())
			early = []bool{resp.Tag("a"), resp.Version(1)}
			begin(w)
			late = []bool{resp.Tag("b"), resp.Version(2), resp.NoStore()}
		}))
		got := get(h, "/")
		if !early[0] || !early[1] || late[0] || late[1] || late[2] {
			t.Errorf("heard before: %v, and after: %v", early, late)
		}
		if len(errs) != 1 || errs[0].Tag != "b" || strings.Contains(got.Header.Get("Cache-Tag"), "b") {
			t.Errorf("errors %v, Cache-Tag %q, want one about b", errs, got.Header.Get("Cache-Tag"))
		}
	}
	// A body that is known to be too long is not held back at all.
	long := wrap(t, layer, httpcache.Policy{Edge: time.Hour}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, "x")
		if httpcache.From(r.Context()).NoStore() {
			t.Error("the header of a long body was held back")
		}
	}))
	get(long, "/")
	// While the body is held back, it is not too late.
	h := wrap(t, layer, httpcache.Policy{Edge: time.Hour}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		if !httpcache.From(r.Context()).NoStore() {
			t.Error("NoStore was not heard while the body was held back")
		}
	}))
	checkFields(t, "NoStore", get(h, "/"), nobody...)
}

func TestVary(t *testing.T) {
	for _, tt := range []struct {
		policy []string
		has    []string
		want   string
	}{
		{nil, nil, ""},
		{nil, []string{"origin"}, "origin"},
		{[]string{"accept-language"}, nil, "Accept-Language"},
		{[]string{"Accept", "accept", "Accept-Language"}, nil, "Accept, Accept-Language"},
		{[]string{"Accept"}, []string{"Origin", "x, accept"}, "Origin|x, accept"}, // nothing is missing
		{[]string{"Accept", "B"}, []string{"origin", "accept"}, "Origin, Accept, B"},
	} {
		var do []func(http.ResponseWriter, *http.Request)
		for _, line := range tt.has {
			do = append(do, setField("Vary", line))
		}
		layer := newLayer(t, nil, httpcache.Options{})
		got := get(wrap(t, layer, httpcache.Policy{Edge: time.Hour, Vary: tt.policy}, answer("x", do...)), "/")
		if vary := strings.Join(got.Header["Vary"], "|"); vary != tt.want {
			t.Errorf("policy %q, handler %q: Vary %q, want %q", tt.policy, tt.has, vary, tt.want)
		}
	}
}

func TestNever(t *testing.T) {
	w := httptest.NewRecorder()
	for _, name := range []string{"Cache-Control", "expires", "Pragma", "cdn-cache-control", "Cache-Tag", "X-Other"} {
		w.Header()[name] = []string{"x", "y"}
	}
	httpcache.Never(w.Header())
	checkFields(t, "Never", w.Result(), nobody...)
	if w.Header()["X-Other"] == nil {
		t.Error("another field is gone")
	}
}

// A policy around a handler of the same layer holds for all of its routes.
func TestWrap_AroundHandler(t *testing.T) {
	layer := newLayer(t, map[string]httpcache.Policy{"/a": {Edge: time.Second}}, httpcache.Options{})
	mux := http.NewServeMux()
	mux.Handle("/a", answer("x"))
	h := wrap(t, layer, httpcache.Policy{Edge: time.Hour}, layer.Handler(mux))
	if got := get(h, "/a").Header.Get("CDN-Cache-Control"); got != "max-age=3600" {
		t.Errorf("CDN-Cache-Control %q, want max-age=3600", got)
	}
}

// Nobody is heard when the handler has returned or panicked.
func TestResponse_Over(t *testing.T) {
	layer := newLayer(t, nil, httpcache.Options{})
	for name, end := range map[string]func(){"returned": func() {}, "panicked": func() { panic("a bug") }} {
		var resp *httpcache.Response
		h := wrap(t, layer, httpcache.Policy{Edge: time.Hour}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			resp = httpcache.From(r.Context())
			end()
		}))
		func() {
			defer func() { _ = recover() }()
			get(h, "/")
		}()
		if resp.NoStore() {
			t.Errorf("NoStore was heard when the handler had %s", name)
		}
	}
}

// adder adds to a field when the header is sent, as middleware around a layer may.
type adder struct{ http.ResponseWriter }

func (a adder) WriteHeader(status int) {
	for _, values := range a.Header() {
		_ = append(values, "added")
	}
	a.Header().Add("Cache-Control", "no-transform")
	a.ResponseWriter.WriteHeader(status)
}

func TestAddedAround(t *testing.T) {
	layer := newLayer(t, nil, httpcache.Options{CDNs: all})
	h := wrap(t, layer, httpcache.Policy{Edge: time.Hour, Tags: []string{"a"}}, answer("x"))
	w := httptest.NewRecorder()
	h.ServeHTTP(adder{w}, httptest.NewRequest("GET", "/", nil))
	checkFields(t, "added around", w.Result(),
		"cache-control: public, max-age=0, must-revalidate|no-transform", `cache-groups: "a"`, "cache-tag: a", "cdn-cache-control: max-age=3600",
		"cdn-tag: a", "edge-cache-tag: a", "surrogate-control: max-age=3600", "surrogate-key: a")
}

// TestNew_Conflict: what the mux says of two patterns names both, and no file of
// this package.
func TestNew_Conflict(t *testing.T) {
	_, err := httpcache.New(map[string]httpcache.Policy{"GET /x/{a}/y": {Edge: time.Minute}, "GET /x/z/{b}": {Edge: time.Minute}}, httpcache.Options{})
	if err == nil || !strings.Contains(err.Error(), "conflicts with pattern") || !strings.Contains(err.Error(), "GET /x/z/{b}") ||
		strings.Contains(err.Error(), "layer.go") {
		t.Errorf("New = %v, want both patterns and no place in the source", err)
	}
}
