package httpcache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

const (
	modified = "Sun, 06 Nov 1994 08:49:37 GMT"
	before   = "Sun, 06 Nov 1994 08:49:36 GMT"
	after    = "Sun, 06 Nov 1994 08:49:38 GMT"
)

// TestConditions: the order is that of RFC 9110 13.2.2.
func TestConditions(t *testing.T) {
	strong, weak, dated := setField("Etag", `"a"`), setField("Etag", `W/"a"`), setField("Last-Modified", modified)
	type setup = []func(http.ResponseWriter, *http.Request)
	for _, tt := range []struct {
		name   string
		has    setup
		fields []string
		want   int
	}{
		{"no condition", setup{strong, dated}, nil, 200},
		{"the same", setup{strong}, []string{"If-None-Match", `"a"`}, 304},
		{"weakly the same", setup{strong}, []string{"If-None-Match", `W/"a"`}, 304},
		{"weakly the same", setup{weak}, []string{"If-None-Match", `"a"`}, 304},
		{"another", setup{strong}, []string{"If-None-Match", `"b"`}, 200},
		{"one of a list", setup{strong}, []string{"If-None-Match", `"b,", W/"c" , "a"`}, 304},
		{"one of two lines", setup{strong}, []string{"If-None-Match", `"b"`, "If-None-Match", `"a"`}, 304},
		{"any", setup{strong}, []string{"If-None-Match", " * "}, 304},
		{"a part", setup{strong}, []string{"If-None-Match", `"aa", "", a`}, 200},
		{"behind rubbish", setup{strong}, []string{"If-None-Match", `x, "a"`}, 200},
		{"open quote", setup{strong}, []string{"If-None-Match", `"a`}, 200},
		{"not an ETag", setup{setField("Etag", "a")}, []string{"If-None-Match", "a"}, 200},
		{"no ETag but that of the bytes", nil, []string{"If-None-Match", `"a"`}, 200},
		{"not newer", setup{dated}, []string{"If-Modified-Since", modified}, 304},
		{"not newer", setup{dated}, []string{"If-Modified-Since", after}, 304},
		{"newer", setup{dated}, []string{"If-Modified-Since", before}, 200},
		{"no date", setup{dated}, []string{"If-Modified-Since", "0"}, 200},
		{"two dates", setup{dated}, []string{"If-Modified-Since", after, "If-Modified-Since", after}, 200},
		{"If-None-Match goes first", setup{strong, dated}, []string{"If-None-Match", `"b"`, "If-Modified-Since", after}, 200},
		{"If-None-Match goes first", setup{strong, dated}, []string{"If-None-Match", `"a"`, "If-Modified-Since", before}, 304},
		{"If-Match", setup{strong}, []string{"If-Match", `"a"`}, 200},
		{"If-Match of any", setup{weak}, []string{"If-Match", "*"}, 200},
		{"If-Match of another", setup{strong}, []string{"If-Match", `"b"`}, 412},
		{"If-Match is strong", setup{strong}, []string{"If-Match", `W/"a"`}, 412},
		{"If-Match is strong", setup{weak}, []string{"If-Match", `W/"a"`}, 412},
		{"If-Match is strong", setup{weak}, []string{"If-Match", `"a"`}, 412},
		{"If-Match and no ETag", setup{setField("Etag", "a")}, []string{"If-Match", `"a"`}, 200},
		{"If-Match and a stream", setup{setField("Trailer", "X")}, []string{"If-Match", `"a"`}, 200},
		{"If-Match goes before If-None-Match", setup{strong}, []string{"If-Match", `"b"`, "If-None-Match", `"a"`}, 412},
		{"If-Match goes before the date", setup{strong, dated}, []string{"If-Match", `"a"`, "If-Unmodified-Since", before}, 200},
		{"modified", setup{dated}, []string{"If-Unmodified-Since", before}, 412},
		{"unmodified", setup{dated}, []string{"If-Unmodified-Since", modified}, 200},
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			want := tt.want
			if method == "POST" {
				want = 200 // this is not for the layer to decide
			}
			h := serveRecorded(t, answer("body", tt.has...))
			got := ask(h, method, "/", tt.fields...)
			body, _ := io.ReadAll(got.Body)
			if got.StatusCode != want || (len(body) > 0) != (want == 200) {
				t.Errorf("%s, %s: %q: %d, body %q, want %d", tt.name, method, tt.fields, got.StatusCode, body, want)
			}
			if want == 412 || method == "POST" {
				checkFields(t, tt.name, got, nobody...)
			} else if cc := got.Header.Get("Cache-Control"); cc != "public, max-age=60" {
				t.Errorf("%s, %s: %d with Cache-Control %q", tt.name, method, got.StatusCode, cc)
			}
		}
	}
}

// TestNotModified: the fields of a 304 are those of RFC 9110 15.4.5.
func TestNotModified(t *testing.T) {
	h, _ := products(t, httpcache.Policy{Edge: time.Hour, Vary: []string{"Accept-Language"}, Tags: []string{"product-{id}"}}, all[:1],
		setField("Last-Modified", modified), setField("Content-Type", "text/x"), setField("Content-Encoding", "gzip"), setField("Content-Location", "/x"))
	full := get(h, "/p/1")
	etag := full.Header.Get("ETag")
	if etag == "" || strings.HasPrefix(etag, "W/") {
		t.Fatalf("ETag %q, want a strong one", etag)
	}
	got := get(h, "/p/1", "If-None-Match", etag)
	if got.StatusCode != http.StatusNotModified {
		t.Fatalf("status %d, want 304", got.StatusCode)
	}
	for name, want := range map[string]string{
		"ETag": etag, "Vary": "Accept-Language", "Content-Location": "/x", "Cache-Control": "public, max-age=0, must-revalidate", "Cache-Tag": "product-1",
		"Content-Type": "", "Content-Length": "", "Content-Encoding": "", "Last-Modified": "",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
}

// Nobody keeps these, so no condition is answered for the handler.
func TestConditions_NotKept(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/", answer("body", setField("Etag", `"a"`)))
	h := newLayer(t, map[string]httpcache.Policy{"/": kept}, httpcache.Options{}).Handler(mux)
	if got := get(h, "/", "If-None-Match", `"a"`, "Cookie", "a=b"); got.StatusCode != 200 {
		t.Errorf("with a cookie: %d, want 200", got.StatusCode)
	}
}

func versioned(v uint64) func(http.ResponseWriter, *http.Request) {
	return func(_ http.ResponseWriter, r *http.Request) { httpcache.From(r.Context()).Version(v) }
}

// TestVersion: the ETag of a version differs wherever the bytes may.
func TestVersion(t *testing.T) {
	policy := httpcache.Policy{Edge: time.Hour, Vary: []string{"accept-language", "Accept-Encoding"}}
	etag := func(release string, do []func(http.ResponseWriter, *http.Request), fields ...string) string {
		t.Helper()
		layer := newLayer(t, map[string]httpcache.Policy{"/": policy}, httpcache.Options{Release: release})
		mux := http.NewServeMux()
		mux.Handle("/", answer("body", do...))
		tag := get(layer.Handler(mux), "/", fields...).Header["Etag"]
		if len(tag) != 1 || !strings.HasPrefix(tag[0], `"4`) || !strings.HasSuffix(tag[0], `"`) {
			t.Fatalf("ETag %q, want one of the version", tag)
		}
		return tag[0]
	}
	type do = []func(http.ResponseWriter, *http.Request)
	plain := etag("r1", do{versioned(42)})
	for name, other := range map[string]string{
		"version":  etag("r1", do{versioned(43)}),
		"release":  etag("r2", do{versioned(42)}),
		"language": etag("r1", do{versioned(42)}, "Accept-Language", "fr"),
		"encoding": etag("r1", do{versioned(42), setField("Content-Encoding", "gzip")}),
		"the handler's Vary": etag("r1", do{versioned(42), setField("Vary", "X-Country")},
			"X-Country", "at"),
	} {
		if other == plain {
			t.Errorf("another %s, and the same ETag %s", name, plain)
		}
	}
	for name, same := range map[string]string{
		"again":                      etag("r1", do{versioned(42)}),
		"a field that is not varied": etag("r1", do{versioned(42)}, "Accept", "x"),
		"what is only acceptable":    etag("r1", do{versioned(42)}, "Accept-Encoding", "gzip"),
		"said twice":                 etag("r1", do{versioned(41), versioned(42)}),
		"looked at in between": etag("r1", do{versioned(41), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", w.Header().Get("ETag"))
		}, versioned(42)}),
	} {
		if same != plain {
			t.Errorf("%s: ETag %s, want %s", name, same, plain)
		}
	}
	if got := etag("", do{versioned(42)}, "Accept-Language", "fr"); got == `"42"` {
		t.Errorf("without a release the language is forgotten: %s", got)
	}
}

// TestVersion_Private: two users of one browser have rows of the same version
// behind the same URL. A 304 must not show one the page of the other.
func TestVersion_Private(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		httpcache.From(r.Context()).Version(42)
		if r.URL.Query().Has("look") {
			w.Header().Set("X-Looked", "yes")
		}
		if r.URL.Query().Has("flush") {
			w.(http.Flusher).Flush()
		}
		io.WriteString(w, "page of "+r.Header.Get("Cookie"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", page)
	layer := newLayer(t, map[string]httpcache.Policy{"/": {Private: true, Vary: []string{"Cookie"}}}, httpcache.Options{})
	// Middleware may have named the version before there was a route.
	early := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpcache.From(r.Context()).Version(42)
		w.Header().Set("X", w.Header().Get("ETag"))
		mux.ServeHTTP(w, r)
	})
	for _, h := range []http.Handler{layer.Handler(mux), layer.Handler(early)} {
		etag := get(h, "/", "Cookie", "user=a").Header.Get("ETag")
		if looked := get(h, "/?look", "Cookie", "user=a").Header.Get("ETag"); looked != etag || etag == "" || strings.HasPrefix(etag, `"42`) {
			t.Errorf("ETags %q and %q, want one of the bytes", etag, looked)
		}
		if got := get(h, "/?flush", "Cookie", "user=a").Header.Get("ETag"); got != "" {
			t.Errorf("a stream has the ETag %q", got)
		}
		if got := get(h, "/", "Cookie", "user=b", "If-None-Match", etag); got.StatusCode != 200 {
			t.Errorf("another user gets %d", got.StatusCode)
		}
		if got := get(h, "/", "Cookie", "user=a", "If-None-Match", etag); got.StatusCode != 304 {
			t.Errorf("the same user gets %d", got.StatusCode)
		}
	}
}

// The page of one user is not the copy of another's, however old it is.
func TestConditions_Private(t *testing.T) {
	h := wrap(t, newLayer(t, nil, httpcache.Options{}), httpcache.Policy{Private: true}, answer("x", setField("Last-Modified", before)))
	if got := get(h, "/", "If-Modified-Since", after); got.StatusCode != 200 {
		t.Errorf("If-Modified-Since: %d, want 200", got.StatusCode)
	}
	etag := get(h, "/").Header.Get("ETag")
	if got := get(h, "/", "If-Modified-Since", after, "If-None-Match", etag); got.StatusCode != 304 {
		t.Errorf("If-None-Match: %d, want 304", got.StatusCode)
	}
}

// Nothing of a credential is in an ETag.
func TestVersion_Credentials(t *testing.T) {
	layer := newLayer(t, nil, httpcache.Options{Credentials: []string{"X-Api-Key"}})
	policy := httpcache.Policy{Edge: time.Hour, SameForEveryoneDespiteAuthorization: true, SameForEveryoneDespiteCookies: true}
	h := wrap(t, layer, policy, answer("x", setField("Vary", "Cookie, Authorization, X-Api-Key"), versioned(42)))
	want := get(h, "/").Header.Get("ETag")
	for _, name := range []string{"Cookie", "Authorization", "X-Api-Key"} {
		if got := get(h, "/", name, "secret=1").Header.Get("ETag"); got != want || got == "" {
			t.Errorf("with %s: ETag %q, without %q", name, got, want)
		}
	}
}

// TestVersion_Early: who looks at the ETag before the header is sent, as
// [http.ServeContent] does, sees the one that is sent.
func TestVersion_Early(t *testing.T) {
	layer := newLayer(t, nil, httpcache.Options{Release: "r"})
	var early string
	look := func(w http.ResponseWriter, _ *http.Request) { early = w.Header().Get("ETag") }
	for _, vary := range [][]string{nil, {"X-B", "X-A", "X-C"}} {
		h := wrap(t, layer, httpcache.Policy{Edge: time.Hour, Vary: vary}, answer("x", versioned(42), look))
		if got := get(h, "/", "X-A", "1", "X-B", "2").Header.Get("ETag"); got != early || early == "" {
			t.Errorf("Vary %q: ETag %q, before %q", vary, got, early)
		}
		own := wrap(t, layer, httpcache.Policy{Edge: time.Hour, Vary: vary}, answer("x", setField("Vary", "X-C, X-B, X-A"), versioned(42), look))
		first := get(own, "/", "X-A", "1", "X-B", "2").Header.Get("ETag")
		own = wrap(t, layer, httpcache.Policy{Edge: time.Hour, Vary: vary}, answer("x", setField("Vary", "X-A, X-B, X-C"), versioned(42), look))
		if second := get(own, "/", "X-A", "1", "X-B", "2").Header.Get("ETag"); first != second || second != early {
			t.Errorf("Vary %q: ETags %q and %q, before %q", vary, first, second, early)
		}
		// What is set later is in it nevertheless.
		later := wrap(t, layer, httpcache.Policy{Edge: time.Hour, Vary: vary}, answer("x", versioned(42), look, setField("Content-Encoding", "br")))
		if got := get(later, "/").Header.Get("ETag"); got == early || !strings.HasPrefix(got, `"42-`) {
			t.Errorf("Vary %q: ETag %q with Content-Encoding, %q without", vary, got, early)
		}
	}
}

// An ETag of a row is on no other response, and the handler's own wins.
func TestVersion_Elsewhere(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(http.ResponseWriter, *http.Request)
		want string
	}{
		{"an error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ""},
		{"an error that is kept", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, ""},
		{"NoStore", func(_ http.ResponseWriter, r *http.Request) { httpcache.From(r.Context()).NoStore() }, ""},
		{"its own", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"own"`) }, `"own"`},
		{"removed", func(w http.ResponseWriter, _ *http.Request) { w.Header().Del("ETag") }, ""},
		{"removed, with Vary", func(w http.ResponseWriter, _ *http.Request) { w.Header().Del("ETag"); w.Header().Set("Vary", "X") }, ""},
		{"0 says nothing", versioned(0), `"42"`},
	} {
		policy := httpcache.Policy{Edge: time.Hour, Statuses: map[int]time.Duration{404: time.Minute}}
		h := wrap(t, newLayer(t, nil, httpcache.Options{}), policy,
			answer("body", versioned(42), func(w http.ResponseWriter, _ *http.Request) { w.Header() }, tt.do))
		if got := get(h, "/").Header.Get("ETag"); got != tt.want {
			t.Errorf("%s: ETag %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestServeContent: ranges and conditions of [http.ServeContent], with the
// version's ETag and with none.
func TestServeContent(t *testing.T) {
	const content = "0123456789"
	layer := newLayer(t, map[string]httpcache.Policy{"/version": kept, "/bytes": kept}, httpcache.Options{})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			httpcache.From(r.Context()).Version(42)
		}
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader(content))
	})
	mux.Handle("/version", muxHandler(mux))
	mux.Handle("/bytes", muxHandler(mux))
	server := httptest.NewServer(layer.Handler(mux))
	defer server.Close()
	for _, tt := range []struct {
		path   string
		fields []string
		status int
		body   string
	}{
		{"/version", nil, 200, content},
		{"/version", []string{"Range", "bytes=2-4"}, 206, "234"},
		{"/version", []string{"Range", "bytes=2-4", "If-Range", `"42"`}, 206, "234"},
		{"/version", []string{"Range", "bytes=2-4", "If-Range", `"41"`}, 200, content},
		{"/version", []string{"Range", "bytes=2-4", "If-None-Match", `"42"`}, 304, ""},
		{"/version", []string{"If-None-Match", `"42"`}, 304, ""},
		{"/version", []string{"If-Match", `"41"`}, 412, ""},
		{"/version", []string{"Range", "bytes=20-"}, 416, ""},
		{"/bytes", nil, 200, content},
		{"/bytes", []string{"Range", "bytes=2-4"}, 206, "234"},
		{"/bytes", []string{"Range", "bytes=2-4", "If-Range", `"x"`}, 200, content},
		{"/bytes", []string{"If-None-Match", `"hNiYd_DUBB77a_kaFvAkjw"`}, 304, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(tt.fields); i += 2 {
			r.Header.Set(tt.fields[i], tt.fields[i+1])
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != tt.status || tt.status < 400 && string(body) != tt.body {
			t.Errorf("%s %q: %d, %q, %v, want %d, %q (ETag %s)", tt.path, tt.fields, resp.StatusCode, body, err, tt.status, tt.body, resp.Header.Get("ETag"))
		}
		if public := resp.Header.Get("Cache-Control") == "public, max-age=60"; public != (tt.status < 400) {
			t.Errorf("%s %q: %d with Cache-Control %q", tt.path, tt.fields, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
		if etag := resp.Header.Get("ETag"); tt.path == "/version" && tt.status < 400 && etag != `"42"` {
			t.Errorf("%s %q: %d with ETag %q", tt.path, tt.fields, resp.StatusCode, etag)
		}
	}
}

// muxHandler is the handler of "/" of a mux, for routes of their own.
func muxHandler(mux *http.ServeMux) http.Handler {
	h, _ := mux.Handler(httptest.NewRequest("GET", "/other", nil))
	return h
}

// A 304 that the layer makes out of a body that comes from a reader.
func TestConditions_ReadFrom(t *testing.T) {
	h := serveRecorded(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"a"`)
		if n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("body")}); n != 4 || err != nil {
			t.Errorf("Copy = %d, %v, want 4, nil", n, err)
		}
		if n, err := io.WriteString(w, "more"); n != 4 || err != nil {
			t.Errorf("WriteString = %d, %v, want 4, nil", n, err)
		}
	})
	got := get(h, "/", "If-None-Match", `"a"`)
	if body, _ := io.ReadAll(got.Body); got.StatusCode != 304 || len(body) > 0 {
		t.Errorf("%d, %q, want 304 without a body", got.StatusCode, body)
	}
}
