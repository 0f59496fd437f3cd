package layout

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The budgets of the house style.
const (
	maxFileLines     = 600
	maxTestFileLines = 800
	maxFunctionLines = 100
	p90FunctionLines = 35
	maxRootExports   = 60
	maxExports       = 30
	// maxContract is for package store, of which each operation, kind and
	// status of the contract is a name; see decision 010.
	maxContract = 45
)

// emptyNames say nothing about what is inside.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "type", "types", "base"}

func packageNames(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		if slices.Contains(emptyNames, p.Name) || slices.Contains(emptyNames, path.Base(p.Rel)) {
			found = append(found, fmt.Sprintf("%s: package %s", p.place(), p.Name))
		}
	}
	return found
}

func packageComments(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		files := p.Production()
		if len(files) == 0 {
			files = p.Files
		}
		if !slices.ContainsFunc(files, func(f *File) bool { return f.Syntax.Doc.Text() != "" }) {
			found = append(found, p.place()+": no package comment")
		}
	}
	return found
}

// exported is a package-level name that users see.
type exported struct {
	name       string
	file       *File
	line       int
	documented bool
}

// exports returns the package-level names of p. A file for another platform
// may repeat a name.
func (p *Package) exports() []exported {
	if p.Name == "main" {
		return nil
	}
	var all []exported
	for _, f := range p.Production() {
		add := func(id *ast.Ident, documented bool) {
			if id.IsExported() {
				all = append(all, exported{id.Name, f, f.Line(id.Pos()), documented})
			}
		}
		for _, decl := range f.Syntax.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name, d.Doc != nil)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					ids, documented := specNames(spec)
					for _, id := range ids {
						add(id, documented || d.Doc != nil)
					}
				}
			}
		}
	}
	return all
}

// specNames returns the names that one line of a declaration declares.
func specNames(spec ast.Spec) (ids []*ast.Ident, documented bool) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{s.Name}, s.Doc != nil || s.Comment != nil
	case *ast.ValueSpec:
		return s.Names, s.Doc != nil || s.Comment != nil
	}
	return nil, false
}

func exportCount(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		names := map[string]bool{}
		for _, e := range p.exports() {
			names[e.name] = true
		}
		limit := maxExports
		switch p.Rel {
		case "":
			limit = maxRootExports
		case "store":
			limit = maxContract
		}
		if len(names) > limit {
			found = append(found, fmt.Sprintf("%s: exports %d names, at most %d", p.place(), len(names), limit))
		}
	}
	return found
}

func exportDocs(t *Tree) []string {
	var found []string
	for _, p := range t.Packages {
		for _, e := range p.exports() {
			if !e.documented {
				found = append(found, fmt.Sprintf("%s:%d: %s has no comment", e.file.Name, e.line, e.name))
			}
		}
	}
	return found
}

// functionLength holds every function of production code to the maximum, and
// nine in ten of them to less.
func functionLength(t *Tree) []string {
	var found []string
	var lengths []int
	for f := range t.files() {
		if f.Test {
			continue
		}
		for _, fn := range f.functions() {
			line := f.Line(fn.Pos())
			length := f.Line(fn.End()) - line + 1
			lengths = append(lengths, length)
			if length > maxFunctionLines {
				found = append(found, fmt.Sprintf("%s:%d: %s has %d lines, at most %d",
					f.Name, line, fn.Name.Name, length, maxFunctionLines))
			}
		}
	}
	if len(lengths) == 0 {
		return nil
	}
	slices.Sort(lengths)
	if p90 := lengths[(9*len(lengths)-1)/10]; p90 > p90FunctionLines {
		found = append(found, fmt.Sprintf("all: one in ten functions has %d lines or more, at most %d", p90, p90FunctionLines))
	}
	return found
}

// functions returns the functions and methods of the file, none if no person
// wrote it.
func (f *File) functions() []*ast.FuncDecl {
	var fns []*ast.FuncDecl
	for _, decl := range f.Syntax.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && !f.Generated {
			fns = append(fns, fn)
		}
	}
	return fns
}

func fileLength(t *Tree) []string {
	var found []string
	for f := range t.files() {
		limit := maxFileLines
		if f.Test {
			limit = maxTestFileLines
		}
		if n := f.Lines(); n > limit && !f.Generated {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d", f.Name, n, limit))
		}
	}
	return found
}

func noInit(t *Tree) []string {
	var found []string
	for f := range t.files() {
		for _, fn := range f.functions() {
			if fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, fmt.Sprintf("%s:%d: func init", f.Name, f.Line(fn.Pos())))
			}
		}
	}
	return found
}

// noSleep: outside a bubble a sleep is a guess about the machine. A file that
// uses testing/synctest sleeps in fake time.
func noSleep(t *Tree) []string {
	var found []string
	for f := range t.files() {
		clock := f.imports("time")
		if !f.Test || clock == "" || f.imports("testing/synctest") != "" {
			continue
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == clock {
					found = append(found, fmt.Sprintf("%s:%d: time.Sleep", f.Name, f.Line(n.Pos())))
				}
			}
			return true
		})
	}
	return found
}

// imports returns the name by which the file knows an import, "" if it does
// not import it.
func (f *File) imports(importPath string) string {
	for _, spec := range f.Syntax.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// leftover is how a comment begins that promises work instead of explaining.
var leftover = regexp.MustCompile(`^(//|/\*)\s*(TODO|FIXME|XXX)\b`)

func noLeftovers(t *Tree) []string {
	var found []string
	for f := range t.files() {
		for _, group := range f.Syntax.Comments {
			for _, c := range group.List {
				if leftover.MatchString(c.Text) {
					found = append(found, fmt.Sprintf("%s:%d: %s", f.Name, f.Line(c.Pos()), c.Text))
				}
			}
		}
	}
	return found
}
