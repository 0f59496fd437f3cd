package file

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/larderdev/larder/policy"
)

const (
	// maxSize bounds a file, in bytes. One with 500 classes has some 200 KB. All work
	// of this package grows with the size, so that this is its bound, too.
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
	// Of what is no mapping there is nothing to validate: all would be missing.
	if root.Kind == yaml.MappingNode {
		d.ignores(root, p)
		d.validate(p)
	}
	if len(d.mistakes) > 0 {
		return nil, index, index.sorted(d.mistakes, d.more)
	}
	return p, index, nil
}

// load parses YAML into nodes, of which decoders make a policy: values alone would have
// no lines, and their types would be those that the library has guessed.
//
// Keys that are there twice are left to the decoder, which names both lines; the
// library stops at the first. Secrets are hidden before anything has a line to show.
func load(name string, data []byte) (*yaml.Node, *Index, error) {
	if len(data) > maxSize {
		e := &Error{File: name, Message: fmt.Sprintf("the file is larger than %d KiB", maxSize>>10), Mend: "write one policy for each service"}
		return nil, nil, &Errors{List: []*Error{e}}
	}
	// A byte order mark is what some editors put first; it would count as a column.
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	index := newIndex(name, data)
	index.guessSecrets()
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
	index.putTexts(root)
	return root, index, nil
}
