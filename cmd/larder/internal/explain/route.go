package explain

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/internal/gen"
	"github.com/larderdev/larder/internal/muxroute"
	"github.com/larderdev/larder/internal/timespan"
)

// URL is what there is to say of a request.
type URL struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	// Route is the pattern that matches, "" if none does; then nothing keeps the
	// response.
	Route string `json:"route"`
	Class string `json:"class,omitempty"`
	// Wildcards are the parts of the path that the pattern names.
	Wildcards map[string]string `json:"wildcards,omitempty"`
	// Headers are those of a successful answer that say who may keep it.
	Headers []Header `json:"headers"`
	// Query are the parameters that the edge keys by; nil: all.
	Query []string `json:"query,omitempty"`
	// Dropped are parameters of the URL that an edge of the policy leaves out of its
	// key: a CDN by the rules that larder cdn writes, Larder's own by -policy.
	Dropped []string `json:"query_dropped,omitempty"`
	Says    []string `json:"says"`
}

// Header is a field of a response.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// URL explains a request: a URL or a path, maybe with a method before it. Its error
// is about the question, or about routes that net/http or package httpcache
// refuse.
// The headers are not computed here: the request goes through the very layer that a
// program has, so that the answer cannot differ from it.
func (x *Explainer) URL(question string) (*URL, error) {
	r, err := request(question)
	if err != nil {
		return nil, err
	}
	mux, err := x.mux()
	if err != nil {
		return nil, err
	}
	_, pattern := mux.Handler(r)
	out := &URL{Method: r.Method, URL: r.URL.String(), Route: pattern}
	header, wild, err := x.probe(mux, r)
	if err != nil {
		return nil, err
	}
	out.Wildcards = wild
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			out.Headers = append(out.Headers, Header{name, value})
		}
	}
	return out, x.describe(out, r)
}

// request makes the request that a question is about.
// The error of package http is not passed on: it would name a function.
func request(question string) (*http.Request, error) {
	method, target, ok := strings.Cut(question, " ")
	if !ok {
		method, target = http.MethodGet, question
	}
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		return nil, fmt.Errorf("%q is no request: want a path or a URL, with a method before it if that is not GET", question)
	}
	if r.Host == "" {
		r.Host = "larder.invalid" // RFC 6761: nobody's
	}
	return r, nil
}

// mux registers all routes, as a program would, with a handler that answers 200.
// In the order of patterns, so that of two that conflict the same one is named each
// time.
func (x *Explainer) mux() (mux *http.ServeMux, err error) {
	mux = http.NewServeMux()
	for _, pattern := range slices.Sorted(maps.Keys(x.Policy.Routes)) {
		if err := register(mux, pattern); err != nil {
			return nil, err
		}
	}
	return mux, nil
}

// register gives mux a route that says which request came to it.
// A response without a body would be none that caches look at.
func register(mux *http.ServeMux, pattern string) error {
	if err := muxroute.Register(mux, pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to, ok := w.(*probe); ok {
			to.request = r
		}
		_, _ = w.Write([]byte("ok"))
	})); err != nil {
		return fmt.Errorf("route %q: %w", pattern, err)
	}
	return nil
}

// probe is a response that nobody reads.
//
// The handler puts the request into it as the mux has matched it, with its wildcards.
type probe struct {
	header  http.Header
	request *http.Request
}

// The methods of http.ResponseWriter.
func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(int)             {}

// cacheFields are the fields of a response that say who may keep it, and by what
// names it is purged, in the canonical form of http.Header.
var cacheFields = []string{
	"Cache-Control", "Cdn-Cache-Control", "Surrogate-Control", "Cache-Tag", "Surrogate-Key", "Edge-Cache-Tag", "Cdn-Tag", "Xkey",
	"Cache-Groups", "Vary", "Expires",
}

// probe sends the request through the layer that a program would have, and returns
// the fields of the answer that caches look at.
// The ETag is left out: it is that of the body here, which no service sends.
func (x *Explainer) probe(mux *http.ServeMux, r *http.Request) (http.Header, map[string]string, error) {
	table, cdns, err := gen.RouteTable(x.Policy)
	if err != nil {
		return nil, nil, err
	}
	if len(cdns) == 0 { // as generated code has it
		cdns = []httpcache.CDN{httpcache.LarderEdge}
	}
	layer, err := httpcache.New(table, httpcache.Options{CDNs: cdns, Release: "explain"})
	if err != nil {
		return nil, nil, err
	}
	answer := &probe{header: http.Header{}}
	layer.Handler(mux).ServeHTTP(answer, r)
	kept := http.Header{}
	for name, values := range answer.header {
		if slices.Contains(cacheFields, name) {
			kept[name] = values
		}
	}
	return kept, wildcards(mux, r), nil
}

// wildcards returns the values of the wildcards of the pattern that matches.
// The mux is asked once more by itself, since the layer gives the handler another
// ResponseWriter.
func wildcards(mux *http.ServeMux, r *http.Request) map[string]string {
	seen := &probe{header: http.Header{}}
	mux.ServeHTTP(seen, r)
	if seen.request == nil {
		return nil
	}
	values := map[string]string{}
	for _, piece := range strings.Split(seen.request.Pattern, "{")[1:] {
		name, _, _ := strings.Cut(piece, "}")
		name = strings.TrimSuffix(name, "...")
		if name != "" && name != "$" {
			values[name] = seen.request.PathValue(name)
		}
	}
	return values
}

// describe says what the headers do not.
// The order of the cases is that of httpcache: what nobody may keep has no lifetime to
// speak of.
func (x *Explainer) describe(out *URL, r *http.Request) error {
	say := func(text string, args ...any) { out.Says = append(out.Says, fmt.Sprintf(text, args...)) }
	if out.Route == "" {
		say("No route matches: the layer lets nobody keep the response. Name the pattern under routes if it may be cached.")
		return nil
	}
	route, err := x.Policy.ResolveRoute(out.Route)
	if err != nil {
		return err
	}
	out.Class, out.Query = route.Class, route.Query
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		say("Nobody keeps the answer to a %s.", r.Method)
	case route.NoStore:
		say("Nobody keeps it, neither a browser nor the edge.")
	case route.Private:
		say("The browser of the one who asked keeps it, for %s; no shared cache does.", orAsk(timespan.Text(route.Browser)))
	case route.Edge > 0:
		say("The edge keeps it for %s, a browser for %s.", timespan.Text(route.Edge), orAsk(timespan.Text(route.Browser)))
		say("A request with Authorization or with a cookie that is not harmless gets an answer that nobody keeps.")
	default:
		say("Nothing says for how long it may be kept: nobody does.")
	}
	if names := dropped(route.Query, r.URL.Query()); len(names) > 0 && route.Edge > 0 {
		x.describeQuery(out, strings.Join(names, ", "), names, say)
	}
	return nil
}

// describeQuery says who leaves parameters out of its key: Larder's own edge that has
// read the policy, which stands before a service whose policy names no edge too, and
// the kinds that larder cdn writes rules for. All others have the whole URL in it.
func (x *Explainer) describeQuery(out *URL, text string, names []string, say func(string, ...any)) {
	var leave, keep []string
	own := len(x.Policy.CDNs) == 0
	for _, c := range x.Policy.CDNs {
		switch c.Kind {
		case "larder":
			own = true
		case "cloudflare":
			name := c.Kind
			if len(out.Query) > 0 { // some count and others do not
				name += " (Enterprise alone)"
			}
			leave = append(leave, name)
		case "fastly", "varnish", "nginx":
			leave = append(leave, c.Kind)
		default:
			keep = append(keep, c.Kind)
		}
	}
	if own || len(leave) > 0 {
		out.Dropped = names
	}
	if own {
		say("Larder's edge, started as larder edge -policy with this file, leaves %s out of the key and asks the service without it. Without -policy each value has an entry of its own.", text)
	}
	if len(leave) > 0 {
		say("By the rules of larder cdn, %s leaves %s out of the key: requests that differ in it share an entry.", strings.Join(leave, " and "), text)
	}
	if len(keep) > 0 {
		say("The key of %s has %s in it: each value has an entry of its own. Redirect such requests to the URL without it.", strings.Join(keep, " and "), text)
	}
}

// orAsk is a lifetime, or what its absence means to a browser.
func orAsk(life string) string {
	if life == "0s" {
		return "no time: it asks each time"
	}
	return life
}

// dropped lists the parameters of a URL that are not in the list of those that
// count. A list that is nil has all.
func dropped(counting []string, asked url.Values) (names []string) {
	if counting == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		if !slices.Contains(counting, name) {
			names = append(names, name)
		}
	}
	return names
}
