package gen

import "strings"

// goType is a parsed Go type: what stands before its name, where that comes from,
// and the name.
//
// The path is by itself, so that it can be written with the name that its import gets.
type goType struct {
	prefix string // "", "*", "[]", "[]*", …
	path   string // import path; "" of a basic type
	name   string
}

// parseType reads a Go type as policies have it: a basic type, or an import path,
// a dot and a name; "*" and "[]" may stand before it. Policies have been checked
// for anything else.
func parseType(text string) goType {
	var t goType
	rest := text
	for {
		if after, ok := strings.CutPrefix(rest, "[]"); ok {
			t.prefix, rest = t.prefix+"[]", after
		} else if after, ok := strings.CutPrefix(rest, "*"); ok {
			t.prefix, rest = t.prefix+"*", after
		} else {
			break
		}
	}
	if dot := strings.LastIndexByte(rest, '.'); dot >= 0 {
		t.path, rest = rest[:dot], rest[dot+1:]
	}
	t.name = rest
	return t
}

// in writes the type with the names that import paths have.
func (t goType) in(names map[string]string) string {
	if t.path == "" {
		return t.prefix + t.name
	}
	return t.prefix + names[t.path] + "." + t.name
}
