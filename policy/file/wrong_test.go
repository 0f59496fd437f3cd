package file

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is said of the files in testdata/wrong")

// TestParse_Wrong reads wrong files, and compares what is said of each with the
// text beside it.
func TestParse_Wrong(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 60 {
		t.Fatalf("%d wrong files, want 60", len(files))
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := Parse("larder.yaml", data)
			if err == nil || p != nil {
				t.Fatalf("read as %+v, error %v", p, err)
			}
			checkErrors(t, data, err)
			var all *Errors
			errors.As(err, &all)
			for _, e := range all.List {
				if e.Line == 0 || e.Mend == "" {
					t.Errorf("%q has no line or no mend", e.Error())
				}
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

// golden compares a text with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
