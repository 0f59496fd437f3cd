// Package goschema finds the schema of a Go type from its source: the number by
// which package larder tells stored values of one type from those of another.
//
//	"[]example.com/shop.Hit" ──go list -export──▶ go/types ──describe──▶ FNV-1a, 64 bits
//
// # Model
//
// A running program finds the number by reflection, which a command cannot: it
// does not have the type. It has the export data that the go command makes of the
// package, and describes the type in the same words: kind, fields, their tags, and
// the names of types where reflection would write them.
//
// # Invariants
//
//   - What cannot be described in the same words, as an instance of a generic type
//     that is there twice, is an error and not another number.
//   - The codec is JSON. A program that sets Loader.Codec has other numbers.
package goschema

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Of returns the schema of a type, which is written as in larder.yaml: a basic
// type, or an import path, a dot and a name; "*" and "[]" may stand before it. dir
// is a folder of the module that the path belongs to; tagged says that values of
// the class carry tags. It runs the go command.
// The order of the words, and the hash, are those of package larder.
func Of(ctx context.Context, dir, written string, tagged bool) (uint64, error) {
	t, err := find(ctx, dir, written)
	if err != nil {
		return 0, err
	}
	d := &description{}
	d.WriteString("json")
	if tagged {
		d.WriteString("|tagged")
	}
	if err := d.describe(t); err != nil {
		return 0, fmt.Errorf("type %s: %w", written, err)
	}
	h := fnv.New64a()
	_, _ = io.WriteString(h, d.String()) // a hash takes all
	return h.Sum64(), nil
}

// find returns a type.
// Of a basic type nothing has to be built: any and error are found here, too.
func find(ctx context.Context, dir, written string) (types.Type, error) {
	if rest, ok := strings.CutPrefix(written, "*"); ok {
		elem, err := find(ctx, dir, rest)
		if err != nil {
			return nil, err
		}
		return types.NewPointer(elem), nil
	}
	if rest, ok := strings.CutPrefix(written, "[]"); ok {
		elem, err := find(ctx, dir, rest)
		if err != nil {
			return nil, err
		}
		return types.NewSlice(elem), nil
	}
	dot := strings.LastIndexByte(written, '.')
	if dot < 0 {
		if name, ok := types.Universe.Lookup(written).(*types.TypeName); ok {
			return name.Type(), nil
		}
		return nil, fmt.Errorf("%q is no basic type", written)
	}
	return load(ctx, dir, written[:dot], written[dot+1:])
}

// load returns a type of a package.
// It reads what the compiler has written, and not the source: build tags, generated
// files and cgo are then as in the program.
func load(ctx context.Context, dir, path, name string) (types.Type, error) {
	files, err := exports(ctx, dir, path)
	if err != nil {
		return nil, err
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		file, ok := files[path]
		if !ok {
			return nil, fmt.Errorf("the go command has no export data of %s", path)
		}
		return os.Open(file)
	})
	pkg, err := imports.Import(path)
	if err != nil {
		return nil, err
	}
	object, ok := pkg.Scope().Lookup(name).(*types.TypeName)
	if !ok {
		return nil, fmt.Errorf("package %s has no type %s", path, name)
	}
	return object.Type(), nil
}

// exports returns the files with the export data of a package and of all that it
// imports.
// The go command compiles what is not in its cache yet, which may take as long as a
// build; it ends with ctx. Behind "--" a path cannot be taken for a flag.
func exports(ctx context.Context, dir, path string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps", "-json=ImportPath,Export", "--", path)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		if text := strings.TrimSpace(errs.String()); text != "" {
			err = errors.New(text)
		}
		return nil, fmt.Errorf("go list %s: %w", path, err)
	}
	files := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		switch err := dec.Decode(&p); {
		case err == io.EOF:
			return files, nil
		case err != nil:
			return nil, fmt.Errorf("go list %s: %w", path, err)
		}
		if p.Export != "" {
			files[p.ImportPath] = p.Export
		}
	}
}
