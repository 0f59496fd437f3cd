package cli

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/file"
)

// typeFinder looks for Go types where the policy says that they are. It only reads what
// lies in the module of the policy, and does not run the go command: what it cannot
// decide is left to the compiler.
type typeFinder struct {
	root, module string              // the folder with go.mod, and the path in it; "": there is none
	types        map[string][]string // exported types by folder; nil: nobody can tell
}

// newTypeFinder looks for the module that a folder is in.
// Without a go.mod above it nothing can be told, and nothing is missing.
func newTypeFinder(dir string) *typeFinder {
	f := &typeFinder{types: map[string][]string{}}
	from, err := filepath.Abs(dir)
	if err != nil {
		return f
	}
	for ; ; from = filepath.Dir(from) {
		if data, err := os.ReadFile(filepath.Join(from, "go.mod")); err == nil {
			f.root, f.module = from, modulePath(string(data))
			return f
		}
		if from == filepath.Dir(from) {
			return f
		}
	}
}

// modulePath returns what a go.mod says that its module is called.
// Of the file nothing else is wanted, and package modfile would be a dependency of the
// command for one line.
func modulePath(text string) string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		if words := strings.Fields(line); len(words) == 2 && words[0] == "module" {
			return strings.Trim(words[1], "\"`")
		}
	}
	return ""
}

// missing returns the folder in which a type of a policy should be and is not, and the
// types that are there. Nothing is missing where that cannot be told.
func (f *typeFinder) missing(written string) (name, folder string, there []string) {
	written = strings.TrimLeft(written, "*[]")
	dot := strings.LastIndexByte(written, '.')
	if dot < 0 || f.module == "" {
		return "", "", nil
	}
	path, name := written[:dot], written[dot+1:]
	rest, ok := strings.CutPrefix(path+"/", f.module+"/")
	if !ok {
		return "", "", nil
	}
	dir := filepath.Join(f.root, filepath.FromSlash(rest))
	all, known := f.types[dir]
	if !known {
		all = f.exported(dir)
		f.types[dir] = all
	}
	if all == nil || slices.Contains(all, name) {
		return "", "", nil
	}
	return name, "./" + strings.TrimSuffix(rest, "/"), all
}

// exported returns the exported types of a package; nil if it is not there, is in
// another module or cannot be read. Files count whatever they are built for.
func (f *typeFinder) exported(dir string) []string {
	// A folder with a go.mod of its own between is another module, whatever its path
	// says.
	for at := dir; at != f.root; at = filepath.Dir(at) {
		if exists(filepath.Join(at, "go.mod")) {
			return nil
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil
	}
	all := []string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		// A file that does not parse may be the one that declares the type.
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil
		}
		for _, d := range parsed.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, s := range g.Specs {
					if t, ok := s.(*ast.TypeSpec); ok && t.Name.IsExported() {
						all = append(all, t.Name.Name)
					}
				}
			}
		}
	}
	return all
}

// checkTypes reports the types of classes that are not where the policy says.
// A slip in a name is found here with its line in the policy; the compiler would name a
// line of the generated code.
func (l *loaded) checkTypes() error {
	f := newTypeFinder(filepath.Dir(l.path))
	var errs []error
	for _, class := range sortedNames(l.Classes) {
		c := l.Classes[class]
		for _, t := range []struct{ key, written string }{{"key", c.Key.Type}, {"type", c.Type}} {
			name, folder, there := f.missing(t.written)
			if name == "" {
				continue
			}
			mend := "write it there, or name another"
			if near := nearest.Name(name, there); near != "" {
				mend = "did you mean " + near + "?"
			}
			errs = append(errs, l.index.Error(file.Path("classes", class, t.key), fmt.Sprintf("class %s: no type %s in %s", class, name, folder), mend))
		}
	}
	return errors.Join(errs...)
}
