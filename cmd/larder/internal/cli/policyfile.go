package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/larderdev/larder/internal/plaintext"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/policy/lint"
)

// policyName is the name of the file that is looked for.
const policyName = "larder.yaml"

// loaded is a policy, and where it is from.
type loaded struct {
	*policy.Policy
	path  string // for the operating system
	data  []byte // what is in it, which a pipe gives once
	index *file.Index
}

// at returns a path that is relative to the folder of --dir.
func (a *app) at(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}

// findPolicy returns the path of the policy file: that of --policy, or else the
// next larder.yaml from the folder up to the root of its module.
// The module's root is where it ends, as for the go command: a policy of another
// program further up is not meant.
func (a *app) findPolicy() (string, error) {
	if a.policy != "" {
		return a.at(a.policy), nil
	}
	from, err := filepath.Abs(a.dir)
	if err != nil {
		return "", environment("give the folder with -C", err)
	}
	if _, err := os.Stat(from); err != nil {
		return "", environment("give a folder that is there with -C", err)
	}
	for dir := from; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, policyName)) {
			return shorter(filepath.Join(dir, policyName)), nil
		}
		if dir == filepath.Dir(dir) || exists(filepath.Join(dir, "go.mod")) {
			break
		}
	}
	next := "larder init writes one; --policy names another file, -C another folder"
	for _, other := range []string{"larder.yml", "larder.json"} {
		if exists(filepath.Join(from, other)) {
			next = other + " is there: rename it to " + policyName + ", or name it by --policy " + other
		}
	}
	return "", environment(next,
		fmt.Errorf("there is no %s in %s, nor above it up to the module's root", policyName, a.dir))
}

// exists tells whether something has the name. What cannot be looked at counts as
// missing: the one who then opens it says why.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// shorter returns the path relative to where the program runs, if it is below.
// Messages name it often, and whoever reads them can open it as it is written.
func shorter(path string) string {
	if cwd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(cwd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// loadPolicy reads the policy file. Mistakes in it are findings.
func (a *app) loadPolicy() (*loaded, error) {
	path, err := a.findPolicy()
	if err != nil {
		return nil, err
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	p, index, err := parsePolicy(path, data)
	if err != nil {
		return nil, err
	}
	return &loaded{p, path, data, index}, nil
}

// readPolicy reads a file and says what to do about its mistakes.
// It is for larder edge and larder diff too, which read files that --policy does not
// name.
func readPolicy(path string) (*policy.Policy, *file.Index, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, err
	}
	return parsePolicy(path, data)
}

// maxRead is more than a policy may have, in bytes: what is longer is refused, and is not
// read to its end for that.
const maxRead = 2 << 20

// readFile reads what may be a policy.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err == nil {
		defer func() { _ = f.Close() }()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, maxRead)); err == nil {
			return data, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, environment("larder init writes a policy; --policy names the file", err)
	}
	return nil, environment("make the file readable, or name another with --policy", err)
}

// parsePolicy says what to do about the mistakes of a file.
func parsePolicy(path string, data []byte) (*policy.Policy, *file.Index, error) {
	p, index, err := file.Parse(filepath.ToSlash(path), data)
	if err != nil {
		return nil, index, &failure{code: exitFindings, err: fmt.Errorf("%s cannot be used:\n%w", shown(path), err), next: "mend the file; larder lint looks at it again"}
	}
	return p, index, nil
}

// shown is a path as messages have it: with slashes, and in one line.
func shown(path string) string { return plaintext.Line(filepath.ToSlash(path)) }

// source tells where in the file the place of a finding is.
// An error without a text is made for its place alone: the index has no other question.
func (l *loaded) source() lint.Source {
	return func(path string) lint.Place { return place(l.index.Error(path, "", "")) }
}

// place is where a mistake of a file is.
func place(e *file.Error) lint.Place {
	return lint.Place{File: e.File, Line: e.Line, Column: e.Column, Shown: e.Shown, Caret: e.Caret}
}
