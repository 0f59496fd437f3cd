package edge

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// queries have lists of all kinds.
var queries = Queries{
	"GET /list":              {"page", "category", "f[a]", "a b", "~"},
	"GET /none/":             {},
	"GET /none/all":          nil,
	"POST /list":             nil,
	"GET other.example/list": {"q"},
}

// routed takes the queries.
func routed(o *Options) { o.Queries = queries }

// echo is an origin that says what it was asked for, and may be kept.
func echo(asked *[]string, lines ...string) originFunc {
	return func(r *http.Request) (*http.Response, error) {
		*asked = append(*asked, r.Method+" "+r.URL.RequestURI())
		if r.Header.Get("If-None-Match") != "" {
			return respond(304, "", `ETag: "1"`), nil
		}
		return respond(200, r.URL.RequestURI(), append([]string{"Cache-Control: max-age=60", `ETag: "1"`}, lines...)...), nil
	}
}

func TestCanonical(t *testing.T) {
	names := counting{"a b", "category", "f[a]", "page", "~"}
	for _, tt := range []struct{ query, want string }{
		{"", ""},
		{"page=1", "page=1"},
		{"page=1&utm_source=mail", "page=1"},
		{"utm_source=mail", ""},
		{"page=1&category=tea", "category=tea&page=1"},
		// The order of one name's values counts, in whatever way it is written.
		{"page=2&category=x&page=1", "category=x&page=2&page=1"},
		{"page=2&%70age=1", "page=2&page=1"},
		// Names are compared as they are without escapes, and case counts.
		{"%63ategory=x", "category=x"},
		{"Category=x&PAGE=1&xpage=1&page.x=1&pag=1", ""},
		{"f[a]=1&f%5Ba%5D=2&f%5ba%5d=3", "f[a]=1&f%5Ba%5D=2&f%5Ba%5D=3"},
		{"a+b=1&a%20b=2", "a+b=1&a%20b=2"},
		{"%7e=1&~=2&%7E=3", "~=1&~=2&~=3"},
		// Values are, as far as nobody can tell them apart.
		{"page=%31%7e%c3%bc", "page=1~%C3%BC"},
		{"page=a+b", "page=a+b"},
		{"page=a%20b", "page=a%20b"},
		{"page=a%2Bb", "page=a%2Bb"},
		{"page=a%26b%3Dc", "page=a%26b%3Dc"},
		{"page=a=b", "page=a=b"},
		{"page", "page"},
		{"page=", "page="},
		// No names.
		{"&&page=1&&=x&=", "page=1"},
		{"=", ""},
		// What some read as two.
		{"utm=1;page=2", ""},
		{"page;x=1", ""},
		{"page=1;category=2", "page=1;category=2"},
		{"page%3Bx=1", ""},
		// What cannot be unescaped.
		{"utm=50%off&page=1", "page=1"},
		{"page%=1&%zz=2&pag%65%=3", ""},
		{"page=%&category=%zz", "category=%zz&page=%"},
		{"%70age=%zz%31", "page=%zz%31"},
		{"page=ü\x00", "page=ü\x00"},
	} {
		if got := names.canonical(tt.query); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.query, got, tt.want)
		}
	}
	if got := (counting{"a;b"}).canonical("a;b=1&a%3Bb=2"); got != "a%3Bb=2" {
		t.Errorf("a semicolon in a name is kept where some read two names: %q", got)
	}
	if got := (counting{}).canonical("page=1&x"); got != "" {
		t.Errorf("without names a query becomes %q", got)
	}
}

// FuzzCanonical: a query in canonical form stays as it is, says of the parameters
// that count what it said before, and nothing of others; and so does each query that
// differs from it in what does not count.
func FuzzCanonical(f *testing.F) {
	for _, query := range []string{
		"page=1&utm=2&category=3&page=0", "%70age=%zz&a+b&a%20b=&&=;", "a;b=1&page=;&page=%3b", "f[a]=%5b&f%5Ba%5D=1", "~=%7e%7E&%7e", "page=%2%35",
	} {
		f.Add(query, "page", "f[a]", uint8(3))
	}
	f.Fuzz(func(t *testing.T, query, one, two string, seed uint8) {
		names := counting{"a b", "category", one, two}
		slices.Sort(names)
		names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
		form := names.canonical(query)
		if again := names.canonical(form); again != form {
			t.Errorf("%q becomes %q, and that %q", query, form, again)
		}
		// The malformed is left out of both.
		before, _ := url.ParseQuery(query)
		after, _ := url.ParseQuery(form)
		for name := range after {
			if !slices.Contains(names, name) {
				t.Errorf("%q becomes %q, which has %q", query, form, name)
			}
		}
		for _, name := range names {
			if !slices.Equal(before[name], after[name]) {
				t.Errorf("%q becomes %q: %s was %q and is %q", query, form, name, before[name], after[name])
			}
		}
		if other := vary(query, names, seed); names.canonical(other) != form {
			t.Errorf("%q becomes %q, and %q becomes %q", query, form, other, names.canonical(other))
		}
	})
}

// vary returns a query that means the same for those who know names alone: with other
// parameters, another order of names and more escapes.
func vary(query string, names counting, seed uint8) string {
	pairs := strings.Split(query, "&")
	place := func(pair string) int {
		name, _, _ := strings.Cut(pair, "=")
		i, ok := names.find(name)
		if !ok {
			i = -1
		}
		return i * int(seed|1) % 7
	}
	slices.SortStableFunc(pairs, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	// Two names must not have got one place, where their order is the old one: that is
	// right too.
	for i, pair := range pairs {
		name, value, equals := strings.Cut(pair, "=")
		if len(name) > 0 && unreserved(name[0]) {
			name = fmt.Sprintf("%%%02x", name[0]) + name[1:]
		}
		if equals {
			name += "="
		}
		pairs[i] = name + value
	}
	noise := "zz%" // is not the name of any
	return noise + "=1&" + strings.Join(pairs, "&") + "&" + noise
}

// TestQueries: requests that differ in nothing that counts share an entry, and the
// origin is asked for the URL that is its key.
func TestQueries(t *testing.T) {
	for _, tt := range []struct {
		first, second string // paths, or URLs
		same          bool
		sent          string // what the origin is asked for, for the first
	}{
		{"/list?page=1", "/list?utm_source=mail&page=1", true, "/list?page=1"},
		{"/list?utm_source=mail&page=1", "/list?page=1", true, "/list?page=1"},
		{"/list?page=1&category=2", "/list?category=2&page=1", true, "/list?category=2&page=1"},
		{"/list?page=1&page=2", "/list?page=2&page=1", false, "/list?page=1&page=2"},
		{"/list?utm=1", "/list", true, "/list"},
		{"/list?", "/list", true, "/list"},
		{"/list?page", "/list?page=", false, "/list?page"},
		{"/list?page=%zz", "/list?page=%zz&x=%zz", true, "/list?page=%zz"},
		{"/l%69st?x=1", "/list", true, "/list"},
		{"/none/a?x=1", "/none/a?x=2", true, "/none/a"},
		// Without a list, or a route.
		{"/none/all?x=1", "/none/all?x=2", false, "/none/all?x=1"},
		{"/none/all?", "/none/all", false, "/none/all?"},
		{"/nowhere?b=1&a=2", "/nowhere?a=2&b=1", false, "/nowhere?b=1&a=2"},
		{"/list/?x=1", "/list/?x=2", false, "/list/?x=1"},
		{"/none?x=1", "/none?x=2", false, "/none?x=1"},             // a ServeMux redirects
		{"/none/../list?x=1", "/list", false, "/none/../list?x=1"}, // likewise
		{"//list?x=1", "/list", false, "//list?x=1"},
		// The host has a route of its own.
		{"http://other.example/list?page=1&q=1", "http://OTHER.example:80/list?page=2&q=1", true, "/list?q=1"},
		{"http://other.example/none/x?page=1", "http://other.example/none/x", true, "/none/x"},
	} {
		var asked []string
		h := newEdge(t, echo(&asked), routed)
		ask := func(url string) string {
			if strings.HasPrefix(url, "/") {
				url = "http://www.example.com" + url
			}
			return do(h, httptest.NewRequest(http.MethodGet, url, nil)).Body.String()
		}
		first := ask(tt.first)
		second := ask(tt.second)
		if same := len(asked) == 1; same != tt.same {
			t.Errorf("%s and %s share an entry: %t, want %t", tt.first, tt.second, same, tt.same)
		}
		if asked[0] != "GET "+tt.sent || first != tt.sent {
			t.Errorf("for %s the origin was asked %s, and says %s, want %s", tt.first, asked[0], first, tt.sent)
		}
		if tt.same && second != first {
			t.Errorf("%s got %q, and %s %q", tt.first, first, tt.second, second)
		}
	}
}

// TestQueries_Poison: what is not in the key has no part in what others get, by
// whatever way it comes in.
func TestQueries_Poison(t *testing.T) {
	const evil = "/list?page=1&callback=evil"
	for name, spoil := range map[string]func(h *Handler){
		"a miss":      func(h *Handler) { get(h, evil) },
		"a part":      func(h *Handler) { get(h, evil, "Range: bytes=0-3") },
		"a condition": func(h *Handler) { get(h, evil, `If-None-Match: "x"`) },
		"a revalidation": func(h *Handler) {
			get(h, "/list?page=1")
			time.Sleep(2 * time.Minute)
			get(h, evil)
		},
		"a refresh behind the scenes": func(h *Handler) {
			get(h, "/list?page=1")
			time.Sleep(62 * time.Second)
			get(h, evil)
		},
		"a HEAD": func(h *Handler) {
			get(h, "/list?page=1")
			time.Sleep(2 * time.Minute)
			head := newGet(evil)
			head.Method = http.MethodHead
			do(h, head)
		},
		"a POST that says what a GET would": func(h *Handler) {
			do(h, httptest.NewRequest(http.MethodPost, "http://www.example.com"+evil, strings.NewReader("x")))
		},
		"a bypass":                      func(h *Handler) { get(h, evil, "If-Match: *") },
		"credentials":                   func(h *Handler) { get(h, evil, "Authorization: Basic eDp5") },
		"another method behind a field": func(h *Handler) { get(h, evil, "X-HTTP-Method-Override: POST") },
	} {
		for _, profile := range []Profile{SafeDefault, StrictRFC} {
			synctest.Test(t, func(t *testing.T) {
				origin := func(r *http.Request) (*http.Response, error) {
					uri := r.URL.RequestURI()
					return respond(200, uri, "CDN-Cache-Control: public, max-age=60, stale-while-revalidate=5", "Content-Location: "+uri,
						"X-Said: "+uri, `ETag: "`+uri+`"`, "Date: "+time.Now().UTC().Format(http.TimeFormat)), nil
				}
				h := newEdge(t, origin, routed, func(o *Options) { o.Profile = profile })
				spoil(h)
				synctest.Wait()
				for _, path := range []string{"/list?page=1", "/list?page=1&utm=2"} {
					w := get(h, path)
					if got := w.Body.String(); got != "/list?page=1" || w.Header().Get("X-Said") != got {
						t.Errorf("%v, after %s: %s got %q, with X-Said %q; Cache-Status %q", profile, name, path, got, w.Header().Get("X-Said"), w.Header()["Cache-Status"])
					}
				}
			})
		}
	}
}

// TestQueries_PastTheCache: what the cache has no part in keeps its URL.
func TestQueries_PastTheCache(t *testing.T) {
	const uri = "/list?utm=1&page=2&category=3"
	for _, tt := range []struct {
		method, field, want string
	}{
		{"GET", "", "/list?category=3&page=2"},
		{"HEAD", "", "/list?category=3&page=2"},
		{"GET", "Range: bytes=0-1", "/list?category=3&page=2"},
		{"POST", "", uri},
		{"DELETE", "", uri},
		{"OPTIONS", "", uri},
		{"UNHEARDOF", "", uri},
		{"GET", "If-Match: *", uri},
		{"GET", "Authorization: Basic eDp5", uri},
		{"GET", "X-HTTP-Method-Override: DELETE", uri},
		{"GET", "Upgrade: websocket", uri},
	} {
		var asked []string
		h := newEdge(t, echo(&asked), routed)
		r := newGet(uri, cmp.Or(tt.field, "Foo: 1"), "Connection: Upgrade")
		r.Method = tt.method
		do(h, r)
		if want := []string{tt.method + " " + tt.want}; !slices.Equal(asked, want) {
			t.Errorf("%s with %q: the origin was asked %q, want %q", tt.method, tt.field, asked, want)
		}
		if r.URL.RequestURI() != uri {
			t.Errorf("%s with %q: the caller's request has become one for %s", tt.method, tt.field, r.URL)
		}
	}
}

// TestQueries_Forget: all spellings of a URL name the entry that they are answered
// with, for purges and for unsafe methods.
func TestQueries_Forget(t *testing.T) {
	const kept = "/list?category=a&page=1"
	spellings := []string{kept, "/list?utm=1&page=1&category=a", "/list?p%61ge=1&category=a&", "/l%69st?category=a&page=1&x=%zz"}
	for name, forget := range map[string]func(h *Handler, uri string){
		"a purge": func(h *Handler, uri string) {
			if err := h.Purge(Purge{URLs: []string{"https://www.example.com" + uri}}); err != nil {
				t.Error(err)
			}
		},
		"a soft purge": func(h *Handler, uri string) {
			if err := h.Purge(Purge{URLs: []string{"http://WWW.example.com:80" + uri}, Soft: true}); err != nil {
				t.Error(err)
			}
		},
		"a call": func(h *Handler, uri string) {
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/purge_cache", strings.NewReader(`{"files":["http://www.example.com`+uri+`"]}`))
			r.RemoteAddr = "127.0.0.1:1"
			r.Header.Set("Content-Type", "application/json")
			if w := do(h.API(""), r); w.Code != 200 {
				t.Errorf("the call got %d %s", w.Code, w.Body)
			}
		},
		"a prefix": func(h *Handler, uri string) {
			path, _, _ := strings.Cut(uri, "?")
			if err := h.Purge(Purge{Prefixes: []string{"www.example.com" + path}}); err != nil {
				t.Error(err)
			}
		},
		"a POST": func(h *Handler, uri string) {
			do(h, httptest.NewRequest(http.MethodPost, "http://www.example.com"+uri, strings.NewReader("x")))
		},
		"the Location of a POST": func(h *Handler, uri string) {
			r := httptest.NewRequest(http.MethodPost, "http://www.example.com/form", strings.NewReader("x"))
			r.Header.Set("Foo", uri)
			do(h, r)
		},
	} {
		for _, uri := range spellings {
			for _, asked := range spellings {
				n := 0
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodGet {
						n++
					}
					return respond(200, "", "Cache-Control: max-age=60", "Location: "+r.Header.Get("Foo")), nil
				}, routed)
				get(h, asked)
				if get(h, kept); n != 1 {
					t.Fatalf("%s is not the entry of %s", asked, kept)
				}
				forget(h, uri)
				if get(h, asked); n != 2 {
					t.Errorf("%s of %s: %s was answered from the cache", name, uri, asked)
				}
				before := n
				get(h, "/list?category=a&page=2")
				forget(h, uri)
				if get(h, "/list?category=a&page=2"); n != before+1 && name != "a prefix" {
					t.Errorf("%s of %s: another page went too", name, uri)
				}
			}
		}
	}
}

// TestQueries_Collapse: requests for one entry wait for one request to the origin.
func TestQueries_Collapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		answer := echo(&asked)
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answer(r)
		}, routed)
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() { want(t, get(h, fmt.Sprintf("/list?utm=%d&page=1", i)), 200, "/list?page=1") })
		}
		all.Wait()
		if len(asked) != 1 {
			t.Errorf("the origin was asked %q, want once", asked)
		}
	})
}

// TestSetQueries: other routes empty the cache, so that nothing comes back that a purge
// under them could not name; the same ones do not.
func TestSetQueries(t *testing.T) {
	var asked []string
	h := newEdge(t, echo(&asked))
	set := func(list Queries) {
		t.Helper()
		if err := h.SetQueries(list); err != nil {
			t.Fatal(err)
		}
	}
	get(h, "/list?utm=1")
	get(h, "/list?utm=1")
	if len(asked) != 1 {
		t.Fatalf("the origin was asked %q, want once", asked)
	}
	set(queries)
	if err := h.Purge(Purge{URLs: []string{"http://www.example.com/list?utm=1"}}); err != nil {
		t.Fatal(err)
	}
	set(nil)
	if get(h, "/list?utm=1"); len(asked) != 2 {
		t.Errorf("a response came back that was purged under other routes: the origin was asked %q", asked)
	}
	set(queries)
	get(h, "/list?page=1&x")
	again := maps.Clone(queries)
	again["GET /list"] = []string{"~", "a b", "page", "page", "f[a]", "category"}
	set(again)
	n := len(asked)
	if get(h, "/list?page=1&y"); len(asked) != n {
		t.Error("the same queries in another order empty the cache")
	}
	again["GET /list"] = nil
	set(again)
	if get(h, "/list?page=1&y"); len(asked) == n {
		t.Error("other queries do not empty the cache")
	}
	for _, tt := range []struct {
		queries Queries
		want    string
	}{
		{Queries{"GET /{": nil}, `"GET /{"`},
		{Queries{"GET /{x}/b": nil, "GET /a/{y}": nil}, "conflicts"},
		{Queries{"/a": {""}}, "without a name"},
	} {
		if err := h.SetQueries(tt.queries); err == nil || !strings.Contains(err.Error(), "Queries has") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("SetQueries(%v) = %v, want %q", tt.queries, err, tt.want)
		}
		if _, err := New(Options{Origin: &url.URL{Scheme: "http", Host: "o"}, Queries: tt.queries}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New with %v: %v, want %q", tt.queries, err, tt.want)
		}
	}
	if n = len(asked); do(h, newGet("/list?page=1&y")).Code != 200 || len(asked) != n {
		t.Error("routes that were refused empty the cache")
	}
}

// TestSetQueries_WhileAPostIsUnderWay: it forgets what a GET gets now.
func TestSetQueries_WhileAPostIsUnderWay(t *testing.T) {
	var h *Handler
	n := 0
	h = newEdge(t, func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet {
			n++
			return respond(200, "", "Cache-Control: max-age=60"), nil
		}
		if err := h.SetQueries(queries); err != nil {
			t.Error(err)
		}
		get(h, "/list") // of before the change
		if r.Header.Get("Foo") == "dies" {
			return nil, errBreak
		}
		return respond(200, ""), nil
	})
	for i, how := range []string{"ends", "dies"} {
		if err := h.SetQueries(nil); err != nil {
			t.Fatal(err)
		}
		r := newGet("/list?utm=1", "Foo: "+how)
		r.Method = http.MethodPut
		do(h, r)
		if get(h, "/list"); n != 2*(i+1) {
			t.Errorf("a PUT that %s: what was asked for before its end is served after it", how)
		}
	}
}

// TestQueries_Disk: whatever routes a process before had, what is in a file is what the
// origin says to the URL of its key, and is confirmed.
func TestQueries_Disk(t *testing.T) {
	for _, before := range []Queries{nil, queries, {"GET /list": {"page", "utm"}}} {
		synctest.Test(t, func(t *testing.T) {
			const uri = "/list?utm=1&page=2"
			dir := t.TempDir()
			var asked []string
			with := func(queries Queries) *Handler {
				h := newEdge(t, echo(&asked), func(o *Options) { o.Disk, o.Queries = dir, queries })
				synctest.Wait() // it has read its folder
				return h
			}
			h := with(before)
			first := get(h, uri).Body.String()
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			asked = nil
			h = with(queries)
			want(t, get(h, uri), 200, "/list?page=2")
			want(t, get(h, "/list?page=2&utm=3"), 200, "/list?page=2")
			if !slices.Equal(asked, []string{"GET /list?page=2"}) {
				t.Errorf("the origin was asked %q, want once, for the canonical URL", asked)
			}
			if err := h.Purge(Purge{URLs: []string{"http://www.example.com" + uri}}); err != nil {
				t.Fatal(err)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			asked = nil
			h = with(before)
			want(t, get(h, uri), 200, first)
			if len(asked) != 1 {
				t.Errorf("under the routes of before the origin was asked %q, want it to confirm the file", asked)
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestQueries_Allocations: a hit without a query, or on a route without a list, costs
// no more with routes than without.
func TestQueries_Allocations(t *testing.T) {
	for _, uri := range []string{"/list", "/none/all?x=1", "/nowhere/at/all/and/longer/than/a/small/buffer?x=1"} {
		var n [2]float64
		for i, queries := range []Queries{nil, queries} {
			var asked []string
			h := newEdge(t, echo(&asked), func(o *Options) { o.Queries = queries })
			r, w := newGet(uri), &discardWriter{header: http.Header{}}
			n[i] = testing.AllocsPerRun(100, func() {
				clear(w.header)
				h.ServeHTTP(w, r)
			})
		}
		if n[1] > n[0] {
			t.Errorf("a hit of %s allocates %v times with routes, %v without", uri, n[1], n[0])
		}
	}
}

func BenchmarkHit_Queries(b *testing.B) {
	for _, uri := range []string{"/list", "/none/all?x=1", "/list?page=1", "/list?utm_source=mail&page=1&category=tea", "/none/x?utm_source=mail"} {
		for _, queries := range []Queries{nil, queries} {
			b.Run(fmt.Sprintf("%s/%d", uri, len(queries)), func(b *testing.B) {
				var asked []string
				h := newEdge(b, echo(&asked), func(o *Options) { o.Queries = queries })
				r, w := newGet(uri), &discardWriter{header: http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.header)
					h.ServeHTTP(w, r)
				}
			})
		}
	}
}

func ExampleQueries() {
	var asked []string
	h, err := New(Options{
		Origin: &url.URL{Scheme: "http", Host: "127.0.0.1:8081"}, Transport: echo(&asked),
		Queries: Queries{"GET /products": {"category", "page"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer h.Close()

	get(h, "/products?utm_source=mail&page=2&category=tea")
	get(h, "/products?category=tea&page=2")
	fmt.Println(asked)
	// Output:
	// [GET /products?category=tea&page=2]
}

// TestQueries_Path: a path that is spelt in another way is asked for in the form of the
// key, with a query and without: a page that shows its own URL shows all the same one.
func TestQueries_Path(t *testing.T) {
	for _, tt := range []struct{ sent, want string }{
		{"/l%69st?page=1", "/list?page=1"},
		{"/l%69st?utm=1", "/list"},
		{"/l%69st", "/list"},
		{"/none/caf%c3%a9%2f%7e", "/none/caf%C3%A9%2F~"},
		{"/none/caf%c3%a9?x", "/none/caf%C3%A9"},
		{"/list", "/list"},
		// No route, or one that lists nothing: as they were sent.
		{"/%6Fther", "/%6Fther"},
		{"/%6Fther?page=1", "/%6Fther?page=1"},
		{"/none/%61ll", "/none/%61ll"},
		{"/none/%61ll?x", "/none/%61ll?x"},
	} {
		var asked []string
		h := newEdge(t, echo(&asked), routed)
		want(t, get(h, tt.sent), 200, tt.want)
		want(t, get(h, normalPath(tt.sent)), 200, tt.want)
		if want := []string{"GET " + tt.want}; !slices.Equal(asked, want) {
			t.Errorf("%s: the origin was asked %q, want %q", tt.sent, asked, want)
		}
	}
}
