package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
)

// parse reads an example.
func parse(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, _, err := file.Parse("larder.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return p
}

// lines writes findings, one a line.
func lines(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString("\t" + f.String() + "\n")
	}
	return b.String()
}

// TestRules_Examples holds each rule to its own examples: the bad one breaks it and
// no other, and the good one none.
func TestRules_Examples(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			if rule.Why == "" || rule.Bad == "" || rule.Good == "" || rule.Summary == "" {
				t.Fatal("its texts are incomplete")
			}
			if rule.Refused {
				if _, _, err := file.Parse("larder.yaml", []byte(rule.Bad)); err == nil {
					t.Errorf("the bad example is read as if it were good:\n%s", rule.Bad)
				}
				parse(t, rule.Good)
				return // TestCheck_Built looks for the rest
			}
			found := Check(parse(t, rule.Bad))
			if len(found) == 0 {
				t.Errorf("the bad example breaks nothing:\n%s", rule.Bad)
			}
			for _, f := range found {
				if f.Rule != rule.ID || f.Severity != rule.Severity {
					t.Errorf("the bad example breaks another rule, too: %v", f)
				}
				if f.Path == "" || f.Message == "" || f.Mend == "" {
					t.Errorf("%#v: a text is missing", f)
				}
			}
			if found := Check(parse(t, rule.Good)); len(found) > 0 {
				t.Errorf("the good example breaks\n%sin\n%s", lines(found), rule.Good)
			}
		})
	}
}

// TestRules_Files looks for files that belong to no rule.
func TestRules_Files(t *testing.T) {
	files, err := filepath.Glob("rules/*")
	if err != nil || len(files) != len(rules) {
		t.Errorf("%d files for %d rules (%v)", len(files), len(rules), err)
	}
	seen := map[string]bool{}
	for _, rule := range Rules() {
		if seen[rule.ID] {
			t.Errorf("%s is there twice", rule.ID)
		}
		seen[rule.ID] = true
	}
}

// TestCheck_Example: the example of the file shows how it is done.
func TestCheck_Example(t *testing.T) {
	data, err := os.ReadFile("../../larder.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if found := Check(parse(t, string(data))); len(found) > 0 {
		t.Errorf("larder.example.yaml breaks\n%s", lines(found))
	}
}
