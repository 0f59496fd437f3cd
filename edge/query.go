package edge

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/muxroute"
)

// Queries says by which parameters of the query the responses to some requests differ:
// it has the names of the parameters, by the pattern of a route.
//
// A pattern is one of [http.ServeMux], "GET /products/{id}", and means what it means
// there: of several that match, the most specific counts. Only GET and patterns without
// a method match here; a host is that of the client, in any case of letters. Names are
// without escapes, and case counts. Nil: all parameters count, and the query stays as it
// is. Empty, but not nil: none does.
//
// A GET or HEAD that may be answered from the cache is one for the URL with the named
// parameters alone, sorted by their names, and with the path in the normal form of its
// escapes: that URL is the key, and what the origin is asked for, so that no other
// parameter or spelling can have a part in what others get. Several with one name stay
// in the order in which they came.
type Queries map[string][]string

// routes are those of [Options.Queries], ready for use. They do not change.
type routes struct {
	table *muxroute.Table[counting]
	said  map[string]counting
}

// newRoutes returns an [OptionError] for each mistake, joined.
func newRoutes(queries Queries) (*routes, error) {
	r := &routes{said: make(map[string]counting, len(queries))}
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(queries)) {
		query := queries[pattern]
		if slices.Contains(query, "") {
			errs = append(errs, &OptionError{"Queries", fmt.Sprintf("has a parameter without a name for %q", pattern)})
		}
		names := slices.Clone(query) // nil stays nil, and empty empty
		slices.Sort(names)
		r.said[pattern] = slices.Compact(names)
	}
	var err error
	if r.table, err = muxroute.NewTable(r.said); err != nil {
		errs = append(errs, &OptionError{"Queries", fmt.Sprintf("has a wrong pattern: %v", err)})
	}
	return r, errors.Join(errs...)
}

// same tells whether r and other say the same.
func (r *routes) same(other *routes) bool {
	return maps.EqualFunc(r.said, other.said, func(a, b counting) bool {
		return (a == nil) == (b == nil) && slices.Equal(a, b)
	})
}

// SetQueries puts others in the place of [Options.Queries]. If they say something else
// than those of before, everything is purged: what a purge of a URL is about depends on
// them, and nothing may come back that one of before was about. It returns an
// [OptionError] for each mistake, joined, and changes nothing then.
func (h *Handler) SetQueries(queries Queries) error {
	now, err := newRoutes(queries)
	if err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	// First the routes, then the purge: what was asked for under the old ones began
	// before it, or cannot be found under the new ones.
	if before := h.routes.Swap(now); !before.same(now) {
		return h.Purge(Purge{Everything: true})
	}
	return nil
}

// counting are the names of the parameters that make keys, sorted; nil: all do.
type counting []string

// parameter is one that counts.
type parameter struct {
	place       int // of its name among those that count
	name, value string
	equals      bool // "a=" is not "a": origins tell them apart
}

// canonical returns the parameters of a query that count, in the order of their names.
// Queries that differ only in the others, in the order of those with different names
// or in how they escape what need not be escaped have the same form (RFC 3986 6.2.2).
//
// A name that cannot be read, or that some origins read as two (";"), is none of
// those that count. A value that cannot be unescaped stays as it is: whatever the
// origin takes it for, it is in the key too.
func (c counting) canonical(query string) string {
	var room [8]parameter
	kept, size := room[:0], 0
	for pair := range strings.SplitSeq(query, "&") {
		p := parameter{}
		p.name, p.value, p.equals = strings.Cut(pair, "=")
		ok := false
		if p.place, ok = c.find(p.name); ok {
			// Each by itself: what is wrong in a value must not keep its name from being
			// found in the same form as by others.
			p.name, p.value = normalPath(p.name), normalPath(p.value)
			kept, size = append(kept, p), size+len(pair)+1
		}
	}
	slices.SortStableFunc(kept, func(a, b parameter) int { return a.place - b.place })
	var b strings.Builder
	b.Grow(size)
	for i, p := range kept {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		if p.equals {
			b.WriteByte('=')
		}
		b.WriteString(p.value)
	}
	return b.String()
}

// find returns the place of a name as it stands in a query.
func (c counting) find(name string) (place int, ok bool) {
	if strings.IndexByte(name, ';') >= 0 {
		return 0, false
	}
	if strings.ContainsAny(name, "%+") {
		text, err := url.QueryUnescape(name)
		if err != nil {
			return 0, false
		}
		name = text
	}
	return slices.BinarySearch(c, name)
}

// asking returns the request for a target: r, or a copy that asks for the URL which is
// the key.
func (t *target) asking(r *http.Request) *http.Request {
	if !t.canonical {
		return r
	}
	path, query, _ := strings.Cut(t.path, "?")
	if query == r.URL.RawQuery && !r.URL.ForceQuery && (path == r.URL.EscapedPath() || r.URL.Path == "") {
		return r
	}
	out, u := *r, *r.URL
	// A page that shows its own URL shows that of the key: "%37" is "7" in it.
	u.RawPath, u.RawQuery, u.ForceQuery = path, query, false
	out.URL = &u
	return &out
}
