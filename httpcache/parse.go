package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// ParseCacheControl reads the lines of a Cache-Control field, of a response or a
// request (RFC 9111 5.2). It takes what caches meet: names in any case, values
// in quotes or not, several lines, empty members. A member that does not begin
// with a name is skipped, and the rest is read.
//
// Behind a quote that is never closed nobody knows what is text and what is not:
// from there on only what forbids is believed, and lifetimes are [Unusable].
func ParseCacheControl(lines []string) Directives {
	var d Directives
	for _, line := range lines {
		d.list = appendDirectives(d.list, line)
	}
	return d
}

func appendDirectives(list []directive, line string) []directive {
	for doubt := false; line != ""; {
		end := -1
		if !doubt {
			end, doubt = memberEnd(line)
		}
		if doubt { // not looking for quotes any more keeps this linear
			end = strings.IndexByte(line, ',')
		}
		member, rest := line, ""
		if end >= 0 {
			member, rest = line[:end], line[end+1:]
		}
		line = rest
		if m, ok := parseDirective(member); ok {
			m.malformed = m.malformed || doubt
			list = append(list, m)
		}
	}
	return list
}

// memberEnd returns where the first comma outside quotes is, -1 if there is
// none. open tells that a quote is not closed.
func memberEnd(s string) (end int, open bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			open = !open
		case s[i] == '\\' && open:
			i++
		case s[i] == ',' && !open:
			return i, false
		}
	}
	return -1, open
}

// parseDirective reads name, name=token or name="text". ok is false if there is
// no name.
func parseDirective(member string) (m directive, ok bool) {
	member = trim(member)
	end := 0
	for end < len(member) && isTokenByte(member[end]) {
		end++
	}
	if end == 0 {
		return m, false
	}
	m.name = strings.ToLower(member[:end])
	rest := member[end:]
	if rest == "" {
		return m, true
	}
	var valid bool
	if m.value, valid = parseArgument(rest); valid {
		m.valued = true
	} else {
		m.malformed = true
	}
	return m, true
}

// parseArgument reads "=token" or "=" and a quoted string.
func parseArgument(s string) (value string, ok bool) {
	s, ok = strings.CutPrefix(s, "=")
	if !ok {
		return "", false
	}
	if text, quoted := strings.CutPrefix(s, `"`); quoted {
		return unquote(text)
	}
	return s, s == "" || isToken(s)
}

// unquote reads a quoted string from behind its first quote. Nothing may follow
// its last.
func unquote(s string) (text string, ok bool) {
	if i := strings.IndexAny(s, `"\`); i == len(s)-1 && i >= 0 && s[i] == '"' {
		return s[:i], true // without escapes it is a part of the line
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), i == len(s)-1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", false
}

// ParseAge reads the lines of an Age field (RFC 9111 5.1). Of a list the first
// member counts; ok is false if that is no number of seconds. More than 2³¹ s
// count as 2³¹ s.
func ParseAge(lines []string) (age time.Duration, ok bool) {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = trim(member); member != "" {
				return parseSeconds(member)
			}
		}
	}
	return 0, false
}

// ParseVary reads the lines of a Vary field (RFC 9110 12.5.5): the names of
// fields in canonical form, each once, in their order. any says that a "*" is
// among the members, whatever else is: no other request will ever match. What is
// no field name counts as "*", for nobody knows what it meant.
func ParseVary(lines []string) (names []string, any bool) {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			member = trim(member)
			switch {
			case member == "":
			case member == "*" || !isToken(member):
				any = true
			default:
				if name := http.CanonicalHeaderKey(member); !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names, any
}

// trim cuts optional white space (RFC 9110 5.6.3) from both ends.
func trim(s string) string { return strings.Trim(s, " \t") }

// isToken tells whether s is a token (RFC 9110 5.6.2): the name of a field or a
// directive.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
