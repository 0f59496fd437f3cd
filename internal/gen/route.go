package gen

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/policy"
)

// route is a line of the table of routes.
type route struct {
	Pattern string
	Policy  httpcache.Policy
	Query   []string // nil: all parameters count
}

// cdn is a cache in front of the service, and the name of its constant.
type cdn struct {
	CDN  httpcache.CDN
	Name string
}

// cdnNames are the kinds of a policy that take tags. nginx does not: a response has
// nothing to say to it that Cache-Control does not.
var cdnNames = map[string]cdn{
	"cloudflare": {httpcache.Cloudflare, "Cloudflare"},
	"fastly":     {httpcache.Fastly, "Fastly"},
	"cloudfront": {httpcache.CloudFront, "CloudFront"},
	"akamai":     {httpcache.Akamai, "Akamai"},
	"bunny":      {httpcache.Bunny, "Bunny"},
	"google":     {httpcache.GoogleCDN, "GoogleCDN"},
	"varnish":    {httpcache.Varnish, "Varnish"},
	"larder":     {httpcache.LarderEdge, "LarderEdge"},
}

// addRoutes resolves all routes. One that nobody may keep is there too, so that
// the table speaks of every route that the policy speaks of.
//
// httpcache.New has no policy without a time; what has none is not kept, and says so.
func (pl *plan) addRoutes(p *policy.Policy) error {
	queries, err := p.Queries()
	if err != nil {
		return err
	}
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		r, err := p.ResolveRoute(pattern)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h := httpcache.Policy{
			Private: r.Private, Browser: r.Browser, Edge: r.Edge,
			StaleWhileRevalidate: r.StaleWhileRevalidate, StaleIfError: r.StaleIfError,
			Immutable: r.Immutable, Vary: r.Vary, Tags: r.Tags, Statuses: r.Statuses,
		}
		if r.NoStore || !r.Private && r.Edge == 0 && r.Browser == 0 && len(r.Statuses) == 0 {
			h = httpcache.Policy{NoStore: true}
		}
		pl.Routes = append(pl.Routes, route{pattern, h, queries[pattern]})
	}
	return errors.Join(errs...)
}

// Queried tells whether there is a route for which not all parameters count.
func (pl *plan) Queried() bool {
	return slices.ContainsFunc(pl.Routes, func(r route) bool { return r.Query != nil })
}

// addCDNs adds the kinds of caches that take tags, each once.
// Two zones of one kind take the same header.
func (pl *plan) addCDNs(all []policy.CDN) {
	for _, c := range all {
		if named, takesTags := cdnNames[c.Kind]; takesTags && !slices.Contains(pl.CDNs, named) {
			pl.CDNs = append(pl.CDNs, named)
		}
	}
	slices.SortFunc(pl.CDNs, func(a, b cdn) int { return int(a.CDN) - int(b.CDN) })
}

// table is what httpcache.New is given: the policies by their patterns, and the caches.
func (pl *plan) table() (map[string]httpcache.Policy, []httpcache.CDN) {
	table := make(map[string]httpcache.Policy, len(pl.Routes))
	for _, r := range pl.Routes {
		table[r.Pattern] = r.Policy
	}
	var cdns []httpcache.CDN
	for _, c := range pl.CDNs {
		cdns = append(cdns, c.CDN)
	}
	return table, cdns
}

// checkRoutes gives the table to the layer that will have it. A policy without
// CDNs may have tags: the program then names the caches.
func (pl *plan) checkRoutes() error {
	table, cdns := pl.table()
	if len(cdns) == 0 {
		cdns = []httpcache.CDN{httpcache.LarderEdge}
	}
	_, err := httpcache.New(table, httpcache.Options{CDNs: cdns})
	if err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	return nil
}
