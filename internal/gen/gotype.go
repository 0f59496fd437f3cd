package gen

import (
	"errors"
	"fmt"
	"go/token"
	"regexp"
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
	"float32": false, "float64": false, "any": false,
}

// importPath is what the go command takes for one.
var importPath = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*$`)

// parseType reads a Go type as policies have it: a basic type, or an import path,
// a dot and a name; "*" and "[]" may stand before it.
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
	if dot <= strings.LastIndexByte(rest, '/') {
		if _, known := basics[rest]; !known {
			return t, fmt.Errorf("type %q is no basic type, and names no package: want an import path, a dot and a name, such as example.com/shop/catalog.Product", text)
		}
		t.name = rest
		return t, nil
	}
	t.path, t.name = rest[:dot], rest[dot+1:]
	switch {
	case !importPath.MatchString(t.path):
		return t, fmt.Errorf("type %q: %q is no import path", text, t.path)
	case !token.IsIdentifier(t.name):
		return t, fmt.Errorf("type %q: %q is no name of a type; instances of generic types need a name of their own", text, t.name)
	case !token.IsExported(t.name):
		return t, fmt.Errorf("type %q: %s is not exported, so that another package cannot use it", text, t.name)
	case t.path == "C" || t.path == "unsafe":
		return t, fmt.Errorf("type %q: values of package %s cannot be cached", text, t.path)
	}
	return t, nil
}

// checkKey tells whether keys may have the type.
func (t goType) checkKey() error {
	switch {
	case t.prefix != "":
		return fmt.Errorf("keys of type %s cannot be compared by what they hold: want a plain type, or parts", t.prefix+t.name)
	case t.path == "" && !basics[t.name]:
		return errors.New("keys of type " + t.name + " have no exact text: want an integer or a string")
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
