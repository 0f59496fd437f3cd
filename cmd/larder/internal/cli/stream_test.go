package cli

import (
	"errors"
	"io"
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
		{"explain", "product"},
		{"explain", "product:\x1b[2J"},
		{"explain", "GET /%1B%5B8m/\u202E"},
		{"explain", "\x1b[2J"},
		{"diff", "--against", "old.yaml"},
		{"lint"},
		{"docs"},
		{"gen", "--diff"},
		{"gen"},
		{"cdn", "export", "varnish"},
		{"purge", "--dry-run", "--key", "product:\x1b[2J", "--tag", "\u202E"},
		{"lint", "--policy", "\x1b[2J"},
		{"\x1b[2J"},
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

// TestLegible_FileNames: the name of a file stands in one line, and is no command of a
// runner of workflows.
func TestLegible_FileNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a\n::error::pwned\n.yaml", "::error::pwned", "\x1b[2J\u202e.yaml", "a\r##[error]pwned"} {
		for what, text := range map[string]string{"fine": "version: 1\nroutes: {GET /a: {edge: 1m}}\n", "wrong": "classes: 1\n", "doubtful": "version: 1\n", "missing": ""} {
			file := filepath.Join(dir, name)
			_ = os.Remove(file)
			if text != "" {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range []string{"lint", "lint --format github", "fmt", "fmt --check", "fmt --write", "gen --check", "gen", "diff", "diff --against", "docs -o", "schema -o", "init --from", "init"} {
				if strings.HasPrefix(line, "fmt --write") && what == "fine" || strings.HasPrefix(line, "init") && text != "" {
					continue
				}
				args := append([]string{"-C", dir, "--policy", name}, strings.Fields(line)...)
				switch last := args[len(args)-1]; last {
				case "--against", "-o", "--from":
					args = append(args, name)
				}
				var out, errs strings.Builder
				Run(t.Context(), args, func(string) string { return "" }, &out, &errs)
				for printed := range strings.Lines(out.String() + errs.String()) {
					printed = strings.TrimSuffix(printed, "\n")
					start := strings.TrimLeft(printed, " \t")
					ours := line == "lint --format github" && (strings.HasPrefix(start, "::error file=") || strings.HasPrefix(start, "::warning file="))
					if strings.ContainsAny(printed, "\x1b\u202e\r") || (strings.HasPrefix(start, "::") || strings.HasPrefix(start, "##[")) && !ours {
						t.Errorf("a %s file: larder %q prints the line %q", what, args, printed)
					}
				}
			}
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestRun_OutputIsLost: an answer that could not be printed is a failure.
func TestRun_OutputIsLost(t *testing.T) {
	dir := t.TempDir()
	for name, life := range map[string]string{policyName: "1m", "old.yaml": "2m"} {
		text := "version: 1\nclasses:\n  product: {ttl: " + life + ", source: db}\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"version"},
		{"explain", "product"},
		{"diff", "--against", "old.yaml"},
		{"docs"},
		{"fmt"},
		{"schema"},
		{"purge", "--dry-run", "--key", "product:1"},
		{"cdn", "export", "varnish"},
		{"help", "lint"},
		{"version", "--json"},
	} {
		args = append([]string{"-C", dir}, args...)
		var errs strings.Builder
		if code := Run(t.Context(), args, func(string) string { return "" }, full{}, &errs); code != exitEnvironment || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("larder %q: exit %d, %q; want 3 and why", args, code, errs.String())
		}
		if code := Run(t.Context(), args, func(string) string { return "" }, io.Discard, &errs); code != exitOK {
			t.Errorf("larder %q with room: exit %d, %q", args, code, errs.String())
		}
	}
}
