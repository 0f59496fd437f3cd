package httpcache

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/internal/muxroute"
)

// Options configures a [Layer]. The zero value works: no CDN, any cookie is one
// of a session.
type Options struct {
	// CDNs are the caches in front of the service, as far as tags and their limits
	// are concerned. All that stand in one request's way belong here.
	//
	// Default: none, responses carry no tags.
	CDNs []CDN
	// Credentials names request fields besides Authorization that say who asks:
	// "X-Api-Key".
	Credentials []string
	// HarmlessCookies names cookies on which no response depends, such as those of
	// analytics; "_ga*" stands for all names that begin with _ga. A request with
	// any other cookie counts as one of a session.
	HarmlessCookies []string
	// Release changes when the code that writes responses does. It is part of
	// the ETags made of versions: the same version of a row, written otherwise, is
	// another response.
	//
	// Default: the revision that the go command has noted in the program.
	Release string
	// OnTagError is called when a response could not carry its tags and is
	// therefore kept by no shared cache. It may be called concurrently and must
	// return soon.
	//
	// Default: a warning to [slog.Default], at most one a second.
	OnTagError func(*http.Request, *TagError)
}

// Layer is net/http middleware that decides for each response what caches may do
// with it, by the policy of the route, and says so in all the fields that they
// obey. What the handler has left in these fields is gone, with one exception:
// what it forbids (no-store, no-cache, private) stays forbidden.
//
// Nobody keeps a response (it is "private, no-store" and has no tags)
//
//   - from a route without a policy;
//   - to another method than GET and HEAD;
//   - whose status the policy does not speak of, such as any error;
//   - to a request with Authorization, one of Options.Credentials or a cookie
//     that is not harmless, unless the policy is Private or says
//     SameForEveryoneDespite…;
//   - with Set-Cookie, unless the policy says SameForEveryoneSoDropSetCookie;
//   - with Vary: *;
//   - that the handler never began to write, or for which it called
//     [Response.NoStore].
//
// Client certificates are not looked at, for a CDN may have one: give the routes
// that depend on them a policy that is Private, or none.
//
// # Validators
//
// A response that may be kept gets a strong ETag, if the handler has set none:
// of the version that it named by [Response.Version]; else of the bytes. For
// that, the body of a 200 is held back until it ends. It is sent as it comes, and
// without an ETag, as soon as it grows beyond HashUpTo, the handler flushes, or
// it copies from a reader ([io.Copy]) without having set Content-Length; and when
// there are trailers. A response that nobody keeps is never held back.
//
// A request whose copy is still good is answered 304, or 412, in the order of
// RFC 9110 13.2.2. With a Private policy only ETags count, not dates.
//
// # Other middleware
//
// What sets cookies must be inside the layer, which does not see what is added
// outside. The route is the pattern that [http.ServeMux] found; middleware that
// replaces the request (Request.WithContext) hides it, and nothing is kept. So
// put the layer around the mux once more:
//
//	layer.Handler(sessions(layer.Handler(mux)))
//
// Compression may stand on either side, outside if it changes the ETag. All that
// a [http.ResponseWriter] can do besides (Flush, Hijack, Push, io.ReaderFrom,
// [http.ResponseController]) goes through.
//
// A Layer does not change and may be used concurrently.
type Layer struct {
	cdns    []CDN
	fields  []tagField // those of cdns, each once
	plain   bool       // one of cdns reads Cache-Control alone
	routes  map[string]*route
	options Options
	names   []string // credentials, in canonical form
	buffers sync.Pool
	// warned is when the last warning was logged, in Unix seconds.
	warned atomic.Int64
}

// route is a policy, made ready.
type route struct {
	policy   Policy
	success  rendering
	browser  rendering // for success, when the tags cannot be written
	statuses map[int]rendering
	tags     []template
	static   *tagValues // if no tag depends on a request
	vary     []string   // canonical
}

// New returns a layer that knows a policy for each of the patterns, which are
// those of [http.ServeMux]. All others are never kept. The error names all
// mistakes.
func New(routes map[string]Policy, o Options) (*Layer, error) {
	l := &Layer{routes: make(map[string]*route, len(routes)), options: o, cdns: slices.Clone(o.CDNs)}
	l.buffers.New = func() any { return new(bytes.Buffer) }
	errs := l.prepare()
	scratch := http.NewServeMux()
	for _, pattern := range slices.Sorted(maps.Keys(routes)) {
		note := func(err error) { errs = append(errs, fmt.Errorf("route %q: %w", pattern, err)) }
		if err := muxroute.Register(scratch, pattern, http.NotFoundHandler()); err != nil {
			note(err)
			continue
		}
		p := routes[pattern]
		if method, _, ok := strings.Cut(pattern, " "); ok && method != http.MethodGet && method != http.MethodHead && !p.NoStore {
			note(fmt.Errorf("answers to %s are never kept: set NoStore, or leave it out", method))
		}
		rt, wrong := l.newRoute(p, pattern)
		for _, err := range wrong {
			note(err)
		}
		l.routes[pattern] = rt
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("httpcache: %w", err)
	}
	return l, nil
}

// prepare checks the options.
func (l *Layer) prepare() []error {
	var errs []error
	for i, cdn := range l.cdns {
		limits, ok := limitsOf(cdn)
		if !ok {
			errs = append(errs, fmt.Errorf("CDNs[%d] is %v, which is not known", i, cdn))
			continue
		}
		l.plain = l.plain || limits.plain
		if !slices.Contains(l.fields, limits.field) {
			l.fields = append(l.fields, limits.field)
		}
	}
	for i, name := range l.options.Credentials {
		if !isToken(name) {
			errs = append(errs, fmt.Errorf("Credentials[%d] is %q, which is no name of a field", i, name))
		}
		l.names = append(l.names, http.CanonicalHeaderKey(name))
	}
	for i, name := range l.options.HarmlessCookies {
		if prefix := strings.TrimSuffix(name, "*"); !isToken(prefix) || strings.Contains(prefix, "*") {
			errs = append(errs, fmt.Errorf("HarmlessCookies[%d] is %q: want the name of a cookie, or its beginning and a *", i, name))
		}
	}
	if l.options.Release == "" {
		l.options.Release = revision()
	}
	return errs
}

// revision returns what the program was built from, as far as it is noted.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// newRoute checks a policy and makes it ready.
func (l *Layer) newRoute(p Policy, pattern string) (*route, []error) {
	if errs := p.validate(l.cdns, pattern); len(errs) > 0 {
		return nil, errs
	}
	if p.HashUpTo == 0 {
		p.HashUpTo = defaultHashUpTo
	}
	rt := &route{policy: p, success: p.render(l.plain), browser: p.renderBrowser(), statuses: map[int]rendering{}}
	for status, life := range p.Statuses {
		rt.statuses[status] = p.renderStatus(life, l.plain)
	}
	for _, name := range p.Vary {
		rt.vary = append(rt.vary, http.CanonicalHeaderKey(name))
	}
	slices.Sort(rt.vary) // ETags depend on the order
	rt.vary = slices.Compact(rt.vary)
	fixed := true
	for _, text := range p.Tags {
		t, _ := parseTemplate(text)
		rt.tags = append(rt.tags, t)
		fixed = fixed && t.fixed()
	}
	if fixed {
		tags, err := l.tagsOf(rt, nil, nil)
		if err != nil {
			return nil, []error{fmt.Errorf("Tags: %w", err)}
		}
		values := l.write(tags)
		rt.static = &values
	}
	return rt, nil
}

// tagValues are the values of tag fields; empty: the field is not sent.
type tagValues [tagFields]string

// write returns the values of the layer's tag fields.
func (l *Layer) write(tags []string) (values tagValues) {
	if len(tags) == 0 {
		return values
	}
	for _, field := range l.fields {
		values[field] = field.value(tags)
	}
	return values
}

// Handler returns a handler that passes requests to next, which is an
// [http.ServeMux] or something that leads to one, and decides about each
// response by the pattern that matched. Below another handler of the same layer
// it only looks for the pattern; see [Layer].
func (l *Layer) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.serve(w, r, nil, next) })
}

// Wrap returns a handler that passes requests to next and decides about the
// responses by one policy, whatever their route. It works alone, and below
// [Layer.Handler], where it takes precedence over the table: for routes of a
// router other than [http.ServeMux], and of muxes behind [http.StripPrefix].
// Braces in tags stand for [http.Request.PathValue].
func (l *Layer) Wrap(p Policy, next http.Handler) (http.Handler, error) {
	rt, errs := l.newRoute(p, "")
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("httpcache: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.serve(w, r, rt, next)
	}), nil
}

// Check tells which of the layer's patterns mux does not have, letter for letter:
// their policies would never be used. It is for a test, or the start of a
// program.
func (l *Layer) Check(mux *http.ServeMux) error {
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(l.routes)) {
		if _, found := mux.Handler(probe(pattern)); found != pattern {
			errs = append(errs, fmt.Errorf("no handler has the pattern %q (a request for it goes to %q)", pattern, found))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("httpcache: %w", err)
	}
	return nil
}

// probe returns a request that a valid pattern matches.
func probe(pattern string) *http.Request {
	method, place, ok := strings.Cut(pattern, " ")
	if !ok {
		method, place = http.MethodGet, pattern
	}
	host, path, _ := strings.Cut(strings.TrimLeft(place, " \t"), "/")
	segments := strings.Split("/"+path, "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case strings.HasPrefix(segment, "{"):
			segments[i] = "~any~" // a name that no other pattern is likely to have
		}
	}
	r, err := http.NewRequest(method, "http://host"+strings.Join(segments, "/"), nil)
	if err != nil { // a path that no request can have
		r, _ = http.NewRequest(method, "http://host/", nil)
	}
	if host != "" {
		r.Host = host
	}
	return r
}

// tagError reports that a response is kept by no shared cache.
func (l *Layer) tagError(r *http.Request, err *TagError) {
	if l.options.OnTagError != nil {
		l.options.OnTagError(r, err)
		return
	}
	// Whoever asks for paths that make no tags must not be able to fill the log.
	now, last := time.Now().Unix(), l.warned.Load()
	if now != last && l.warned.CompareAndSwap(last, now) {
		slog.Warn("httpcache: a response cannot be purged, so no shared cache keeps it", "pattern", r.Pattern, "error", err)
	}
}
