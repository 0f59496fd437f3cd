package httpcache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// TestNew_Mistakes: each is named, and where it is.
func TestNew_Mistakes(t *testing.T) {
	edge := httpcache.Policy{Edge: time.Hour}
	with := func(change func(*httpcache.Policy)) httpcache.Policy {
		p := edge
		change(&p)
		return p
	}
	akamai := httpcache.Options{CDNs: []httpcache.CDN{httpcache.Akamai}}
	cloudFront := httpcache.Options{CDNs: []httpcache.CDN{httpcache.CloudFront}}
	long := strings.Repeat("x", 129)
	for _, tt := range []struct {
		pattern string
		policy  httpcache.Policy
		options httpcache.Options
		want    string
	}{
		{"GET x", edge, httpcache.Options{}, `route "GET x"`},
		{"", edge, httpcache.Options{}, `route ""`},
		{"/{a", edge, httpcache.Options{}, `route "/{a"`},
		{"POST /x", edge, httpcache.Options{}, "answers to POST are never kept"},
		{"/", httpcache.Policy{}, httpcache.Options{}, "it says nothing"},
		{"/", httpcache.Policy{NoStore: true, Edge: time.Hour}, httpcache.Options{}, "NoStore is set, and something else"},
		{"/", httpcache.Policy{NoStore: true, Private: true}, httpcache.Options{}, "NoStore is set, and something else"},
		{"/", httpcache.Policy{NoStore: true, Vary: []string{"A"}}, httpcache.Options{}, "NoStore is set, and something else"},
		{"/", httpcache.Policy{Private: true, Edge: time.Hour}, httpcache.Options{}, "Private is set, and something for shared caches"},
		{"/", httpcache.Policy{Private: true, SameForEveryoneDespiteCookies: true}, httpcache.Options{}, "Private is set, and something for shared caches"},
		{"/", httpcache.Policy{Private: true, Statuses: map[int]time.Duration{404: time.Second}}, httpcache.Options{}, "Private is set, and something for shared caches"},
		{"/", httpcache.Policy{Browser: time.Hour}, httpcache.Options{}, "Browser is set without Edge"},
		{"/", httpcache.Policy{StaleIfError: time.Hour}, httpcache.Options{}, "begin where Edge ends"},
		{"/", with(func(p *httpcache.Policy) { p.Edge = -time.Second }), httpcache.Options{}, "Edge is -1s, want 0 or more"},
		{"/", with(func(p *httpcache.Policy) { p.Browser = time.Millisecond }), httpcache.Options{}, "Browser is 1ms, want whole seconds"},
		{"/", with(func(p *httpcache.Policy) { p.StaleIfError = 1 << 31 * time.Second }), httpcache.Options{}, "StaleIfError is 596523h14m8s, want at most"},
		{"/", with(func(p *httpcache.Policy) { p.StaleWhileRevalidate = -1 }), httpcache.Options{}, "StaleWhileRevalidate is -1ns"},
		{"/", with(func(p *httpcache.Policy) { p.StaleWhileRevalidate = time.Second }), cloudFront, "cannot be said to CloudFront"},
		{"/", with(func(p *httpcache.Policy) { p.Immutable = true }), httpcache.Options{}, "Immutable needs Browser"},
		{"/", with(func(p *httpcache.Policy) { p.HashUpTo = 8<<20 + 1 }), httpcache.Options{}, "HashUpTo is 8388609"},
		{"/", with(func(p *httpcache.Policy) { p.Vary = []string{"A", "*"} }), httpcache.Options{}, "Vary[1] is *"},
		{"/", with(func(p *httpcache.Policy) { p.Vary = []string{"A\r\nSet-Cookie: x"} }), httpcache.Options{}, "Vary[0] is"},
		{"/", with(func(p *httpcache.Policy) { p.Vary = []string{"cookie"} }), httpcache.Options{}, "Vary[0] is cookie"},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"a"} }), httpcache.Options{}, "Options.CDNs is empty"},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"a", ""} }), akamai, "Tags[1]: httpcache: a tag is empty"},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"a b"} }), akamai, `Tags[0]: httpcache: tag "a b": ' ' in it`},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"a,b"} }), akamai, `',' in it`},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"a\r\nb"} }), akamai, `'\r' in it`},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"é"} }), akamai, "printable ASCII"},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{"product:42"} }), akamai, `tag "product:42": Akamai: ':' in it`},
		{"/", with(func(p *httpcache.Policy) { p.Tags = []string{long} }), akamai, "it has 129 bytes, at most 128"},
		{"/{id}", with(func(p *httpcache.Policy) { p.Tags = []string{"product-{sku}"} }), akamai, "the pattern has no wildcard {sku}"},
		{"/{$}", with(func(p *httpcache.Policy) { p.Tags = []string{"product-{$}"} }), akamai, "want the name of a wildcard"},
		{"/{id}", with(func(p *httpcache.Policy) { p.Tags = []string{"product-{id"} }), akamai, "want the name of a wildcard"},
		{"/{id}", with(func(p *httpcache.Policy) { p.Tags = []string{"product-}{id}"} }), akamai, "a } without a {"},
		{"/", with(func(p *httpcache.Policy) { p.Statuses = map[int]time.Duration{200: time.Second} }), httpcache.Options{}, "Statuses[200] is kept for Edge"},
		{"/", with(func(p *httpcache.Policy) { p.Statuses = map[int]time.Duration{103: time.Second} }), httpcache.Options{}, "Statuses[103] is no final status"},
		{"/", with(func(p *httpcache.Policy) { p.Statuses = map[int]time.Duration{401: time.Second} }), httpcache.Options{}, "Statuses[401] is about the credentials"},
		{"/", with(func(p *httpcache.Policy) { p.Statuses = map[int]time.Duration{404: 0} }), httpcache.Options{}, "Statuses[404] is 0"},
		{"/", with(func(p *httpcache.Policy) { p.Statuses = map[int]time.Duration{404: -1} }), httpcache.Options{}, "Statuses[404] is -1ns"},
		{"/", edge, httpcache.Options{CDNs: []httpcache.CDN{0}}, "CDNs[0] is CDN(0)"},
		{"/", edge, httpcache.Options{CDNs: []httpcache.CDN{99}}, "CDNs[0] is CDN(99)"},
		{"/", edge, httpcache.Options{Credentials: []string{"a b"}}, "Credentials[0] is"},
		{"/", edge, httpcache.Options{HarmlessCookies: []string{"a", "*"}}, `HarmlessCookies[1] is "*"`},
		{"/", edge, httpcache.Options{HarmlessCookies: []string{"a*b*"}}, "HarmlessCookies[0] is"},
	} {
		layer, err := httpcache.New(map[string]httpcache.Policy{tt.pattern: tt.policy}, tt.options)
		if err == nil || layer != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %+v: error %v, want one with %q", tt.pattern, tt.policy, err, tt.want)
		}
	}
}

func TestNew_AllMistakesAtOnce(t *testing.T) {
	_, err := httpcache.New(map[string]httpcache.Policy{
		"GET /a/{x}": {Edge: -1, Browser: -1, Vary: []string{"*"}},
		"GET /{x}/a": {Edge: time.Hour}, // matches /a/a as the first does
		"GET /b":     {Edge: time.Hour, Statuses: map[int]time.Duration{600: 1, 700: 1}},
	}, httpcache.Options{CDNs: []httpcache.CDN{77}})
	if err == nil {
		t.Fatal("no error")
	}
	if strings.Contains(err.Error(), ".go:") {
		t.Errorf("%v: where this package was built is in it", err)
	}
	for _, want := range []string{"CDNs[0]", "Edge is -1ns", "Browser is -1ns", "Vary[0]", `route "GET /{x}/a"`, "conflicts", "Statuses[600]", "Statuses[700]"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error:\n%v", want, err)
		}
	}
}

func TestLayer_Wrap_Mistakes(t *testing.T) {
	layer := newLayer(t, nil, httpcache.Options{})
	if h, err := layer.Wrap(httpcache.Policy{Edge: -1, Browser: -1}, http.NotFoundHandler()); err == nil || h != nil ||
		!strings.Contains(err.Error(), "Edge") || !strings.Contains(err.Error(), "Browser") {
		t.Errorf("Wrap with two mistakes: %v", err)
	}
}

// TestNew_Copies: who changes what they have given changes nothing.
func TestNew_Copies(t *testing.T) {
	tags, cdns, statuses := []string{"a"}, []httpcache.CDN{httpcache.Akamai}, map[int]time.Duration{404: time.Second}
	routes := map[string]httpcache.Policy{"/": {Edge: time.Hour, Tags: tags, Statuses: statuses}}
	var errs []error
	layer := newLayer(t, routes, httpcache.Options{CDNs: cdns, OnTagError: func(_ *http.Request, err *httpcache.TagError) { errs = append(errs, err) }})
	tags[0], cdns[0], statuses[404] = "b", httpcache.Fastly, time.Hour
	delete(routes, "/")
	mux := http.NewServeMux()
	mux.Handle("/", answer("x"))
	if got := get(layer.Handler(mux), "/").Header.Get("Edge-Cache-Tag"); got != "a" {
		t.Errorf("Edge-Cache-Tag is %q, want a", got)
	}
	get(wrap(t, layer, httpcache.Policy{Edge: time.Hour}, answer("x", tag("not:portable"))), "/")
	if len(errs) != 1 {
		t.Errorf("errors %v, want one: Akamai takes no colon", errs)
	}
}

func TestLayer_Check(t *testing.T) {
	edge := httpcache.Policy{Edge: time.Hour}
	layer := newLayer(t, map[string]httpcache.Policy{
		"GET /a": edge, "/b/{id}": edge, "/c/{rest...}": edge, "GET /d/{$}": edge, "example.com/e": edge, "/f/": edge, "PUT /g": {NoStore: true},
	}, httpcache.Options{})
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /a", "/b/{id}", "/c/{rest...}", "GET /d/{$}", "example.com/e", "/f/", "PUT /g", "/"} {
		mux.Handle(pattern, http.NotFoundHandler())
	}
	if err := layer.Check(mux); err != nil {
		t.Errorf("all are there: %v", err)
	}
	other := http.NewServeMux()
	for _, pattern := range []string{"/a", "/b/{sku}", "/c/{rest...}", "GET /d/", "example.com/e", "/f/", "PUT /g"} {
		other.Handle(pattern, http.NotFoundHandler())
	}
	err := layer.Check(other)
	if err == nil {
		t.Fatal("Check finds nothing wrong with other patterns")
	}
	for _, tt := range []struct {
		pattern string
		named   bool
	}{{`"GET /a"`, true}, {`"/b/{id}"`, true}, {`"/c/{rest...}"`, false}, {`"GET /d/{$}"`, true}, {`"example.com/e"`, false}, {`"PUT /g"`, false}} {
		if strings.Contains(err.Error(), tt.pattern) != tt.named {
			t.Errorf("%s named: want %v, in:\n%v", tt.pattern, tt.named, err)
		}
	}
}
