package gen

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// initialisms are words that Go writes in capitals, in small letters.
var initialisms = map[string]string{
	"acl": "ACL", "api": "API", "apis": "APIs", "ascii": "ASCII", "cdn": "CDN", "cpu": "CPU", "css": "CSS", "csv": "CSV",
	"dns": "DNS", "eof": "EOF", "grpc": "GRPC", "guid": "GUID", "html": "HTML", "http": "HTTP", "https": "HTTPS",
	"id": "ID", "ids": "IDs", "ip": "IP", "ips": "IPs", "json": "JSON", "jwt": "JWT", "lhs": "LHS", "pdf": "PDF",
	"qps": "QPS", "ram": "RAM", "rhs": "RHS", "rpc": "RPC", "sla": "SLA", "smtp": "SMTP", "sql": "SQL", "ssh": "SSH",
	"tcp": "TCP", "tls": "TLS", "ttl": "TTL", "udp": "UDP", "ui": "UI", "uid": "UID", "uri": "URI", "uris": "URIs",
	"url": "URL", "urls": "URLs", "utf8": "UTF8", "uuid": "UUID", "uuids": "UUIDs", "vm": "VM", "xml": "XML",
}

// goName makes the exported Go name of a name in words: "user-profile" is
// UserProfile, "api.base_url" is APIBaseURL. One that begins with a digit gets a
// prefix, as no Go name begins so.
func goName(name, prefix string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if capitals, ok := initialisms[strings.ToLower(word)]; ok {
			b.WriteString(capitals)
			continue
		}
		runes := []rune(word)
		runes[0] = unicode.ToUpper(runes[0])
		b.WriteString(string(runes))
	}
	text := b.String()
	if text == "" || !unicode.IsLetter([]rune(text)[0]) {
		text = prefix + text
	}
	return text
}

// names are the Go names of one scope, each with what it is for.
type names map[string]string

// take notes that name is for something: "class \"a-b\"". It is an error if the
// name is taken.
func (n names) take(name, what string) error {
	if other, taken := n[name]; taken {
		return fmt.Errorf("%s and %s are both %s in Go: rename one", other, what, name)
	}
	n[name] = what
	return nil
}

// checkPackage tells whether a package may be called so.
func checkPackage(name string) error {
	switch {
	case !token.IsIdentifier(name) || name == "_":
		return fmt.Errorf("go: %q is no name of a package: say one in go.package", name)
	case name == "main" || strings.HasSuffix(name, "_test"):
		return fmt.Errorf("go: a package %q cannot be imported: say another in go.package", name)
	}
	return nil
}

// own are the packages that generated code uses by itself, with the names that
// they have there.
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
func importNames(paths []string) map[string]string {
	given := map[string]string{}
	taken := map[string]bool{}
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
func unusable(name string, taken map[string]bool) bool {
	return taken[name] || token.IsKeyword(name) || predeclared[name]
}

// lastName makes a package name of the last elements of an import path. The
// version of a module is no element.
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
