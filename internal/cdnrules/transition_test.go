package cdnrules_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
)

// randomPolicy is one whose routes ServeMux takes, with hosts of its own.
func randomPolicy(random *rand.Rand) (map[string]policy.Route, *http.ServeMux) {
	routes := map[string]policy.Route{}
	mux := http.NewServeMux()
	for range random.IntN(7) {
		pattern := randomPattern(random, []string{"a", "b", "{x}"})
		if tryHandle(mux, pattern) {
			routes[pattern] = randomRoute(random)
		}
	}
	return routes, mux
}

func randomRoute(random *rand.Rand) policy.Route {
	return []policy.Route{
		{Edge: time.Hour}, {Edge: time.Hour, Query: []string{}}, {Edge: time.Hour, Vary: []string{"X-V"}}, {NoStore: true}, {Private: true},
	}[random.IntN(5)]
}

// TestApply_NothingIsBaredOnTheWay goes from one random policy to another and looks at
// the zone after each write, which is where a process may die: what neither policy
// keeps is not kept at any moment, and what is kept has the settings of one of both.
func TestApply_NothingIsBaredOnTheWay(t *testing.T) {
	const rounds = 400
	random := rand.New(rand.NewPCG(5, 6))
	type request struct{ host, path string }
	moments, compared := 0, 0
	for round := range rounds {
		var requests []request
		for range 60 {
			requests = append(requests, request{[]string{"h.example.com", "other.example.com"}[random.IntN(2)], randomPath(random)})
		}
		before, _ := randomPolicy(random)
		after, _ := randomPolicy(random)
		if random.IntN(2) == 0 { // most changes leave most as it was
			after = maps.Clone(before)
			for pattern := range before {
				switch random.IntN(4) {
				case 0:
					delete(after, pattern)
				case 1:
					after[pattern] = randomRoute(random)
				}
			}
		}
		p := &policy.Policy{Routes: before, CDNs: []policy.CDN{cdn()}}
		p.CDNs[0].Hosts = nil
		next := &policy.Policy{Routes: after, CDNs: p.CDNs}
		clean, openClean := newZone(t, "business")
		apply(t, openClean(p))
		most := len(clean.Rules())
		apply(t, openClean(next))
		most = max(most, len(clean.Rules()))
		zone, open := newZone(t, "business")
		// Room for a rule more, for two, for none.
		zone.Edit(foreign(slices.Repeat([]string{"one"}, 50-most-random.IntN(3))...))
		apply(t, open(p))
		was, will := compile(t, zone.Rules()), compile(t, clean.Rules())
		kept := others(zone)
		zone.After = func(*http.Request) {
			moments++
			now := compile(t, zone.Rules())
			for _, r := range requests {
				cached, key := now.verdict(r.host, r.path)
				if !cached {
					continue
				}
				compared++
				wasCached, wasKey := was.verdict(r.host, r.path)
				willCached, willKey := will.verdict(r.host, r.path)
				if (!wasCached || key != wasKey) && (!willCached || key != willKey) {
					t.Fatalf("round %d: %s%s is kept with %s on the way; before it was: %t, %s; after: %t, %s\nbefore %v\nafter %v\nrules %s",
						round, r.host, r.path, key, wasCached, wasKey, willCached, willKey, before, after, rulesText(now))
				}
			}
		}
		for writes, dies := 0, random.IntN(8); dies > 0; dies = 0 {
			zone.Before = failing(&writes, dies)
			c := open(next)
			if err := c.Apply(t.Context(), plan(t, c)); (err != nil) != (writes > dies) {
				t.Fatalf("round %d: Apply after %d of %d writes: %v", round, dies, writes, err)
			}
			zone.Before = nil
		}
		apply(t, open(next))
		zone.After = nil
		if now := compile(t, zone.Rules()); others(zone) != kept {
			t.Fatalf("round %d: rules of others are another: %s", round, rulesText(now))
		}
	}
	t.Logf("%d moments, %d kept requests compared", moments, compared)
	if moments < rounds || compared < rounds*10 {
		t.Errorf("only %d moments, %d kept requests were compared", moments, compared)
	}
}

func rulesText(c *compiled) string {
	text := ""
	for _, r := range c.rules {
		text += fmt.Sprintf("\n  %s %v %s", r.Ref, r.Enabled, r.Expression)
	}
	return text
}

// TestApply_BaresNothingOfLongRules: where what was bypassed and what will be are too
// long together, the hosts are bypassed for the moment, and no others.
func TestApply_BaresNothingOfLongRules(t *testing.T) {
	for _, hosts := range [][]string{nil, {"h.example.com"}, {"h.example.com", "i.example.com"}} {
		policyOf := func(from, to int) *policy.Policy {
			p := &policy.Policy{Routes: map[string]policy.Route{"GET /a/": {Edge: time.Hour}}, CDNs: []policy.CDN{cdn()}}
			p.CDNs[0].Hosts = hosts
			for i := from; i < to; i++ {
				p.Routes[fmt.Sprintf("GET /a/%060d", i)] = policy.Route{NoStore: true}
			}
			return p
		}
		zone, open := newZone(t, "enterprise")
		apply(t, open(policyOf(0, 30)))
		next := policyOf(30, 60)
		next.Routes["GET /b"] = policy.Route{Edge: time.Hour}
		delete(next.Routes, "GET /a/") // nothing below it is kept any more
		moments := 0
		zone.After = func(*http.Request) {
			moments++
			now := compile(t, zone.Rules())
			for i := range 60 {
				if cached, _ := now.verdict("h.example.com", fmt.Sprintf("/a/%060d", i)); cached {
					t.Errorf("hosts %q: after %d writes route %d is kept; rules %s", hosts, moments, i, rulesText(now))
				}
			}
			if len(hosts) > 0 && len(now.matching("of-others.example.com", "/a/x")) > 0 {
				t.Errorf("hosts %q: a host of others is matched; rules %s", hosts, rulesText(now))
			}
		}
		if p := apply(t, open(next)); moments != len(p.Changes) || len(p.Changes) < 3 {
			t.Errorf("hosts %q: %d moments of the plan\n%s", hosts, moments, p)
		}
	}
}

// TestApply_BaresNothingOfAFullZone: each bypass rule is replaced by one of another
// host, and there is room for none more. Every write may be the last of a process.
func TestApply_BaresNothingOfAFullZone(t *testing.T) {
	policyOf := func(hosts string) *policy.Policy {
		p := &policy.Policy{Routes: map[string]policy.Route{"GET /": {Edge: time.Hour}, "GET always.example.com/x": {NoStore: true}}, CDNs: []policy.CDN{cdn()}}
		p.CDNs[0].Hosts = nil
		for _, host := range hosts {
			p.Routes["GET "+string(host)+".example.com/x"] = policy.Route{NoStore: true}
		}
		return p
	}
	for dies := range 20 {
		zone, open := newZone(t, "free")
		apply(t, open(policyOf("abcdefgh")))
		if n := len(zone.Rules()); n != 10 {
			t.Fatalf("%d rules, want a full zone", n)
		}
		writes := 0
		zone.Before = failing(&writes, dies)
		zone.After = func(*http.Request) {
			now := compile(t, zone.Rules())
			if cached, _ := now.verdict("always.example.com", "/x"); cached {
				t.Errorf("after %d writes what must never be kept is; rules %s", writes, rulesText(now))
			}
		}
		c := open(policyOf("ijklmnop"))
		if err := c.Apply(t.Context(), plan(t, c)); err == nil && writes > dies {
			t.Errorf("write %d failed, and Apply says nothing", dies+1)
		}
		zone.Before = nil
		apply(t, c)
		if got := order(zone); got != "cbbbbbbbbb" {
			t.Errorf("died after %d writes: the rules are %q", dies, got)
		}
	}
}

// failing is an API that fails after so many writes, which it counts, and from then on.
func failing(writes *int, after int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet {
			*writes++
		}
		if *writes > after {
			w.WriteHeader(http.StatusBadGateway)
		}
		return *writes > after
	}
}
