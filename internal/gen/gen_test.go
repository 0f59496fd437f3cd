package gen

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden compares what is generated with what is kept. The packages in testdata
// are what this compares with, so that the tests which they have hold for what is
// generated now.
func TestGolden(t *testing.T) {
	for name, p := range golden() {
		t.Run(name, func(t *testing.T) {
			out, err := Generate(p, "testdata")
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join("testdata", name); out.Dir != want {
				t.Fatalf("the folder is %s, want %s: the case is not where it is looked for", out.Dir, want)
			}
			if *update {
				if _, err := out.Write(); err != nil {
					t.Fatal(err)
				}
			}
			diff, err := out.Diff()
			if err != nil {
				t.Fatal(err)
			}
			if diff != "" {
				t.Errorf("go test -update would change:\n%s", diff)
			}
		})
	}
}

// TestGoldenRuns compiles the packages of testdata and runs their tests. The go
// command keeps what has not changed.
func TestGoldenRuns(t *testing.T) {
	args := []string{"./testdata/shop/catalog"}
	for _, name := range slices.Sorted(maps.Keys(golden())) {
		tests, err := filepath.Glob(filepath.Join("testdata", name, "*_test.go"))
		if err != nil || len(tests) == 0 {
			t.Errorf("%s has no test that runs its code: %v", name, err)
		}
		args = append(args, "./testdata/"+name)
	}
	for _, verb := range []string{"vet", "test"} {
		cmd := exec.CommandContext(t.Context(), "go", append([]string{verb}, args...)...)
		cmd.Env = append(os.Environ(), "GOPROXY=off") // nothing is fetched
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", verb, err, out)
		}
	}
}
