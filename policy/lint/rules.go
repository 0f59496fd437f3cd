package lint

import (
	"embed"
	"fmt"
	"strings"
)

// Rule is one thing that policies are held to.
type Rule struct {
	// ID names the rule, in output and in exceptions. It never changes.
	ID string
	// Severity says how bad it is to break it.
	Severity Severity
	// Summary says in a line what is wrong when it is broken.
	Summary string
	// Why says what happens then.
	Why string
	// Bad is a file in YAML that breaks this rule, and no other.
	Bad string
	// Good is the same, mended.
	Good string
	// Refused says that a file like Bad is refused when it is read, so that the rule
	// is for policies that programs build.
	Refused bool
}

// Rules returns all rules, in the order of the documentation.
func Rules() []Rule {
	all := make([]Rule, len(rules))
	for i, r := range rules {
		all[i] = r.Rule
		all[i].Why, all[i].Bad, all[i].Good = explain(r.ID)
	}
	return all
}

// entry is a rule with what finds it broken. Exceptions have no function of their
// own: they are looked at last.
type entry struct {
	Rule
	check func(*check)
}

// rules are all there are. What a rule is for and its examples are in the folder of
// that name: a new rule is a line here, a function and a file there.
var rules = []entry{
	{Rule{ID: "ttl-missing", Severity: Error, Summary: "A class has no TTL."}, ttlMissing},
	{Rule{ID: "tag-without-ttl", Severity: Error, Summary: "A class is invalidated by tags and has no TTL."}, tagWithoutTTL},
	{Rule{ID: "memory-ttl-above-shared", Severity: Error, Summary: "Memory keeps a value longer than it is fresh."}, memoryTTL},
	{Rule{ID: "edge-ttl-above-shared", Severity: Error, Summary: "The edge keeps a value longer than it is fresh, and no tag purges it."}, edgeTTL},
	{Rule{ID: "from-value-stale", Severity: Error, Summary: "A class whose values know their own end has a stale window."}, fromValue},
	{Rule{ID: "from-value-at-edge", Severity: Error, Summary: "A class whose values know their own end is kept by HTTP caches."}, fromValueAtEdge},
	{Rule{ID: "soft-timeout-without-stale", Severity: Error, Summary: "A class has a soft timeout and nothing to serve meanwhile."}, softTimeout},
	{Rule{ID: "refused-at-start", Severity: Error, Summary: "A class, or the fleet, has a value that the service refuses when it starts."}, refusedAtStart},
	{Rule{ID: "stale-too-long", Severity: Warning, Summary: "Values are served stale for many times as long as they are fresh."}, staleTooLong},
	{Rule{ID: "negative-ttl-above-ttl", Severity: Warning, Summary: "That there is no value is remembered longer than a value."}, negativeTTL},
	{Rule{ID: "jitter-none", Severity: Warning, Summary: "A class that is rebuilt at once ends at once, too."}, jitterNone},
	{Rule{ID: "profile-unused", Severity: Warning, Summary: "Nothing uses a profile."}, profileUnused},

	{Rule{ID: "private-at-edge", Severity: Error, Summary: "A private or sensitive class is kept at the edge."}, privateAtEdge},
	{Rule{ID: "sensitive-in-browser", Severity: Warning, Summary: "Browsers keep values of a sensitive class."}, sensitiveInBrowser},
	{Rule{ID: "user-key-at-edge", Severity: Warning, Summary: "A public class at the edge is keyed by a user."}, userKeyAtEdge},
	{Rule{ID: secretRule, Severity: Error, Summary: "The file holds what looks like a secret."}, secretInFile},
	{Rule{ID: "cdn-zone-missing", Severity: Error, Summary: "A CDN that is asked by an API has no zone."}, cdnZone},

	{Rule{ID: "never-with-settings", Severity: Error, Summary: "A class that is never cached has tiers, or other settings.", Refused: true}, neverSays},
	{Rule{ID: "never-route-cached", Severity: Error, Summary: "A route of a class that is never cached says how to cache it."}, neverCached},

	{Rule{ID: "route-pattern", Severity: Error, Summary: "A route's pattern is malformed, or in conflict with another."}, routePattern},
	{Rule{ID: "route-not-servemux", Severity: Warning, Summary: "A route is written for another router."}, routeNotServeMux},
	{Rule{ID: "route-shadows-strict", Severity: Warning, Summary: "A cached route cuts a piece out of one that must not be."}, routeShadows},
	{Rule{ID: "route-without-effect", Severity: Warning, Summary: "A route says nothing that a cache would obey."}, routeWithoutEffect},
	{Rule{ID: "headers-refused", Severity: Error, Summary: "A route's headers contradict each other."}, headersRefused},
	{Rule{ID: "vary-missing", Severity: Error, Summary: "The edge cannot tell apart what the class's key tells apart."}, varyMissing},
	{Rule{ID: "s-maxage-with-stale", Severity: Error, Summary: "A stale window needs a header that a configured CDN would switch it off with."}, sMaxAge},
	{Rule{ID: "browser-purgeable", Severity: Warning, Summary: "Browsers keep for long what is purged."}, browserPurgeable},
	{Rule{ID: "immutable-changes", Severity: Warning, Summary: "What is said to never change can change."}, immutableChanges},
	{Rule{ID: "status-too-long", Severity: Warning, Summary: "A failure, or that something is missing, is kept for long."}, statusTooLong},
	{Rule{ID: "edge-tier-missing", Severity: Warning, Summary: "The edge keeps a class whose tiers do not say so."}, edgeTierMissing},
	{Rule{ID: "edge-without-route", Severity: Warning, Summary: "A class has the tier edge and no route that is cached."}, edgeWithoutRoute},

	{Rule{ID: "cdn-tag", Severity: Error, Summary: "A configured CDN, or every CDN, does not take a tag."}, cdnTag},
	{Rule{ID: "tag-case", Severity: Warning, Summary: "Two tags differ in capitals alone, and a configured CDN takes them for one."}, tagCase},
	{Rule{ID: "tags-unsent", Severity: Warning, Summary: "A route has tags, and the policy names no cache that takes them."}, tagsUnsent},

	{Rule{ID: "write-through-without-version", Severity: Error, Summary: "A write-through class has no version of its rows."}, writeThrough},
	{Rule{ID: "class-without-source", Severity: Warning, Summary: "A class does not say where its values come from."}, classWithoutSource},
	{Rule{ID: "target-without-window", Severity: Warning, Summary: "A target for misses has no time over which they are counted."}, targetWindow},
	{Rule{ID: "target-implausible", Severity: Warning, Summary: "A target for misses is one that is never, or always, met."}, targetImplausible},
	{Rule{ID: "memory-unbounded", Severity: Warning, Summary: "Memory has a bound that bounds nothing."}, memoryUnbounded},
	{Rule{ID: "tier-setting-unused", Severity: Warning, Summary: "A class says something about a tier that it does not have."}, noEffect},
	{Rule{ID: "edge-tier-alone", Severity: Error, Summary: "The edge is the only tier of a class."}, edgeAlone},
	{Rule{ID: "nothing-cached", Severity: Error, Summary: "The policy caches nothing."}, nothingCached},
	{Rule{ID: "go-name", Severity: Error, Summary: "Two names are the same in Go."}, goName},
	{Rule{ID: "source-conflict", Severity: Error, Summary: "A table has no trigger that does what its classes say."}, sourceConflict},
	{Rule{ID: "invalid", Severity: Error, Summary: "The policy is refused by itself.", Refused: true}, invalid},

	{Rule{ID: "ignore-unknown", Severity: Error, Summary: "An exception names no rule."}, nil},
	{Rule{ID: "ignore-unused", Severity: Warning, Summary: "An exception excuses nothing."}, nil},
}

//go:embed rules/*.txt
var examples embed.FS

// explain returns the texts of a rule from its file: why, and the two examples.
func explain(id string) (why, bad, good string) {
	data, err := examples.ReadFile("rules/" + id + ".txt")
	if err != nil {
		return "", "", "" // the tests want all of them
	}
	why, rest, _ := strings.Cut(string(data), "-- bad --\n")
	bad, good, _ = strings.Cut(rest, "-- good --\n")
	return strings.TrimSpace(why), bad, good
}

// find returns the rule with an id. There are some fifty, so that a list will do.
func find(id string) (*Rule, bool) {
	for i := range rules {
		if rules[i].ID == id {
			return &rules[i].Rule, true
		}
	}
	return nil, false
}

// mustFind returns one of the rules that the package itself names. A test of Check with
// exceptions runs both of its uses, so that the panic is one of tests.
func mustFind(id string) *Rule {
	rule, ok := find(id)
	if !ok {
		panic(fmt.Sprintf("lint: no rule %q", id))
	}
	return rule
}
