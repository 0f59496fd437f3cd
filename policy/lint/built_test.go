package lint

import (
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"
	"unicode"

	"github.com/larderdev/larder/policy"
)

// TestCheck_Built is about policies that no file can say: a program has built them.
func TestCheck_Built(t *testing.T) {
	fine := policy.Class{TTL: policy.TTL{Shared: time.Hour}, Source: policy.Source{From: "the database"}}
	changed := func(change func(*policy.Class)) map[string]policy.Class {
		c := fine
		change(&c)
		return map[string]policy.Class{"a": c}
	}
	for _, tt := range []struct {
		name string
		p    policy.Policy
		want []string
	}{
		{"fine", policy.Policy{Classes: changed(func(*policy.Class) {})}, nil},
		{"a tier of what is never cached", policy.Policy{Classes: map[string]policy.Class{
			"a": {Pattern: policy.Never, Tiers: []policy.Tier{policy.Shared}, Description: "paid", MemoryEntries: 1},
		}}, []string{"classes: nothing-cached", "classes.a.memory.entries: never-with-settings", "classes.a.tiers: never-with-settings"}},
		{"no such profile", policy.Policy{Classes: changed(func(c *policy.Class) { c.Profile = "hourly" })}, []string{"classes.a.profile: invalid"}},
		{"no such class", policy.Policy{Routes: map[string]policy.Route{"GET /": {Class: "b", Edge: time.Hour}}}, []string{`routes."GET /".class: invalid`}},
		{"no such tier", policy.Policy{Classes: changed(func(c *policy.Class) { c.Tiers = []policy.Tier{"disk", policy.Shared} })}, []string{"classes.a.tiers[0]: invalid"}},
		{"a time below 0", policy.Policy{Classes: changed(func(c *policy.Class) { c.NegativeTTL = -5 })}, []string{"classes.a.negative_ttl: invalid"}},
		{"no pattern", policy.Policy{Routes: map[string]policy.Route{"GET {": {Edge: time.Hour}}}, []string{`routes."GET {": route-pattern`}},
		{"an exception without a reason", policy.Policy{Classes: changed(func(c *policy.Class) {
			c.Source = policy.Source{}
			c.Ignore = map[string]string{"class-without-source": ""}
		})}, []string{"classes.a: invalid"}},
		{"jitter of what is rebuilt", policy.Policy{
			Profiles: map[string]policy.Profile{"p": {Fresh: time.Hour, Jitter: policy.None}},
			Classes:  changed(func(c *policy.Class) { c.Profile, c.Rebuild = "p", 5 }),
		}, []string{"classes.a.profile: jitter-none"}},
		{
			"early refresh all the time",
			policy.Policy{Classes: changed(func(c *policy.Class) { c.Stampede.EarlyRefresh = 101 })},
			[]string{"classes.a.stampede.early_refresh: refused-at-start"},
		},
		{"as long as the load", policy.Policy{Classes: changed(func(c *policy.Class) {
			c.StaleIfError, c.Stampede = time.Hour, policy.Stampede{SoftTimeout: time.Second, HardTimeout: time.Second}
		})}, []string{"classes.a.stampede.soft_timeout: refused-at-start"}},
	} {
		tt.p.Version = policy.FileVersion
		var got []string
		for _, f := range Check(&tt.p) {
			got = append(got, f.Path+": "+f.Rule)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q in\n%s", tt.name, got, tt.want, lines(Check(&tt.p)))
		}
	}
}

// TestCheck_Exceptions: each excuses its own class or route and its own rule.
func TestCheck_Exceptions(t *testing.T) {
	p := parse(t, `version: 1
classes:
  # larder:ignore class-without-source the partner does not say
  a: {ttl: 1h}
  b: {ttl: 1h}
  c:
    ttl: 1h # larder:ignore ttl-missing it was missing once
    # larder:ignore class-without-source nobody knows
  # larder:ignore ttl-missing it needs none
  d: {source: the database}
routes:
  # larder:ignore class-without-sauce it is a route
  GET /: {edge: 1m}
`)
	var got []string
	for _, f := range Check(p) {
		got = append(got, f.Path+": "+f.Rule)
		if bound := strings.Contains(f.Message, "refuses all the same"); f.Rule == "ignore-unused" && bound != (f.Path == "classes.d") {
			t.Errorf("%v: says that an exception would not help: %v", f, bound)
		}
	}
	want := []string{"classes.b.source: class-without-source", "classes.c: ignore-unused", "classes.d: ignore-unused", "classes.d.ttl: ttl-missing", `routes."GET /": ignore-unknown`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCheck_Anything: whatever a policy is made of, Check comes back, says the same
// twice, and leaves the policy as it was.
func TestCheck_Anything(t *testing.T) {
	seed := rand.New(rand.NewSource(1))
	texts := []string{"", "a", "b", "GET /a/{x}", "GET /{", "/a/", "{", "}{", "*", "never", "shared", "edge", "cloudflare", "private", "a\n\x00", "é", "b-{x}"}
	fill := func(args []reflect.Value, r *rand.Rand) {
		p := reflect.New(reflect.TypeFor[policy.Policy]()).Elem()
		random(p, r, texts)
		args[0] = p.Addr()
	}
	same := func(p *policy.Policy) bool {
		before := *p
		first := Check(p)
		for _, f := range first {
			if strings.ContainsFunc(f.Path+f.Message+f.Mend, unicode.IsControl) || f.Path == "" || f.Mend == "" {
				t.Errorf("%#v is not one line, or not whole", f)
			}
		}
		return reflect.DeepEqual(first, Check(p)) && reflect.DeepEqual(before, *p)
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 100, Rand: seed, Values: fill}); err != nil {
		t.Error(err)
	}
}

// random fills v with anything.
func random(v reflect.Value, r *rand.Rand, texts []string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[r.Intn(len(texts))])
	case reflect.Bool:
		v.SetBool(r.Intn(3) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{0, 0, -1, 1, 404, int64(time.Minute), int64(time.Hour), 1 << 62, -1 << 63}[r.Intn(9)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 0, -1, 0.1, 2, 1e300}[r.Intn(6)])
	case reflect.Struct:
		for i := range v.NumField() {
			random(v.Field(i), r, texts)
		}
	case reflect.Slice:
		if n := r.Intn(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
		}
		for i := range v.Len() {
			random(v.Index(i), r, texts)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.Intn(5) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			random(k, r, texts)
			random(e, r, texts)
			v.SetMapIndex(k, e)
		}
	}
}
