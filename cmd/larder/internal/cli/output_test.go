package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLegible: no text of a policy acts on the terminal of whoever asks about it.
func TestLegible(t *testing.T) {
	dir := t.TempDir()
	const text = `version: 1
classes:
  product:
    description: "a\e[2Jb \u202E"
    ttl: 1m
    tags: ["t-{key}\e]0;x\a", "all"]
    source: "the \u009B2J database"
routes:
  "GET /\e[8m/{x}": {class: product, edge: 1m}
`
	for name, data := range map[string]string{policyName: text, "old.yaml": strings.NewReplacer("a\\e", "A\\e", "t-{key}", "T-{key}", "/{x}", "/y\\e/{x}").Replace(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"explain", "product"}, {"explain", "product:\x1b[2J"}, {"explain", "GET /%1B%5B8m/\u202E"}, {"explain", "\x1b[2J"},
		{"diff", "--against", "old.yaml"}, {"lint"}, {"docs"}, {"gen", "--diff"}, {"gen"}, {"cdn", "export", "varnish"},
		{"purge", "--dry-run", "--key", "product:\x1b[2J", "--tag", "\u202E"}, {"lint", "--policy", "\x1b[2J"}, {"\x1b[2J"},
	} {
		var out, errs strings.Builder
		Run(t.Context(), append([]string{"-C", dir}, args...), func(string) string { return "" }, &out, &errs)
		all := out.String() + errs.String()
		if all == "" || strings.ContainsAny(all, "\x1b\a\u009b\u202e") {
			t.Errorf("larder %q prints %q", args, all)
		}
	}
	if got, want := legible("a\tb\nü \x1b\x00\u202e"), "a\tb\nü \\x1b\\x00\\u202e"; got != want {
		t.Errorf("legible is %q, want %q", got, want)
	}
}
