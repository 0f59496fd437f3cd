package policy

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// mistakesOf returns the paths of what is wrong.
func mistakesOf(t *testing.T, p *Policy) []string {
	t.Helper()
	err := p.Validate()
	if err == nil {
		return nil
	}
	var paths []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		m := e.(interface{ Field() string })
		if !strings.Contains(e.Error(), m.Field()) {
			t.Errorf("%q does not name %s", e, m.Field())
		}
		paths = append(paths, m.Field())
	}
	return paths
}

// TestValidate_Never: no field of a class that is never cached goes unnoticed.
func TestValidate_Never(t *testing.T) {
	class := reflect.TypeFor[Class]()
	for i := range class.NumField() {
		name := class.Field(i).Name
		c := Class{Pattern: Never}
		if name == "Pattern" || name == "Description" || name == "Ignore" {
			continue
		}
		fill(reflect.ValueOf(&c).Elem().Field(i))
		if got := mistakesOf(t, &Policy{Version: 1, Classes: map[string]Class{"x": c}}); len(got) != 1 {
			t.Errorf("a class that is never cached with %s: %v, want one mistake", name, got)
		}
	}
	c := Class{Pattern: Never, Description: "money", Ignore: map[string]string{"R": "why"}}
	if got := mistakesOf(t, &Policy{Version: 1, Classes: map[string]Class{"x": c}}); got != nil {
		t.Errorf("%v", got)
	}
}

// fill puts something into a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		fill(v.Field(0))
	}
}

// TestQueries: a route that no shared cache keeps, for whatever reason, has no list.
func TestQueries(t *testing.T) {
	p := &Policy{
		Version:  1,
		Profiles: map[string]Profile{"hourly": {Fresh: time.Hour}},
		Classes: map[string]Class{
			"never": {Pattern: Never}, "edge": {TTL: TTL{Shared: time.Hour}, Tiers: []Tier{Edge}}, "memory": {TTL: TTL{Shared: time.Hour}},
		},
		Routes: map[string]Route{
			"GET /some": {Edge: time.Hour, Query: []string{"b", "a"}}, "GET /none": {Profile: "hourly", Query: []string{}}, "GET /all": {Edge: time.Hour},
			"GET /class": {Class: "edge", Query: []string{"a"}}, "GET /memory": {Class: "memory", Query: []string{"a"}},
			"GET /never": {Class: "never", Query: []string{"a"}}, "GET /private": {Private: true, Query: []string{"a"}},
			"GET /no": {NoStore: true, Query: []string{"a"}}, "GET /off": {Class: "edge", Edge: None, Query: []string{"a"}},
		},
	}
	want := map[string][]string{
		"GET /some": {"b", "a"}, "GET /none": {}, "GET /all": nil, "GET /class": {"a"},
		"GET /memory": nil, "GET /never": nil, "GET /private": nil, "GET /no": nil, "GET /off": nil,
	}
	if got, err := p.Queries(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Queries() = %v, %v, want %v", got, err, want)
	}
	p.Routes["GET /lost"] = Route{Class: "lost"}
	if _, err := p.Queries(); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("Queries() with a class that is not there: %v", err)
	}
}

// TestValidate_Built: what no file can say, a program can.
func TestValidate_Built(t *testing.T) {
	for _, c := range []struct {
		change func(p *Policy)
		want   string
	}{
		{func(p *Policy) {}, ""},
		{func(p *Policy) { p.Version = 0 }, "version"},
		{func(p *Policy) { p.Fleet.Lease = -time.Second }, "fleet.lease"},
		{func(p *Policy) { p.Fleet.Hold = None }, "fleet.hold"},
		{func(p *Policy) {
			p.Profiles["p"] = Profile{Fresh: math.MaxInt64, Stale: math.MaxInt64, Expire: math.MaxInt64}
		}, "profiles.p.expire"},
		{func(p *Policy) { p.Profiles["p"] = Profile{Fresh: 1, Jitter: math.NaN()} }, "profiles.p.jitter"},
		{func(p *Policy) { p.Classes["c"] = Class{TTL: TTL{Shared: None}} }, "classes.c.ttl.shared"},
		{func(p *Policy) { p.Classes["c"] = Class{StaleIfError: None} }, ""},
		{func(p *Policy) { p.Classes["c"] = Class{StaleIfError: -2} }, "classes.c.stale_if_error"},
		{func(p *Policy) { p.Classes["c"] = Class{Tiers: []Tier{}} }, "classes.c.tiers"},
		{func(p *Policy) { p.Classes["c"] = Class{Description: "\xff"} }, "classes.c.description"},
		{func(p *Policy) { p.Classes["c"] = Class{Budget: Budget{Rate: math.Inf(1)}} }, "classes.c.budget.rate"},
		{func(p *Policy) { p.Classes["c"] = Class{Target: Target{MissRate: math.NaN()}} }, "classes.c.target.miss_rate"},
		{func(p *Policy) { p.Classes["c"] = Class{Key: Key{Type: "string", Parts: []KeyPart{{"a", "string"}}}} }, "classes.c.key"},
		{func(p *Policy) {
			p.Classes["c"] = Class{Key: Key{Parts: []KeyPart{{"a", "string"}, {"a", "bool"}}}}
		}, "classes.c.key.a"},
		{func(p *Policy) {
			p.Classes["c"] = Class{Source: Source{From: "a", Tables: []Table{{Name: "t", Key: "{id}"}}}}
		}, "classes.c.source"},
		{func(p *Policy) { p.Classes["c"] = Class{Key: Key{Type: "float64"}} }, "classes.c.key"},
		{func(p *Policy) { p.Classes["c"] = Class{Key: Key{Type: "unsafe.Pointer"}} }, "classes.c.key"},
		{func(p *Policy) { p.Classes["c"] = Class{Type: "[]C.Int"} }, "classes.c.type"},
		{func(p *Policy) { p.Go = Go{Out: "my-caches", Package: "caches"} }, ""},
		{func(p *Policy) { p.Go = Go{Package: "caches_test"} }, "go.package"},
		{func(p *Policy) { p.Classes["c"] = Class{Ignore: map[string]string{"R": "two\nlines"}} }, "classes.c"},
		{func(p *Policy) { p.Classes["c"] = Class{Tags: []string{strings.Repeat("x", 201)}} }, "classes.c.tags[0]"},
		{func(p *Policy) { p.Classes["c.d"] = Class{Profile: "none"} }, `classes."c.d".profile`},
		{func(p *Policy) { p.Routes["GET /x/{id}"] = Route{Tags: []string{"{id}", "{no}"}} }, `routes."GET /x/{id}".tags[1]`},
		{func(p *Policy) { p.Routes["GET /x/{rest...}"] = Route{Tags: []string{"{rest}"}} }, ""},
		{func(p *Policy) { p.Routes["GET /x/{$}"] = Route{Tags: []string{"{$}"}} }, `routes."GET /x/{$}".tags[0]`},
		{func(p *Policy) { p.Routes[""] = Route{} }, `routes.""`},
		{func(p *Policy) { p.Routes["/"] = Route{Statuses: map[int]time.Duration{404: None}} }, `routes."/".statuses.404`},
		{func(p *Policy) { p.CDNs = []CDN{{Kind: "larder"}, {Kind: "larder", Token: "abc"}} }, "cdn[1].token"},
	} {
		p := &Policy{Version: 1, Profiles: map[string]Profile{}, Classes: map[string]Class{}, Routes: map[string]Route{}}
		c.change(p)
		if got := strings.Join(mistakesOf(t, p), " "); got != c.want {
			t.Errorf("%+v: mistakes in %q, want %q", p, got, c.want)
		}
	}
	token := &Policy{Version: 1, CDNs: []CDN{{Kind: "larder", Token: "s3cret"}}}
	if err := token.Validate(); err == nil || strings.Contains(fmt.Sprint(err), "s3cret") {
		t.Errorf("the error shows the token, or there is none: %v", err)
	}
}

// TestValidate_Out: the folder of generated code is a path that messages can show.
func TestValidate_Out(t *testing.T) {
	for out, fine := range map[string]bool{
		"my-caches": false, "internal/func": false, "caches_test": false, "main": false, ".": false, "..": false,
		"": true, "internal/caches": true, "./caches/": true, "../caches": true, "a b/ü": true,
		"/caches": false, "a/../b": false, `a\b`: false, "C:/caches": false,
		"a\nb": false, "a\x00b": false, "\x1b[2J": false, "a\x7fb": false, "a\u0085b": false,
	} {
		if got := mistakesOf(t, &Policy{Version: 1, Go: Go{Out: out}}); (len(got) == 0) != fine {
			t.Errorf("go.out %q: %v, want fine: %v", out, got, fine)
		}
	}
}
