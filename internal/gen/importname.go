package gen

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// own are the packages that generated code uses by itself, with the names that
// they have there.
//
// A user's type from one of them, such as time.Time, has that name, and needs no second
// import.
var own = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "math": "math", "net/url": "url",
	"slices": "slices", "strconv": "strconv", "strings": "strings", "time": "time", "maps": "maps",
	larderPath: "larder", httpcachePath: "httpcache", outboxPath: "outbox",
}

// The import paths of Larder's packages.
const (
	larderPath    = "github.com/larderdev/larder"
	httpcachePath = larderPath + "/httpcache"
	outboxPath    = larderPath + "/outbox"
)

// locals are the names that mean something in generated functions: a package that
// was called so would be hidden by them, or hide them.
var locals = []string{
	"c", "cache", "class", "ctx", "err", "errs", "key", "keys", "l", "loader", "loaders", "name",
	"option", "options", "value",
}

// importNames gives each import path the name by which generated code knows it:
// its last element; with the one before it where two have the same; and with a
// number where that does not help either.
//
// Which names come out depends on the set of paths alone, and not on their order.
func importNames(paths []string) map[string]string {
	given := map[string]string{}
	taken := map[string]bool{}
	// All of them are taken, also those that this file does not need: a type keeps its
	// name when the policy gets a class that needs one.
	for path, name := range own {
		taken[name] = true
		if slices.Contains(paths, path) {
			given[path] = name
		}
	}
	for _, name := range locals {
		taken[name] = true
	}
	bases := map[string]int{}
	rest := map[string]bool{}
	for _, path := range paths {
		if _, done := given[path]; !done && !rest[path] {
			rest[path] = true
			bases[lastName(path, 1)]++
		}
	}
	for _, path := range slices.Sorted(maps.Keys(rest)) {
		name := lastName(path, 1)
		if bases[name] > 1 || unusable(name, taken) {
			name = lastName(path, 2)
		}
		for n, stem := 2, name; unusable(name, taken); n++ {
			name = fmt.Sprint(stem, n)
		}
		taken[name], given[path] = true, name
	}
	return given
}

// unusable tells whether an import cannot have the name.
// A predeclared identifier would compile, and hide what all code around it means by it.
func unusable(name string, taken map[string]bool) bool {
	return taken[name] || token.IsKeyword(name) || predeclared[name]
}

// lastName makes a package name of the last elements of an import path. The
// version of a module is no element.
// It need not be what the package calls itself, since the import names it.
func lastName(path string, elements int) string {
	parts := strings.Split(path, "/")
	if last := len(parts) - 1; last > 0 && isVersion(parts[last]) {
		parts = parts[:last]
	}
	text := strings.Join(parts[max(len(parts)-elements, 0):], "")
	text = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(text))
	if text == "" || text[0] <= '9' {
		text = "pkg" + text
	}
	return text
}

// isVersion tells whether an element is that of a major version, as in
// example.com/x/v3.
func isVersion(element string) bool {
	digits, ok := strings.CutPrefix(element, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// predeclared are the identifiers that mean something everywhere.
var predeclared = func() map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(`any append bool byte cap clear close comparable complex complex128 complex64 copy
		delete error false float32 float64 imag int int16 int32 int64 int8 iota len make max min new nil panic print println
		real recover rune string true uint uint16 uint32 uint64 uint8 uintptr`) {
		set[name] = true
	}
	return set
}()
