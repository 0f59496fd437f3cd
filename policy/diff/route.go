package diff

import (
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

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
		old, _ := d.old.ResolveRoute(pattern)
		new, _ := d.new.ResolveRoute(pattern)
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

// kept tells whether any cache keeps responses.
func kept(r policy.Route) bool {
	return !r.NoStore && (r.Edge > 0 && !r.Private || r.Browser > 0 || len(r.Statuses) > 0 && !r.Private)
}

// how says where responses are kept.
func how(r policy.Route) string {
	if r.Private {
		return fmt.Sprintf("by the browser of the one who asks, for %s", said(r.Browser))
	}
	return fmt.Sprintf("at the edge for %s, by browsers for %s", said(r.Edge), said(r.Browser))
}

// route compares all fields of a route. As with classes, each belongs here.
func (d *differ) route(path, pattern string) {
	old, new := d.old.Routes[pattern], d.new.Routes[pattern]
	oldIs, before := d.old.ResolveRoute(pattern)
	newIs, after := d.new.ResolveRoute(pattern)
	known := before == nil && after == nil
	at := func(key string) string { return field.Path(path, key) }
	life := func() verdict {
		if known && sameRoute(oldIs, newIs) {
			return verdict{Safe, sameLife}
		}
		if kept(oldIs) && !kept(newIs) {
			return verdict{Behavioural, "Nobody keeps responses any more. " + purgeIt}
		}
		if !kept(newIs) {
			return verdict{Behavioural, "Nobody keeps responses, as before."}
		}
		return verdict{Behavioural, "Responses are kept otherwise: " + how(newIs) + ". " + keepsOld + "."}
	}
	d.field(at("class"), old.Class, new.Class, life)
	d.field(at("profile"), old.Profile, new.Profile, life)
	d.field(at("no_store"), old.NoStore, new.NoStore, func() verdict {
		if new.NoStore {
			return verdict{Behavioural, "Nobody keeps responses any more. " + purgeIt}
		}
		return verdict{Breaking, "What nobody was to keep may be kept: " + how(newIs) + ". Be sure that it is for everyone who gets it."}
	})
	d.field(at("private"), old.Private, new.Private, func() verdict {
		if new.Private {
			return verdict{Behavioural, "Shared caches keep responses no more. " + purgeIt}
		}
		return verdict{Breaking, "Shared caches may give what was for one user to everyone who asks: be sure that it is for all."}
	})
	for _, f := range []struct {
		key                    string
		old, new, oldIs, newIs time.Duration
		up, down               string
	}{
		{"edge", old.Edge, new.Edge, oldIs.Edge, newIs.Edge, "What is not purged is wrong for longer.", "The edge asks more often."},
		{"browser", old.Browser, new.Browser, oldIs.Browser, newIs.Browser, "No purge reaches a browser.", "Browsers ask more often."},
		{
			"stale_while_revalidate", old.StaleWhileRevalidate, new.StaleWhileRevalidate, oldIs.StaleWhileRevalidate, newIs.StaleWhileRevalidate,
			"The edge serves older responses while it asks.", "More clients wait for the origin.",
		},
		{
			"stale_if_error", old.StaleIfError, new.StaleIfError, oldIs.StaleIfError, newIs.StaleIfError,
			"The edge serves older responses when the origin fails.", "Clients see failures of the origin sooner.",
		},
	} {
		d.field(at(f.key), f.old, f.new, func() verdict { return longer(f.oldIs, f.newIs, known, f.up, f.down) })
	}
	d.field(at("immutable"), old.Immutable, new.Immutable, func() verdict {
		if new.Immutable {
			return verdict{Behavioural, "Browsers do not ask even when their user reloads: a mistake stays in them until their copies end."}
		}
		return verdict{Behavioural, "Browsers ask when their user reloads. " + keepsOld + " and does not ask."}
	})
	d.field(at("tags"), old.Tags, new.Tags, func() verdict {
		if sameMembers(old.Tags, new.Tags) {
			return verdict{Safe, sameLife}
		}
		return verdict{Behavioural, fmt.Sprintf("What the edge keeps carries the old tags until it ends, for up to %s: purge those, too, until then.",
			said(oldIs.Edge+max(oldIs.StaleWhileRevalidate, oldIs.StaleIfError)))}
	})
	d.field(at("query"), old.Query, new.Query, func() verdict { return query(old.Query, new.Query) })
	d.field(at("vary"), old.Vary, new.Vary, func() verdict {
		if sameMembers(old.Vary, new.Vary) {
			return verdict{Safe, sameLife}
		}
		return vary(old.Vary, new.Vary, newIs)
	})
	d.field(at("statuses"), old.Statuses, new.Statuses, always(Behavioural, "Other statuses are kept, or for other times. "+keepsOld+"."))
	d.field(at("ignore"), old.Ignore, new.Ignore, always(Safe, "It is for lint."))
}

// sameRoute tells whether responses are kept alike, as far as the class and the
// profile decide.
func sameRoute(a, b policy.Route) bool {
	return a.NoStore == b.NoStore && a.Private == b.Private && a.Edge == b.Edge && a.Browser == b.Browser &&
		a.StaleWhileRevalidate == b.StaleWhileRevalidate && a.StaleIfError == b.StaleIfError
}

// vary says what it does that responses name other fields. What is kept already keeps
// the Vary that it came with (RFC 9111, 4.1), so nothing begins cold, and what came
// without a field is served whatever a request has in it.
func vary(old, new []string, is policy.Route) verdict {
	effect := ""
	if slices.ContainsFunc(new, func(name string) bool { return !slices.Contains(old, name) }) {
		effect = fmt.Sprintf("What is kept already does not tell the new field apart, and is served to everyone until it ends, for up to %s: purge it when the program runs. ",
			said(is.Edge+max(is.StaleWhileRevalidate, is.StaleIfError)))
	}
	if slices.ContainsFunc(old, func(name string) bool { return !slices.Contains(new, name) }) {
		effect += "A field that told responses apart does so no more: be sure that they no longer depend on it."
	}
	return verdict{Breaking, effect}
}

// query says what it does that the edge has other parameters in its keys.
func query(old, new []string) verdict {
	if (old == nil) == (new == nil) && sameMembers(old, new) {
		return verdict{Safe, sameLife}
	}
	gone := old == nil || slices.ContainsFunc(old, func(name string) bool { return !slices.Contains(new, name) })
	if new != nil && gone {
		return verdict{Breaking, edgeStart + "A parameter that told responses apart does so no more: be sure that they no longer depend on it."}
	}
	return verdict{Breaking, edgeStart + "More parameters tell responses apart."}
}
