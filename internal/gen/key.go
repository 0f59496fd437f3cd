package gen

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
)

// keyType is the struct of a key that has parts.
type keyType struct {
	Class, Go string
	Parts     []part // in the policy's order
}

// part is a field of a key.
type part struct {
	Name, Go string
	Type     string // in Go
	Kind     string // the method that writes and reads it
}

// kinds are the Go type of a part, and the method for it, by the policy's type.
var kinds = map[string]struct{ goType, kind string }{
	"string":   {"string", "text"},
	"bool":     {"bool", "bool"},
	"int64":    {"int64", "int"},
	"float64":  {"float64", "float"},
	"[]string": {"List", "list"},
}

// Sorted returns the parts in the order of their names: that of the key's text,
// which is then the same when the policy gets another order.
func (k keyType) Sorted() []part {
	return slices.SortedFunc(slices.Values(k.Parts), func(a, b part) int { return strings.Compare(a.Name, b.Name) })
}

// Has tells whether the key has a part of the kind.
func (k keyType) Has(kind string) bool {
	return slices.ContainsFunc(k.Parts, func(p part) bool { return p.Kind == kind })
}

// Has tells whether a key of the plan has a part of the kind.
func (pl *plan) Has(kind string) bool {
	return slices.ContainsFunc(pl.Keys, func(k keyType) bool { return k.Has(kind) })
}

// HasScalar tells whether a key of the plan has a part that is no list.
func (pl *plan) HasScalar() bool {
	return pl.Has("text") || pl.Has("bool") || pl.Has("int") || pl.Has("float")
}

// partName is the name of a part: one that stands in a query as it is.
var partName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// addKey adds the struct of a class's key.
func (pl *plan) addKey(class, goClass string, parts []policy.KeyPart) error {
	k := keyType{Class: class, Go: goClass + "Key"}
	var errs []error
	fields := names{"MarshalText": "the method of each key"}
	seen := map[string]bool{}
	for _, p := range parts {
		kind, known := kinds[p.Type]
		switch {
		case !partName.MatchString(p.Name):
			errs = append(errs, fmt.Errorf("key: %q is no name of a part: want letters, digits, _, . and -", p.Name))
			continue
		case seen[p.Name]:
			errs = append(errs, fmt.Errorf("key: part %q is there twice", p.Name))
			continue
		case !known:
			errs = append(errs, fmt.Errorf("key: part %q is of type %q: want string, bool, int64, float64 or []string", p.Name, p.Type))
			continue
		}
		seen[p.Name] = true
		field := part{Name: p.Name, Go: goName(p.Name, "Part"), Type: kind.goType, Kind: kind.kind}
		if err := fields.take(field.Go, fmt.Sprintf("part %q", p.Name)); err != nil {
			errs = append(errs, fmt.Errorf("key: %w", err))
		}
		k.Parts = append(k.Parts, field)
	}
	pl.Keys = append(pl.Keys, k)
	return errors.Join(errs...)
}
