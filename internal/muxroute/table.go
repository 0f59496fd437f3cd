package muxroute

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Table says which of some patterns a http.ServeMux that has them all would choose
// for a GET. Unlike a ServeMux it allocates nothing to do so, and takes no lock: a
// cache asks it at each hit. It does not change, and may be used concurrently.
//
// It is a second reading of the rules of a ServeMux, kept right by the tests, which ask
// both.
type Table[T any] struct {
	// hosts are the patterns by their host, "" for those without one; of each host
	// those of GET come before those of all methods, as for a ServeMux.
	hosts map[string]*[2]node[T]
}

// node is a place in the paths of patterns.
//
//	/a/{id}/b   literals["a"] ── single ── literals["b"]: here
//	/a/{$}      literals["a"] ── literals["/"]: here
//	/a/         literals["a"]: rest
type node[T any] struct {
	literals map[string]*node[T]
	single   *node[T]
	rest     *leaf[T] // whatever comes
	here     *leaf[T] // nothing more comes
}

// leaf is the end of a pattern.
// segments and rest are for Find: they say how exactly a path was matched.
type leaf[T any] struct {
	value    T
	segments int
	rest     bool
}

// NewTable returns a table of what belongs to each pattern. Patterns of other
// methods than GET are checked, and match nothing. The hosts in patterns are names,
// so that their capital letters say nothing. Its error has, for each pattern that a
// ServeMux refuses, what that says: it is none, or conflicts with another one.
func NewTable[T any](patterns map[string]T) (*Table[T], error) {
	t := &Table[T]{hosts: map[string]*[2]node[T]{}}
	mux := http.NewServeMux()
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
		if err := Register(mux, pattern, http.NotFoundHandler()); err != nil {
			errs = append(errs, fmt.Errorf("pattern %q: %w", pattern, err))
			continue
		}
		t.add(pattern, patterns[pattern])
	}
	return t, errors.Join(errs...)
}

// add adds a pattern that a ServeMux has taken.
// Its form has been checked, so that it is only parted here.
func (t *Table[T]) add(pattern string, value T) {
	method, place := "", pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		method, place = pattern[:i], strings.TrimLeft(pattern[i+1:], " \t")
	}
	of := 1
	switch method {
	case http.MethodGet:
		of = 0
	case "":
	default:
		return
	}
	host, path, _ := strings.Cut(place, "/")
	host = strings.ToLower(host)
	if t.hosts[host] == nil {
		t.hosts[host] = new([2]node[T])
	}
	t.hosts[host][of].add(strings.Split(path, "/"), value)
}

// add adds a path, given by its segments.
//
// "/" stands for {$} among the literals: no segment of a path can be that, since it
// parts them.
func (n *node[T]) add(segments []string, value T) {
	end := &leaf[T]{value: value, segments: len(segments)}
	for i, text := range segments {
		switch {
		case text == "" && i == len(segments)-1, strings.HasPrefix(text, "{") && strings.HasSuffix(text, "...}"):
			end.rest = true
			n.rest = end
			return
		case text == "{$}":
			text = "/"
		case text == "", strings.HasPrefix(text, "{"): // "//" is taken for a wildcard there too
			if n.single == nil {
				n.single = new(node[T])
			}
			n = n.single
			continue
		}
		text = unescape(text)
		if n.literals == nil {
			n.literals = map[string]*node[T]{}
		}
		if n.literals[text] == nil {
			n.literals[text] = new(node[T])
		}
		n = n.literals[text]
	}
	n.here = end
}

// Find returns what belongs to the pattern for a host, in lower case and maybe with
// a port, and a path as it is escaped in a URL. It finds nothing where a ServeMux
// redirects: for a path that is not clean, or that has a pattern only with a slash
// behind it.
func (t *Table[T]) Find(host, path string) (value T, ok bool) {
	if !clean(path) {
		return value, false
	}
	if strings.IndexByte(host, ':') >= 0 {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	found := t.find(host, path, false)
	if (found == nil || found.rest) && !strings.HasSuffix(path, "/") {
		// An exact match of the path with a slash goes before one of a wildcard.
		if more := t.find(host, path, true); more != nil && (!more.rest || more.segments == strings.Count(path, "/")+1) {
			return value, false
		}
	}
	if found == nil {
		return value, false
	}
	return found.value, true
}

// find looks for a path, or for the same with a slash behind it.
func (t *Table[T]) find(host, path string, slash bool) *leaf[T] {
	for _, name := range [...]string{host, ""} {
		methods := t.hosts[name]
		if methods == nil {
			continue
		}
		for i := range methods {
			if found := methods[i].find(path, slash); found != nil {
				return found
			}
		}
	}
	return nil
}

// find looks for the rest of a path: a literal before a wildcard for one segment, and
// that before one for all.
//
// slash asks for the path with one more slash at its end, without a text being made for
// that. A literal that leads nowhere is left again for a wildcard: /a/{x}/c is found
// although /a/b has a literal of its own.
func (n *node[T]) find(path string, slash bool) *leaf[T] {
	if path == "" && slash {
		path, slash = "/", false
	}
	if path == "" {
		return n.here
	}
	segment, after := path, ""
	if path != "/" {
		segment = path[1:]
		if i := strings.IndexByte(segment, '/'); i >= 0 {
			segment, after = segment[:i], segment[i:]
		}
		segment = unescape(segment)
	}
	if next := n.literals[segment]; next != nil {
		if found := next.find(after, slash); found != nil {
			return found
		}
	}
	if n.single != nil && segment != "/" { // nor, as for a ServeMux, "%2F"
		if found := n.single.find(after, slash); found != nil {
			return found
		}
	}
	return n.rest
}

// unescape returns the text of a segment, or the segment if it is no text escaped.
func unescape(segment string) string {
	if text, err := url.PathUnescape(segment); err == nil {
		return text
	}
	return segment
}

// clean tells whether a path is one that a ServeMux does not redirect to another.
// path.Clean takes a slash at the end away, which a ServeMux leaves: hence the
// comparison. It makes no copy of a path that is clean.
func clean(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	shortest := path.Clean(p)
	return p == shortest || shortest != "/" && len(p) == len(shortest)+1 && p[len(shortest)] == '/' && p[:len(shortest)] == shortest
}
