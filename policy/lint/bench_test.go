package lint

import (
	"fmt"
	"testing"
	"time"

	"github.com/larderdev/larder/policy"
)

// large returns a policy of n classes, each with two routes, for two CDNs. If it is
// wrong, each class and each route has several findings.
func large(n int, wrong bool) *policy.Policy {
	p := &policy.Policy{
		Version:  policy.FileVersion,
		Profiles: map[string]policy.Profile{"hourly": {Fresh: time.Hour}},
		Classes:  map[string]policy.Class{}, Routes: map[string]policy.Route{},
		CDNs: []policy.CDN{{Kind: "cloudflare", Zone: "ZONE", Token: "TOKEN"}, {Kind: "akamai", Zone: "NETWORK", Token: "TOKEN"}},
	}
	for i := range n {
		name := fmt.Sprintf("class-%03d", i)
		c := policy.Class{
			Description: "One of many classes, with a sentence about what it is.",
			Key:         policy.Key{Type: "int64"}, Type: "example.com/shop/catalog.Product", Profile: "hourly",
			Tiers: []policy.Tier{policy.Memory, policy.Shared, policy.Edge}, Tags: []string{name + "-{key}", name},
			Source: policy.Source{Tables: []policy.Table{{Name: "products", Key: "{id}", Tags: []string{name + "-{id}"}, Version: "version"}}},
		}
		one := policy.Route{Class: name, Tags: []string{name + "-{id}"}, Query: []string{}}
		if wrong {
			c.Pattern, c.Source, c.Privacy, c.Tags[0] = policy.WriteThrough, policy.Source{}, policy.Private, name+":{key}"
			c.Ignore = map[string]string{"ttl-mising": "no reason"}
			one.Browser, one.Tags[0] = time.Hour, name+":{id}"
		}
		p.Classes[name] = c
		p.Routes["GET /api/"+name+"/{id}"] = one
		p.Routes["GET /api/"+name] = policy.Route{Profile: "hourly", Tags: []string{name}, Query: []string{"page"}}
	}
	return p
}

func BenchmarkCheck(b *testing.B) {
	for _, wrong := range []bool{false, true} {
		b.Run(fmt.Sprintf("classes=500/wrong=%v", wrong), func(b *testing.B) {
			p := large(500, wrong)
			if found := Check(p); len(found) > 0 != wrong {
				b.Fatalf("%d findings:\n%s", len(found), lines(found))
			}
			for b.Loop() {
				Check(p)
			}
		})
	}
}
