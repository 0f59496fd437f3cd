// Package field names the places of a policy: the path of a field, such as
// classes.product.ttl.
//
// A path has a segment for each step from the policy to the field. Segments of
// letters, digits, "_" and "-" stand as they are, with a dot before them; all
// others, such as the pattern of a route, are quoted as in Go. The members of a
// list have a number in brackets:
//
//	routes."GET /x/{id}".tags[1]
package field

import (
	"regexp"
	"strconv"
	"strings"
)

// plain are the segments that need no quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Path joins the path of a thing with the segments below it. An empty path is
// that of the policy.
func Path(path string, segments ...string) string {
	var b strings.Builder
	b.WriteString(path)
	for _, segment := range segments {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		if plain.MatchString(segment) {
			b.WriteString(segment)
		} else {
			b.WriteString(strconv.Quote(segment))
		}
	}
	return b.String()
}

// At returns the path of a member of the list at path.
func At(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

// Parent returns the path of what encloses a path: "" for the policy's own
// fields.
func Parent(path string) string {
	// A dot or a bracket within quotes is part of a segment, and so is an escaped quote.
	cut, quoted := 0, false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '.' || c == '['):
			cut = i
		}
	}
	return path[:cut]
}

// Within tells whether path is outer or lies below it. The sign behind outer decides:
// classes.ab does not lie below classes.a.
func Within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}
