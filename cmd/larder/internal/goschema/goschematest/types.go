// Package goschematest has types for the tests of package goschema: one for each
// way in which a type can be put together.
package goschematest

import (
	"net/netip"
	"time"
)

// Price is a basic type with a name.
type Price int64

// Kind is a string with a name.
type Kind string

// Labels is a map with a name.
type Labels map[Kind][]string

// Alias is another name of Product.
type Alias = Product

// Base is embedded.
type Base struct {
	ID      int64 `json:"id"`
	secret  [4]byte
	Created time.Time
}

// Secret returns what no codec sees.
func (b Base) Secret() [4]byte { return b.secret }

// Product has fields of every kind.
type Product struct {
	Base
	Name     string  `json:"name,omitempty"`
	Price    Price   `json:"price"`
	Was      *Price  `json:"was"`
	Ratio    float64 `json:"-"`
	Kinds    []Kind
	Labels   Labels
	Raw      []byte
	Runes    []rune
	Any      any
	Anything interface{}
	Problem  error
	Parent   *Product
	Related  []*Product
	ByName   map[string]*Product
	Twice    []string
	Again    []string
	Grid     [2][3]int
	Other    [2][3]int
	Inner    struct {
		A int `json:"x"`
	}
	Addr netip.Addr
	Same *Alias
	Bit  bool
	C    complex128
}

// Pair is generic.
type Pair[A, B any] struct {
	First  A
	Second B
}

// Once has an instance of a generic type, once.
type Once struct{ P Pair[int, string] }

// Twice has one that is there twice, whose name source and program do not share.
type Twice struct{ P, Q Pair[int, string] }
