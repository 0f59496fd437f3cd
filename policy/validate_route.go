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
)

// fieldName is the name of a header field, a token of RFC 9110, 5.6.2.
var fieldName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (c *checker) route(pattern string, r *Route) {
	path := field.Path("routes", pattern)
	below := func(key string) string { return field.Path(path, key) }
	c.utf8(path, pattern)
	wildcards := c.pattern(path, pattern)
	c.ignore(path, r.Ignore)
	c.named(below("class"), "class", r.Class, c.classes)
	c.named(below("profile"), "profile", r.Profile, c.profiles)
	c.length(below("edge"), r.Edge, true)
	c.length(below("browser"), r.Browser, true)
	c.length(below("stale_while_revalidate"), r.StaleWhileRevalidate, true)
	c.length(below("stale_if_error"), r.StaleIfError, true)
	c.unkept(path, r)
	for i, tag := range r.Tags {
		c.tag(field.At(below("tags"), i), tag, "the pattern", wildcards)
	}
	unique(c, below("tags"), r.Tags)
	for i, parameter := range r.Query {
		c.utf8(field.At(below("query"), i), parameter)
		if parameter == "" {
			c.report(field.At(below("query"), i), "write the name of a parameter", "the parameter has no name")
		}
	}
	unique(c, below("query"), r.Query)
	for i, name := range r.Vary {
		switch {
		case name == "*":
			c.report(field.At(below("vary"), i), "write no_store: true in place of it", "responses that vary by everything are of use to nobody else")
		case !fieldName.MatchString(name):
			c.report(field.At(below("vary"), i), "write one name: Accept-Language", "%s is no name of a request field", quote(name))
		}
	}
	unique(c, below("vary"), r.Vary)
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		c.status(below("statuses"), status, r.Statuses[status])
	}
}

// unkept reports lives of what nobody, or no shared cache, keeps.
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

func (c *checker) status(path string, status int, life time.Duration) {
	path = field.Path(path, fmt.Sprint(status))
	c.length(path, life, false)
	switch {
	case status == http.StatusOK:
		c.report(path, "write edge in place of it", "how long 200 is kept is what edge says")
	case status < 200 || status > 599:
		c.report(path, "write one from 201 to 599", "%d is no status of a response that can be kept", status)
	case status == http.StatusPartialContent || status == http.StatusNotModified:
		c.report(path, "leave it out", "a response with %d is part of another one, and not kept by itself", status)
	}
}

// methods are those of RFC 9110 and 5789.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}

// wildcard is one of a pattern: {id}, {path...}.
var wildcard = regexp.MustCompile(`\{([^{}]*?)(\.\.\.)?\}`)

// pattern reports what net/http.ServeMux does not take, and returns the names of
// the pattern's wildcards.
func (c *checker) pattern(path, pattern string) []string {
	if why := refused(pattern); why != "" {
		mend := "write METHOD /path, with a name in braces for a segment that varies: GET /products/{id}"
		if method, rest, ok := strings.Cut(pattern, "/"); ok && strings.TrimSpace(method) == method && slices.Contains(methods, method) {
			mend = "write " + method + " /" + rest
		}
		c.report(path, mend, "the pattern %s is not one of net/http.ServeMux: %s", quote(pattern), why)
		return nil
	}
	if method, _, ok := strings.Cut(pattern, " "); ok && !slices.Contains(methods, method) {
		mend := "write one of " + strings.Join(methods, ", ")
		if near := nearest.Name(method, methods); near != "" {
			mend = "write " + near
		}
		c.report(path, mend, "%s is no method of a request", quote(method))
	}
	var names []string
	for _, found := range wildcard.FindAllStringSubmatch(pattern, -1) {
		if found[1] != "$" {
			names = append(names, found[1])
		}
	}
	return names
}

// refused returns why a ServeMux does not take a pattern, "" if it does.
func refused(pattern string) (why string) {
	if err := muxroute.Register(http.NewServeMux(), pattern, http.NotFoundHandler()); err != nil {
		return strings.TrimPrefix(err.Error(), fmt.Sprintf("parsing %q: ", pattern))
	}
	return ""
}
