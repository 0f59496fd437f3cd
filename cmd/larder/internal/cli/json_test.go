package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJSON_IsOneObjectWithItsSchema: each command, whether it does well or fails.
func TestJSON_IsOneObjectWithItsSchema(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, policyName), []byte(purgePolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wrong.yaml"), []byte("classes: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"version", "init", "init --policy new.yaml", "docs", "docs -o page.md", "fmt", "lint", "lint --policy wrong.yaml", "gen", "gen --check",
		"gen --diff", "gen --policy wrong.yaml", "diff --against larder.yaml", "diff --against nowhere", "cdn plan", "cdn apply",
		"cdn export varnish", "cdn export nginx -o conf", "cdn export squid", "cdn nothing", "explain product", "explain product:42",
		"explain /api", "explain nothing", "purge", "purge --tag products --dry-run", "doctor", "doctor --policy nowhere.yaml", "nothing",
		"lint --nothing", "schema -o s.json", "help", "help lint", "completion", "completion bash", "completion zsh", "completion fish", "completion powershell",
	} {
		var out, errs strings.Builder
		code := Run(t.Context(), append(strings.Fields(line), "--json", "-C", dir), func(string) string { return "" }, &out, &errs)
		dec := json.NewDecoder(strings.NewReader(out.String()))
		var got map[string]any
		err := dec.Decode(&got)
		command, _ := got["command"].(string)
		if err != nil || got["schema"] != 1.0 || dec.More() || command == "" || !strings.HasPrefix("larder "+line, command) && !strings.HasPrefix(line, command) {
			t.Errorf("larder %s --json: exit %d, %q, %v; want one object of schema 1. %s", line, code, out.String(), err, errs.String())
		}
	}
}

// TestJSON_Text: what has no JSON is no half of it, and says so.
func TestJSON_Text(t *testing.T) {
	for _, line := range []string{"help", "help lint", "completion bash", "completion zsh", "completion fish", "completion powershell"} {
		for _, args := range [][]string{append(strings.Fields(line), "--json"), append([]string{"--json"}, strings.Fields(line)...)} {
			var out, errs strings.Builder
			if code := Run(t.Context(), args, func(string) string { return "" }, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "next: leave --json out") {
				t.Errorf("larder %q: exit %d, %q, want %d and what to do", args, code, errs.String(), exitUsage)
			}
		}
	}
}
