package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Tree is what the rules look at.
type Tree struct {
	// Dir is the folder of the root module.
	Dir string
	// Module is the path of the root module. The paths of the others begin
	// with it.
	Module string
	// Requires are the direct requirements of the root module.
	Requires []string
	// Packages are the packages of all modules of the workspace, in the order
	// of their paths.
	Packages []*Package
	// Standard has the packages of the standard library that they link.
	Standard map[string]bool
	// Broken says what the go command could not resolve. While there is
	// anything in it, a rule about linked packages may see too little.
	Broken []string
}

// Package is one package with its tests.
type Package struct {
	// Rel is the path below the root module's: "" for the root package,
	// "internal/memory".
	Rel  string
	Name string
	Dir  string
	// Module is the path of the module that holds the package.
	Module string
	// Imports are the direct imports of production code, TestImports those of
	// its tests, Links everything that ends up in a user's binary.
	Imports, TestImports, Links []string
	// Files are all its files, also those for other platforms.
	Files []*File
}

// File is one source file.
type File struct {
	// Name is relative to the tree.
	Name      string
	Test      bool
	Generated bool
	Syntax    *ast.File
	set       *token.FileSet
}

// Line returns the line number of pos.
func (f *File) Line(pos token.Pos) int { return f.set.Position(pos).Line }

// Lines returns how many lines the file has.
func (f *File) Lines() int { return f.set.File(f.Syntax.FileStart).LineCount() }

// Production returns the files that are no tests.
func (p *Package) Production() []*File {
	var files []*File
	for _, f := range p.Files {
		if !f.Test {
			files = append(files, f)
		}
	}
	return files
}

// files returns all files of all packages.
func (t *Tree) files() iter.Seq[*File] {
	return func(yield func(*File) bool) {
		for _, p := range t.Packages {
			for _, f := range p.Files {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// Load reads the tree whose root module is in dir.
func Load(dir string) (*Tree, error) {
	t := &Tree{Dir: dir, Standard: map[string]bool{}}
	if err := t.loadModule(); err != nil {
		return nil, err
	}
	if err := t.loadPackages(); err != nil {
		return nil, err
	}
	for _, p := range t.Packages {
		if err := t.loadFiles(p); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Tree) loadModule() error {
	// The test cache sees what this process looks at, not what the go command
	// it starts does: without this look a changed go.mod might go unnoticed.
	for _, name := range []string{"go.mod", "go.work"} {
		if _, err := os.Stat(filepath.Join(t.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	out, err := t.goCommand("mod", "edit", "-json")
	if err != nil {
		return err
	}
	var mod struct {
		Module  struct{ Path string }
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return err
	}
	t.Module = mod.Module.Path
	for _, r := range mod.Require {
		if !r.Indirect {
			t.Requires = append(t.Requires, r.Path)
		}
	}
	return nil
}

// listed is what "go list" says of a package.
type listed struct {
	Dir, ImportPath, Name              string
	Standard                           bool
	Module                             *struct{ Path string }
	Imports, TestImports, XTestImports []string
	Deps                               []string
	Error                              *struct{ Err string }
}

// loadPackages asks for "work", all packages of all modules of the workspace,
// and for everything that they link.
func (t *Tree) loadPackages() error {
	out, err := t.goCommand("list", "-e", "-deps",
		"-json=Dir,ImportPath,Name,Standard,Module,Imports,TestImports,XTestImports,Deps,Error", "work")
	if err != nil {
		return err
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if l.Error != nil {
			t.Broken = append(t.Broken, l.ImportPath+": "+l.Error.Err)
		}
		if l.Standard {
			t.Standard[l.ImportPath] = true
		} else if rel, ours := t.rel(l.ImportPath); ours && l.Dir != "" {
			t.Packages = append(t.Packages, &Package{
				Rel: rel, Name: l.Name, Dir: l.Dir, Module: l.Module.Path,
				Imports: l.Imports, TestImports: append(l.TestImports, l.XTestImports...), Links: l.Deps,
			})
		}
	}
}

// rel returns the path of one of our packages below the root module's.
func (t *Tree) rel(importPath string) (rel string, ours bool) {
	if importPath == t.Module {
		return "", true
	}
	return strings.CutPrefix(importPath, t.Module+"/")
}

func (t *Tree) loadFiles(p *Package) error {
	names, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(t.Dir, name)
		if err != nil {
			return err
		}
		p.Files = append(p.Files, &File{
			Name:      filepath.ToSlash(short),
			Test:      strings.HasSuffix(name, "_test.go"),
			Generated: ast.IsGenerated(syntax),
			Syntax:    syntax,
			set:       set,
		})
	}
	return nil
}

// Stray returns the folders with Go files that no module of the workspace
// holds: the tests and the linters never see them.
func (t *Tree) Stray() ([]string, error) {
	known := map[string]bool{}
	for _, p := range t.Packages {
		known[p.Dir] = true
	}
	var stray []string
	err := filepath.WalkDir(t.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if path != t.Dir && (name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_') {
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		if len(files) > 0 && !known[path] {
			short, err := filepath.Rel(t.Dir, path)
			if err != nil {
				return err
			}
			stray = append(stray, filepath.ToSlash(short))
		}
		return err
	})
	return stray, err
}

// goCommand runs the go command in the tree and returns what it printed.
func (t *Tree) goCommand(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = t.Dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, &stderr)
	}
	return out, nil
}
