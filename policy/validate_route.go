package policy

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/muxroute"
	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// fieldName is the name of a header field, a token of RFC 9110, 5.6.2.
var fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// route reports what is wrong with a route. What its headers would say together is
// for lint, which asks package httpcache.
func (c *checker) route(pattern string, r *Route) {
	path := field.Path("routes", pattern)
	below := func(key string) string { return field.Path(path, key) }
	c.utf8(path, pattern)
	wildcards := c.pattern(path, pattern)
	c.ignore(path, r.Ignore)
	c.named(below("class"), "class", r.Class, c.classes)
	c.named(below("profile"), "profile", r.Profile, c.profiles)
	c.length(below("edge"), orZero(r.Edge))
	c.length(below("browser"), orZero(r.Browser))
	c.length(below("stale_while_revalidate"), orZero(r.StaleWhileRevalidate))
	c.length(below("stale_if_error"), orZero(r.StaleIfError))
	c.unkept(path, r)
	for i, tag := range r.Tags {
		c.tag(field.At(below("tags"), i), tag, "the pattern", wildcards)
	}
	unique(c, below("tags"), r.Tags)
	c.query(below("query"), r.Query)
	c.vary(below("vary"), r.Vary)
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		c.status(below("statuses"), status, r.Statuses[status])
	}
}

// query reports parameters without a name. Any other text may be one.
func (c *checker) query(path string, parameters []string) {
	for i, parameter := range parameters {
		c.utf8(field.At(path, i), parameter)
		if parameter == "" {
			c.report(field.At(path, i), "write the name of a parameter", "the parameter has no name")
		}
	}
	unique(c, path, parameters)
}

// vary reports what is no name of a field, and the "*" that Vary may have instead of
// names: a cache never finds such a response again (RFC 9111, 4.1).
func (c *checker) vary(path string, names []string) {
	for i, name := range names {
		switch {
		case name == "*":
			c.report(field.At(path, i), "write no_store: true in place of it", "responses that vary by everything are of use to nobody else")
		case !fieldName.MatchString(name):
			c.report(field.At(path, i), "write one name: Accept-Language", "%s is no name of a request field", secret.Quote(name))
		}
	}
	unique(c, path, names)
}

// unkept reports lives of what nobody, or no shared cache, keeps: they would have no
// effect, and who wrote them believes that they have. None is no life, and the tags of
// such a route do no harm.
func (c *checker) unkept(path string, r *Route) {
	said := map[string]bool{
		"private": r.Private, "profile": r.Profile != "", "edge": r.Edge > 0, "browser": r.Browser > 0,
		"stale_while_revalidate": r.StaleWhileRevalidate > 0, "stale_if_error": r.StaleIfError > 0,
		"immutable": r.Immutable, "statuses": len(r.Statuses) > 0,
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		switch {
		case !said[key]:
		case r.NoStore:
			c.report(field.Path(path, key), "leave it out, or leave no_store out", "nobody keeps what is no_store, so %s says nothing", key)
		case r.Private && (key == "edge" || key == "profile" || key == "statuses"):
			c.report(field.Path(path, key), "leave it out, or leave private out", "no shared cache keeps what is private, so %s says nothing", key)
		}
	}
}

// status reports a status that has no life of its own. 200 is what edge is about; 206
// and 304 are parts of another response, which is kept under its own status (RFC 9111,
// 3.3 and 4.3.3); below 200 a response is not final.
func (c *checker) status(path string, status int, life time.Duration) {
	path = field.Path(path, fmt.Sprint(status))
	c.length(path, life)
	switch {
	case status == http.StatusOK:
		c.report(path, "write edge in place of it", "how long 200 is kept is what edge says")
	case status < 200 || status > 599:
		c.report(path, "write one from 201 to 599", "%d is no status of a response that can be kept", status)
	case status == http.StatusPartialContent || status == http.StatusNotModified:
		c.report(path, "leave it out", "a response with %d is part of another one, and not kept by itself", status)
	}
}

// methods are those of RFC 9110, 9.3, and PATCH of RFC 5789. ServeMux takes any token:
// a misspelt method would make a route that no request ever matches.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

// wildcard is one of a pattern: {id}, {path...}.
var wildcard = regexp.MustCompile(`\{([^{}]*?)(\.\.\.)?\}`)

// pattern reports what net/http.ServeMux does not take, and returns the names of
// the pattern's wildcards. What is mostly wrong is no space between method and path,
// and that has a mend which can be copied.
func (c *checker) pattern(path, pattern string) []string {
	if why := refused(pattern); why != "" {
		mend := "write METHOD /path, with a name in braces for a segment that varies: GET /products/{id}"
		if method, rest, ok := strings.Cut(pattern, "/"); ok && strings.TrimSpace(method) == method && slices.Contains(methods, method) {
			mend = "write " + method + " /" + rest
		}
		c.report(path, mend, "the pattern %s is not one of net/http.ServeMux: %s", secret.Quote(pattern), why)
		return nil
	}
	if method, _, ok := strings.Cut(pattern, " "); ok && !slices.Contains(methods, method) {
		mend := "write one of " + strings.Join(methods, ", ")
		if near := nearest.Name(method, methods); near != "" {
			mend = "write " + near
		}
		c.report(path, mend, "%s is no method of a request", secret.Quote(method))
	}
	var names []string
	for _, found := range wildcard.FindAllStringSubmatch(pattern, -1) {
		if found[1] != "$" { // {$} is the end of the path, and no name
			names = append(names, found[1])
		}
	}
	return names
}

// refused returns why a ServeMux does not take a pattern, "" if it does. The mux itself
// is asked, since each version of Go may take more than the one before; it repeats the
// pattern, which the caller has quoted already.
func refused(pattern string) (why string) {
	if err := muxroute.Register(http.NewServeMux(), pattern, http.NotFoundHandler()); err != nil {
		return strings.TrimPrefix(err.Error(), fmt.Sprintf("parsing %q: ", pattern))
	}
	return ""
}
