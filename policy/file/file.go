package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

const (
	// maxSize bounds a file, in bytes. One with 500 classes has some 200 KB.
	maxSize = 1 << 20
	// maxDepth bounds how deep collections are inside each other. The deepest place
	// of a policy is a tag of a table of a class: 6.
	maxDepth = 32
)

// Load reads the file at path. The name of the file in errors is that of the path's
// last element. An error that is not one of the file's content is from package os.
// See [Parse].
func Load(path string) (*policy.Policy, *Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	// One byte more tells a file that is too large from one that just fits.
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, nil, err
	}
	return Parse(filepath.Base(path), data)
}

// Parse reads a file, in YAML or in JSON, of at most 1 MiB. All its mistakes are
// reported at once, as [*Errors]; name is what they call the file. There is no
// policy then, but there is an Index of what was found, unless the file is not YAML
// at all.
func Parse(name string, data []byte) (*policy.Policy, *Index, error) {
	root, index, err := load(name, data)
	if err != nil {
		return nil, nil, err
	}
	d := &decoder{index: index}
	p := &policy.Policy{}
	d.fields("", root, policyFields(p))
	if root.Kind == yaml.MappingNode {
		d.ignores(root, p)
		d.validate(p)
	}
	if len(d.mistakes) > 0 {
		return nil, index, index.sorted(d.mistakes, d.more)
	}
	return p, index, nil
}

// fielded is a mistake that [policy.Policy.Validate] has found.
type fielded interface {
	error
	Field() string
	Message() string
	Mend() string
}

// validate adds what is wrong with the policy by itself. What was not read has been
// reported already, and is not told again to be missing.
func (d *decoder) validate(p *policy.Policy) {
	unread := map[string]bool{}
	for _, e := range d.mistakes {
		unread[e.Field] = true
	}
	for _, err := range errorsIn(p.Validate()) {
		var e fielded
		if len(d.mistakes) == maxKept {
			d.more++
		} else if !errors.As(err, &e) {
			d.keep(d.index.at(Position{1, 1}, err.Error(), ""))
		} else if !d.follows(e.Field(), unread) {
			at := d.index.at(d.index.Position(e.Field()), e.Message(), e.Mend())
			at.Field = e.Field()
			d.keep(at)
		}
	}
}

// follows tells whether a mistake at path may come from one in a field that could
// not be read: that field itself, one below it, or, if path misses something, one
// beside it, whose key may be misspelt. The name of a class, profile or route is
// wrong by itself.
func (d *decoder) follows(path string, unread map[string]bool) bool {
	if unread["profiles"] && strings.HasSuffix(path, ".profile") || unread["classes"] && strings.HasSuffix(path, ".class") {
		return true
	}
	parent := field.Parent(path)
	if parent == "profiles" || parent == "classes" || parent == "routes" {
		return false
	}
	beside := path
	if !d.index.Has(path) {
		beside = parent
	}
	for other := range unread {
		if beside != "" && field.Within(other, beside) {
			return true
		}
	}
	return false
}

// errorsIn returns the errors that were joined.
func errorsIn(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// load parses YAML into nodes.
func load(name string, data []byte) (*yaml.Node, *Index, error) {
	if len(data) > maxSize {
		e := &Error{File: name, Message: fmt.Sprintf("the file is larger than %d KiB", maxSize>>10), Mend: "write one policy for each service"}
		return nil, nil, &Errors{List: []*Error{e}}
	}
	data = []byte(strings.TrimPrefix(string(data), "\uFEFF"))
	index := newIndex(name, data)
	if e := index.unreadable(data); e != nil {
		return nil, nil, index.only(e)
	}
	var documents []yaml.Node
	err := yaml.Load(data, &documents, yaml.WithAllDocuments(), yaml.WithUniqueKeys(false),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, nil, index.only(index.syntax(err))
	}
	if e := index.unlike(documents); e != nil {
		return nil, nil, index.only(e)
	}
	root := documents[0].Content[0]
	index.hideSecrets(root)
	return root, index, nil
}
