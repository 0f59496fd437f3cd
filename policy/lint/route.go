package lint

import (
	"fmt"
	"slices"

	"github.com/larderdev/larder/policy"
)

// route is a route with what its profile, its class and the defaults fill in.
type route struct {
	*owner
	pattern  string
	said, is policy.Route
	class    *class // nil: none
}

// cached tells whether shared caches keep responses. Statuses count: a route without a
// life may still have its 404s kept.
func (r *route) cached() bool {
	return !r.is.NoStore && !r.is.Private && (r.is.Edge > 0 || len(r.is.Statuses) > 0)
}

// never tells whether the route is of a class that must not be cached.
func (r *route) never() bool { return r.class != nil && r.class.is.Pattern == policy.Never }

// strict tells whether the route says that no shared cache keeps its responses.
func (r *route) strict() bool { return r.is.NoStore || r.is.Private }

// routeWithoutEffect is a warning: such a route is not stored, which is safe.
func routeWithoutEffect(k *check) {
	for _, r := range k.routes {
		if r.strict() || r.is.Edge > 0 || r.is.Browser > 0 || len(r.is.Statuses) > 0 {
			continue
		}
		message, mend := "it says nothing that a cache would obey: nobody keeps what it answers", "Set edge, or private; no_store says that it is meant so."
		if r.class != nil {
			message = fmt.Sprintf("nobody keeps what it answers: %s has no tier edge, and the route says no life", r.class.name)
			mend = "Set private if browsers may keep it, edge if everybody may, no_store if nobody may."
		}
		k.report(r.owner, "", message, mend)
	}
}

// edgeWithoutRoute is a warning: the routes may be written next.
func edgeWithoutRoute(k *check) {
	for _, c := range k.classes {
		if c.has(policy.Edge) && !slices.ContainsFunc(c.routes, (*route).cached) {
			k.report(c.owner, "tiers", "it has the tier edge, and no route that the edge may keep names it", "Name it in a route, or take edge out of tiers.")
		}
	}
}

// edgeTierMissing leaves to others what must not be at the edge in any case.
func edgeTierMissing(k *check) {
	for _, r := range k.routes {
		if r.class != nil && !r.never() && r.cached() && !r.class.personal() && !r.class.is.FromValue && !r.class.has(policy.Edge) {
			k.report(r.owner, where(r), fmt.Sprintf("the edge keeps values of %s, whose tiers do not have edge", r.class.name),
				"Put edge into the tiers of the class, where people look for it, or take it out of the route.")
		}
	}
}
