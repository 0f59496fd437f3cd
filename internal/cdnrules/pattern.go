package cdnrules

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/larderdev/larder/internal/muxroute"
)

// pattern is one of net/http.ServeMux: "GET example.com/items/{id}".
type pattern struct {
	text         string
	method, host string
	segments     []segment
}

// segment is what stands after a slash.
type segment struct {
	kind kind
	// text is a literal as it stands in the path of a request: see [escape].
	text string
}

// kind says what a segment matches; a smaller one is more specific.
type kind byte

const (
	literal kind = iota // its text
	end                 // nothing: "{$}"
	single              // one segment that is not empty: "{id}"
	rest                // whatever comes: "{path...}", and what a trailing slash means
)

// parse reads a pattern that ServeMux accepts.
// A blank before the first slash parts the method; one behind it belongs to the path.
func parse(text string) pattern {
	p := pattern{text: text}
	path := text
	if i := strings.IndexAny(text, " \t"); i >= 0 && i < strings.IndexByte(text, '/') {
		p.method, path = text[:i], strings.TrimLeft(text[i+1:], " \t")
	}
	slash := strings.IndexByte(path, '/')
	p.host, path = strings.ToLower(path[:slash]), path[slash+1:]
	for {
		text, after, more := strings.Cut(path, "/")
		p.segments = append(p.segments, parseSegment(text))
		if !more {
			return p
		}
		path = after
	}
}

// parseSegment reads one segment. A literal is unescaped and escaped again: the policy
// may write it in any way, and requests come in one.
func parseSegment(text string) segment {
	switch {
	case text == "":
		return segment{kind: rest} // the last one: ServeMux refuses "//"
	case text == "{$}":
		return segment{kind: end}
	case strings.HasPrefix(text, "{") && strings.HasSuffix(text, "...}"):
		return segment{kind: rest}
	case strings.HasPrefix(text, "{"):
		return segment{kind: single}
	}
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	return segment{kind: literal, text: escape(text)}
}

// checkPatterns returns what ServeMux says against the patterns, which it says by
// panics: that one is malformed, or that two match the same and neither is more
// specific.
// All that comes later relies on it: of two that overlap one is more specific.
func checkPatterns(patterns []string) error {
	var errs []error
	mux := http.NewServeMux()
	for _, text := range patterns {
		if err := muxroute.Register(mux, text, http.NotFoundHandler()); err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", text, err))
		}
	}
	return errors.Join(errs...)
}

// overlaps tells whether some path matches both.
// Both are walked together; a rest takes whatever the other still has, also nothing but
// the empty segment behind a slash.
func overlaps(a, b []segment) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	switch x, y := a[0], b[0]; {
	case x.kind == rest || y.kind == rest:
		return true
	case x.kind == end || y.kind == end:
		return x.kind == y.kind
	case x.kind == literal && y.kind == literal && x.text != y.text:
		return false
	}
	return overlaps(a[1:], b[1:])
}

// covers tells whether each path of b matches a.
// Not each pair that overlaps has one that covers the other: /{a}/x and /y/{b} are
// such, and ServeMux refuses them.
func covers(a, b []segment) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	switch x, y := a[0], b[0]; {
	case x.kind == rest:
		return true
	case y.kind == rest:
		return false
	case x.kind == end || y.kind == end:
		return x.kind == y.kind
	case x.kind == literal && (y.kind != literal || x.text != y.text):
		return false
	}
	return covers(a[1:], b[1:])
}

// wins tells whether some request matches both and goes to p, as ServeMux decides:
// a host is more than none, then the smaller set of paths is, then a method is.
func (p *pattern) wins(over *pattern) bool {
	switch {
	case !overlaps(p.segments, over.segments):
		return false
	case p.host != over.host:
		return over.host == ""
	}
	if !covers(over.segments, p.segments) {
		return false
	}
	return !covers(p.segments, over.segments) || p.method != "" && over.method == ""
}

// compare orders patterns so that one that wins over another comes before it.
// It is a total order, so that equal policies give equal files. Between patterns that
// do not overlap it means nothing.
func (p *pattern) compare(other *pattern) int {
	if p.host != other.host {
		// The one without a host comes last.
		return -strings.Compare(p.host, other.host)
	}
	for i := range min(len(p.segments), len(other.segments)) {
		if x, y := p.segments[i].kind, other.segments[i].kind; x != y {
			return int(x) - int(y)
		}
	}
	if (p.method == "") != (other.method == "") {
		return len(other.method) - len(p.method)
	}
	return strings.Compare(p.text, other.text)
}

// path joins the segments; a wildcard is what wild returns for it.
// An end writes its slash and nothing behind it.
func (p *pattern) path(wild func(kind) string, quote func(string) string) string {
	var b strings.Builder
	for _, s := range p.segments {
		b.WriteByte('/')
		switch s.kind {
		case literal:
			b.WriteString(quote(s.text))
		case single, rest:
			b.WriteString(wild(s.kind))
		}
	}
	return b.String()
}

// has tells whether there is a segment of the kind.
func (p *pattern) has(k kind) bool {
	for _, s := range p.segments {
		if s.kind == k {
			return true
		}
	}
	return false
}

// plainInPath are the bytes that stand in a path as they are: pchar of RFC 3986,
// section 3.3.
const plainInPath = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@"

// escape writes a segment as browsers send it: what need not be escaped is not, and
// the rest is, with capital digits.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; strings.IndexByte(plainInPath, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
