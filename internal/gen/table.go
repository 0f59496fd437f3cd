package gen

import (
	"github.com/larderdev/larder"
	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/policy"
)

// ClassPolicy returns what generated code gives larder.Open for a class, which is
// resolved and is not of the pattern policy.Never.
// It is for what has to know what a program will do, and does not have its code: larder
// explain, and tests.
func ClassPolicy(c policy.Class) larder.Policy { return policyOf(c) }

// RouteTable returns what generated code gives httpcache.New: the policy of each
// route, by its pattern, and the caches in front that take tags. The error names the
// routes that cannot be resolved.
func RouteTable(p *policy.Policy) (map[string]httpcache.Policy, []httpcache.CDN, error) {
	var pl plan
	if err := pl.addRoutes(p); err != nil {
		return nil, nil, err
	}
	pl.addCDNs(p.CDNs)
	table, cdns := pl.table()
	return table, cdns, nil
}
