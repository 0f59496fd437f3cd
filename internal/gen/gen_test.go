package gen

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
)

var update = flag.Bool("update", false, "write the golden files")

// shop is where the types of the cases are.
const shop = "github.com/larderdev/larder/internal/gen/testdata/shop"

// guide is the page about generated code.
const guide = "../../docs/gen.md"

// golden returns the policies whose code is kept in testdata, by the name of their
// folder: the larder.yaml in it. Those of the cases example and guide are the
// example of the tree and the one in the guide, with types that are there.
func golden(t testing.TB) map[string]*policy.Policy {
	t.Helper()
	files, err := filepath.Glob("testdata/*/larder.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	all := map[string]*policy.Policy{}
	for _, name := range files {
		all[filepath.Base(filepath.Dir(name))] = parse(t, name, readFile(t, name))
	}
	for name, text := range map[string]string{
		"example": readFile(t, "../../larder.example.yaml"),
		"guide":   blocks(t, guide, "yaml")[0],
	} {
		all[name] = parse(t, name, strings.ReplaceAll(text, "example.com/shop/", shop+"/"))
	}
	return all
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks returns the code of a language on a page.
func blocks(t testing.TB, page, language string) []string {
	t.Helper()
	var all []string
	for _, part := range strings.Split(readFile(t, page), "\n```"+language+"\n")[1:] {
		code, _, _ := strings.Cut(part, "```")
		all = append(all, code)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no %s", page, language)
	}
	return all
}

// TestGuide: the Go code of the guide is that of its case, which runs.
func TestGuide(t *testing.T) {
	runs := readFile(t, "testdata/guide/internal/caches/caches_test.go")
	for _, code := range blocks(t, guide, "go") {
		if indented := "\t" + strings.ReplaceAll(strings.TrimSpace(code), "\n", "\n\t"); !strings.Contains(runs, code) && !strings.Contains(runs, indented) {
			t.Errorf("this is not in the case of the guide:\n%s", code)
		}
	}
	text := readFile(t, guide)
	for _, f := range generate(t, golden(t)["example"], "").Files {
		if name := f.Name; !strings.Contains(text, name) {
			t.Errorf("the guide does not tell of %s", name)
		}
	}
}

func parse(t testing.TB, name, text string) *policy.Policy {
	t.Helper()
	p, _, err := file.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// generate generates the code of a policy whose file is in dir.
func generate(t testing.TB, p *policy.Policy, dir string) *Output {
	t.Helper()
	out, err := Generate(p, dir)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGolden compares what is generated with what is kept. The packages in testdata
// are what this compares with, so that the tests which they have hold for what is
// generated now.
func TestGolden(t *testing.T) {
	for name, p := range golden(t) {
		t.Run(name, func(t *testing.T) {
			out := generate(t, p, filepath.Join("testdata", name))
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
	var packages []string
	for _, name := range slices.Sorted(maps.Keys(golden(t))) {
		tested := false
		err := filepath.WalkDir(filepath.Join("testdata", name), func(path string, _ fs.DirEntry, err error) error {
			if strings.HasSuffix(path, "_test.go") && !tested {
				tested, packages = true, append(packages, "./"+filepath.ToSlash(filepath.Dir(path)))
			}
			return err
		})
		if err != nil || !tested {
			t.Errorf("%s has no test that runs its code: %v", name, err)
		}
	}
	for _, verb := range [][]string{{"vet"}, {"test", "-vet=off"}} {
		cmd := exec.CommandContext(t.Context(), "go", append(verb, packages...)...)
		cmd.Env = append(os.Environ(), "GOPROXY=off") // nothing is fetched
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("go %s: %v\n%s", verb[0], err, out)
		}
		if ran := strings.Count(string(out), "ok  \t"); verb[0] == "test" && ran != len(packages) {
			t.Errorf("go test ran %d packages, want %d:\n%s", ran, len(packages), out)
		}
	}
}

// TestNever: what is never cached has no name in the code, and its routes are in the
// tables, of lives and of queries.
func TestNever(t *testing.T) {
	out := generate(t, golden(t)["example"], "")
	for _, f := range out.Files {
		text := strings.ToLower(string(f.Data))
		for _, class := range []string{"checkout", "balance"} {
			if n := strings.Count(text, class); f.Name == "routes_gen.go" && n != 2 || f.Name != "routes_gen.go" && n != 0 {
				t.Errorf("%s: %q is there %d times, want twice in routes_gen.go and nowhere else", f.Name, class, n)
			}
		}
	}
}

// TestErrors: what cannot be code is an error that names the class and the mend.
func TestErrors(t *testing.T) {
	cases, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(cases) < 10 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			text := readFile(t, name)
			var want []string
			for line := range strings.Lines(text) {
				if text, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, strings.TrimSpace(text))
				}
			}
			out, err := Generate(parse(t, name, text), "")
			if err == nil {
				t.Fatalf("%d files, want an error", len(out.Files))
			}
			if len(want) == 0 {
				t.Errorf("%s wants nothing, got %v", name, err)
			}
			for _, text := range want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("got:\n%v\nwant in it:\n%s", err, text)
				}
			}
		})
	}
}

// TestInvalid: a policy that was built in a program is checked as a file is.
func TestInvalid(t *testing.T) {
	if _, err := Generate(nil, ""); err == nil {
		t.Error("no policy: no error")
	}
	p := &policy.Policy{Version: 1, Classes: map[string]policy.Class{"a b": {Type: "string", TTL: policy.TTL{Shared: 1e9}}}}
	_, err := Generate(p, "")
	var mistake interface{ Field() string }
	if !errors.As(err, &mistake) || !strings.Contains(mistake.Field(), "a b") {
		t.Errorf("a class \"a b\": %v, want the field", err)
	}
}

// TestSameBytes: a policy gives the same bytes each time, and its name is nobody's.
func TestSameBytes(t *testing.T) {
	for name, p := range golden(t) {
		first := generate(t, p, "/somewhere")
		for range 5 {
			again := generate(t, golden(t)[name], "/elsewhere")
			for i, f := range first.Files {
				if g := again.Files[i]; f.Name != g.Name || string(f.Data) != string(g.Data) {
					t.Fatalf("%s: %s differs from %s", name, f.Name, g.Name)
				}
				if strings.Contains(string(f.Data), "somewhere") {
					t.Errorf("%s: the folder is in %s", name, f.Name)
				}
			}
		}
	}
}

// TestDescription: whatever is in the sentence of a class, the code is Go, and
// nothing in it acts on a terminal or hides the order of the rest.
func TestDescription(t *testing.T) {
	for _, text := range []string{"a\x00b", "a\x1b[2Jb", "a\uFEFFb", "a\u202Eb\u2066c", "a\u2028b\u0085c", "a\r\nfunc init() {}\n", "*/ a /*", "\n//go:embed x\n"} {
		p := &policy.Policy{Version: 1, Classes: map[string]policy.Class{
			"product": {Description: text, TTL: policy.TTL{Shared: 1e9}, Source: policy.Source{From: "the database"}},
		}}
		out, err := Generate(p, "")
		if err != nil {
			t.Errorf("description %q: %.200v", text, err)
			continue
		}
		for _, f := range out.Files {
			if strings.ContainsAny(string(f.Data), "\x00\x1b\uFEFF\u202E\u2066\u2028\u0085\r") {
				t.Errorf("description %q is in %s as it is", text, f.Name)
			}
			for line := range strings.Lines(string(f.Data)) {
				if strings.HasPrefix(line, "func init") || strings.HasPrefix(strings.TrimSpace(line), "//go:") {
					t.Errorf("description %q: %s has the line %q", text, f.Name, line)
				}
			}
		}
	}
}

// TestErrors_Once: of two tables the one that is right is not blamed for the other,
// and the mistakes of a policy have the same order each time.
func TestErrors_Once(t *testing.T) {
	p := parse(t, "tables", `
version: 1
classes:
  search:
    ttl: 1h
    key: {q: string}
    source: [{table: products, key: "{id}"}, {table: brands, tags: ["brand-{id}"]}]
`)
	if _, err := Generate(p, ""); err == nil || !strings.Contains(err.Error(), `"products"`) || strings.Contains(err.Error(), `"brands"`) {
		t.Errorf("got %v, want products alone", err)
	}
	p = parse(t, "names", `
version: 1
classes:
  load-a: {ttl: from-value, row_version: column, value_tags: true}
  a-expires: {ttl: 1h}
  a-tags: {ttl: 1h}
  a-version: {ttl: 1h}
`)
	first := ""
	for range 20 {
		_, err := Generate(p, "")
		if err == nil {
			t.Fatal("three names are taken twice, and no error")
		}
		if first == "" {
			first = err.Error()
		}
		if err.Error() != first {
			t.Fatalf("got\n%v\nand then\n%v", first, err)
		}
	}
}
