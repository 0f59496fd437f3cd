package strategy

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
)

type route = policy.Route

// routePattern is what a route looks like in plain words: a path, maybe with a
// method and a host.
var routePattern = regexp.MustCompile(`^(?:[A-Z]+ )?(?:[a-z0-9.-]+\.[a-z]+)?/\S*$`)

// routeRules read what is said of a route. Its tiers are others than those of a class:
// it is in browsers and at the edge, and has no memory.
var routeRules = []rule[route]{
	onText(`class[:=]? (LIT)`, "class", func(r *route) *string { return &r.Class }),
	onMention[route](`as the defaults say`, "defaults"),
	onSet(neverWords, "storage", true, func(r *route) *bool { return &r.NoStore }),
	onSet(`(?:private|per[- ]user|browser only)`, "privacy", true, func(r *route) *bool { return &r.Private }),
	onText(`profile[:=]? (LIT)`, "profile", func(r *route) *string { return &r.Profile }),
	onWindow(`(?:KEEP )?PLACE(?:CDN|s-maxage)(?: cache)?(?: FRESH)?FOR[ :=](.+)`, "edge TTL", routeEdge),
	onWindow(`(?:KEEP )?(.+?) PLACECDN(?: FRESH)?`, "edge TTL", routeEdge),
	onSet(`NO CDN(?: cache| caching)?|(?:not|never) PLACECDN|CDN(?: ttl| cache)?[:=]? (?:no|none|never)`, "edge TTL", policy.None, routeEdge),
	on(`(?:browsers?|max-age|client)(?: ttl| cache)?FOR[ :=](?:0s?|none|no)|no browser(?: cache| caching)?`, askEachTime),
	onDuration(`(?:KEEP )?PLACE(?:browsers?|max-age|client)(?: cache)?(?: FRESH)?FOR[ :=](.+)`, "browser TTL", routeBrowser),
	onDuration(`(?:KEEP )?(.+?) PLACEbrowsers?(?: FRESH)?`, "browser TTL", routeBrowser),
	// What makes responses different, or wrong.
	onSet(`immutable`, "immutability", true, func(r *route) *bool { return &r.Immutable }),
	onRefused[route](`(?:INVALIDATED )?(?:by|via) tags?|(?:tag|surrogate[- ]key)s?[- ]?(?:based|driven)?[- ](?:purge|purging|invalidation)(?: CHANGE)?|tagged|tag[- ]?based`,
		"the tags of a route are named", "say \"tags `product-{id}`\", with the wildcards of its pattern"),
	onList(`(?:tags?|tagged|surrogate[- ]keys?)(?: with| by)?[:=]? (LITS|NAMES)`, "tags", routeTags),
	onEmpty(`no tags`, "tags", routeTags),
	onEmpty(`(?:NO QUERY|ignores? (?:the )?query(?: string)?|QUERY[:=]? none)`, "query", routeQuery),
	onList(`QUERY(?: by)?[:=]? (LITS|NAMES)`, "query", routeQuery),
	onList(`(?:vary|varies)(?: by| on)?[:=]? (LITS|[A-Za-z-]+(?:(?:, | and |, and )[A-Za-z-]+)*)`, "vary", func(r *route) *[]string { return &r.Vary }),
	onEmpty(`no vary`, "vary", func(r *route) *[]string { return &r.Vary }),
	on(`(?:status )?(\d{3})s?(?: responses?)?(?: KEEP)?FOR (.+)`, status),
	on(`(?:(?:KEEP|FRESH)FOR )?(.+)`, bareEdge),
	onIgnore[route](func(r *route) *map[string]string { return &r.Ignore }),
}

// allRouteRules are in the order in which they are tried.
var allRouteRules = slices.Concat(staleRules(routeSWR, routeSIE), routeRules)

func routeEdge(r *route) *time.Duration    { return &r.Edge }
func routeBrowser(r *route) *time.Duration { return &r.Browser }
func routeSWR(r *route) *time.Duration     { return &r.StaleWhileRevalidate }
func routeSIE(r *route) *time.Duration     { return &r.StaleIfError }
func routeTags(r *route) *[]string         { return &r.Tags }
func routeQuery(r *route) *[]string        { return &r.Query }

// askEachTime is what browsers do if nothing else is said. "browser none" of a page
// that Write wrote says it on purpose.
func askEachTime(s *subject[route], c clause, _ []string) error {
	if c.text == "browser none" {
		return put(s, c, "browser TTL", &s.v.Browser, policy.None)
	}
	if s.v.Browser > 0 {
		return put(s, c, "browser TTL", &s.v.Browser, 0)
	}
	s.mention(c, "browser TTL")
	return nil
}

// bareEdge takes a length of time that stands alone. It is not for browsers: what they
// keep nobody can take back.
func bareEdge(s *subject[route], c clause, m []string) error {
	d, err := span(s, c, m[1])
	if err != nil || d < 0 {
		return cmp.Or(err, errPass)
	}
	s.note(c, "edge %s", writeDuration(d))
	return put(s, c, "edge TTL", &s.v.Edge, d)
}

// status takes "404 for 30s".
func status(s *subject[route], c clause, m []string) error {
	code, _ := strconv.Atoi(m[1])
	d, ok := duration(m[2])
	if !ok || d < 0 {
		return errPass
	}
	if s.v.Statuses == nil {
		s.v.Statuses = map[int]time.Duration{}
	}
	to := s.v.Statuses[code]
	err := put(s, c, "life of status "+m[1], &to, d)
	s.v.Statuses[code] = to
	return err
}

// patternOf is the route that a label names, if it names one. What a label in plain
// words may not have, a pattern of ServeMux does not understand either.
func patternOf(c clause) (string, bool) {
	name := strings.TrimPrefix(c.text, "Route ")
	pattern := c.value(name)
	if values := c.values(name); len(values) == 1 && pattern == values[0] {
		return pattern, strings.Contains(pattern, "/")
	}
	return pattern, routePattern.MatchString(pattern)
}

// profileRules read what is said of a line of life. Profiles are said in the forms of
// Write alone: people who write pages have no word for them.
var profileRules = []rule[policy.Profile]{
	onDuration(`fresh(?: for|:)? (.+)`, "fresh", func(p *policy.Profile) *time.Duration { return &p.Fresh }),
	onDuration(`stale(?: for|:)? (.+)`, "stale", func(p *policy.Profile) *time.Duration { return &p.Stale }),
	onDuration(`(?:expires?|gone)(?: after| at|:)? (.+)`, "expire", func(p *policy.Profile) *time.Duration { return &p.Expire }),
	onValue(`jitter[:=]? (.+)`, "jitter", percentage, func(p *policy.Profile) *float64 { return &p.Jitter }),
	onMention[policy.Profile](`as the defaults say`, "defaults"),
}

// fleetRules read what all classes share. Their label is a word that no kind of data
// has.
var fleetRules = []rule[policy.Fleet]{
	onDuration(`memory (?:is |may be )?at most (.+) behind`, "staleness", func(f *policy.Fleet) *time.Duration { return &f.MaxStaleness }),
	onDuration(`shared timeout[:=]? (.+)`, "shared timeout", func(f *policy.Fleet) *time.Duration { return &f.SharedTimeout }),
	onDuration(`lease[:=]? (.+)`, "lease", func(f *policy.Fleet) *time.Duration { return &f.Lease }),
	onDuration(`hold[:=]? (.+)`, "hold", func(f *policy.Fleet) *time.Duration { return &f.Hold }),
	onSet(`(?:transactional )?outbox(?: relay)?`, "outbox", true, func(f *policy.Fleet) *bool { return &f.Outbox }),
}

// goRules read where generated code goes.
var goRules = []rule[policy.Go]{
	onText(`package[:=]? (LIT)`, "package", func(g *policy.Go) *string { return &g.Package }),
	onText(`in (LIT)`, "folder", func(g *policy.Go) *string { return &g.Out }),
}

// cdnRules read what is said of a CDN. Zone and token are names of environment
// variables: a page on a wall is no place for a secret.
var cdnRules = []rule[policy.CDN]{
	onText(`zone[:=]? (LIT)`, "zone", func(c *policy.CDN) *string { return &c.Zone }),
	onText(`token[:=]? (LIT)`, "token", func(c *policy.CDN) *string { return &c.Token }),
	onList(`hosts?[:=]? (LITS)`, "hosts", func(c *policy.CDN) *[]string { return &c.Hosts }),
	onEmpty(`no hosts`, "hosts", func(c *policy.CDN) *[]string { return &c.Hosts }),
	onMention[policy.CDN](`as the defaults say`, "defaults"),
}
