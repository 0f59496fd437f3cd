package lint

import (
	"fmt"
	"go/token"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/muxroute"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/secret"
)

// maxConflicts bounds the search for the other one of two patterns in conflict,
// which looks at all of them.
const maxConflicts = 20

// routePattern lets a mux look at all patterns, as the service does when it starts.
func routePattern(k *check) {
	mux := http.NewServeMux()
	var fine []string
	conflicts := 0
	for _, pattern := range sortedKeys(k.p.Routes) {
		if muxroute.Register(mux, pattern, nothing{}) == nil {
			fine = append(fine, pattern)
			continue
		}
		o := k.byRoute[pattern]
		if err := muxroute.Register(http.NewServeMux(), pattern, nothing{}); err != nil {
			text := err.Error()
			if i := strings.LastIndex(text, ": "); i >= 0 { // the mux repeats the pattern
				text = text[i+2:]
			}
			k.bind(o, "", "it is no pattern of net/http.ServeMux: "+text, `Write it as "GET /path/{wildcard}".`)
			continue
		}
		other := "another route"
		if conflicts++; conflicts <= maxConflicts {
			other = fmt.Sprintf("%q", against(pattern, fine))
		}
		k.bind(o, "", "some requests match it and "+other+", and neither is the more specific one: the service would not start",
			"Make one of them more specific, for all requests that match both.")
	}
}

// routeNotServeMux finds wildcards as other routers have them, and a path that has
// lost its first slash, which makes a host of its first word. A pattern that the mux
// refuses has its finding already, and of one with a secret no part is repeated.
func routeNotServeMux(k *check) {
	for _, pattern := range sortedKeys(k.p.Routes) {
		if secret.In(pattern) != "" || muxroute.Register(http.NewServeMux(), pattern, nothing{}) != nil {
			continue
		}
		_, rest, ok := strings.Cut(pattern, " ")
		if !ok {
			rest = pattern
		}
		host, path, _ := strings.Cut(strings.TrimLeft(rest, " \t"), "/")
		if host != "" && host != "localhost" && !strings.ContainsAny(host, ".:") {
			k.report(k.byRoute[pattern], "", fmt.Sprintf("it is for the host %q", host), fmt.Sprintf("Write /%s/%s if a path is meant.", host, path))
		}
		for segment := range strings.SplitSeq(path, "/") {
			if mend := foreignWildcard(segment); mend != "" {
				k.report(k.byRoute[pattern], "", fmt.Sprintf("%q is no wildcard of net/http.ServeMux, and matches itself alone", segment), "Write "+mend+".")
				break
			}
		}
	}
}

// foreignWildcard returns what to write instead of a segment that is a wildcard of
// another router, or "" if it is none.
func foreignWildcard(segment string) string {
	name := strings.Trim(segment, ":<>*")
	if i := strings.IndexByte(name, ':'); i >= 0 && segment[0] == '<' { // <int:id>
		name = name[i+1:]
	}
	switch {
	case segment == "*" || segment == "**":
		return "{name} for one segment, or {path...} for the rest of the path"
	case !token.IsIdentifier(name):
	case segment[0] == '*':
		return "{" + name + "...}"
	case segment[0] == ':', segment[0] == '<' && strings.HasSuffix(segment, ">"):
		return "{" + name + "}"
	}
	return ""
}

// against returns the pattern in fine that is in conflict with pattern.
func against(pattern string, fine []string) string {
	i := slices.IndexFunc(fine, func(other string) bool {
		mux := http.NewServeMux()
		return muxroute.Register(mux, other, nothing{}) == nil && muxroute.Register(mux, pattern, nothing{}) != nil
	})
	if i < 0 {
		return "the others"
	}
	return fine[i]
}

// nothing is a handler that never runs. Its pattern tells it from those that a mux
// makes by itself, to redirect.
type nothing struct{ pattern string }

func (nothing) ServeHTTP(http.ResponseWriter, *http.Request) {}

// routeShadows finds cached routes that cut a piece out of one that no shared cache
// keeps. It asks a mux of the strict ones for a request of the cached one. Of two
// patterns that match a request one is the more specific; the path of that request
// has words that nobody writes into a pattern, so that it is the cached one.
func routeShadows(k *check) {
	mux := http.NewServeMux()
	strict := map[string]*route{}
	for _, r := range k.routes {
		if r.strict() && muxroute.Register(mux, r.pattern, nothing{r.pattern}) == nil {
			strict[r.pattern] = r
		}
	}
	for _, r := range k.routes {
		if !r.cached() {
			continue
		}
		h, _ := mux.Handler(request(r.pattern))
		n, ok := h.(nothing)
		if !ok {
			continue
		}
		what := "no_store"
		switch s := strict[n.pattern]; {
		case s.never():
			what = "of a class that is never cached"
		case s.is.Private:
			what = "private"
		}
		k.report(r.owner, where(r), fmt.Sprintf("it is cached at the edge, and cuts a piece out of %q, which is %s", n.pattern, what),
			"Check that nothing of the other route is answered here; if so, ignore the rule with the reason.")
	}
}

// request returns one that pattern matches.
func request(pattern string) *http.Request {
	method, rest, ok := strings.Cut(pattern, " ")
	if !ok {
		method, rest = http.MethodGet, pattern
	}
	host, path, _ := strings.Cut(strings.TrimLeft(rest, " \t"), "/")
	var b strings.Builder
	for i, piece := range strings.Split("/"+path, "{") {
		if i > 0 {
			name, after, _ := strings.Cut(piece, "}")
			if name != "$" {
				b.WriteString("any-thing")
			}
			piece = after
		}
		b.WriteString(piece)
	}
	if path := b.String(); strings.HasSuffix(path, "/") && !strings.HasSuffix(pattern, "{$}") {
		b.WriteString("any-thing")
	}
	return &http.Request{Method: method, Host: host, URL: &url.URL{Path: b.String()}}
}

// partFields are request fields that parts of keys are named after.
var partFields = map[string]string{
	"accept_language": "Accept-Language", "language": "Accept-Language", "lang": "Accept-Language", "locale": "Accept-Language",
	"accept": "Accept", "accept_encoding": "Accept-Encoding", "user_agent": "User-Agent", "device": "User-Agent",
}

// varyMissing holds what the edge tells apart to what the class tells apart. Each
// part of a class's key comes from the request: from a wildcard or a query
// parameter of its name, or else from a field. If the list of parameters does not
// have it and there is no Vary for it, two values are one at the edge, and
// whoever comes second gets the other's.
func varyMissing(k *check) {
	for _, r := range k.routes {
		if r.class == nil || !r.cached() {
			continue
		}
		for _, part := range r.class.is.Key.Parts {
			if slices.Contains(wildcards(r.pattern), part.Name) || slices.Contains(r.is.Query, part.Name) {
				continue
			}
			name := strings.ToLower(part.Name)
			field, named := partFields[name]
			if !named {
				field = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
			}
			// Without a list all parameters count: the part may be one of them, unless
			// it is called exactly as a field is.
			if r.is.Query == nil && !strings.HasPrefix(name, "accept_") && name != "user_agent" || varies(r, field) {
				continue
			}
			mend := fmt.Sprintf("Put %s into query, if it is a parameter, or %s into vary, if it comes from that field.", part.Name, field)
			k.report(r.owner, "vary", fmt.Sprintf("the key of %s has %q, and what the edge tells responses apart by has not", r.class.name, part.Name), mend)
		}
	}
}

// varies compares without case, as names of fields are.
func varies(r *route, field string) bool {
	return slices.ContainsFunc(r.is.Vary, func(name string) bool { return strings.EqualFold(name, field) })
}

// routeWithoutEffect is a warning: such a route is not stored, which is safe.
func routeWithoutEffect(k *check) {
	for _, r := range k.routes {
		if r.strict() || r.is.Edge > 0 || r.is.Browser > 0 || len(r.is.Statuses) > 0 {
			continue
		}
		message, mend := "it says nothing that a cache would obey: nobody keeps what it answers", "Set edge, or private; no_store says that it is meant so."
		if r.class != nil {
			message = fmt.Sprintf("nobody keeps what it answers: %s has no tier edge, and the route says no life", r.class.name)
			mend = "Set private if browsers may keep it, edge if everybody may, no_store if nobody may."
		}
		k.report(r.owner, "", message, mend)
	}
}

// edgeWithoutRoute is a warning: the routes may be written next.
func edgeWithoutRoute(k *check) {
	for _, c := range k.classes {
		if c.has(policy.Edge) && !slices.ContainsFunc(c.routes, (*route).cached) {
			k.report(c.owner, "tiers", "it has the tier edge, and no route that the edge may keep names it", "Name it in a route, or take edge out of tiers.")
		}
	}
}

// edgeTierMissing leaves to others what must not be at the edge in any case.
func edgeTierMissing(k *check) {
	for _, r := range k.routes {
		if r.class != nil && !r.never() && r.cached() && !r.class.personal() && !r.class.is.FromValue && !r.class.has(policy.Edge) {
			k.report(r.owner, where(r), fmt.Sprintf("the edge keeps values of %s, whose tiers do not have edge", r.class.name),
				"Put edge into the tiers of the class, where people look for it, or take it out of the route.")
		}
	}
}
