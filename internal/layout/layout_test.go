package layout

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestRepository holds the repository to the rules.
func TestRepository(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Broken) > 0 {
		t.Fatalf("imports that lead nowhere hide what is behind them:\n%s", strings.Join(tree.Broken, "\n"))
	}
	// A loader that sees nothing would find nothing wrong.
	if !slices.ContainsFunc(tree.Packages, func(p *Package) bool { return p.Rel == "internal/layout" && len(p.Files) > 3 }) {
		t.Fatalf("%d packages, and this one is not among them", len(tree.Packages))
	}
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, finding := range rule.Check(tree) {
				t.Error(finding)
			}
		})
	}
}

// TestRules shows every rule a small tree that breaks it, once or more, among
// things that look similar and are fine.
func TestRules(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	proven := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			c := readCase(t, file)
			proven[c.rule] = len(c.want) > 0
			tree, err := Load(c.dir)
			if err != nil {
				t.Fatal(err)
			}
			rules := slices.DeleteFunc(Rules(), func(r Rule) bool { return r.Name != c.rule })
			if len(rules) != 1 {
				t.Fatalf("%d rules are named %q, want 1", len(rules), c.rule)
			}
			got := rules[0].Check(tree)
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("found:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
		})
	}
	for _, rule := range Rules() {
		if !proven[rule.Name] {
			t.Errorf("no file in testdata breaks the rule %q", rule.Name)
		}
	}
}

// testCase is one file of testdata, laid out as a tree.
type testCase struct {
	rule string
	want []string // findings, sorted
	dir  string
}

// readCase reads a file of the form
//
//	rule: name of the rule
//	want: a finding
//	-- path of a file --
//	its lines
//
// where "#repeat N text" in a file stands for N lines of text, each with its
// number for the #.
func readCase(t *testing.T, file string) testCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := testCase{dir: t.TempDir()}
	name := ""
	content := map[string]*strings.Builder{}
	for line := range strings.Lines(string(data)) {
		if path, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(path, " --\n")
			content[name] = &strings.Builder{}
		} else if name != "" {
			content[name].WriteString(repeat(t, line))
		} else if rule, ok := strings.CutPrefix(line, "rule: "); ok {
			c.rule = strings.TrimSpace(rule)
		} else if want, ok := strings.CutPrefix(line, "want: "); ok {
			c.want = append(c.want, strings.TrimSpace(want))
		}
	}
	for name, text := range content {
		path := filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(c.want)
	return c
}

// repeat returns the lines that a line of a case stands for.
func repeat(t *testing.T, line string) string {
	t.Helper()
	rest, ok := strings.CutPrefix(line, "#repeat ")
	if !ok {
		return line
	}
	count, text, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	var all strings.Builder
	for i := range n {
		all.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i+1)))
	}
	return all.String()
}
