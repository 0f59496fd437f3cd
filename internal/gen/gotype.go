package gen

import (
	"fmt"
	"strings"
)

// goType is a parsed Go type: what stands before its name, where that comes from,
// and the name.
type goType struct {
	prefix string // "", "*", "[]", "[]*", …
	path   string // import path; "" of a basic type
	name   string
}

// basics are the basic types that a value may have. Those that a key may have are
// true.
var basics = map[string]bool{
	"string": true, "bool": true, "byte": true, "rune": true,
	"int": true, "int8": true, "int16": true, "int32": true, "int64": true,
	"uint": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
	"float32": false, "float64": false,
}

// parseType reads a Go type as policies have it: a basic type, or an import path,
// a dot and a name; "*" and "[]" may stand before it. Policies have been checked
// for anything else.
func parseType(text string) (goType, error) {
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
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		if _, known := basics[rest]; !known {
			return t, fmt.Errorf("type %q is no basic type", text)
		}
		t.name = rest
		return t, nil
	}
	t.path, t.name = rest[:dot], rest[dot+1:]
	if t.path == "unsafe" || t.path == "C" {
		return t, fmt.Errorf("type %q: values of package %s cannot be cached", text, t.path)
	}
	return t, nil
}

// checkKey tells whether keys may have the type.
func (t goType) checkKey() error {
	if t.path == "" && !basics[t.name] {
		return fmt.Errorf("keys of type %s have no exact text: want an integer, a string or parts", t.name)
	}
	return nil
}

// in writes the type with the names that import paths have.
func (t goType) in(names map[string]string) string {
	if t.path == "" {
		return t.prefix + t.name
	}
	return t.prefix + names[t.path] + "." + t.name
}
