package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/redisstore"
)

const purgePolicy = `version: 1
classes:
  product: {key: int64, type: string, ttl: 1h, tags: ["product-{key}", products], tiers: [memory, shared, edge]}
  search: {type: string, ttl: 5m}
  cart: {pattern: never}
cdn:
  - {kind: cloudflare, zone: TEST_ZONE, token: TEST_TOKEN}
`

// zoneAPI stands in for the API: it notes what it is asked, and whether the
// shared tier had forgotten the key by then.
type zoneAPI struct {
	mu     sync.Mutex
	bodies []string
	paths  []string
	status int
	before func() // is called first
}

func (c *zoneAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.before != nil {
		c.before()
	}
	c.paths, c.bodies = append(c.paths, r.URL.Path), append(c.bodies, string(body))
	if c.status != 0 {
		w.WriteHeader(c.status)
		fmt.Fprint(w, `{"success": false, "errors": [{"code": 10000, "message": "Authentication error"}]}`)
		return
	}
	fmt.Fprint(w, `{"success": true, "errors": [], "messages": [], "result": {"id": "023e105f4ecef8ad9ca31a8372d0c353"}}`)
}

// purger is a place to run larder purge in.
type purger struct {
	t      *testing.T
	dir    string
	redis  *redistest.Server
	api    *zoneAPI
	apiURL string
}

func newPurger(t *testing.T) *purger {
	t.Helper()
	p := &purger{t: t, dir: t.TempDir(), redis: redistest.Start(t), api: &zoneAPI{}}
	if err := os.WriteFile(filepath.Join(p.dir, policyName), []byte(purgePolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.api)
	t.Cleanup(server.Close)
	p.apiURL = server.URL
	return p
}

// run runs larder purge with the environment that it needs.
func (p *purger) run(args ...string) (code int, out, errs string) {
	p.t.Helper()
	p.t.Setenv("TEST_TOKEN", "hunter2")
	env := map[string]string{"TEST_ZONE": strings.Repeat("ab", 16), redisURLVar: "redis://" + p.redis.Addr()}
	var o, e strings.Builder
	args = append([]string{"purge", "-C", p.dir, "--settle", "10ms", "--api", p.apiURL}, args...)
	code = Run(p.t.Context(), args, func(name string) string { return env[name] }, &o, &e)
	if strings.Contains(o.String()+e.String(), "hunter2") {
		p.t.Errorf("larder %s shows the token: %s %s", args, o.String(), e.String())
	}
	return code, o.String(), e.String()
}

// service is a process that caches products.
func (p *purger) service() (products *larder.Cache[string, string], loads func() int) {
	p.t.Helper()
	s, err := redisstore.Open(p.t.Context(), redisstore.Options{Addrs: []string{p.redis.Addr()}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = s.Close() })
	l, err := larder.Open(p.t.Context(), larder.Options{
		Shared: s, Logger: slog.New(slog.DiscardHandler), SharedTimeout: 5 * time.Second, Lease: 20 * time.Second,
		Policies: map[string]larder.Policy{"product": {TTL: time.Hour, Tags: []string{"product-{key}", "products"}}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = l.Close() })
	// A Get that is under way when the server is heard first believes no tags, and loads.
	if _, err := l.Checkpoint(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	products, err = larder.NewCache(l, "product", larder.Loader[string, string]{Load: func(context.Context, string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return "shirt", nil
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	return products, func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// TestPurge_ReachesAllTiers: after it a service loads again, and the CDN was told
// after the shared tier, and once more later.
func TestPurge_ReachesAllTiers(t *testing.T) {
	for _, tt := range []struct {
		args []string
		tags []string // at the CDN
	}{
		{[]string{"--key", "product:42"}, []string{"product-42"}},
		{[]string{"--tag", "products"}, []string{"products"}},
		{[]string{"--class", "product", "--yes"}, []string{"products"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			p := newPurger(t)
			products, loads := p.service()
			get := func() {
				t.Helper()
				if _, err := products.Get(t.Context(), "42", larder.Strict()); err != nil {
					t.Fatal(err)
				}
			}
			get()
			get()
			if loads() != 1 {
				t.Fatalf("%d loads before the purge, want 1", loads())
			}
			var atCDN []int
			p.api.before = func() { get(); atCDN = append(atCDN, loads()) }
			code, out, errs := p.run(append(tt.args, "--json")...)
			if code != exitOK {
				t.Fatalf("exit %d: %s %s", code, out, errs)
			}
			if !slices.Equal(atCDN, []int{2, 2}) {
				t.Errorf("loads when the CDN was told: %v, want it told twice, and the shared tier before", atCDN)
			}
			for _, body := range p.api.bodies {
				var asked struct{ Tags []string }
				if err := json.Unmarshal([]byte(body), &asked); err != nil || !slices.Equal(asked.Tags, tt.tags) {
					t.Errorf("the CDN was told %s, want tags %v", body, tt.tags)
				}
			}
			var got purged
			if err := json.Unmarshal([]byte(out), &got); err != nil || got.Schema != 1 || len(got.Receipts) != 2 ||
				got.Receipts[0].Target != "shared" || got.Receipts[1].Target != "cloudflare" || got.Receipts[1].Settled == 0 {
				t.Errorf("receipts: %s, %v; want those of shared and of cloudflare, settled", out, err)
			}
		})
	}
}

func TestPurge_Soft(t *testing.T) {
	p := newPurger(t)
	products, loads := p.service()
	var report larder.Report
	for range 2 {
		if _, err := products.Get(t.Context(), "42", larder.Strict(), larder.Into(&report)); err != nil {
			t.Fatal(err)
		}
	}
	if code, out, errs := p.run("--key", "product:42", "--soft"); code != exitOK {
		t.Fatalf("exit %d: %s %s", code, out, errs)
	}
	if _, err := products.Get(t.Context(), "42", larder.Strict(), larder.Into(&report)); err != nil || report.Stale != 1 {
		t.Errorf("Get after a soft purge: %+v, %v, %d loads; want a stale value", report, err, loads())
	}
	if !strings.HasSuffix(p.api.paths[0], "/invalidate_cache") {
		t.Errorf("the CDN was asked for %v, want a soft purge", p.api.paths)
	}
}

// TestPurge_StopsWhereItMust: what does not reach one target does not reach those
// behind it, and is in the receipts.
func TestPurge_StopsWhereItMust(t *testing.T) {
	p := newPurger(t)
	p.api.status = http.StatusForbidden
	code, out, errs := p.run("--tag", "products")
	if code != exitEnvironment || !strings.Contains(out, "cloudflare: 1 item, 1 failed") || !strings.Contains(out, "403") {
		t.Errorf("a CDN that refuses: exit %d, %s %s; want 3 and the reason", code, out, errs)
	}
	p.redis.Kill()
	asked := len(p.api.paths)
	code, out, errs = p.run("--tag", "products")
	if code != exitEnvironment || !strings.Contains(out, "cloudflare: not asked") || len(p.api.paths) != asked {
		t.Errorf("a shared tier that is gone: exit %d, %s %s, %d calls to the CDN; want 3 and none", code, out, errs, len(p.api.paths)-asked)
	}
}

func TestPurge_SaysWhatItCannotDo(t *testing.T) {
	p := newPurger(t)
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"", exitUsage, "there is nothing to purge"},
		{"--class search --yes", exitUsage, "has no tag that all of its values carry"},
		{"--class product", exitUsage, "no terminal"},
		{"--class cart --yes", exitUsage, "never cached"},
		{"--key prodct:42", exitUsage, "did you mean product?"},
		{"--key product#6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b --dry-run", exitOK, "shared tier, key product#6b86"},
		{"--key product:042", exitUsage, "writes this key as product:42"},
		{"--key product", exitUsage, `--key "product" is no key`},
		{"--key 42", exitUsage, "a key has its class in front"},
		{"--url /about", exitUsage, "no absolute URL"},
		{"--tag products --no-shared --no-cdn", exitUsage, "no tier is left"},
		{"--key search:x --no-shared", exitUsage, "no tier is left"},
		{"--url https://shop.example/about --no-cdn --dry-run", exitUsage, "no tier is left"},
		{"--tag products --settle 2h", exitUsage, "--settle is 2h0m0s"},
		{"--tag products --dry-run", exitOK, "shared tier, tag products"},
		{"--key search:x --dry-run", exitOK, "shared tier, key search:x"},
		{"--tag prodcts --dry-run", exitOK, "has the tag prodcts: did you mean products?"},
		{"--tag orders-of-yesterday --dry-run", exitOK, "has the tag orders-of-yesterday"},
		{"--key product:042 --dry-run", exitUsage, "writes this key as product:42"},
		{"--key product:oak --dry-run", exitUsage, "its key is int64"},
		{"--url https://shop.example/about --dry-run", exitOK, "CDN, URL https://shop.example/about"},
		{"--url https://shop.example/about --dry-run", exitOK, "at the CDN alone"},
	} {
		code, out, errs := p.run(strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(out+errs, tt.want) {
			t.Errorf("larder purge %s: exit %d, %q %q; want %d and %q", tt.args, code, out, errs, tt.code, tt.want)
		}
	}
	for _, tag := range []string{"products", "PRODUCTS", "product-42"} {
		if _, out, errs := p.run("--tag", tag, "--dry-run"); strings.Contains(out+errs, "has the tag") {
			t.Errorf("larder purge --tag %s: %q %q, want no doubt", tag, out, errs)
		}
	}
	if len(p.api.paths) > 0 {
		t.Errorf("the CDN was asked for %v, want nothing", p.api.paths)
	}
}

// TestPurge_DryRunSaysWhatIsDone: what a flag leaves out is not in the plan.
func TestPurge_DryRunSaysWhatIsDone(t *testing.T) {
	p := newPurger(t)
	for flag, want := range map[string]string{
		"--no-shared": "would purge:\n  CDN, tag products\n",
		"--no-cdn":    "would purge:\n  shared tier, tag products\n",
	} {
		if code, out, errs := p.run("--tag", "products", "--dry-run", flag); code != exitOK || out != want {
			t.Errorf("%s: exit %d, %q %q; want %q", flag, code, out, errs, want)
		}
	}
}

// TestPurge_ReceiptsOfAFailure: when time is over, the receipts of what was done are
// there, and as JSON they are one object with the failure.
func TestPurge_ReceiptsOfAFailure(t *testing.T) {
	p := newPurger(t)
	code, out, errs := p.run("--tag", "products", "--settle", "1h", "--timeout", "300ms")
	if code != exitEnvironment || !strings.Contains(out, "shared: 1 item accepted") || !strings.Contains(out, "cloudflare: 1 item") || !strings.Contains(errs, "--timeout") {
		t.Errorf("exit %d\n%s\n%s\nwant 3, both receipts and the time", code, out, errs)
	}
	p.api.status = http.StatusForbidden
	code, out, errs = p.run("--tag", "products", "--json")
	var got purged
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitEnvironment || got.Exit != code || got.Error == "" || len(got.Receipts) != 2 {
		t.Errorf("exit %d, %v\n%s\n%s\nwant one object with the receipts, the error and the exit code", code, err, out, errs)
	}
}

// TestPurgers makes the purger of each kind, from the variables that a policy
// names, and says which are missing.
func TestPurgers(t *testing.T) {
	for name, value := range map[string]string{
		"TOKEN": "t", akamaiClientTokenVar: "t", akamaiClientSecretVar: "s", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s",
	} {
		t.Setenv(name, value)
	}
	zones := map[string]string{
		"cloudflare": "abc", "fastly": "abc", "cloudfront": "E2QWRUHAPOMQZL", "akamai": "akab-1.luna.akamaiapis.net", "bunny": "7",
		"google": "shop/map", "varnish": "http://127.0.0.1:6081", "nginx": "http://127.0.0.1:8079", "larder": "http://127.0.0.1:9090",
	}
	for _, kind := range sortedNames(zones) {
		a := &app{env: env{getenv: func(name string) string { return map[string]string{"ZONE": zones[kind]}[name] }}}
		cdns := policyOf(kind)
		all, err := a.purgers(cdns, &purgerFlags{})
		if err != nil || len(all) != 2 || all[0].Name() != kind || all[1].Name() != kind+"-2" {
			t.Errorf("purgers of two %s = %v, %v; want two names", kind, all, err)
		}
		if host, ok := strings.CutPrefix(zones[kind], "http://"); ok {
			a.getenv = func(string) string { return host }
			if _, err := a.purgers(cdns, &purgerFlags{}); err == nil || !strings.Contains(err.Error(), "ZONE has no http://") {
				t.Errorf("purgers of %s at %s: %v, want the form of the address", kind, host, err)
			}
		}
		a.getenv = func(string) string { return "" }
		if _, err := a.purgers(cdns, &purgerFlags{}); err == nil || !strings.Contains(err.Error(), "ZONE is not set") {
			t.Errorf("purgers of %s without the variable: %v, want its name", kind, err)
		}
	}
}

// policyOf is two CDNs of a kind.
func policyOf(kind string) []policy.CDN {
	c := policy.CDN{Kind: kind, Zone: "ZONE", Token: "TOKEN"}
	return []policy.CDN{c, c}
}

// TestPurgers_WrongZones: a zone is mostly pasted next to a token, and may be one. No
// error repeats it.
func TestPurgers_WrongZones(t *testing.T) {
	t.Setenv("PURGE_TOKEN", "x")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv(akamaiClientTokenVar, "x")
	t.Setenv(akamaiClientSecretVar, "x")
	for kind := range zoneHolds {
		for _, zone := range []string{"hunter2-_/hunter2 _", "hunter2 %zz", "http://hunter2 :x/%zz?hunter2", "//hunter2"} {
			a := &app{env: env{getenv: func(string) string { return zone }}}
			_, err := a.purger(policy.CDN{Kind: kind, Zone: "PURGE_ZONE", Token: "PURGE_TOKEN"}, kind, &purgerFlags{})
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s with the zone %q: %v, want an error without the zone", kind, zone, err)
			}
		}
	}
}
