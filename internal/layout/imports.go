package layout

import (
	"fmt"
	"slices"
	"strings"
)

// Libraries that rules name. A path stands for itself and all below it.
var (
	otter       = []string{"github.com/maypok86/otter"}
	rueidis     = []string{"github.com/redis/rueidis"}
	yaml        = []string{"gopkg.in/yaml.v2", "gopkg.in/yaml.v3", "go.yaml.in/yaml", "github.com/goccy/go-yaml", "sigs.k8s.io/yaml"}
	compression = []string{"github.com/klauspost/compress"}
	httpFields  = []string{"github.com/dunglas/httpsfv"}
	testHelpers = []string{"github.com/google/go-cmp", "pgregory.net/rapid", "github.com/anishathalye/porcupine"}
	database    = []string{
		"database/sql", "github.com/jackc/pgx", "github.com/lib/pq", "github.com/go-sql-driver/mysql",
		"modernc.org/sqlite", "github.com/mattn/go-sqlite3",
	}
)

// within tells whether an import path is one of paths or below one.
func within(importPath string, paths ...string) bool {
	return slices.ContainsFunc(paths, func(path string) bool {
		return importPath == path || strings.HasPrefix(importPath, path+"/")
	})
}

// own returns the import paths of folders of the root module.
func (t *Tree) own(rels ...string) []string {
	paths := make([]string, len(rels))
	for i, rel := range rels {
		paths[i] = t.Module + "/" + rel
	}
	return paths
}

// findImports reports the imports of p that are wrong. What lies below one
// that was reported goes without saying.
func findImports(p *Package, imports []string, verb string, wrong func(string) bool) []string {
	var found, said []string
	for _, path := range slices.Sorted(slices.Values(imports)) {
		if wrong(path) && !within(path, said...) {
			said = append(said, path)
			found = append(found, fmt.Sprintf("%s: %s %s", p.place(), verb, path))
		}
	}
	return found
}

// place names the package in a finding.
func (p *Package) place() string {
	if p.Rel == "" {
		return "."
	}
	return p.Rel
}

// rootLinks: who imports larder alone must not link Redis, YAML or a CDN.
func rootLinks(t *Tree) []string {
	banned := slices.Concat([]string{"net/http"}, rueidis, yaml, database,
		t.own("redisstore", "outbox", "purge", "edge", "httpcache", "policy"))
	var found []string
	for _, p := range t.Packages {
		if p.Rel == "" {
			found = append(found, findImports(p, p.Links, "links", func(path string) bool { return within(path, banned...) })...)
		}
	}
	return found
}

// otterOnce: the memory tier can be replaced while one package knows what is
// behind it. The benchmarks, a module of their own, compare with otter itself.
func otterOnce(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		if p.Module == t.Module && p.Rel != "internal/memory" {
			imports := slices.Concat(p.Imports, p.TestImports)
			found = append(found, findImports(p, imports, "imports", func(path string) bool { return within(path, otter...) })...)
		}
	}
	return found
}

// storeAlone: somebody who writes a store of their own needs nothing else.
func storeAlone(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		if p.Rel == "store" {
			found = append(found, findImports(p, p.Imports, "imports", func(path string) bool { return !t.Standard[path] })...)
		}
	}
	return found
}

// cacheUnknown: headers, purges and policies are of use without the cache.
func cacheUnknown(t *Tree) []string {
	memory := t.own("internal/memory")[0]
	var found []string
	for _, p := range t.Packages {
		if within(p.Rel, "httpcache", "purge", "policy") {
			found = append(found, findImports(p, p.Links, "links", func(path string) bool {
				return path == t.Module || path == memory
			})...)
		}
	}
	return found
}

// edgeAlone: an HTTP cache is of use without the typed one, and needs only its
// memory.
func edgeAlone(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		if within(p.Rel, "edge") {
			found = append(found, findImports(p, p.Links, "links", func(path string) bool { return path == t.Module })...)
		}
	}
	return found
}

// noTestHelpers: a helper that production code links is in every user's
// binary, flags and all.
func noTestHelpers(t *Tree) []string {
	banned := slices.Concat([]string{"testing"}, testHelpers, t.own("lardertest"))
	var found []string
	for _, p := range t.Packages {
		if p.helpsTests() || p.Module == t.own("bench")[0] { // benchmarks are timed by package testing
			continue
		}
		found = append(found, findImports(p, p.Links, "links", func(path string) bool { return within(path, banned...) })...)
	}
	return found
}

// helpsTests tells whether the package is there for tests only.
func (p *Package) helpsTests() bool {
	return p.Rel == "lardertest" || p.Rel == "purge/purgetest" ||
		slices.Contains(strings.Split(p.Rel, "/"), "internal") && strings.HasSuffix(p.Rel, "test")
}

// requirements: each of these was chosen, the others need a decision record
// and a line here.
func requirements(t *Tree) []string {
	allowed := slices.Concat(otter, rueidis, yaml, compression, httpFields, testHelpers)
	var found, yamls []string
	for _, path := range t.Requires {
		if !within(path, allowed...) {
			found = append(found, "go.mod: requires "+path)
		}
		if within(path, yaml...) {
			yamls = append(yamls, path)
		}
	}
	if len(yamls) > 1 {
		found = append(found, "go.mod: more than one YAML library: "+strings.Join(yamls, ", "))
	}
	return found
}
