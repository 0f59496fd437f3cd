package cdnrules_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/internal/cdnrules/cftest"
	"github.com/larderdev/larder/policy"
)

const (
	zoneID = "9a7806061c88ada191ed06f989cc3dac"
	token  = "v1.0-secret-token-of-the-zone"
)

// shop is the policy of most tests, as the example of the file has it.
func shop() *policy.Policy {
	return &policy.Policy{
		Version:  policy.FileVersion,
		Profiles: map[string]policy.Profile{"listing": {Fresh: time.Minute, Stale: 5 * time.Minute}},
		Classes: map[string]policy.Class{
			"checkout": {Pattern: policy.Never},
			"product":  {TTL: policy.TTL{Shared: time.Hour}, Tiers: []policy.Tier{policy.Memory, policy.Shared, policy.Edge}},
			"user":     {TTL: policy.TTL{Shared: time.Hour}, Privacy: policy.Private},
		},
		Routes: map[string]policy.Route{
			"GET /api/products":      {Profile: "listing", Tags: []string{"products"}, Query: []string{"page", "category"}},
			"GET /api/products/{id}": {Class: "product", Tags: []string{"product-{id}", "products"}, Query: []string{}},
			"GET /api/users/{id}":    {Class: "user", Private: true},
			"GET /assets/{name}":     {Edge: 365 * 24 * time.Hour, Immutable: true},
			"POST /api/checkout":     {Class: "checkout"},
			"GET /api/balance":       {Class: "checkout"},
			"GET /api/categories":    {Edge: 10 * time.Minute, Vary: []string{"Accept-Language"}},
		},
		CDNs: []policy.CDN{cdn()},
	}
}

func cdn() policy.CDN {
	return policy.CDN{Kind: "cloudflare", Zone: "TEST_ZONE", Token: "TEST_TOKEN", Hosts: []string{"shop.example.com"}}
}

// direct hands requests to a handler without a network, so that they can be made
// in a bubble.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/client/v4")
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// newZone returns a zone and what opens it for a policy.
func newZone(t *testing.T, plan string) (*cftest.Zone, func(*policy.Policy) *cdnrules.Cloudflare) {
	t.Helper()
	t.Setenv("TEST_ZONE", zoneID)
	t.Setenv("TEST_TOKEN", token)
	zone := &cftest.Zone{ID: zoneID, Token: token, Plan: plan}
	return zone, func(p *policy.Policy) *cdnrules.Cloudflare {
		t.Helper()
		c, err := cdnrules.NewCloudflare(p, p.CDNs[0], cdnrules.Options{Plan: plan, HTTP: &http.Client{Transport: direct{zone}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// plan returns the plan, which must not fail.
func plan(t *testing.T, c *cdnrules.Cloudflare) *cdnrules.Plan {
	t.Helper()
	p, err := c.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// apply plans and applies, and checks that nothing is left to do.
func apply(t *testing.T, c *cdnrules.Cloudflare) *cdnrules.Plan {
	t.Helper()
	p := plan(t, c)
	if err := c.Apply(t.Context(), p); err != nil {
		t.Fatalf("%v\nthe plan was:\n%s", err, p)
	}
	if again := plan(t, c); !again.Empty() {
		t.Fatalf("the second plan is not empty:\n%s", again)
	}
	return p
}

// foreign are rules that somebody made at the dashboard.
func foreign(names ...string) func([]cftest.Rule) []cftest.Rule {
	return func(rules []cftest.Rule) []cftest.Rule {
		for _, name := range names {
			rules = append(rules, cftest.Rule{
				Description: name, Expression: `http.request.uri.path eq "/` + name + `"`,
				Action: "set_cache_settings", ActionParameters: map[string]any{"cache": true}, Enabled: true,
			})
		}
		return rules
	}
}

// others returns all rules that are not ours, in order, as text.
func others(zone *cftest.Zone) string {
	var b strings.Builder
	for _, r := range zone.Rules() {
		if !strings.HasPrefix(r.Ref, "larder_") {
			fmt.Fprintf(&b, "%+v\n", r)
		}
	}
	return b.String()
}

// order returns a letter for each rule: c and b for ours, f for those of others.
func order(zone *cftest.Zone) string {
	text := ""
	for _, r := range zone.Rules() {
		switch {
		case strings.HasPrefix(r.Ref, "larder_main_cache_"):
			text += "c"
		case strings.HasPrefix(r.Ref, "larder_main_bypass_"):
			text += "b"
		default:
			text += "f"
		}
	}
	return text
}

// rule returns the first rule of ours of a kind.
func rule(t *testing.T, zone *cftest.Zone, kind string) cftest.Rule {
	t.Helper()
	for _, r := range zone.Rules() {
		if strings.HasPrefix(r.Ref, "larder_main_"+kind+"_") {
			return r
		}
	}
	t.Fatalf("no rule of ours with the kind %s", kind)
	return cftest.Rule{}
}

func kinds(p *cdnrules.Plan) map[cdnrules.Kind]int {
	count := map[cdnrules.Kind]int{}
	for _, c := range p.Changes {
		if !c.Widened { // what it will be has a change of its own
			count[c.Kind]++
		}
	}
	return count
}

func TestApply_EmptyZone(t *testing.T) {
	for _, name := range []string{"free", "enterprise"} {
		t.Run(name, func(t *testing.T) {
			zone, open := newZone(t, name)
			apply(t, open(shop()))
			if got := order(zone); !strings.HasPrefix(got, "ccc") || !strings.HasSuffix(got, "b") {
				t.Errorf("the rules are %q, want those that cache and then one that bypasses", got)
			}
			for _, r := range zone.Rules() {
				text, err := json.Marshal(r.ActionParameters)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(text), "override_origin") {
					t.Errorf("%s overrides the origin, which strips Set-Cookie: %s", r.Ref, text)
				}
			}
			version := zone.Version()
			if err := open(shop()).Apply(t.Context(), plan(t, open(shop()))); err == nil {
				t.Error("a plan of another Cloudflare was applied")
			}
			if zone.Version() != version {
				t.Error("a second apply wrote")
			}
		})
	}
}

func TestApply_KeysFollowThePlan(t *testing.T) {
	for name, want := range map[string]bool{"free": false, "enterprise": true} {
		zone, open := newZone(t, name)
		p := apply(t, open(shop()))
		listed := strings.Contains(fmt.Sprint(zone.Rules()), "list:[category page]")
		if listed != want {
			t.Errorf("%s: a rule with the list of parameters: %t, want %t", name, listed, want)
		}
		if noted := strings.Contains(strings.Join(p.Notes, "\n"), "GET /api/products: keys of chosen parameters need the plan enterprise"); noted == want {
			t.Errorf("%s: noted: %t, notes: %q", name, noted, p.Notes)
		}
	}
}

func TestApply_LeavesOthersAlone(t *testing.T) {
	zone, open := newZone(t, "pro")
	zone.Edit(foreign("one", "two"))
	before := others(zone)
	apply(t, open(shop()))
	if got := order(zone); !strings.HasPrefix(got, "ffc") || !strings.HasSuffix(got, "cb") {
		t.Errorf("after the first apply: %q", got)
	}
	// Each kind of change, with rules of others in between.
	zone.Edit(func(rules []cftest.Rule) []cftest.Rule { return foreign("three")(rules) })
	before2 := others(zone)
	if !strings.HasPrefix(before2, before) {
		t.Errorf("rules of others are now\n%swere\n%s", before2, before)
	}
	p := shop()
	delete(p.Routes, "GET /api/categories")
	p.Routes["GET /api/orders"] = policy.Route{NoStore: true}
	p.Routes["GET /api/brands"] = policy.Route{Edge: time.Hour, Vary: []string{"X-Brand"}}
	changes := apply(t, open(p))
	if got := kinds(changes); got[cdnrules.Create] != 1 || got[cdnrules.Delete] != 1 || got[cdnrules.Update] != 1 {
		t.Errorf("changes %v, want one of each kind:\n%s", got, changes)
	}
	if got := others(zone); got != before2 {
		t.Errorf("rules of others are now\n%swere\n%s", got, before2)
	}
	if got := order(zone); !strings.HasSuffix(got, "fb") {
		t.Errorf("the rules are %q, want the bypass behind all others", got)
	}
	// Nothing of ours is left when the policy has no routes.
	p.Routes = nil
	apply(t, open(p))
	if got := order(zone); got != "fff" {
		t.Errorf("without routes the rules are %q", got)
	}
	if got := others(zone); got != before2 {
		t.Errorf("rules of others are now\n%swere\n%s", got, before2)
	}
}

func TestPlan_BypassMovesBehindOthers(t *testing.T) {
	zone, open := newZone(t, "pro")
	c := open(shop())
	apply(t, c)
	zone.Edit(foreign("later"))
	before := others(zone)
	p := plan(t, c)
	if got := kinds(p); got[cdnrules.Reorder] != 1 || len(p.Changes) != 1 {
		t.Errorf("changes %v, want one move:\n%s", got, p)
	}
	if !strings.Contains(p.String(), "moves behind all others") || !strings.Contains(strings.Join(p.Notes, "\n"), `rule "later" of others stands after cache rules of ours`) {
		t.Errorf("the plan does not say it:\n%s", p)
	}
	apply(t, c)
	if got := order(zone); !strings.HasSuffix(got, "fb") || others(zone) != before {
		t.Errorf("the rules are %q", got)
	}
}

func TestPlan_ShowsEdits(t *testing.T) {
	edits := map[string]func(*cftest.Rule){
		"switched off": func(r *cftest.Rule) { r.Enabled = false },
		"expression":   func(r *cftest.Rule) { r.Expression = `http.request.uri.path eq "/other"` },
		"override": func(r *cftest.Rule) {
			r.ActionParameters = map[string]any{"cache": true, "edge_ttl": map[string]any{"mode": "override_origin", "default": 60}}
		},
		"description": func(r *cftest.Rule) { r.Description = "mine" },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			zone, open := newZone(t, "free")
			c := open(shop())
			apply(t, c)
			written := rule(t, zone, "cache")
			zone.Edit(func(rules []cftest.Rule) []cftest.Rule { edit(&rules[0]); return rules })
			p := plan(t, c)
			if len(p.Changes) != 1 || !p.Changes[0].Edited || p.Changes[0].Ref != written.Ref || p.Changes[0].Kind != cdnrules.Update {
				t.Fatalf("the plan is\n%s", p)
			}
			if !strings.Contains(p.String(), "edited since it was written") {
				t.Errorf("the plan does not say it:\n%s", p)
			}
			apply(t, c)
			got := rule(t, zone, "cache")
			if got.ID != written.ID || got.Expression != written.Expression || got.Enabled != written.Enabled || got.Description != written.Description {
				t.Errorf("the rule is\n%+v\nwant\n%+v", got, written)
			}
		})
	}
}

func TestPlan_ShowsABypassThatNoLongerIsOne(t *testing.T) {
	zone, open := newZone(t, "free")
	apply(t, open(shop()))
	zone.Edit(func(rules []cftest.Rule) []cftest.Rule {
		rules[len(rules)-1].ActionParameters = map[string]any{"respect_strong_etags": false}
		return rules
	})
	if p := plan(t, open(shop())); len(p.Changes) != 1 || !p.Changes[0].Edited {
		t.Errorf("the plan is\n%s", p)
	}
	apply(t, open(shop()))
	if got := rule(t, zone, "bypass"); got.ActionParameters["cache"] != false {
		t.Errorf("the rule is %+v", got)
	}
}

func TestPlan_ChangeOfPolicyIsNoEdit(t *testing.T) {
	_, open := newZone(t, "free")
	apply(t, open(shop()))
	p := shop()
	p.Routes["GET /api/secret"] = policy.Route{NoStore: true}
	changes := plan(t, open(p))
	if len(changes.Changes) != 1 || changes.Changes[0].Edited {
		t.Errorf("the plan is\n%s", changes)
	}
	if text := changes.String(); !strings.Contains(text, "/api/secret") || !strings.Contains(text, "    expression   - ") || !strings.Contains(text, "                 + ") {
		t.Errorf("the plan does not show before and after:\n%s", text)
	}
}

// TestPlan_OtherForms: the API may write a rule in another form than it was sent.
func TestPlan_OtherForms(t *testing.T) {
	zone, open := newZone(t, "enterprise")
	c := open(shop())
	apply(t, c)
	zone.Edit(func(rules []cftest.Rule) []cftest.Rule {
		for i := range rules {
			rules[i].ActionParameters = maps.Clone(rules[i].ActionParameters)
			rules[i].ActionParameters["serve_stale"] = map[string]any{"disable_stale_while_updating": false}
			key, _ := rules[i].ActionParameters["cache_key"].(map[string]any)
			query, _ := key["custom_key"].(map[string]any)
			switch text := fmt.Sprint(query); {
			case strings.Contains(text, "all:true"):
				query["query_string"] = map[string]any{"exclude": []any{"*"}}
			case strings.Contains(text, "list"):
				query["query_string"] = map[string]any{"include": []any{"category", "page"}}
			}
		}
		return rules
	})
	if p := plan(t, c); !p.Empty() {
		t.Errorf("the plan is not empty:\n%s", p)
	}
}

func TestPlan_Owners(t *testing.T) {
	zone, open := newZone(t, "pro")
	apply(t, open(shop()))
	second := shop()
	second.CDNs[0].Hosts = []string{"docs.example.com"}
	c, err := cdnrules.NewCloudflare(second, second.CDNs[0], cdnrules.Options{Plan: "pro", Owner: "docs", HTTP: &http.Client{Transport: direct{zone}}})
	if err != nil {
		t.Fatal(err)
	}
	before := len(zone.Rules())
	if err := c.Apply(t.Context(), plan(t, c)); err != nil {
		t.Fatal(err)
	}
	if got := len(zone.Rules()); got != 2*before {
		t.Errorf("%d rules, want those of both owners, %d", got, 2*before)
	}
	if p := plan(t, open(shop())); len(p.Changes) != 1 || p.Changes[0].Kind != cdnrules.Reorder {
		t.Errorf("the first owner's plan is\n%s", p)
	}
}

func TestPlan_TooManyRules(t *testing.T) {
	zone, open := newZone(t, "free")
	zone.Edit(foreign(slices.Repeat([]string{"x"}, 7)...))
	_, err := open(shop()).Plan(t.Context())
	if err == nil || !strings.Contains(err.Error(), "would have 11 rules, 7 of them of others, and the plan free allows 10") {
		t.Errorf("got %v", err)
	}
}

func TestPlan_NotesOverrides(t *testing.T) {
	zone, open := newZone(t, "pro")
	zone.Edit(func([]cftest.Rule) []cftest.Rule {
		rules := foreign("static\x1b[2J")(nil)
		rules[0].ActionParameters = map[string]any{"cache": true, "edge_ttl": map[string]any{"mode": "override_origin", "default": 60}}
		return rules
	})
	text := plan(t, open(shop())).String()
	if !strings.Contains(text, `rule "static\x1b[2J" of others sets lifetimes itself`) || strings.Contains(text, "\x1b") {
		t.Errorf("the plan is\n%q", text)
	}
}

func TestNewCloudflare_Mistakes(t *testing.T) {
	t.Setenv("TEST_ZONE", "not an id "+token)
	t.Setenv("TEST_TOKEN", "")
	_, err := cdnrules.NewCloudflare(shop(), policy.CDN{Kind: "fastly", Zone: "TEST_ZONE", Token: "TEST_TOKEN"}, cdnrules.Options{Plan: "gold", Owner: "a_b", BaseURL: "http://api.example.com"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`the plan is "gold", want free, pro, business or enterprise`, `the owner is "a_b"`, `the CDN is "fastly", want cloudflare`,
		"TEST_ZONE: want the 32 hexadecimal digits", "TEST_TOKEN: there is no secret in it", "BaseURL: the URL begins with http://",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("a value of the environment is in the error: %v", err)
	}
	// A token in the place of a variable's name is not repeated either.
	_, err = cdnrules.NewCloudflare(shop(), policy.CDN{Kind: "cloudflare", Zone: zoneID[:0], Token: token}, cdnrules.Options{})
	if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "cdn.token: want the name of an environment variable") {
		t.Errorf("got %v", err)
	}
}
