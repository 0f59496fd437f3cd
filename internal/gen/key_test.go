package gen

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
)

// TestKeyKinds: the file with the keys compiles whatever types their parts have, with
// no import and no method that is not used.
func TestKeyKinds(t *testing.T) {
	set := token.NewFileSet()
	std := importer.ForCompiler(set, "source", nil)
	all := slices.Sorted(maps.Keys(kinds))
	for mask := 1; mask < 1<<len(all); mask++ {
		var parts []policy.KeyPart
		for i, kind := range all {
			if mask&(1<<i) != 0 {
				parts = append(parts, policy.KeyPart{Name: "part" + string(rune('a'+i)), Type: kind})
			}
		}
		p := &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{
			"search": {Type: "string", TTL: policy.TTL{Shared: time.Hour}, Key: policy.Key{Parts: parts}},
		}}
		files := generate(t, p, "").Files
		at := slices.IndexFunc(files, func(f File) bool { return f.Name == "keys_gen.go" })
		syntax, err := parser.ParseFile(set, "keys_gen.go", files[at].Data, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%v: %v", parts, err)
		}
		info := types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
		config := types.Config{Importer: std}
		if _, err := config.Check("caches", set, []*ast.File{syntax}, &info); err != nil {
			t.Errorf("%v: %v", parts, err)
		}
		used := map[types.Object]bool{}
		for _, object := range info.Uses {
			used[object] = true
		}
		for name, object := range info.Defs {
			if f, ok := object.(*types.Func); ok && !name.IsExported() && !used[f] {
				t.Errorf("%v: nobody calls %s", parts, strings.TrimPrefix(f.FullName(), "caches."))
			}
		}
	}
}

// TestKeyText_OrderOfParts: the text of a key does not depend on the order in which
// the policy has its parts, which is what larder diff says.
func TestKeyText_OrderOfParts(t *testing.T) {
	q, page := policy.KeyPart{Name: "q", Type: "string"}, policy.KeyPart{Name: "page", Type: "int64"}
	var texts []string
	for _, parts := range [][]policy.KeyPart{{q, page}, {page, q}} {
		p := &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{
			"search": {Type: "string", TTL: policy.TTL{Shared: time.Hour}, Key: policy.Key{Parts: parts}},
		}}
		files := generate(t, p, "").Files
		at := slices.IndexFunc(files, func(f File) bool { return f.Name == "keys_gen.go" })
		_, body, _ := strings.Cut(string(files[at].Data), "MarshalText() ([]byte, error) {")
		body, _, _ = strings.Cut(body, "\n}\n")
		texts = append(texts, body)
	}
	if texts[0] != texts[1] || !strings.Contains(texts[0], `t.text("q", k.Q)`) {
		t.Errorf("the key is written as\n%s\nand, with its parts in another order, as\n%s", texts[0], texts[1])
	}
}
