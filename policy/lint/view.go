package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// check is a policy while it is looked at: what was said, and what that means.
type check struct {
	p *policy.Policy
	// classes are those that are cached, and can be resolved; nevers those that
	// must not be. Both are in the order of their names.
	classes, nevers []*class
	// routes are those that can be resolved, in the order of their patterns.
	routes []*route
	owners []*owner
	// byClass and byRoute have an owner for each, also for what cannot be resolved.
	byClass, byRoute map[string]*owner
	// cdns are the configured ones that take tags, each once.
	cdns []httpcache.CDN

	rule  *Rule // the one that is being checked
	found []Finding
}

// class is a class with what its profile and the defaults fill in.
type class struct {
	*owner
	name     string
	said, is policy.Class
	routes   []*route
}

// route is a route with what its profile, its class and the defaults fill in.
type route struct {
	*owner
	pattern  string
	said, is policy.Route
	class    *class // nil: none
}

// kinds are the caches in front, as package httpcache calls them. nginx takes no
// tags.
var kinds = map[string]httpcache.CDN{
	"cloudflare": httpcache.Cloudflare,
	"fastly":     httpcache.Fastly,
	"cloudfront": httpcache.CloudFront,
	"akamai":     httpcache.Akamai,
	"bunny":      httpcache.Bunny,
	"google":     httpcache.GoogleCDN,
	"varnish":    httpcache.Varnish,
	"larder":     httpcache.LarderEdge,
}

func newCheck(p *policy.Policy) *check {
	k := &check{p: p, byClass: map[string]*owner{}, byRoute: map[string]*owner{}}
	known := map[string]*class{}
	for _, name := range sortedKeys(p.Classes) {
		said := p.Classes[name]
		o := k.own(field.Path("classes", name), said.Ignore)
		k.byClass[name] = o
		is, err := p.Resolve(name)
		if err != nil {
			continue // rule invalid says it
		}
		c := &class{owner: o, name: name, said: said, is: is}
		known[name] = c
		if is.Pattern == policy.Never {
			k.nevers = append(k.nevers, c)
		} else {
			k.classes = append(k.classes, c)
		}
	}
	for _, pattern := range sortedKeys(p.Routes) {
		said := p.Routes[pattern]
		o := k.own(field.Path("routes", pattern), said.Ignore)
		k.byRoute[pattern] = o
		is, err := p.ResolveRoute(pattern)
		if err != nil {
			continue
		}
		r := &route{owner: o, pattern: pattern, said: said, is: is, class: known[said.Class]}
		k.routes = append(k.routes, r)
		if r.class != nil {
			r.class.routes = append(r.class.routes, r)
		}
	}
	for _, c := range p.CDNs {
		if kind, ok := kinds[c.Kind]; ok && !slices.Contains(k.cdns, kind) {
			k.cdns = append(k.cdns, kind)
		}
	}
	return k
}

func (k *check) own(path string, ignore map[string]string) *owner {
	o := &owner{path: path, ignore: ignore, used: map[string]bool{}, bound: map[string]bool{}}
	k.owners = append(k.owners, o)
	return o
}

// has tells whether values of the class are kept in tier.
func (c *class) has(tier policy.Tier) bool { return slices.Contains(c.is.Tiers, tier) }

// personal tells whether the values belong to one user.
func (c *class) personal() bool { return c.is.Privacy != policy.Public }

// invalidated tells whether something makes values wrong before their time.
func (c *class) invalidated() bool { return c.tagged() || len(c.is.Source.Tables) > 0 }

// tagged tells whether values are invalidated by tags.
func (c *class) tagged() bool {
	return len(c.is.Tags) > 0 || c.is.ValueTags ||
		slices.ContainsFunc(c.is.Source.Tables, func(t policy.Table) bool { return len(t.Tags) > 0 })
}

// cached tells whether shared caches keep responses.
func (r *route) cached() bool {
	return !r.is.NoStore && !r.is.Private && (r.is.Edge > 0 || len(r.is.Statuses) > 0)
}

// never tells whether the route is of a class that must not be cached.
func (r *route) never() bool { return r.class != nil && r.class.is.Pattern == policy.Never }

// strict tells whether the route says that no shared cache keeps its responses.
func (r *route) strict() bool { return r.is.NoStore || r.is.Private }

// wildcards returns the names of the wildcards in a pattern of net/http.ServeMux.
func wildcards(pattern string) []string {
	var names []string
	for _, after := range strings.Split(pattern, "{")[1:] {
		name, _, ok := strings.Cut(after, "}")
		if name = strings.TrimSuffix(name, "..."); ok && name != "" && name != "$" {
			names = append(names, name)
		}
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
