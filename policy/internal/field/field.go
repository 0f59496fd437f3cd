// Package field names the places of a policy: the path of a field, such as
// classes.product.ttl, and the name that somebody may have meant.
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

// maxWord bounds what is compared: nobody misspells a longer one by a letter.
const maxWord = 64

// Nearest returns the candidate that word was probably meant to be, or "" if none
// is near: at most a third of its letters are wrong, missing or too many.
func Nearest(word string, candidates []string) string {
	if len(word) > maxWord {
		return ""
	}
	best, least := "", 1+max(len(word), 2)/3
	for _, candidate := range candidates {
		if len(candidate) > maxWord {
			continue
		}
		away := distance(fold(word), fold(candidate))
		if away < least {
			best, least = candidate, away
		}
	}
	return best
}

// fold makes words equal that differ in the style of writing alone.
func fold(word string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(word))
}

// distance is the number of letters to change, insert, remove or swap with the
// next to make b of a (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
