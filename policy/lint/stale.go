package lint

import (
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// longestStale is how many lives a value may be served after its end without
// anybody wondering: a value of one hour for a day.
const longestStale = 24

// window is a stale window that is open: it was said, or comes from the profile.
type window struct {
	field    string
	said, is time.Duration
}

// where is the field by which it is open: what is there can be changed.
func (w window) where() string {
	if w.said == 0 {
		return "profile"
	}
	return w.field
}

// windows returns the stale windows of a class that are open.
func (c *class) windows() []window {
	return open(
		window{"stale_while_revalidate", c.said.StaleWhileRevalidate, c.is.StaleWhileRevalidate},
		window{"stale_if_error", c.said.StaleIfError, c.is.StaleIfError},
	)
}

// windows returns the stale windows of a route that are open.
func (r *route) windows() []window {
	return open(
		window{"stale_while_revalidate", r.said.StaleWhileRevalidate, r.is.StaleWhileRevalidate},
		window{"stale_if_error", r.said.StaleIfError, r.is.StaleIfError},
	)
}

// open leaves out the windows that are closed: nothing was said, or none.
func open(all ...window) []window {
	return slices.DeleteFunc(all, func(w window) bool { return w.is <= 0 })
}

// fromValue: a stale window serves a token after its end, which package larder refuses.
// It looks at what the profile opens, too: who reads the class does not see that.
func fromValue(k *check) {
	for _, c := range k.classes {
		if !c.is.FromValue {
			continue
		}
		for _, w := range c.windows() {
			mend := "Take the window out: a value that knows its own end is never served after it."
			if w.said == 0 {
				mend = "Write " + w.field + ": none, or use a profile without a stale window."
			}
			k.bind(c.owner, w.where(), fmt.Sprintf("its values know their own end, and %s says to serve them for %s more", w.field, timespan.Text(w.is)), mend)
		}
	}
}

// fromValueAtEdge: the edge and browsers know the route's life, and not the value's: they
// would keep a token that has ended. If the class has the tier, that is the one cause.
func fromValueAtEdge(k *check) {
	for _, c := range k.classes {
		if !c.is.FromValue {
			continue
		}
		if c.has(policy.Edge) {
			k.report(c.owner, "tiers", "its values know their own end, which the edge does not know", "Take edge out of tiers.")
		}
		for _, r := range c.routes {
			if !r.is.NoStore && (r.is.Browser > 0 || r.cached() && !c.has(policy.Edge)) {
				k.report(r.owner, "class", fmt.Sprintf("values of %s know their own end, which no cache of HTTP knows", c.name),
					"Set no_store, or private without browser.")
			}
		}
	}
}

// staleTooLong reports a window where it was said, so that a profile is one finding
// and not one for each of its users.
func staleTooLong(k *check) {
	for _, name := range sortedKeys(k.p.Profiles) {
		line := k.p.Profiles[name]
		if tooStale(line.Stale, line.Fresh) {
			k.add(field.Path("profiles", name, "stale"), staleText(line.Stale, line.Fresh), staleMend)
		}
	}
	for _, c := range k.classes {
		if window := c.said.StaleWhileRevalidate; tooStale(window, c.is.TTL.Shared) {
			k.report(c.owner, "stale_while_revalidate", staleText(window, c.is.TTL.Shared), staleMend)
		}
	}
	for _, r := range k.routes {
		// Of what no shared cache keeps the window has no effect.
		if window := r.said.StaleWhileRevalidate; r.cached() && tooStale(window, r.is.Edge) {
			k.report(r.owner, "stale_while_revalidate", staleText(window, r.is.Edge), staleMend)
		}
	}
}

const staleMend = "Shorten it, or raise the life itself; for failures there is stale_if_error, which may be long."

// tooStale divides, since durations multiply beyond their range.
func tooStale(stale, fresh time.Duration) bool { return fresh > 0 && stale/longestStale > fresh }

// staleText names both times, since the mend may be about either.
func staleText(stale, fresh time.Duration) string {
	return fmt.Sprintf("it is fresh for %s and served stale for %s: who comes first after a quiet time gets a value that old", timespan.Text(fresh), timespan.Text(stale))
}

// softTimeout: package larder refuses it. A reader who is not to wait needs something
// to be given.
func softTimeout(k *check) {
	for _, c := range k.classes {
		if c.is.Stampede.SoftTimeout > 0 && c.is.StaleIfError <= 0 {
			k.bind(c.owner, "stampede.soft_timeout", "a reader who stops waiting has nothing to be served meanwhile: there is no stale_if_error",
				"Set stale_if_error, or take soft_timeout out.")
		}
	}
}
