package cli

import (
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wrongFlags has for each flag that takes a value, of each command, a wrong one, and
// the exit code that it must have: 2 for what is wrong on any machine, 3 for what is
// not there on this one.
var wrongFlags = []struct {
	command, rest string // rest is what else the command needs to get as far
	flag, value   string
	want          int
}{
	{"version", "", "timeout", "soon", exitUsage},
	{"version", "", "timeout", "-1s", exitUsage},
	{"lint", "", "policy", "none.yaml", exitEnvironment},
	{"lint", "", "dir", "none", exitEnvironment},
	{"lint", "", "format", "xml", exitUsage},
	{"lint", "", "strict", "perhaps", exitUsage},
	{"init", "--policy new.yaml", "from", "none.md", exitEnvironment},
	{"docs", "", "output", "none/page.md", exitEnvironment},
	{"schema", "", "output", "none/schema.json", exitEnvironment},
	{"diff", "", "against", "no-such-revision", exitEnvironment},
	{"cdn plan", "", "zone", "OTHER", exitUsage},
	{"cdn plan", "", "plan", "premium", exitUsage},
	{"cdn plan", "", "owner", "a b", exitUsage},
	{"cdn plan", "", "api", "http://u:hunter2@api.example", exitUsage},
	{"cdn apply", "", "zone", "OTHER", exitUsage},
	{"cdn apply", "", "plan", "premium", exitUsage},
	{"cdn apply", "", "owner", "a b", exitUsage},
	{"cdn apply", "", "api", "http://u:hunter2@api.example", exitUsage},
	{"cdn export terraform", "", "zone", "OTHER", exitUsage},
	{"cdn export terraform", "", "plan", "premium", exitUsage},
	{"cdn export terraform", "", "owner", "a b", exitUsage},
	{"cdn export terraform", "", "api", "http://u:hunter2@api.example", exitUsage},
	{"cdn export terraform", "", "output", "larder.yaml", exitEnvironment},
	{"cdn export nginx", "", "plan", "premium", exitUsage},
	{"explain", "product:42", "redis", "redis://u:hunter2@:x:y", exitUsage},
	{"explain", "product:42", "redis", "u:hunter2@host", exitUsage},
	{"explain", "product:42", "namespace", "a b", exitUsage},
	{"explain", "product:42 --redis 127.0.0.1:1", "redis-sentinel", "none", exitEnvironment},
	{"explain", "product:42", "schema", "xyz", exitUsage},
	{"explain", "product:42", "keys-env", "LARDER_NO_SUCH_KEYS", exitEnvironment},
	{"purge", "--no-cdn", "tag", "", exitUsage},
	{"purge", "", "key", "nothing:42", exitUsage},
	{"purge", "", "class", "nothing", exitUsage},
	{"purge", "", "url", "/about", exitUsage},
	{"purge", "--tag a", "settle", "2h", exitUsage},
	{"purge", "--tag a", "settle", "soon", exitUsage},
	{"purge", "--tag a", "plan", "premium", exitUsage},
	{"purge", "--tag a", "api", "http://u:hunter2@api.example", exitUsage},
	{"purge", "--tag a --no-cdn", "redis", "u:hunter2@host", exitUsage},
	{"purge", "--tag a --no-cdn", "namespace", "a b", exitUsage},
	{"purge", "--tag a --no-cdn --redis 127.0.0.1:1", "redis-sentinel", "none", exitEnvironment},
	{"doctor", "--no-cdn", "redis", "u:hunter2@host", exitUsage},
	{"doctor", "--no-cdn", "namespace", "a b", exitUsage},
	{"doctor", "--no-cdn --redis 127.0.0.1:1", "redis-sentinel", "none", exitFindings}, // a server that is not there is what it looks for
	{"doctor", "--no-cdn", "api", "http://u:hunter2@api.example", exitUsage},
	{"doctor", "--no-cdn", "plan", "premium", exitUsage},
	{"edge", "", "origin", "://u:hunter2@x", exitUsage},
	{"edge", "-origin http://127.0.0.1:1", "listen", "nowhere", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "admin", "nowhere", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "token-file", "none", exitEnvironment},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1 -tls-key none", "tls-cert", "none", exitEnvironment},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1 -tls-cert none", "tls-key", "none", exitEnvironment},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "tls-key", "none", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "access-log", "none/log", exitEnvironment},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "disk", "/dev/null/disk", exitEnvironment},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "policy", "none.yaml", exitEnvironment},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "disk-bytes", "many", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "profile", "lax", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "max-bytes", "-1", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "max-object-bytes", "-1", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "target-fields", "a b", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "plain-cookies", "a b", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "name", "a b", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "origin-timeout", "-1s", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "stale-if-unreachable", "long", exitUsage},
	{"edge", "-listen 127.0.0.1:0 -origin http://127.0.0.1:1", "drain", "-1s", exitUsage},
}

const flagsPolicy = `version: 1
classes:
  product: {key: int64, type: string, ttl: 1h, tags: [products], source: db}
routes:
  GET /a: {class: product, edge: 1m}
cdn:
  - {kind: cloudflare, zone: SHOP_ZONE, token: SHOP_TOKEN}
`

// TestFlags_WrongValues runs each command with each wrong value.
func TestFlags_WrongValues(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, policyName), []byte(flagsPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for _, tt := range wrongFlags {
		args := strings.Fields(tt.command)
		name := "--" + tt.flag
		args = append(append(args, name+"="+tt.value), strings.Fields(tt.rest)...)
		var out, errs strings.Builder
		getenv := func(name string) string {
			return map[string]string{"SHOP_ZONE": strings.Repeat("a", 32), "SHOP_TOKEN": "x"}[name]
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // an edge that takes the value would serve
		got := Run(ctx, args, getenv, &out, &errs)
		cancel()
		if got != tt.want {
			t.Errorf("larder %s: exit %d, want %d: %s", strings.Join(args, " "), got, tt.want, errs.String())
		}
		if strings.Contains(out.String()+errs.String(), "hunter2") {
			t.Errorf("larder %s shows the password: %s%s", strings.Join(args, " "), out.String(), errs.String())
		}
		if out.Len() > 0 && tt.want == exitUsage {
			t.Errorf("larder %s prints %q", strings.Join(args, " "), out.String())
		}
		if !strings.Contains(errs.String(), tt.flag) && tt.want == exitUsage && tt.value != "" && tt.flag != "redis" {
			t.Errorf("larder %s: %q does not name the flag", strings.Join(args, " "), errs.String())
		}
	}
}

// TestFlags_AllHaveAWrongValue looks for flags that the table above has forgotten.
// Those of all commands, and the ones without a value, are there once.
func TestFlags_AllHaveAWrongValue(t *testing.T) {
	there := map[string]bool{}
	for _, tt := range wrongFlags {
		words := strings.Fields(tt.command)
		if words[0] == "cdn" {
			words = words[:2]
		} else {
			words = words[:1]
		}
		there["larder "+strings.Join(words, " ")+" --"+tt.flag] = true
	}
	a := &app{env: env{os.Getenv, io.Discard, io.Discard}}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			walk(below)
		}
		if cmd.Name() == "edge" || strings.Contains(cmd.CommandPath(), "completion") {
			return
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if name := cmd.CommandPath() + " --" + f.Name; f.Value.Type() != "bool" && !there[name] {
				t.Errorf("%s has no wrong value in the table", name)
			}
		})
	}
	walk(a.newRoot())
	edgeSet(&edgeConfig{}, &edgeTexts{}).VisitAll(func(f *flag.Flag) {
		if b, ok := f.Value.(interface{ IsBoolFlag() bool }); (!ok || !b.IsBoolFlag()) && !there["larder edge --"+f.Name] {
			t.Errorf("larder edge --%s has no wrong value in the table", f.Name)
		}
	})
}
