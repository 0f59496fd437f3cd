package lint

import (
	"fmt"
	"go/token"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/muxroute"
	"github.com/larderdev/larder/policy/internal/secret"
)

// maxConflicts bounds the search for the other one of two patterns in conflict,
// which looks at all of them.
const maxConflicts = 20

// refusal is what a ServeMux has against a pattern by itself. The mux is asked, since no
// reader of patterns would be right for every version of Go.
func refusal(pattern string) error {
	return muxroute.Register(http.NewServeMux(), pattern, nothing{})
}

// routePattern lets a mux look at all patterns, as the service does when it starts. It
// says why it refuses one, but not in words that help against a conflict.
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
		if err := refusal(pattern); err != nil {
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

// against returns the pattern in fine that is in conflict with pattern: the first with
// which a mux of their own does not take both. The mux names the other one only in a
// sentence that no version of Go promises.
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

// routeNotServeMux finds wildcards as other routers have them, and a path that has
// lost its first slash, which makes a host of its first word. A pattern that the mux
// refuses has its finding already, and of one with a secret no part is repeated.
func routeNotServeMux(k *check) {
	for _, pattern := range sortedKeys(k.p.Routes) {
		if secret.In(pattern) != "" || refusal(pattern) != nil {
			continue
		}
		_, host, path := split(pattern)
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
// another router, or "" if it is none: :id and *rest of httprouter and its like, * and
// ** of files, <int:id> of Flask. What only has a colon or a star in it, as
// "items:batch" and "*.js", is a path.
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
		what := "no_store" // the reason that the other route gives, for the message
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

// split takes a pattern of net/http.ServeMux apart. The path has lost its first slash; a
// pattern without a method is for all, of which GET is one.
func split(pattern string) (method, host, path string) {
	method, rest, ok := strings.Cut(pattern, " ")
	if !ok {
		method, rest = http.MethodGet, pattern
	}
	host, path, _ = strings.Cut(strings.TrimLeft(rest, " \t"), "/")
	return method, host, path
}

// request returns one that pattern matches: a word that no pattern has stands for each
// wildcard, and for the rest of a path that ends with a slash.
func request(pattern string) *http.Request {
	method, host, path := split(pattern)
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

// wildcards returns the names of the wildcards in a pattern of net/http.ServeMux.
func wildcards(pattern string) []string {
	var names []string
	for _, after := range strings.Split(pattern, "{")[1:] {
		name, _, ok := strings.Cut(after, "}")
		if name = strings.TrimSuffix(name, "..."); ok && name != "" && name != "$" {
			names = append(names, name)
		}
	}
	return names
}
