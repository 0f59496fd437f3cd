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
		for _, status := range sortedKeys(r.is.Statuses) {
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
