package gen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/diff"
)

// drawn draws a policy of one class of texts, with all that may change what is found.
func drawn(random *rand.Rand) *policy.Policy {
	one := func(odds int) bool { return random.IntN(odds) == 0 }
	c := policy.Class{Type: "string", TTL: policy.TTL{Shared: time.Duration(1+random.IntN(3)) * time.Hour}}
	if one(3) {
		c.Tags = [][]string{{"a"}, {"b"}, {"a", "b"}, {"t-{key}"}}[random.IntN(4)]
	}
	c.ValueTags, c.ValueTTL, c.FromValue = one(4), one(4), one(6)
	if one(3) {
		c.RowVersion = []string{"column", "sequence"}[random.IntN(2)]
	}
	c.Strict = one(4)
	if one(4) && c.RowVersion != "" {
		c.Pattern = policy.WriteThrough
	}
	c.Privacy = []policy.Privacy{"", policy.Public, policy.Private, policy.Sensitive}[random.IntN(4)]
	c.Encrypt = one(4)
	switch random.IntN(6) {
	case 0:
		c.Tiers = []policy.Tier{policy.Memory}
	case 1:
		c.Tiers = []policy.Tier{policy.Shared}
	case 2:
		c.Tiers = []policy.Tier{policy.Shared, policy.Memory}
	}
	if one(3) {
		c.CompressAbove = 1
	}
	if one(3) && !c.FromValue {
		c.StaleWhileRevalidate, c.StaleIfError = time.Minute, time.Hour
	}
	if one(3) {
		c.NegativeTTL = time.Second
	}
	if one(4) {
		c.Key.Type = "string"
	}
	p := &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{"c": c}, Profiles: map[string]policy.Profile{"p": {Fresh: time.Hour, Expire: 2 * time.Hour}}}
	if one(4) && !c.FromValue {
		c.Profile = "p"
		p.Classes["c"] = c
	}
	return p
}

// TestDiff_ColdStartOfRandomPolicies draws both policies: cold is what the second
// program does not find, and exactly that is called so, and never safe.
func TestDiff_ColdStartOfRandomPolicies(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	count := map[string]int{}
	text := reads("42", "value")
	for range 1000 {
		old, new := drawn(random), drawn(random)
		if random.IntN(2) == 0 { // mostly alike
			c := old.Classes["c"]
			n := new.Classes["c"]
			switch random.IntN(5) {
			case 0:
				c.Tags, c.ValueTags = n.Tags, n.ValueTags
			case 1:
				c.Encrypt, c.Privacy = n.Encrypt, n.Privacy
			case 2:
				c.Tiers = n.Tiers
			case 3:
				c.RowVersion, c.Pattern, c.Strict = n.RowVersion, n.Pattern, n.Strict
			default:
				c.ValueTTL, c.TTL = n.ValueTTL, n.TTL
			}
			new.Classes["c"] = c
		}
		was, err := old.Resolve("c")
		is, err2 := new.Resolve("c")
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		func() {
			tier := localstore.New(localstore.Options{})
			defer func() { _ = tier.Close() }()
			if !text(t, tier, was) {
				t.Fatal("the first program found a value in an empty tier")
			}
			warm := !text(t, tier, was) // memory alone is never warm for another process
			loaded := text(t, tier, is)
			changes := diff.Compare(old, new)
			said, worst := false, diff.Safe
			for _, c := range changes {
				said = said || strings.Contains(strings.ToLower(c.Effect), "cold start")
				if c.Kind == diff.Breaking || c.Kind == diff.Behavioural && worst == diff.Safe {
					worst = c.Kind
				}
			}
			count[fmt.Sprint("warm ", warm, " loaded ", loaded, " said ", said)]++
			if cold := warm && loaded; cold != said {
				t.Errorf("warm %t, loaded again %t; diff says %v\nold %+v\nnew %+v", warm, loaded, changes, was, is)
			} else if cold && worst != diff.Breaking {
				t.Errorf("a cold start is %s: %v", worst, changes)
			}
		}()
	}
	t.Log(count)
	if len(count) != 3 {
		t.Errorf("drawn were %v, want policies in memory alone, and warm and cold ones", count)
	}
}
