package edge

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// originFunc is an origin that answers in the same process.
type originFunc func(r *http.Request) (*http.Response, error)

func (f originFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := f(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// respond returns a response with the lines "Name: value" as its fields.
func respond(status int, body string, lines ...string) *http.Response {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	if h.Get("Date") == "" {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// newEdge returns a handler before an origin. It is closed at the end.
func newEdge(t testing.TB, origin originFunc, change ...func(*Options)) *Handler {
	t.Helper()
	o := Options{
		Origin: &url.URL{Scheme: "http", Host: "origin.internal"}, Transport: origin, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// get asks a handler, with the lines "Name: value" as fields.
func get(h http.Handler, path string, lines ...string) *httptest.ResponseRecorder {
	return do(h, newGet(path, lines...))
}

func newGet(path string, lines ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://www.example.com"+path, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// broken tells whether a request was broken off.
func broken(f func()) (yes bool) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			yes = true
		}
	}()
	f()
	return false
}

// want compares the status and body of an answer.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("got %d %q, want %d %q; Cache-Status %q", w.Code, w.Body, status, body, w.Header()["Cache-Status"])
	}
}

func TestNew_ReportsEveryMistake(t *testing.T) {
	_, err := New(Options{
		Origin: &url.URL{Scheme: "ftp", Host: "x"}, Profile: 7, Name: "a b", MaxBytes: 1, MaxObjectBytes: 5,
		TargetFields: []string{"a b"}, OriginTimeout: -1,
	})
	for _, field := range []string{"Origin", "Profile", "Name", "MaxBytes", "MaxObjectBytes", "TargetFields", "OriginTimeout"} {
		if err == nil || !strings.Contains(err.Error(), field+" ") {
			t.Errorf("New: %v, want it to name %s", err, field)
		}
	}
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "Origin is nil") {
		t.Errorf("New(Options{}): %v, want it to miss Origin", err)
	}
	secret, _ := url.Parse("http://user:hunter2@origin.internal")
	if _, err := New(Options{Origin: secret}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New with a password: %v, want an error without it", err)
	}
}

// TestOriginURL: what a client escaped stays escaped, below the origin's path.
func TestOriginURL(t *testing.T) {
	for _, tt := range []struct{ origin, path, want string }{
		{"http://o", "/a%2Fb?x=%20", "http://o/a%2Fb?x=%20"},
		{"http://o/", "/a", "http://o/a"},
		{"http://o/base/", "/a%2Fb", "http://o/base/a%2Fb"},
		{"http://o/ba%2Fse", "/a", "http://o/ba%2Fse/a"},
		{"https://o:8443/x", "/", "https://o:8443/x/"},
		{"http://o", "//evil.example/", "http://o//evil.example/"},
	} {
		origin, _ := url.Parse(tt.origin)
		var got string
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return respond(200, ""), nil
		}, func(o *Options) { o.Origin = origin })
		r := httptest.NewRequest(http.MethodGet, "http://h"+tt.path, nil)
		do(h, r)
		if got != tt.want {
			t.Errorf("%s before %s asks %s, want %s", tt.path, tt.origin, got, tt.want)
		}
	}
}

// TestClose ends what is under way and may be called twice.
func TestClose(t *testing.T) {
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		return respond(200, "one", "Cache-Control: max-age=60"), nil
	})
	want(t, get(h, "/a"), 200, "one")
	for range 2 {
		if err := h.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
		for _, lines := range []string{"Foo: 1", "Authorization: Basic x", "Upgrade: websocket"} {
			r := newGet("/b", lines, "Connection: Upgrade")
			r.Method = method
			if w := do(h, r); w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s with %s after Close: %d, want 503", method, lines, w.Code)
			}
		}
	}
}

func TestStats(t *testing.T) {
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		return respond(200, "one", "Cache-Control: max-age=60"), nil
	})
	get(h, "/a")
	get(h, "/a")
	do(h, httptest.NewRequest(http.MethodPost, "http://www.example.com/b", strings.NewReader("x")))
	got := h.Stats()
	got.Entries = 0 // an estimate
	if want := (Stats{Requests: 3, Hits: 1, Misses: 1, Written: 1, OriginRequests: 2, Stored: 1}); got != want {
		t.Errorf("Stats() = %+v, want %+v", got, want)
	}
}

func ExampleNew() {
	origin := originFunc(func(r *http.Request) (*http.Response, error) {
		return respond(200, "tea", "CDN-Cache-Control: max-age=60", "Cache-Tag: products"), nil
	})
	h, err := New(Options{Origin: &url.URL{Scheme: "http", Host: "127.0.0.1:8081"}, Transport: origin})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()

	ask := func() {
		_, how, _ := strings.Cut(get(h, "/products").Header().Get("Cache-Status"), "; ")
		how, _, _ = strings.Cut(how, ";")
		fmt.Println(how)
	}
	ask()
	ask()
	if err := h.Purge(Purge{Tags: []string{"products"}}); err != nil {
		fmt.Println(err)
	}
	ask()
	// Output:
	// fwd=uri-miss
	// hit
	// fwd=uri-miss
}

// TestTargetFields_SurrogateControl: a field that is withheld from clients can
// target the cache, and does so again after a 304.
func TestTargetFields_SurrogateControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := "Surrogate-Control: no-store"
		asked := 0
		origin := func(r *http.Request) (*http.Response, error) {
			asked++
			if r.Header.Get("If-None-Match") != "" {
				return respond(304, "", `ETag: "1"`), nil
			}
			return respond(200, "one", "Cache-Control: max-age=600", `ETag: "1"`, rules), nil
		}
		target := func(o *Options) { o.TargetFields = []string{"surrogate-control"} }
		h := newEdge(t, origin, target)
		get(h, "/no")
		if get(h, "/no"); asked != 2 {
			t.Errorf("Surrogate-Control: no-store: the origin was asked %d times of 2", asked)
		}
		rules, asked = "Surrogate-Control: max-age=1", 0
		get(h, "/a") // stored
		time.Sleep(2 * time.Second)
		get(h, "/a") // confirmed
		if get(h, "/a"); asked != 2 {
			t.Errorf("fresh after a 304: the origin was asked %d times, want 2", asked)
		}
		time.Sleep(2 * time.Second)
		if get(h, "/a"); asked != 3 {
			t.Errorf("stale again: the origin was asked %d times, want 3", asked)
		}
	})
}

// Clients get no field that is for caches, unless they are to; the cache knows the
// tags all the same, also after a 304.
func TestExposeTags(t *testing.T) {
	fields := map[string]string{
		"Cache-Tag": "a", "Edge-Cache-Tag": "b", "Cdn-Tag": "c", "Surrogate-Key": "d", "Xkey": "e", "Surrogate-Control": "max-age=9", "Cache-Groups": `"f"`,
	}
	for _, tt := range []struct {
		profile Profile
		expose  bool
		want    []string
	}{
		{SafeDefault, false, nil},
		{StrictRFC, false, []string{"Cache-Groups"}},
		{SafeDefault, true, slices.Collect(maps.Keys(fields))},
		{StrictRFC, true, slices.Collect(maps.Keys(fields))},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			h := newEdge(t, func(r *http.Request) (*http.Response, error) {
				asked++
				lines := []string{"Cache-Control: max-age=60", `ETag: "1"`}
				for name, value := range fields {
					lines = append(lines, name+": "+value)
				}
				if r.Header.Get("If-None-Match") != "" {
					return respond(304, "", lines...), nil
				}
				return respond(200, "one", lines...), nil
			}, func(o *Options) { o.Profile, o.ExposeTags = tt.profile, tt.expose })
			for _, how := range []string{"a miss", "a hit", "a 304"} {
				if how == "a 304" {
					time.Sleep(2 * time.Minute)
				}
				header := get(h, "/a").Header()
				for name := range fields {
					if got, want := header[name] != nil, slices.Contains(tt.want, name); got != want {
						t.Errorf("%v, ExposeTags %v, %s: %s in the answer: %v, want %v", tt.profile, tt.expose, how, name, got, want)
					}
				}
			}
			if asked != 2 {
				t.Errorf("the origin was asked %d times, want 2", asked)
			}
			for _, tag := range []string{"a", "b", "c", "d", "e", "f"} {
				if err := h.Purge(Purge{Tags: []string{tag}}); err != nil {
					t.Fatal(err)
				}
				before := asked
				if get(h, "/a"); asked != before+1 {
					t.Errorf("%v, ExposeTags %v: a purge of %s, a tag of the response, does not reach it", tt.profile, tt.expose, tag)
				}
			}
		})
	}
}
