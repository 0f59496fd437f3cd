package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStrategy goes the whole way: a page as people write it, the policy that init
// reads from it, lint, the code that gen writes, and a service that does what the
// page says.
func TestStrategy(t *testing.T) {
	dir := t.TempDir()
	copyInto(t, dir, "STRATEGY.md", "testdata/strategy/STRATEGY.md")
	copyInto(t, dir, "main.go", "testdata/strategy/main.go.txt")
	module(t, dir)
	for _, args := range [][]string{{"init", "--from", "STRATEGY.md"}, {"lint"}, {"gen"}, {"gen", "--check"}} {
		var out, messages bytes.Buffer
		code := Run(t.Context(), append(args, "-C", dir), os.Getenv, &out, &messages)
		if code != exitOK {
			t.Fatalf("larder %v: exit code %d\n%s%s", args, code, &out, &messages)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go run: %v\n%s", err, out)
	}
}

func copyInto(t *testing.T, dir, name, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// module makes dir a module that requires the Larder of this tree, and what that
// requires.
func module(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(data), "module github.com/larderdev/larder", "module example.com/shop", 1) +
		"\nrequire github.com/larderdev/larder v0.0.0-00010101000000-000000000000\n\nreplace github.com/larderdev/larder => " + root + "\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	copyInto(t, dir, "go.sum", filepath.Join(root, "go.sum"))
}
