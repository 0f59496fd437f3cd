package cdnrules_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/internal/proxyproc"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/nginx"
	"github.com/larderdev/larder/purge/varnish"
)

// front is a real cache with an exported configuration, before an origin whose
// responses have other bodies each time and may all be kept, says their header.
type front struct {
	t      *testing.T
	addr   string
	purger purge.Purger
	asked  atomic.Int64
}

// ServeHTTP is the origin: the body is the URL that it was asked for and a number.
// The field Answer of a request is a field that the response shall have.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Cache-Tag", "products, all")
	if strings.HasPrefix(r.URL.Path, "/api/categories") {
		w.Header().Set("Vary", "Accept-Language")
	}
	for _, line := range r.Header.Values("Answer") {
		name, value, _ := strings.Cut(line, ":")
		w.Header().Set(name, value)
		if value == "" {
			w.Header().Del(name)
		}
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "Larder") {
			f.t.Errorf("%s %s: the origin got the field %s", r.Method, r.URL, name)
		}
	}
	fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.RequestURI(), f.asked.Add(1))
}

// shipped reads a file of this repository in which each text is there once, and
// replaces it.
func shipped(t *testing.T, path string, replace ...string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(replace); i += 2 {
		if strings.Count(text, replace[i]) != 1 {
			t.Fatalf("%s has %q %d times, want once", path, replace[i], strings.Count(text, replace[i]))
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	return text
}

// fronts start the caches, each with the files that are shipped for purges.
var fronts = map[cdnrules.Format]func(f *front, origin string, files []cdnrules.File) *proxyproc.Server{
	cdnrules.Varnish: func(f *front, origin string, files []cdnrules.File) *proxyproc.Server {
		host, port, err := net.SplitHostPort(origin)
		if err != nil {
			f.t.Fatal(err)
		}
		s, err := proxyproc.Varnish(f.t.Context(), fmt.Sprintf("vcl 4.1;\nbackend default { .host = %q; .port = %q; }\n", host, port)+
			files[0].Content+shipped(f.t, "../../purge/varnish/larder.vcl"))
		f.need(err)
		f.purger, err = varnish.New(varnish.Options{Server: "http://" + s.Addr()})
		f.need(err)
		return s
	},
	// There is no Fastly to run. Where falco is, an interpreter of its language that
	// is not packaged, LARDER_FALCO=1 has it judge. Else Varnish runs the snippets: in
	// what they use its language differs by a name and an argument.
	cdnrules.Fastly: func(f *front, origin string, files []cdnrules.File) *proxyproc.Server {
		host, port, err := net.SplitHostPort(origin)
		if err != nil {
			f.t.Fatal(err)
		}
		if byFalco {
			s, err := proxyproc.Falco(f.t.Context(), fmt.Sprintf(fastlyService, host, port, files[0].Content, files[1].Content))
			f.need(err)
			return s
		}
		recv := strings.ReplaceAll(files[0].Content, "req.url.path", "req.http.Path")
		s, err := proxyproc.Varnish(f.t.Context(), fmt.Sprintf(`vcl 4.1;
backend default { .host = %q; .port = %q; }
sub vcl_recv {
	set req.http.Path = regsub(req.url, {"\?.*$"}, "");
%s
	if (req.method != "GET" && req.method != "HEAD") { return (pass); }
	return (hash);
}
sub vcl_backend_response {
%s
	return (deliver);
}
`, host, port, recv, strings.ReplaceAll(files[1].Content, "return(pass)", "return(pass(120s))")))
		f.need(err)
		return s
	},
	cdnrules.Nginx: func(f *front, origin string, files []cdnrules.File) *proxyproc.Server {
		s, err := proxyproc.Nginx(f.t.Context(), func(addr, second string) string {
			return shipped(f.t, "../../purge/nginx/larder.conf", "listen 127.0.0.1:8079;", "listen "+second+";", "/var/cache/nginx/larder", "cache") +
				files[0].Content + fmt.Sprintf("upstream shop { server %s; }\nserver { listen %s; location / {\n%s\nproxy_set_header Host $host; proxy_pass http://shop$larder_uri; } }\n",
				origin, addr, files[1].Content)
		})
		f.need(err)
		f.purger, err = nginx.New(nginx.Options{Server: "http://" + s.Addrs()[1]})
		f.need(err)
		return s
	},
}

var byFalco = os.Getenv("LARDER_FALCO") != ""

// rewritten is a URL with its query in one form of several that mean the same.
func rewritten(t *testing.T, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = u.Query().Encode()
	return u.String()
}

// fastlyService is a service with the snippets where Fastly puts them. The time is
// taken away for a while because falco keeps what is passed in vcl_fetch.
const fastlyService = `
backend F_origin { .host = %q; .port = %q; .ssl = false; }
sub vcl_recv {
#FASTLY RECV
	set req.backend = F_origin;
%s
	if (req.method != "HEAD" && req.method != "GET" && req.method != "FASTLYPURGE") { return(pass); }
	return(lookup);
}
sub vcl_fetch {
#FASTLY FETCH
	declare local var.ttl RTIME;
	set var.ttl = beresp.ttl;
	set beresp.ttl = 0s;
%s
	set beresp.ttl = var.ttl;
	return(deliver);
}
`

func (f *front) need(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatalf("%v\nTo install what the tests need: scripts/install-test-services", err)
	}
}

// startFront runs a cache for t.
func startFront(t *testing.T, format cdnrules.Format, p *policy.Policy, hosts []string) *front {
	t.Helper()
	f := &front{t: t}
	origin := httptest.NewServer(f)
	t.Cleanup(origin.Close)
	s := fronts[format](f, origin.Listener.Addr().String(), export(t, p, hosts, format).Files)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop %s: %v", format, err)
		}
	})
	f.addr = s.Addr()
	return f
}

// ask makes a request as it is written, without what a client would mend, and
// returns the body.
func (f *front) ask(method, host, uri string, fields ...string) string {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, "http://"+f.addr, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.URL.Opaque = uri
	r.Host = host
	r.Close = byFalco // it ends each connection, and does not say so
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, uri, err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, uri, err)
	}
	for name := range a.Header {
		if strings.HasPrefix(name, "Larder") {
			f.t.Errorf("%s %s: the visitor got the field %s", method, uri, name)
		}
	}
	return string(body)
}

// kept tells whether a second request is answered with what the first got.
func (f *front) kept(host, uri string, fields ...string) bool {
	f.t.Helper()
	first := f.ask("GET", host, uri, fields...)
	return f.ask("GET", host, uri, fields...) == first
}

func TestServers_KeepWhatThePolicyNames(t *testing.T) {
	for format := range fronts {
		t.Run(string(format), func(t *testing.T) {
			p := shop()
			p.Routes["GET /files/"] = policy.Route{Edge: time.Hour}
			f := startFront(t, format, p, cdn().Hosts)
			const host = "shop.example.com"
			for _, c := range []struct {
				uri    string
				want   bool
				fields []string
			}{
				{"/api/products", true, nil},
				{"/api/products/1", true, nil},
				{"/assets/a.js?v=1", true, nil},
				{"/api/products?category=a&page=2", true, nil},
				// What is never kept, although the origin says that it may be.
				{"/api/balance", false, nil},
				{"/api/users/1", false, nil},
				{"/not/in/the/policy", false, nil},
				{"/api/products/1/2", false, nil},
				{"/api/products/", false, nil},
				{"/assets/a/b.js", false, nil},
				// Written differently.
				{"/api/%62alance", false, nil},
				{"/api/products/%31", false, nil},
				{"/api/products/a%2Fb", false, nil},
				{"/api/products/%c3%bc", false, nil},
				{"/api/products/x/../2", false, nil},
				{"//api/products", false, nil},
				{"/files/a/b", true, nil},
				{"/files/a//b", false, nil},
				{"/files/a/./b", false, nil},
				{"/files/a\"b", false, nil},
				{"/api/products/%C3%BC", true, nil},
				// What requests and responses say.
				{"/api/products/auth", false, []string{"Authorization", "Basic eDp5"}},
				{"/api/products/cookie", false, []string{"Answer", "Set-Cookie: a=b"}},
				{"/api/products/no-store", false, []string{"Answer", "Cache-Control:private, no-store"}},
				{"/api/products/silent", false, []string{"Answer", "Cache-Control:"}},
				{"/api/products/star", false, []string{"Answer", "Vary:*"}},
			} {
				if got := f.kept(host, c.uri, c.fields...); got != c.want {
					t.Errorf("GET %s %q is kept: %t, want %t", c.uri, c.fields, got, c.want)
				}
			}
			if !f.kept(host, "/api/products/8", "Cookie", "a=b") {
				t.Error("a request with a cookie gets nothing that is kept")
			}
			f.ask("GET", host, "/api/products/9")
			if before := f.asked.Load(); f.ask("HEAD", host, "/api/products/9") != "" || f.asked.Load() != before {
				t.Error("HEAD is not answered with what is kept")
			}
			if f.kept("other.example.com", "/api/products/1") {
				t.Error("a response of another host is kept")
			}
			if !f.kept("SHOP.example.com", "/api/products/7") {
				t.Error("the host is not known by capital letters")
			}
			post := f.ask("POST", host, "/api/products?utm=1")
			if !strings.HasPrefix(post, "POST /api/products?utm=1 ") || f.ask("POST", host, "/api/products?utm=1") == post {
				t.Errorf("POST got %q: it must be passed on as it is, and not be kept", post)
			}
			if f.ask("GET", host, "/api/products/auth") == f.ask("GET", host, "/api/products/auth", "Authorization", "Basic eDp5") {
				t.Error("a request with credentials got what is kept")
			}
			if format == cdnrules.Fastly && byFalco {
				return // it does not heed Vary
			}
			de, fr := f.ask("GET", host, "/api/categories", "Accept-Language", "de"), f.ask("GET", host, "/api/categories", "Accept-Language", "fr")
			if de == fr || f.ask("GET", host, "/api/categories", "Accept-Language", "de") != de {
				t.Error("variants by Accept-Language are not told apart, or not kept")
			}
		})
	}
}

func TestServers_KeysHaveChosenParameters(t *testing.T) {
	for format := range fronts {
		t.Run(string(format), func(t *testing.T) {
			p := shop()
			p.Routes["GET /api/filter"] = policy.Route{Edge: time.Hour, Query: []string{"f[a]", "q.x"}}
			f := startFront(t, format, p, cdn().Hosts)
			get := func(uri string) string { t.Helper(); return f.ask("GET", "shop.example.com", uri) }
			for _, c := range []struct {
				a, b string
				same bool
				sent string // what the origin is asked for
			}{
				{"/api/products?category=a", "/api/products?category=b", false, ""},
				{"/api/products?category=a", "/api/products?category=a&utm=1", true, "/api/products?category=a"},
				{"/api/products?page=3", "/api/products?utm=1&page=3&Page=4&xpage=5&page.x=6", true, "/api/products?page=3"},
				{"/api/products", "/api/products?utm=1", true, "/api/products"},
				{"/api/products", "/api/products?", true, "/api/products"},
				// A name that only the origin would understand must not change what
				// others get.
				{"/api/products", "/api/products?%63ategory=evil", true, "/api/products"},
				{"/api/products?category=z", "/api/products?category=z&category=evil", false, ""},
				{"/api/products?category=z&category=evil", "/api/products?category=z", false, ""},
				{"/api/products", "/api/products?category=", false, ""},
				{"/api/products", "/api/products?category", false, ""},
				{"/api/products?category=a%26page=9", "/api/products?category=a&page=9", false, "/api/products?category=a%26page=9"},
				{"/api/products/5?x=1", "/api/products/5?x=2", true, "/api/products/5"},
				{"/assets/b.js?v=1", "/assets/b.js?v=2", false, "/assets/b.js?v=1"},
				{"/api/filter?f%5Ba%5D=1", "/api/filter?f%5Ba%5D=1&f=2", true, "/api/filter?f%5Ba%5D=1"},
				{"/api/filter?f[a]=1", "/api/filter?f[a]=2", false, "/api/filter?f[a]=1"},
				{"/api/filter?q.x=1", "/api/filter?q.x=1&qyx=2", true, "/api/filter?q.x=1"},
			} {
				a := get(c.a)
				if same := a == get(c.b); same != c.same {
					t.Errorf("%s and %s are the same: %t, want %t", c.a, c.b, same, c.same)
				}
				asked := strings.Fields(a)
				if len(asked) != 3 || asked[0] != "GET" {
					t.Fatalf("%s was answered %q, want what the origin was asked", c.a, a)
				}
				sent := asked[1]
				if format == cdnrules.Fastly && byFalco { // it writes a query anew when it sends it
					sent, c.sent = rewritten(t, sent), rewritten(t, c.sent)
				}
				if c.sent != "" && sent != c.sent {
					t.Errorf("for %s the origin was asked %q, want %s", c.a, a, c.sent)
				}
			}
			// With a parameter twice the service sees both, as the visitor sent them.
			if twice := get("/api/products?page=1&page=2"); !strings.HasPrefix(twice, "GET /api/products?page=1&page=2 ") {
				t.Errorf("the origin was asked %q", twice)
			}
		})
	}
}

func TestServers_Purge(t *testing.T) {
	for format := range fronts {
		if format == cdnrules.Fastly {
			continue // it has its own purges
		}
		t.Run(string(format), func(t *testing.T) {
			f := startFront(t, format, shop(), cdn().Hosts)
			get := func(uri string) string { t.Helper(); return f.ask("GET", "shop.example.com", uri) }
			forget := func(what purge.Purge) {
				t.Helper()
				if err := f.purger.Purge(t.Context(), what); err != nil {
					t.Fatalf("Purge(%+v) = %v", what, err)
				}
			}
			before := get("/api/products?category=a&page=1&utm=1")
			forget(purge.Purge{URLs: []string{"http://shop.example.com/api/products?category=a&page=1"}})
			if get("/api/products?category=a&page=1") == before {
				t.Error("a purge by URL forgot nothing")
			}
			if format == cdnrules.Nginx {
				return // it has no tags
			}
			before = get("/api/products/1?x=1")
			if get("/api/products/1?x=2") != before {
				t.Fatal("the response is not kept")
			}
			forget(purge.Purge{URLs: []string{"http://shop.example.com/api/products/1?x=3"}})
			after := get("/api/products/1")
			if after == before {
				t.Error("a purge by URL with a parameter that makes no keys forgot nothing")
			}
			forget(purge.Purge{Tags: []string{"products"}})
			if get("/api/products/1") == after {
				t.Error("a purge by tag forgot nothing")
			}
		})
	}
}

// TestServers_Ban: the file without xkey goes with the routes too.
func TestServers_Ban(t *testing.T) {
	f := &front{t: t}
	origin := httptest.NewServer(f)
	t.Cleanup(origin.Close)
	host, port, err := net.SplitHostPort(origin.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := proxyproc.Varnish(t.Context(), fmt.Sprintf("vcl 4.1;\nbackend default { .host = %q; .port = %q; }\n", host, port)+
		export(t, shop(), nil, cdnrules.Varnish).Files[0].Content+shipped(t, "../../purge/varnish/larder-ban.vcl"))
	f.need(err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop Varnish: %v", err)
		}
	})
	f.addr = s.Addr()
	p, err := varnish.New(varnish.Options{Server: "http://" + s.Addr(), Ban: true})
	f.need(err)
	before := f.ask("GET", "shop.example.com", "/api/products/1?x=1")
	if f.ask("GET", "shop.example.com", "/api/products/1?x=2") != before {
		t.Fatal("the response is not kept")
	}
	if err := p.Purge(t.Context(), purge.Purge{Tags: []string{"products"}}); err != nil {
		t.Fatal(err)
	}
	if f.ask("GET", "shop.example.com", "/api/products/1") == before {
		t.Error("a purge by tag forgot nothing")
	}
}

// TestServers_TakeWhatIsStrange: what is special in their languages compiles, and
// finds its route.
func TestServers_TakeWhatIsStrange(t *testing.T) {
	for format := range fronts {
		t.Run(string(format), func(t *testing.T) {
			f := startFront(t, format, strange(), nil)
			if uri := "/a%20b/%C3%BC*%22%7D$;/x.y/7/?a%26b=1"; !f.kept("any.example.com", uri) || f.kept("any.example.com", strings.Replace(uri, "x.y", "x-y", 1)) {
				t.Errorf("%s is not kept, or what is not its route is", uri)
			}
			if !f.kept("www.example.com", "/assets/x/y") || f.kept("any.example.com", "/assets/x/y") {
				t.Error("the route with a host does not come before those without")
			}
		})
	}
}

// TestServers_AsServeMux compares what is kept with what ServeMux finds.
func TestServers_AsServeMux(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	routes := map[string]policy.Route{}
	mux := http.NewServeMux()
	for len(routes) < 14 {
		pattern := randomPattern(random, []string{"a", "b", "c*d", "é x", "{x}", "{y}"})
		if tryHandle(mux, pattern) {
			routes[pattern] = []policy.Route{{Edge: time.Hour}, {Edge: time.Hour, Query: []string{}}, {NoStore: true}}[random.IntN(3)]
		}
	}
	for format := range fronts {
		t.Run(string(format), func(t *testing.T) {
			f := startFront(t, format, &policy.Policy{Routes: routes}, nil)
			compared := map[bool]int{}
			for i := range 400 {
				host, path := []string{"h.example.com", "other.example.com"}[random.IntN(2)], randomPath(random)
				// Nothing of an earlier path is kept under this one.
				path = strings.ReplaceAll(path, "z", fmt.Sprintf("z%d", i))
				pattern := asServeMux(mux, host, path)
				if pattern == "" {
					continue // the service answers with a redirect or 404, and no-store
				}
				want := routes[pattern].Edge > 0
				if got := f.kept(host, path); got != want {
					t.Fatalf("%s%s is kept: %t, want %t of %q\nroutes %v", host, path, got, want, pattern, routes)
				}
				compared[want]++
			}
			if compared[true] < 50 || compared[false] < 50 {
				t.Errorf("compared %v, want more of each", compared)
			}
		})
	}
}
