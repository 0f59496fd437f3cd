package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// yamlBlock is a block of YAML in a page.
var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)```\n")

// TestGuides_PoliciesAreClean: what a page shows is what a newcomer pastes. Every
// policy in it passes lint without a finding, and code is made of it. docs/lint.md
// is made of the rules, and shows wrong ones.
func TestGuides_PoliciesAreClean(t *testing.T) {
	const root = "../../../../"
	pages, err := filepath.Glob(root + "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, page := range append(pages, root+"README.md") {
		if filepath.Base(page) == "lint.md" {
			continue
		}
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range yamlBlock.FindAllStringSubmatch(string(data), -1) {
			shown++
			t.Run(fmt.Sprintf("%s_%d", filepath.Base(page), i+1), func(t *testing.T) { cleanPolicy(t, block[1]) })
		}
	}
	if shown < 4 {
		t.Errorf("the pages show %d policies; this test has lost them", shown)
	}
}

// cleanPolicy holds a policy to lint --strict and to gen. Pages may leave out the
// version, which says nothing there.
func cleanPolicy(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(text, "version: 1\n") {
		text = "version: 1\n" + text
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "larder.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"lint", "--strict"}, {"gen"}} {
		var out, errs bytes.Buffer
		code := Run(context.Background(), append(command, "-C", dir), func(string) string { return "" }, &out, &errs)
		if code != exitOK {
			t.Errorf("larder %s: exit code %d\n%s%s\nof the policy\n%s", strings.Join(command, " "), code, &out, &errs, text)
		}
	}
}
