package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReplaceFile keeps the mode, and does not write over what must not be written to.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, policyName)
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	before, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if err := replaceFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" || info.Mode().Perm() != 0o640 {
		t.Errorf("it is %q with mode %v, want new with -rw-r-----", got, info.Mode())
	}
	// Whoever has the file open still sees all that was there: it was not written into.
	old := make([]byte, 9)
	if n, _ := before.Read(old); string(old[:n]) != "old" {
		t.Errorf("who had the file open sees %q, want old", old[:n])
	}
	if err := replaceFile(filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a file that is not there: no error")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files in the folder, %v; want the one", len(left), err)
	}
}
