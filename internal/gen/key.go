package gen

import (
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/goname"
	"github.com/larderdev/larder/policy"
)

// keyType is the struct of a key that has parts.
//
// Keys are structs and not texts that callers put together, so that the same question
// has one spelling.
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
// The policy's reader takes no other type, see package policy.
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
// The code for a kind is only written if there is a part of it: unused functions would
// be found by users' linters.
func (pl *plan) Has(kind string) bool {
	return slices.ContainsFunc(pl.Keys, func(k keyType) bool { return k.Has(kind) })
}

// HasScalar tells whether a key of the plan has a part that is no list.
func (pl *plan) HasScalar() bool {
	return pl.Has("text") || pl.Has("bool") || pl.Has("int") || pl.Has("float")
}

// addKey adds the struct of a class's key.
// Its fields are in the policy's order, which is that of whoever reads the struct.
func (pl *plan) addKey(class, goClass string, parts []policy.KeyPart) {
	k := keyType{Class: class, Go: goClass + "Key"}
	for _, p := range parts {
		k.Parts = append(k.Parts, part{Name: p.Name, Go: goname.Part(p.Name), Type: kinds[p.Type].goType, Kind: kinds[p.Type].kind})
	}
	pl.Keys = append(pl.Keys, k)
}
