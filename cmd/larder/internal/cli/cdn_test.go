package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/cdnrules/cftest"
)

const cdnPolicy = `version: 1
classes:
  checkout: {pattern: never}
routes:
  GET /api/products: {edge: 1m, query: []}
  POST /api/checkout: {class: checkout}
cdn:
  - {kind: cloudflare, zone: CDN_ZONE, token: CDN_TOKEN, hosts: [shop.example.com]}
`

// TestCDN_PlansAndApplies goes the whole way against a stand-in of the API: a plan
// that is not empty, an application that has to be agreed to, and nothing left.
func TestCDN_PlansAndApplies(t *testing.T) {
	zone := &cftest.Zone{ID: strings.Repeat("ab", 16), Token: "hunter2", Plan: "free"}
	api := httptest.NewServer(zone)
	t.Cleanup(api.Close)
	t.Setenv("CDN_ZONE", zone.ID)
	t.Setenv("CDN_TOKEN", zone.Token)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, policyName), []byte(cdnPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		code := Run(t.Context(), append([]string{"cdn", "-C", dir, "--api", api.URL}, args...), os.Getenv, &out, &errs)
		if code != want {
			t.Errorf("larder cdn %v: exit %d, want %d: %s %s", args, code, want, out.String(), errs.String())
		}
		if strings.Contains(out.String()+errs.String(), "hunter2") || strings.Contains(out.String()+errs.String(), zone.ID) {
			t.Errorf("larder cdn %v shows the token or the zone: %s %s", args, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	run(exitOK, "plan")
	if text := run(exitUsage, "plan", "--detailed-exitcode"); !strings.Contains(text, "create") {
		t.Errorf("the plan of an empty zone is %q, want rules that are created", text)
	}
	if text := run(exitUsage, "apply"); !strings.Contains(text, "--yes") || len(zone.Rules()) > 0 {
		t.Errorf("apply without a terminal: %q, %d rules; want --yes named and nothing done", text, len(zone.Rules()))
	}
	var plan struct {
		Schema  int
		Changes []struct{ Kind string }
		Applied bool
	}
	if err := json.Unmarshal([]byte(run(exitOK, "apply", "--yes", "--json")), &plan); err != nil || plan.Schema != 1 || !plan.Applied || len(plan.Changes) == 0 {
		t.Errorf("apply: %+v, %v; want changes, applied", plan, err)
	}
	if len(zone.Rules()) == 0 {
		t.Error("the zone has no rules after apply")
	}
	run(exitOK, "plan", "--detailed-exitcode")

	zone.Before = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }
	if text := run(exitEnvironment, "plan"); !strings.Contains(text, "larder doctor") {
		t.Errorf("a zone that refuses: %q, want what to do", text)
	}
}
