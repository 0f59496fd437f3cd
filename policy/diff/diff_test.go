package diff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
)

// base returns a policy in which every field says something.
func base() *policy.Policy {
	return &policy.Policy{
		Version: 1,
		Fleet:   policy.Fleet{MaxStaleness: time.Second, SharedTimeout: time.Second, Lease: time.Second, Hold: time.Minute, Outbox: true},
		Go:      policy.Go{Package: "caches", Out: "internal/caches"},
		Profiles: map[string]policy.Profile{
			"p": {Fresh: time.Hour, Stale: time.Minute, Expire: 2 * time.Hour, Jitter: 0.1},
		},
		Classes: map[string]policy.Class{"c": {
			Description: "d", Pattern: policy.CacheAside, Key: policy.Key{Type: "int64", Parts: []policy.KeyPart{{Name: "q", Type: "string"}}},
			Type: "string", Profile: "p", TTL: policy.TTL{Shared: time.Hour, Memory: time.Minute, Edge: time.Hour}, NegativeTTL: time.Second,
			StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour, FromValue: true, Jitter: 0.2,
			Tiers: []policy.Tier{policy.Memory, policy.Shared}, Tags: []string{"t"}, ValueTags: true, ValueTTL: true, RowVersion: "column", Batch: true, Strict: true,
			Stampede: policy.Stampede{EarlyRefresh: 2, SoftTimeout: time.Second, HardTimeout: time.Minute},
			Budget:   policy.Budget{Loads: 5, Rate: 10, Wait: time.Second}, MemoryEntries: 10, MemoryBytes: 1 << 20, CompressAbove: 100,
			Privacy: policy.Private, Encrypt: true, Rebuild: 5, Target: policy.Target{MissRate: 0.1, Window: time.Minute},
			Source: policy.Source{From: "x", Tables: []policy.Table{{Name: "n", Key: "{id}", Tags: []string{"t"}, Version: "v", Sequence: "s"}}},
			Ignore: map[string]string{"r": "why"},
		}},
		Routes: map[string]policy.Route{"GET /c": {
			Class: "c", NoStore: true, Private: true, Profile: "p", Edge: time.Hour, Browser: time.Minute,
			StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour, Immutable: true, Tags: []string{"t"}, Query: []string{"q"},
			Vary: []string{"Accept"}, Statuses: map[int]time.Duration{404: time.Minute}, Ignore: map[string]string{"r": "why"},
		}},
		CDNs: []policy.CDN{{Kind: "fastly", Zone: "ZONE", Token: "TOKEN", Hosts: []string{"h"}}},
	}
}

// TestCompare_EveryField changes each field of the model, one at a time: each change
// is reported, once, in the part where it is, with words.
func TestCompare_EveryField(t *testing.T) {
	if got := Compare(base(), base()); len(got) > 0 {
		t.Fatalf("a policy differs from itself: %v", got)
	}
	changed := 0
	for ; ; changed++ {
		p, n := base(), 0
		where := change(reflect.ValueOf(p).Elem(), "", changed, &n)
		if where == "" {
			break
		}
		got := Compare(base(), p)
		// The other kind of CDN is one that came and one that went.
		want := 1
		if strings.HasSuffix(where, "CDNs[0].Kind") {
			want = 2
		}
		if len(got) != want {
			t.Errorf("%s: %d changes, want %d: %v", where, len(got), want, got)
		}
		for _, c := range got {
			if rank(c.Kind) < 0 || c.Path == "" || c.Effect == "" || c.Old == c.New || strings.TrimSpace(c.Effect) != c.Effect || part(c.Path) < 0 {
				t.Errorf("%s: %+v", where, c)
			}
		}
		if back := Compare(p, base()); len(back) != want {
			t.Errorf("%s, back: %d changes, want %d: %v", where, len(back), want, back)
		}
	}
	if changed < 60 {
		t.Errorf("only %d fields were changed", changed)
	}
}

// change changes leaf number at, and returns where it is, or "" if there is none.
func change(v reflect.Value, path string, at int, n *int) string {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if w := change(v.Field(i), path+"."+v.Type().Field(i).Name, at, n); w != "" {
				return w
			}
		}
		return ""
	case reflect.Slice:
		if v.Len() == 0 {
			panic(path + " says nothing in base")
		}
		return change(v.Index(0), path+"[0]", at, n)
	case reflect.Map:
		k := v.MapKeys()[0]
		e := reflect.New(v.Type().Elem()).Elem()
		e.Set(v.MapIndex(k))
		if e.Kind() == reflect.String { // why a rule does not apply: the rule is what is compared in words
			*n++
			if *n-1 != at {
				return ""
			}
			v.SetMapIndex(reflect.ValueOf("another"), e)
			return path
		}
		w := change(e, fmt.Sprintf("%s[%v]", path, k), at, n)
		v.SetMapIndex(k, e)
		return w
	}
	if v.IsZero() {
		panic(path + " says nothing in base")
	}
	*n++
	if *n-1 != at {
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
		if v.Type() == reflect.TypeFor[policy.Pattern]() {
			v.SetString(string(policy.Never))
		}
		if strings.HasSuffix(path, ".Profile") || strings.HasSuffix(path, ".Class") {
			v.SetString("")
		}
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + int64(max(1, v.Int()/2)))
	case reflect.Float64:
		v.SetFloat(v.Float() * 1.5)
	default:
		panic(path + ": " + v.Kind().String())
	}
	return path
}

// TestCompare_Words: what each kind of change is, and the word that matters.
func TestCompare_Words(t *testing.T) {
	class := func(change func(*policy.Class)) *policy.Policy {
		c := policy.Class{TTL: policy.TTL{Shared: time.Hour}, Key: policy.Key{Type: "int64"}}
		change(&c)
		return &policy.Policy{Version: 1, Profiles: map[string]policy.Profile{"hourly": {Fresh: time.Hour}}, Classes: map[string]policy.Class{"product": c}}
	}
	route := func(r policy.Route) *policy.Policy {
		return &policy.Policy{Version: 1, Routes: map[string]policy.Route{"GET /x": r}}
	}
	withProfile := func(r policy.Route) *policy.Policy {
		p := route(r)
		p.Profiles = map[string]policy.Profile{"hourly": {Fresh: time.Hour}}
		return p
	}
	same := func(*policy.Class) {}
	inMemory := func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Memory} }
	parts := func(names ...string) func(*policy.Class) {
		return func(c *policy.Class) {
			c.Key = policy.Key{}
			for _, name := range names {
				c.Key.Parts = append(c.Key.Parts, policy.KeyPart{Name: name, Type: "string"})
			}
		}
	}
	for _, tt := range []struct {
		name     string
		old, new *policy.Policy
		kind     Kind
		path     string
		words    []string
	}{
		{"key type", class(same), class(func(c *policy.Class) { c.Key.Type = "string" }), Breaking, "classes.product.key", []string{"found as before", "compile"}},
		{"key of another text", class(same), class(func(c *policy.Class) { c.Key.Type = "bool" }), Breaking, "classes.product.key", []string{"cold start", "compile"}},
		{
			"key parts", class(func(c *policy.Class) { c.Key = policy.Key{Parts: []policy.KeyPart{{Name: "q", Type: "string"}}} }),
			class(func(c *policy.Class) { c.Key = policy.Key{Parts: []policy.KeyPart{{Name: "q", Type: "int64"}}} }), Breaking, "classes.product.key",
			[]string{"cold start"},
		},
		{"key parts in another order", class(parts("q", "page")), class(parts("page", "q")), Behavioural, "classes.product.key", []string{"found as before", "another order"}},
		{"a key part more", class(parts("q")), class(parts("page", "q")), Behavioural, "classes.product.key", []string{"ask for page are new", "found as before"}},
		{"a key part less", class(parts("q", "page")), class(parts("page")), Breaking, "classes.product.key", []string{"key with q is", "compile"}},
		{"key said as it was", class(func(c *policy.Class) { c.Key = policy.Key{} }), class(func(c *policy.Class) { c.Key.Type = "string" }), Safe, "classes.product.key", nil},
		{"type", class(same), class(func(c *policy.Class) { c.Type = "string" }), Breaking, "classes.product.type", []string{"cold start"}},
		{"encrypted", class(same), class(func(c *policy.Class) { c.Encrypt = true }), Breaking, "classes.product.encrypt", []string{"cold start", "in clear"}},
		{"sensitive", class(same), class(func(c *policy.Class) { c.Privacy = policy.Sensitive }), Breaking, "classes.product.privacy", []string{"cold start", "purge"}},
		{"private", class(same), class(func(c *policy.Class) { c.Privacy = policy.Private }), Behavioural, "classes.product.privacy", []string{"purge"}},
		{"private no more", class(func(c *policy.Class) { c.Privacy = policy.Private }), class(same), Breaking, "classes.product.privacy", []string{"others"}},
		{"public said", class(same), class(func(c *policy.Class) { c.Privacy = policy.Public }), Safe, "classes.product.privacy", nil},
		{"never", class(same), class(func(c *policy.Class) { *c = policy.Class{Pattern: policy.Never, TTL: c.TTL, Key: c.Key} }), Breaking, "classes.product.pattern", []string{"never cached any more", "purge"}},
		{"never no more", class(func(c *policy.Class) { c.Pattern = policy.Never }), class(same), Breaking, "classes.product.pattern", []string{"is cached"}},
		{"write-through", class(same), class(func(c *policy.Class) { c.Pattern = policy.WriteThrough }), Behavioural, "classes.product.pattern", nil},
		{"cache-aside said", class(same), class(func(c *policy.Class) { c.Pattern = policy.CacheAside }), Safe, "classes.product.pattern", nil},
		{"longer", class(same), class(func(c *policy.Class) { c.TTL.Shared = 2 * time.Hour }), Behavioural, "classes.product.ttl.shared", []string{"longer", "2h", "keeps its end"}},
		{"shorter", class(same), class(func(c *policy.Class) { c.TTL.Shared = time.Minute }), Behavioural, "classes.product.ttl.shared", []string{"shorter", "1m", "loads"}},
		{"default said", class(same), class(func(c *policy.Class) { c.TTL.Memory = time.Hour }), Safe, "classes.product.ttl.memory", nil},
		{"first tags", class(same), class(func(c *policy.Class) { c.Tags = []string{"a"} }), Breaking, "classes.product.tags", []string{"cold start"}},
		{"other tags", class(func(c *policy.Class) { c.Tags = []string{"a"} }), class(func(c *policy.Class) { c.Tags = []string{"b"} }), Behavioural, "classes.product.tags", []string{"old tags", "1h"}},
		{"first tags, in memory alone", class(inMemory), class(func(c *policy.Class) { inMemory(c); c.Tags = []string{"a"} }), Behavioural, "classes.product.tags", nil},
		{"encrypted, in memory alone", class(inMemory), class(func(c *policy.Class) { inMemory(c); c.Encrypt = true }), Breaking, "classes.product.encrypt", []string{"needs a key"}},
		{"encrypted no more, in memory alone", class(func(c *policy.Class) { inMemory(c); c.Encrypt = true }), class(inMemory), Safe, "classes.product.encrypt", nil},
		{"type, in memory alone", class(inMemory), class(func(c *policy.Class) { inMemory(c); c.Type = "string" }), Breaking, "classes.product.type", []string{"compile"}},
		{"tags in another order", class(func(c *policy.Class) { c.Tags = []string{"a", "b"} }), class(func(c *policy.Class) { c.Tags = []string{"b", "a"} }), Safe, "classes.product.tags", nil},
		{"memory too", class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared} }), class(same), Behavioural, "classes.product.tiers", []string{"max_staleness"}},
		{"memory alone", class(same), class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Memory} }), Breaking, "classes.product.tiers", []string{"cold start"}},
		{"tiers said", class(same), class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared, policy.Memory} }), Safe, "classes.product.tiers", nil},
		{"edge", class(same), class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Memory, policy.Shared, policy.Edge} }), Behavioural, "classes.product.tiers", []string{"purged"}},
		{"edge for one", class(func(c *policy.Class) { c.Privacy = policy.Private }), class(func(c *policy.Class) {
			c.Privacy, c.Tiers = policy.Private, []policy.Tier{policy.Memory, policy.Shared, policy.Edge}
		}), Breaking, "classes.product.tiers", []string{"everyone"}},
		{"edge no more", class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared, policy.Edge} }), class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared} }), Behavioural, "classes.product.tiers", []string{"purge"}},
		{"other versions", class(func(c *policy.Class) { c.RowVersion = "column" }), class(func(c *policy.Class) { c.RowVersion = "sequence" }), Breaking, "classes.product.row_version", []string{"older value"}},
		{"many at once", class(same), class(func(c *policy.Class) { c.Batch = true }), Breaking, "classes.product.batch", []string{"compile"}},
		{"a profile that says the same", class(same), class(func(c *policy.Class) { c.Profile = "hourly" }), Safe, "classes.product.profile", nil},
		{"gone", class(same), &policy.Policy{Version: 1, Profiles: class(same).Profiles}, Breaking, "classes.product", []string{"gone", "compile"}},
		{"come", &policy.Policy{Version: 1, Profiles: class(same).Profiles}, class(same), Safe, "classes.product", nil},
		{"no relay", &policy.Policy{Fleet: policy.Fleet{Outbox: true}}, &policy.Policy{}, Breaking, "fleet.outbox", []string{"wrong"}},

		{"fewer parameters", route(policy.Route{Edge: time.Hour}), route(policy.Route{Edge: time.Hour, Query: []string{}}), Breaking, `routes."GET /x".query`, []string{"cold start at the edge", "be sure"}},
		{"more parameters", route(policy.Route{Edge: time.Hour, Query: []string{"a"}}), route(policy.Route{Edge: time.Hour, Query: []string{"a", "b"}}), Breaking, `routes."GET /x".query`, []string{"cold start at the edge", "More"}},
		{"a profile that says what the route says", withProfile(policy.Route{Edge: time.Hour}), withProfile(policy.Route{Edge: time.Hour, Profile: "hourly"}), Safe, `routes."GET /x".profile`, nil},
		{"a profile for the route", withProfile(policy.Route{Browser: time.Minute}), withProfile(policy.Route{Browser: time.Minute, Profile: "hourly"}), Behavioural, `routes."GET /x".profile`, []string{"1h"}},
		{"vary", route(policy.Route{Edge: time.Hour}), route(policy.Route{Edge: time.Hour, Vary: []string{"Accept"}}), Breaking, `routes."GET /x".vary`, []string{"up to 1h", "purge"}},
		{"vary no more", route(policy.Route{Edge: time.Hour, Vary: []string{"Accept"}}), route(policy.Route{Edge: time.Hour}), Breaking, `routes."GET /x".vary`, []string{"no longer depend"}},
		{"no_store", route(policy.Route{}), route(policy.Route{NoStore: true}), Behavioural, `routes."GET /x".no_store`, []string{"purge"}},
		{"no_store no more", route(policy.Route{NoStore: true}), route(policy.Route{}), Breaking, `routes."GET /x".no_store`, []string{"Be sure"}},
		{"private no more", route(policy.Route{Private: true}), route(policy.Route{}), Breaking, `routes."GET /x".private`, []string{"everyone"}},
		{"browsers", route(policy.Route{Edge: time.Hour, Browser: time.Minute}), route(policy.Route{Edge: time.Hour, Browser: time.Hour}), Behavioural, `routes."GET /x".browser`, []string{"No purge"}},
		{"tags at the edge", route(policy.Route{Edge: time.Hour, Tags: []string{"a"}}), route(policy.Route{Edge: time.Hour, Tags: []string{"b"}}), Behavioural, `routes."GET /x".tags`, []string{"old tags", "1h"}},
		{"a kept route", &policy.Policy{}, &policy.Policy{Routes: route(policy.Route{Edge: time.Hour}).Routes}, Behavioural, `routes."GET /x"`, []string{"1h"}},
		{"a kept route gone", route(policy.Route{Edge: time.Hour}), &policy.Policy{Version: 1}, Behavioural, `routes."GET /x"`, []string{"purge"}},
		{"a route that nobody keeps", &policy.Policy{Version: 1}, route(policy.Route{NoStore: true}), Safe, `routes."GET /x"`, nil},
		{"another zone", &policy.Policy{CDNs: []policy.CDN{{Kind: "fastly", Zone: "A"}}}, &policy.Policy{CDNs: []policy.CDN{{Kind: "fastly", Zone: "B"}}}, Breaking, "cdn[0].zone", []string{"other zone"}},
	} {
		got := Compare(tt.old, tt.new)
		if len(got) != 1 {
			t.Errorf("%s: %d changes, want 1: %v", tt.name, len(got), got)
			continue
		}
		if got[0].Kind != tt.kind || got[0].Path != tt.path {
			t.Errorf("%s: got %v, want %s at %s", tt.name, got[0], tt.kind, tt.path)
		}
		for _, word := range tt.words {
			if !strings.Contains(got[0].Effect, word) {
				t.Errorf("%s: %q does not say %q", tt.name, got[0].Effect, word)
			}
		}
	}
}

// TestCompare_NeverNoMore: a route that leaves a class that is never cached is kept, as
// one that is no longer no_store.
func TestCompare_NeverNoMore(t *testing.T) {
	p := func(class string) *policy.Policy {
		return &policy.Policy{
			Version: 1,
			Classes: map[string]policy.Class{"pay": {Pattern: policy.Never}, "page": {TTL: policy.TTL{Shared: time.Hour}, Tiers: []policy.Tier{policy.Edge}}},
			Routes:  map[string]policy.Route{"GET /x": {Class: class}},
		}
	}
	got := Compare(p("pay"), p("page"))
	if len(got) != 1 || got[0].Kind != Breaking || !strings.Contains(got[0].Effect, "Be sure") {
		t.Errorf("from never to kept: %v", got)
	}
	if got := Compare(p("page"), p("pay")); len(got) != 1 || got[0].Kind != Behavioural || !strings.Contains(got[0].Effect, "purge") {
		t.Errorf("from kept to never: %v", got)
	}
}

// TestCompare_Lost: what names a profile or a class that is not there is judged by the
// rest of it, and no sentence says that a thing is other than itself.
func TestCompare_Lost(t *testing.T) {
	class := func(change func(*policy.Class)) *policy.Policy {
		c := policy.Class{Profile: "lost", TTL: policy.TTL{Shared: time.Hour}}
		change(&c)
		return &policy.Policy{Version: 1, Classes: map[string]policy.Class{"c": c}}
	}
	route := func(r policy.Route) *policy.Policy {
		r.Class = "lost"
		return &policy.Policy{Version: 1, Routes: map[string]policy.Route{"GET /x": r}}
	}
	same := func(*policy.Class) {}
	for _, tt := range []struct {
		old, new *policy.Policy
		kind     Kind
		word     string
	}{
		{class(same), class(func(c *policy.Class) { c.TTL.Shared = 2 * time.Hour }), Behavioural, "longer, 2h and not 1h"},
		{class(same), class(func(c *policy.Class) { c.TTL.Memory = time.Hour }), Behavioural, "not known"},
		{class(same), class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared} }), Behavioural, "Memory keeps nothing"},
		{class(same), class(func(c *policy.Class) { c.Tiers = []policy.Tier{policy.Shared, policy.Memory} }), Safe, "same"},
		{class(same), class(func(c *policy.Class) { c.Privacy = policy.Public }), Safe, "same"},
		{class(same), class(func(c *policy.Class) { c.Privacy = policy.Sensitive }), Breaking, "encrypted"},
		{route(policy.Route{Edge: time.Hour}), route(policy.Route{Edge: time.Minute}), Behavioural, "shorter, 1m and not 1h"},
		{&policy.Policy{Version: 1}, route(policy.Route{Edge: time.Hour}), Behavioural, "1h"},
		{route(policy.Route{Edge: time.Hour}), &policy.Policy{Version: 1}, Behavioural, "purge"},
	} {
		got := Compare(tt.old, tt.new)
		for _, c := range got {
			if c.Kind != tt.kind || !strings.Contains(c.Effect, tt.word) {
				t.Errorf("got %v, want %s with %q", c, tt.kind, tt.word)
			}
		}
		if len(got) == 0 {
			t.Errorf("no change, want %s with %q", tt.kind, tt.word)
		}
	}
}

// TestCompare_Rename: what came and went with the same settings is one change.
func TestCompare_Rename(t *testing.T) {
	c, never := policy.Class{TTL: policy.TTL{Shared: time.Hour}}, policy.Class{Pattern: policy.Never}
	got := Compare(
		&policy.Policy{Classes: map[string]policy.Class{"a": c, "pay": never}},
		&policy.Policy{Classes: map[string]policy.Class{"b": c, "checkout": never}})
	if len(got) != 2 || got[0].Kind != Breaking || got[0].Path != "classes.b" || got[0].Old != "a" || got[0].New != "b" || !strings.Contains(got[0].Effect, "cold start") {
		t.Fatalf("got %v", got)
	}
	if got[1].Kind != Safe || got[1].Old != "pay" {
		t.Errorf("a class that is never cached has nothing to lose: %v", got[1])
	}
	if Worst(got) != Breaking || Worst(got[1:]) != Safe || Worst(nil) != Safe {
		t.Errorf("the worst is %s, %s, %s", Worst(got), Worst(got[1:]), Worst(nil))
	}
}

// TestCompare_Profile names who uses a line of life that has changed, once.
func TestCompare_Profile(t *testing.T) {
	p := func(fresh time.Duration) *policy.Policy {
		return &policy.Policy{
			Profiles: map[string]policy.Profile{"p": {Fresh: fresh}, "q": {Fresh: fresh}},
			Classes:  map[string]policy.Class{"c": {Profile: "p"}}, Routes: map[string]policy.Route{"GET /": {Profile: "p"}},
		}
	}
	got := Compare(p(time.Hour), p(time.Minute))
	if len(got) != 2 || got[0].Path != "profiles.p.fresh" || got[0].Kind != Behavioural || !strings.Contains(got[0].Effect, `classes.c, routes."GET /"`) {
		t.Fatalf("got %v", got)
	}
	if got[1].Kind != Safe {
		t.Errorf("nothing uses q: %v", got[1])
	}
}

// TestCompare_CDNs: their order does not matter.
func TestCompare_CDNs(t *testing.T) {
	a, b, c := policy.CDN{Kind: "fastly", Zone: "A"}, policy.CDN{Kind: "fastly", Zone: "B"}, policy.CDN{Kind: "varnish"}
	compare := func(old, new []policy.CDN) []string {
		var paths []string
		for _, ch := range Compare(&policy.Policy{CDNs: old}, &policy.Policy{CDNs: new}) {
			paths = append(paths, ch.Path)
		}
		return paths
	}
	if got := compare([]policy.CDN{a, b, c}, []policy.CDN{c, b, a}); got != nil {
		t.Errorf("another order: %q", got)
	}
	if got := compare([]policy.CDN{a}, []policy.CDN{c}); !slices.Equal(got, []string{"cdn", "cdn[0]"}) {
		t.Errorf("another kind: %q", got)
	}
}

// TestCompare_Secret: the change that takes a secret out does not show it again.
func TestCompare_Secret(t *testing.T) {
	p := func(source string) *policy.Policy {
		return &policy.Policy{Classes: map[string]policy.Class{"c": {Source: policy.Source{From: source}}}}
	}
	got := Compare(p("https://reader:"+"hunter2@search.internal"), p("the search index"))
	if len(got) != 1 || strings.Contains(got[0].String(), "hunter2") || got[0].New != "the search index" {
		t.Errorf("got %v", got)
	}
}

func ExampleCompare() {
	old := &policy.Policy{Version: 1, Classes: map[string]policy.Class{
		"product": {Key: policy.Key{Type: "int64"}, TTL: policy.TTL{Shared: time.Hour}},
	}}
	changed := &policy.Policy{Version: 1, Classes: map[string]policy.Class{
		"product": {Key: policy.Key{Type: "string"}, TTL: policy.TTL{Shared: 5 * time.Minute}},
	}}
	for _, c := range Compare(old, changed) {
		fmt.Printf("%s: %s: %s -> %s\n", c.Kind, c.Path, c.Old, c.New)
	}
	// Output:
	// breaking: classes.product.key: int64 -> string
	// behavioural: classes.product.ttl.shared: 1h -> 5m
}
