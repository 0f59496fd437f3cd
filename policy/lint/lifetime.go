package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

const (
	// longestStale is how many lives a value may be served after its end without
	// anybody wondering.
	longestStale = 24
	// longestBrowser is how long people put up with what a purge cannot reach.
	longestBrowser = 5 * time.Minute
	// longestFailure is how long a failure may be kept without becoming an outage
	// of its own.
	longestFailure = time.Minute
)

// ttlMissing leaves classes with tags to tagWithoutTTL, where the harm is greater and
// the words are others.
func ttlMissing(k *check) {
	for _, c := range k.classes {
		if c.is.TTL.Shared == 0 && !c.tagged() {
			k.bind(c.owner, "ttl", "it has no TTL, and no profile that has one",
				"Set ttl, or profile: it is also what bounds the harm of an invalidation that is lost.")
		}
	}
}

// tagWithoutTTL asks for the bound on how long a lost invalidation can hurt. Sources
// count, too: their triggers invalidate by tags.
func tagWithoutTTL(k *check) {
	for _, c := range k.classes {
		if c.is.TTL.Shared == 0 && c.tagged() {
			k.bind(c.owner, "ttl", "it is invalidated by tags and has no TTL: one invalidation that is lost makes a value wrong for ever",
				"Set ttl, or profile, to the longest time that a wrong value may live.")
		}
	}
}

// memoryTTL looks at what was said: the default is the shared life itself, and never
// above it.
func memoryTTL(k *check) {
	for _, c := range k.classes {
		if c.is.TTL.Shared > 0 && c.said.TTL.Memory > c.is.TTL.Shared {
			k.bind(c.owner, "ttl.memory",
				fmt.Sprintf("memory keeps a value for %s, and it is fresh for %s", timespan.Text(c.said.TTL.Memory), timespan.Text(c.is.TTL.Shared)),
				"Lower it, or leave it out: it bounds the TTL, and does not raise it.")
		}
	}
}

// edgeTTL is about values that nothing but time makes right at the edge: there the
// class's life is the longest that anybody has agreed to.
func edgeTTL(k *check) {
	for _, c := range k.classes {
		for _, r := range c.routes {
			if !r.cached() || r.is.Edge <= c.is.TTL.Shared || c.is.TTL.Shared == 0 || len(r.is.Tags) > 0 || len(c.is.Tags) > 0 || c.is.ValueTags {
				continue
			}
			message := fmt.Sprintf("the edge keeps it for %s, %s is fresh for %s, and no tag purges it", timespan.Text(r.is.Edge), c.name, timespan.Text(c.is.TTL.Shared))
			mend := "Give the route tags, or a life at the edge that is not above the class's."
			switch {
			case r.said.Edge > 0:
				k.report(r.owner, "edge", message, mend)
			case r.said.Profile != "":
				k.report(r.owner, "profile", message, mend)
			default:
				k.report(r.owner, "class", message, mend)
			}
		}
	}
}

// fromValue: a stale window serves a token after its end.
func fromValue(k *check) {
	for _, c := range k.classes {
		if !c.is.FromValue {
			continue
		}
		for _, w := range []struct {
			field    string
			said, is time.Duration
		}{
			{"stale_while_revalidate", c.said.StaleWhileRevalidate, c.is.StaleWhileRevalidate},
			{"stale_if_error", c.said.StaleIfError, c.is.StaleIfError},
		} {
			if w.is <= 0 {
				continue
			}
			field, mend := w.field, "Take the window out: a value that knows its own end is never served after it."
			if w.said == 0 {
				field, mend = "profile", "Write "+w.field+": none, or use a profile without a stale window."
			}
			k.bind(c.owner, field, fmt.Sprintf("its values know their own end, and %s says to serve them for %s more", w.field, timespan.Text(w.is)), mend)
		}
	}
}

// fromValueAtEdge: the edge knows the route's life, and not the value's.
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

// negativeTTL looks at what was said: the default is never above the life of values.
func negativeTTL(k *check) {
	for _, c := range k.classes {
		if c.is.TTL.Shared > 0 && c.said.NegativeTTL > c.is.TTL.Shared {
			k.report(c.owner, "negative_ttl",
				fmt.Sprintf("that there is no value is remembered for %s, a value for %s", timespan.Text(c.said.NegativeTTL), timespan.Text(c.is.TTL.Shared)),
				"Lower it: what is created meanwhile is not seen.")
		}
	}
}

// jitterNone asks only where many keys are loaded at one moment. Elsewhere loads are
// spread by themselves, and somebody may want exact ends.
func jitterNone(k *check) {
	for _, c := range k.classes {
		if c.is.Jitter == policy.None && c.is.Rebuild > 0 {
			field := "jitter"
			if c.said.Jitter == 0 {
				field = "profile"
			}
			k.report(c.owner, field, fmt.Sprintf("%d keys are loaded again at once, and without jitter they end at once, too", c.is.Rebuild),
				"Leave jitter out: the default is 10%.")
		}
	}
}

// softTimeout: package larder refuses it.
func softTimeout(k *check) {
	for _, c := range k.classes {
		if c.is.Stampede.SoftTimeout > 0 && c.is.StaleIfError <= 0 {
			k.bind(c.owner, "stampede.soft_timeout", "a reader who stops waiting has nothing to be served meanwhile: there is no stale_if_error",
				"Set stale_if_error, or take soft_timeout out.")
		}
	}
}

// browserPurgeable takes sources with tables for something that is purged, since their
// triggers invalidate. A life of some minutes is let pass: people do not notice it.
func browserPurgeable(k *check) {
	for _, r := range k.routes {
		purgeable := len(r.is.Tags) > 0 || r.class != nil && !r.never() && r.class.invalidated()
		if purgeable && !r.is.NoStore && r.is.Browser > longestBrowser {
			k.report(r.owner, "browser", fmt.Sprintf("browsers use their copy for %s, and no purge reaches them", timespan.Text(r.is.Browser)),
				fmt.Sprintf("Keep it at %s or below: asking whether a copy is still good costs little.", timespan.Text(longestBrowser)))
		}
	}
}

// immutableChanges believes that a wildcard is, or has, a fingerprint: nobody can tell
// from the pattern. A path without one cannot have any.
func immutableChanges(k *check) {
	for _, r := range k.routes {
		switch {
		case !r.is.Immutable:
		case len(r.is.Tags) > 0:
			k.report(r.owner, "immutable", "it never changes, and has tags to purge it when it does", "Take immutable out, or tags.")
		case len(wildcards(r.pattern)) == 0 && !strings.HasSuffix(r.pattern, "/"):
			k.report(r.owner, "immutable", "its address is always the same: browsers would not see the next release until their copies end",
				"Put a fingerprint of the content into the address, such as {name}, or take immutable out.")
		}
	}
}

// statusTooLong is strict with failures, which end by themselves, and compares what is
// missing with what is there.
func statusTooLong(k *check) {
	for _, r := range k.routes {
		for _, status := range sortedStatuses(r.is.Statuses) {
			life, field := r.is.Statuses[status], fmt.Sprintf("statuses.%d", status)
			switch {
			case status >= 500 && life > longestFailure:
				k.report(r.owner, field, fmt.Sprintf("a failure is kept for %s, also when the origin is well again", timespan.Text(life)),
					fmt.Sprintf("Keep it at %s or below.", timespan.Text(longestFailure)))
			case status >= 400 && r.is.Edge > 0 && life > r.is.Edge:
				k.report(r.owner, field, fmt.Sprintf("that something is not there is kept for %s, the thing itself for %s", timespan.Text(life), timespan.Text(r.is.Edge)),
					"Lower it to the route's own life, or below.")
			}
		}
	}
}

// profileUnused looks at classes and routes as they were said, also at those that
// cannot be resolved: their profile is used all the same.
func profileUnused(k *check) {
	used := map[string]bool{}
	for _, c := range k.p.Classes {
		used[c.Profile] = true
	}
	for _, r := range k.p.Routes {
		used[r.Profile] = true
	}
	for _, name := range sortedKeys(k.p.Profiles) {
		if !used[name] {
			k.add(field.Path("profiles", name), "no class and no route uses it", "Take it out, or use it.")
		}
	}
}
