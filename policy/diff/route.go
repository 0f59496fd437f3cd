package diff

import (
	"fmt"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// What several effects say. A change of the policy reaches what is kept only by a purge:
// caches go by the headers that a response came with.
const (
	keepsOld  = "What is kept already keeps its end"
	purgeIt   = "What the edge keeps stays there until its TTL ends: purge it. Copies in browsers stay until they end."
	edgeStart = "A cold start at the edge: nothing that it keeps is found any more, and all requests come to the origin at once. "
)

// routes asks of what came and went only whether anything is kept: all else follows.
func (d *differ) routes() {
	for _, pattern := range both(d.old.Routes, d.new.Routes) {
		_, was := d.old.Routes[pattern]
		_, is := d.new.Routes[pattern]
		path := field.Path("routes", pattern)
		old, _ := d.oldFound.ResolveRoute(pattern)
		new, _ := d.newFound.ResolveRoute(pattern)
		switch {
		case was && is:
			d.route(path, pattern)
		case is && kept(new):
			d.add(Behavioural, path, "", pattern, "Responses of the route are kept: "+how(new)+".")
		case is:
			d.add(Safe, path, "", pattern, "Nobody keeps responses of the route, as before.")
		case kept(old):
			d.add(Behavioural, path, pattern, "", "Nobody keeps responses of the route any more. "+purgeIt)
		default:
			d.add(Safe, path, pattern, "", "Nobody keeps responses of the route, as before.")
		}
	}
}

// kept tells whether any cache keeps responses: a shared one does not if they are
// private, a browser may.
func kept(r policy.Route) bool {
	return !r.NoStore && (r.Edge > 0 && !r.Private || r.Browser > 0 || len(r.Statuses) > 0 && !r.Private)
}

// how says where responses are kept, for whoever has to decide whether that may be.
func how(r policy.Route) string {
	if r.Private {
		return fmt.Sprintf("by the browser of the one who asks, for %s", said(r.Browser))
	}
	return fmt.Sprintf("at the edge for %s, by browsers for %s", said(r.Edge), said(r.Browser))
}

// routePair is a route before and after: as it was said, and what that means.
type routePair struct {
	old, new     policy.Route
	oldIs, newIs policy.Route
	known        bool // all that they name is there
}

// routeLives are the lives of a route.
var routeLives = []life[policy.Route]{
	{[]string{"edge"}, func(r policy.Route) time.Duration { return r.Edge }, "What is not purged is wrong for longer.", "The edge asks more often."},
	{[]string{"browser"}, func(r policy.Route) time.Duration { return r.Browser }, "No purge reaches a browser.", "Browsers ask more often."},
	{
		[]string{"stale_while_revalidate"},
		func(r policy.Route) time.Duration { return r.StaleWhileRevalidate },
		"The edge serves older responses while it asks.", "More clients wait for the origin.",
	},
	{
		[]string{"stale_if_error"},
		func(r policy.Route) time.Duration { return r.StaleIfError },
		"The edge serves older responses when the origin fails.", "Clients see failures of the origin sooner.",
	},
}

// route compares all fields of a route. As with classes, each belongs here.
func (d *differ) route(path, pattern string) {
	p := routePair{old: d.old.Routes[pattern], new: d.new.Routes[pattern]}
	_, before := d.old.ResolveRoute(pattern)
	_, after := d.new.ResolveRoute(pattern)
	p.known = before == nil && after == nil
	p.oldIs, _ = d.oldFound.ResolveRoute(pattern)
	p.newIs, _ = d.newFound.ResolveRoute(pattern)
	at := func(keys ...string) string { return field.Path(path, keys...) }
	d.field(at("class"), p.old.Class, p.new.Class, p.keeping)
	d.field(at("profile"), p.old.Profile, p.new.Profile, p.keeping)
	d.field(at("no_store"), p.old.NoStore, p.new.NoStore, p.noStore)
	d.field(at("private"), p.old.Private, p.new.Private, p.private)
	for _, life := range routeLives {
		d.field(at(life.keys...), life.of(p.old), life.of(p.new), func() verdict {
			return life.judge(p.oldIs, p.newIs, p.known)
		})
	}
	d.field(at("immutable"), p.old.Immutable, p.new.Immutable, p.immutable)
	d.field(at("tags"), p.old.Tags, p.new.Tags, p.tags)
	d.field(at("query"), p.old.Query, p.new.Query, p.query)
	d.field(at("vary"), p.old.Vary, p.new.Vary, p.vary)
	d.field(at("statuses"), p.old.Statuses, p.new.Statuses, always(Behavioural, "Other statuses are kept, or for other times. "+keepsOld+"."))
	d.field(at("ignore"), p.old.Ignore, p.new.Ignore, always(Safe, "It is for lint."))
}

// keeping judges a class or a profile, of which a route takes whether, where and for how
// long its responses are kept.
func (p *routePair) keeping() verdict {
	switch {
	case p.known && sameRoute(p.oldIs, p.newIs):
		return verdict{Safe, sameLife}
	case p.oldIs.NoStore && kept(p.newIs): // the old class was never cached
		return p.mayBeKept()
	case kept(p.oldIs) && !kept(p.newIs):
		return verdict{Behavioural, "Nobody keeps responses any more. " + purgeIt}
	case !kept(p.newIs):
		return verdict{Behavioural, "Nobody keeps responses, as before."}
	}
	return verdict{Behavioural, "Responses are kept otherwise: " + how(p.newIs) + ". " + keepsOld + "."}
}

// sameRoute tells whether responses are kept alike, as far as the class and the
// profile decide.
func sameRoute(a, b policy.Route) bool {
	return a.NoStore == b.NoStore && a.Private == b.Private && a.Edge == b.Edge && a.Browser == b.Browser &&
		a.StaleWhileRevalidate == b.StaleWhileRevalidate && a.StaleIfError == b.StaleIfError
}

// noStore is worse in the direction of keeping: nothing but the author knows for whom
// the responses are.
func (p *routePair) noStore() verdict {
	if p.new.NoStore {
		return verdict{Behavioural, "Nobody keeps responses any more. " + purgeIt}
	}
	return p.mayBeKept()
}

// mayBeKept asks the author the one question that no tool can answer.
func (p *routePair) mayBeKept() verdict {
	return verdict{Breaking, "What nobody was to keep may be kept: " + how(p.newIs) + ". Be sure that it is for everyone who gets it."}
}

// private is like noStore, of shared caches alone.
func (p *routePair) private() verdict {
	if p.new.Private {
		return verdict{Behavioural, "Shared caches keep responses no more. " + purgeIt}
	}
	return verdict{Breaking, "Shared caches may give what was for one user to everyone who asks: be sure that it is for all."}
}

// immutable is what a copy in a browser says of itself: nobody can take it back (RFC
// 8246, 2).
func (p *routePair) immutable() verdict {
	if p.new.Immutable {
		return verdict{Behavioural, "Browsers do not ask even when their user reloads: a mistake stays in them until their copies end."}
	}
	return verdict{Behavioural, "Browsers ask when their user reloads. " + keepsOld + " and does not ask."}
}

// tags are those that a response was kept with: a purge by a new one does not find it.
func (p *routePair) tags() verdict {
	if sameMembers(p.old.Tags, p.new.Tags) {
		return verdict{Safe, sameLife}
	}
	return verdict{Behavioural, fmt.Sprintf("What the edge keeps carries the old tags until it ends, for up to %s: purge those, too, until then.", said(atMost(p.oldIs)))}
}

// atMost is how long after its load the edge may still serve a response. Both stale
// windows begin at the end of its life, so that the longer one counts (RFC 5861, 3 and 4).
func atMost(r policy.Route) time.Duration {
	return r.Edge + max(r.StaleWhileRevalidate, r.StaleIfError)
}

// query says what it does that the edge has other parameters in its keys. Nil, all
// parameters, is another key than any list.
func (p *routePair) query() verdict {
	old, new := p.old.Query, p.new.Query
	if (old == nil) == (new == nil) && sameMembers(old, new) {
		return verdict{Safe, sameLife}
	}
	if fewer := old == nil || len(without(old, new)) > 0; new != nil && fewer {
		return verdict{Breaking, edgeStart + "A parameter that told responses apart does so no more: be sure that they no longer depend on it."}
	}
	return verdict{Breaking, edgeStart + "More parameters tell responses apart."}
}

// vary says what it does that responses name other fields. What is kept already keeps
// the Vary that it came with (RFC 9111, 4.1), so nothing begins cold, and what came
// without a field is served whatever a request has in it.
func (p *routePair) vary() verdict {
	if sameMembers(p.old.Vary, p.new.Vary) {
		return verdict{Safe, sameLife}
	}
	effect := ""
	if len(without(p.new.Vary, p.old.Vary)) > 0 {
		effect = fmt.Sprintf("What is kept already does not tell the new field apart, and is served to everyone until it ends, for up to %s: purge it when the program runs. ", said(atMost(p.newIs)))
	}
	if len(without(p.old.Vary, p.new.Vary)) > 0 {
		effect += "A field that told responses apart does so no more: be sure that they no longer depend on it."
	}
	return verdict{Breaking, effect}
}
