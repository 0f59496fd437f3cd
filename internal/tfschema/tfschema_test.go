package tfschema

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/larderdev/larder/internal/cdnrules"
	"github.com/larderdev/larder/internal/cdnrules/cftest"
	"github.com/larderdev/larder/policy"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

var (
	record  = flag.String("record", "", "the output of terraform providers schema -json, to write the recorded schema anew from")
	version = flag.String("version", "", "the version of the provider that -record is of")
)

// policies calls f with many policies, in which each setting of a route, and
// whatever is special in HCL, is often there.
// The seed is fixed: a policy that fails is there again in the next run. A plan that
// cannot say a pattern is replaced by one that can, so that every policy is exported.
func policies(t *testing.T, f func(t *testing.T, p *policy.Policy, plan string)) {
	random := rand.New(rand.NewPCG(5, 6))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for i := range 120 {
		p := &policy.Policy{Routes: map[string]policy.Route{}, CDNs: []policy.CDN{{Kind: "cloudflare", Zone: "TEST_ZONE", Token: "TEST_TOKEN"}}}
		if random.IntN(2) == 0 {
			p.CDNs[0].Hosts = []string{"shop.example.com", "www.example.com"}[:1+random.IntN(2)]
		}
		for j := range 1 + random.IntN(8) {
			pattern := pick("", "GET ", "POST ") + pick("", "", "shop.example.com") + fmt.Sprintf("/r%d", j)
			pattern += pick("", "/", "/{x}", "/a/{x}/", "/{x}/b", "/$y", `/"q"`, `/\n`, "/%/é", "/{rest...}", "/*/{$}")
			route := policy.Route{Edge: time.Hour, NoStore: random.IntN(5) == 0, Private: random.IntN(9) == 0}
			switch random.IntN(3) {
			case 0:
				route.Query = []string{}
			case 1:
				route.Query = []string{pick("page", "f[a]", "${x}", "%{x}", `a\`, "a'b"), "q"}
			}
			if random.IntN(3) == 0 {
				route.Vary = []string{pick("Accept-Language", "X-Tenant", "Accept-Encoding"), "Accept"}
			}
			p.Routes[pattern] = route
		}
		plan := []string{"free", "pro", "business", "enterprise"}[i%4]
		if _, err := cdnrules.Export(p, p.CDNs[0].Hosts, cdnrules.Terraform, cdnrules.Options{Plan: plan}); err != nil {
			if !strings.Contains(err.Error(), "operator matches") {
				t.Fatalf("%v: %v", p.Routes, err)
			}
			plan = "enterprise"
		}
		f(t, p, plan)
	}
}

// export is the file as larder cdn export writes it.
func export(t *testing.T, p *policy.Policy, plan string) string {
	t.Helper()
	e, err := cdnrules.Export(p, p.CDNs[0].Hosts, cdnrules.Terraform, cdnrules.Options{Plan: plan})
	if err != nil {
		t.Fatalf("%v: %v", p.Routes, err)
	}
	return e.Files[0].Content
}

// schema reads what is recorded. One that is nearly empty would let every test pass,
// and is refused.
func schema(t *testing.T) *resource {
	t.Helper()
	data, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	var r resource
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Attributes) < 8 || len(r.Attributes["rules"].Attributes["action_parameters"].Attributes) < 50 {
		t.Fatalf("%s has less than the provider: it would find nothing wrong", recorded)
	}
	return &r
}

func TestExport_IsWhatTheProviderTakes(t *testing.T) {
	r := schema(t)
	rules := 0
	policies(t, func(t *testing.T, p *policy.Policy, plan string) {
		text := export(t, p, plan)
		e, err := read(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if found := r.Attributes.check("cloudflare_ruleset", e.value); len(found) > 0 {
			t.Fatalf("%s\n%s", strings.Join(found, "\n"), text)
		}
		if formatted := hclwrite.Format([]byte(text)); string(formatted) != text {
			t.Fatalf("terraform fmt would make\n%s\nof\n%s", formatted, text)
		}
		rules += e.value["rules"].LengthInt()
	})
	// Fewer would mean that most policies have none, and that little was looked at.
	if rules < 240 {
		t.Errorf("%d rules, want more", rules)
	}
}

// TestExport_SaysWhatApplyWrites: whatever is special in HCL, the provider sends
// what larder cdn apply does.
func TestExport_SaysWhatApplyWrites(t *testing.T) {
	t.Setenv("TEST_ZONE", "9a7806061c88ada191ed06f989cc3dac")
	t.Setenv("TEST_TOKEN", "a token")
	policies(t, func(t *testing.T, p *policy.Policy, plan string) {
		zone := &cftest.Zone{ID: os.Getenv("TEST_ZONE"), Token: os.Getenv("TEST_TOKEN"), Plan: plan}
		c, err := cdnrules.NewCloudflare(p, p.CDNs[0], cdnrules.Options{Plan: plan, HTTP: &http.Client{Transport: direct{zone}}})
		if err != nil {
			t.Fatal(err)
		}
		todo, err := c.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Apply(t.Context(), todo); err != nil {
			t.Fatal(err)
		}
		text := export(t, p, plan)
		e, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		if zone := e.value["zone_id"]; !zone.RawEquals(cty.StringVal(e.zone)) {
			t.Errorf("zone_id is %#v, want that of the variable", zone)
		}
		var got, want []map[string]any
		for _, r := range zone.Rules() {
			want = append(want, map[string]any{
				"ref": r.Ref, "description": r.Description, "expression": r.Expression,
				"action": r.Action, "action_parameters": r.ActionParameters, "enabled": r.Enabled,
			})
		}
		data, err := ctyjson.Marshal(e.value["rules"], e.value["rules"].Type())
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("the export says\n%v\napply wrote\n%v\n%s", got, want, text)
		}
	})
}

// direct hands requests to a handler without a network.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/client/v4")
	d.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestCheck_Finds: a slip of any kind in the export is found.
func TestCheck_Finds(t *testing.T) {
	r := schema(t)
	p := &policy.Policy{
		Routes: map[string]policy.Route{"GET /a": {Edge: time.Hour, Query: []string{"page"}, Vary: []string{"X-Tenant"}}},
		CDNs:   []policy.CDN{{Kind: "cloudflare"}},
	}
	text := export(t, p, "enterprise")
	for _, c := range []struct{ old, slip, want string }{
		{"edge_ttl", "edge_tll", "action_parameters.edge_tll is no attribute"},
		{"query_string", "query", "custom_key.query is no attribute"},
		{"  kind ", "  knd  ", "cloudflare_ruleset.kind is required"},
		{`"bypass_by_default"`, `"bypas"`, `edge_ttl.mode is "bypas", want one of`},
		{"http_request_cache_settings", "http_request_cache", `phase is "http_request_cache", want one of`},
		{`"passthrough"`, `"pass"`, `headers[x-tenant].action is "pass", want one of`},
		{`cache_key = {`, `cache_key = [{`, "cache_key is tuple, want single of objects"},
		{`rules = [`, `id = "x"` + "\n  rules = [", "cloudflare_ruleset.id cannot be set"},
		{`enabled     = true`, `enabled = "true"`, "rules[0].enabled is string"},
		{`list = ["page"]`, `list = "page"`, "include.list is string"},
		{`list = ["page"]`, `list = [1]`, "include.list has an item that is number"},
		{`action = "set_cache_settings"`, ``, "rules[0].action is required"},
	} {
		if strings.Count(text, c.old) == 0 {
			t.Errorf("there is no %q in\n%s", c.old, text)
			continue
		}
		slipped := strings.Replace(text, c.old, c.slip, 1)
		if strings.HasSuffix(c.slip, "[{") {
			slipped = strings.Replace(slipped, "        }\n        edge_ttl", "        }]\n        edge_ttl", 1)
		}
		e, err := read(slipped)
		if err != nil {
			t.Errorf("%q: %v\n%s", c.slip, err, slipped)
			continue
		}
		if found := strings.Join(r.Attributes.check("cloudflare_ruleset", e.value), "\n"); !strings.Contains(found, c.want) {
			t.Errorf("%q: found %q, want %q", c.slip, found, c.want)
		}
	}
	for slip, want := range map[string]string{
		strings.Replace(text, "rules = [", "rules {\n", 1):                     "",
		text + "\nrules {}\n":                                                  "the blocks are",
		strings.Replace(text, "  rules = [", "  rules {\n  }\n  rules = [", 1): "whose schema has none",
	} {
		if _, err := read(slip); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestRecord writes the recorded schema anew. Of the provider's texts only the
// values that they list are taken: the schema itself does not name them.
func TestRecord(t *testing.T) {
	if *record == "" {
		schema(t)
		return
	}
	data, err := os.ReadFile(*record)
	if err != nil {
		t.Fatal(err)
	}
	type block struct{ Attributes map[string]rawAttribute }
	var all struct {
		Providers map[string]struct {
			Resources map[string]struct{ Block block } `json:"resource_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	r := resource{Provider: "cloudflare/cloudflare", Version: *version}
	for name, provider := range all.Providers {
		if strings.HasSuffix(name, r.Provider) {
			r.Attributes = facts(provider.Resources["cloudflare_ruleset"].Block.Attributes)
		}
	}
	if r.Attributes == nil || r.Version == "" {
		t.Fatalf("%s has no resource cloudflare_ruleset, or there is no -version", *record)
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recorded, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rawAttribute is an attribute as Terraform prints it.
type rawAttribute struct {
	Type        json.RawMessage
	Description string
	Required    bool
	Optional    bool
	Computed    bool
	Nested      *struct {
		Attributes map[string]rawAttribute
		Mode       string `json:"nesting_mode"`
	} `json:"nested_type"`
}

var (
	listed = regexp.MustCompile(`(?s)Available values: (.*)$`)
	quoted = regexp.MustCompile(`"([^"]*)"`)
)

// facts takes from the provider's schema what can be checked. Allowed values stand in
// the text of a description alone.
func facts(raw map[string]rawAttribute) attributes {
	as := attributes{}
	for name, r := range raw {
		a := &attribute{Type: r.Type, Required: r.Required, Optional: r.Optional, Computed: r.Computed}
		if r.Nested != nil {
			a.Nesting, a.Attributes = r.Nested.Mode, facts(r.Nested.Attributes)
		}
		if values := listed.FindStringSubmatch(r.Description); values != nil {
			for _, value := range quoted.FindAllStringSubmatch(values[1], -1) {
				a.Values = append(a.Values, value[1])
			}
		}
		as[name] = a
	}
	return as
}
