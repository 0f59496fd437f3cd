package strategy

import (
	"regexp"
	"time"

	"github.com/larderdev/larder/policy"
)

type class = policy.Class

// The mentions of a class that are not fields: what finish makes tiers of.
const (
	saidMemory = "tier memory"
	saidRedis  = "tier shared"
	saidEdge   = "tier edge"
	saidOnly   = "tiers only these"
)

// neverWords say that something must not be cached.
const neverWords = `(?:(?:is |are |be |must |should |may |shall |can )*(?:never|not|don['’]?t|do not|must not|should not|cannot|can['’]?t)(?: be)?(?: ever)?(?: cached?| caching| stored?)(?: at all| anywhere)?|no[- ]?(?:cache|caching|store)|uncache(?:able|d)|non-cacheable|bypass(?:es)?(?: the)?(?: cache)?|cach(?:e|ed|eable|ing): no)`

// classRules read what is said of a class. The first form that fits and does not
// pass is the one; precise forms of Write stand before the looser ones of people.
var classRules = []rule[class]{
	onText(`(?:description|about|what)[:=]? (LIT)`, "description", func(c *class) *string { return &c.Description }),
	on(`as the defaults say`, func(s *subject[class], c clause, _ []string) error { s.mention(c, "defaults"); return nil }),

	// The pattern.
	onSet(`cache[- ]?aside(?: pattern| caching)?`, "pattern", policy.CacheAside, pattern),
	onSet(`write[- ]?through(?: pattern| caching)?`, "pattern", policy.WriteThrough, pattern),
	on(`(?:read[- ]?through|lazy[- ]?load(?:ing|ed)|lazy|look[- ]?aside|on[- ]demand)(?: pattern| caching)?`, otherwiseCalled),
	onSet(neverWords, "pattern", policy.Never, pattern),
	onRefused[class](`write[- ]?(?:behind|back|around)(?: pattern| caching)?`,
		"the cache would be ahead of the origin, or behind it", `say "write-through", or "cache-aside" with "invalidate on update"`),

	// How long values live.
	onText(`profile[:=]? (LIT)`, "profile", func(c *class) *string { return &c.Profile }),
	onDuration(`memory lifetime (.+)`, "memory TTL", memoryTTL),
	onDuration(`edge lifetime (.+)`, "edge TTL", edgeTTL),
	onDuration(`(?:negative|not[- ]found|miss(?:ing)?|absence) ttl[:=]? (.+)`, "negative TTL", negativeTTL),
	onDuration(`(?:negative caching|not[- ]found|absen(?:ce|t)|(?:remember|cache) (?:misses|absence|not[- ]found))(?: is| are)?(?: remembered| cached)?(?: for|:)? (.+)`, "negative TTL", negativeTTL),
	onSet(`negative ttl none`, "negative TTL", policy.None, negativeTTL),
	on(ownEnd, fromValue),
	on(`(?:CDN|cdn and edge)(?: ttl| cache)?(?: for| is|:|=)? (.+)`, tierTTL(saidEdge, "edge TTL", edgeTTL)),
	on(`(.+) (?:(?:in|at|on) )?(?:the )?CDN(?: ttl)?`, tierTTL(saidEdge, "edge TTL", edgeTTL)),
	on(`MEMORY(?: ttl)?(?: for| is|:|=)? (.+)`, tierTTL(saidMemory, "memory TTL", memoryTTL)),
	on(`(.+) (?:(?:in|at|on) )?(?:the )?MEMORY(?: ttl)?`, tierTTL(saidMemory, "memory TTL", memoryTTL)),
	on(`REDIS(?: cache| tier)?(?: ttl)?(?: for| is|:|=)? (.+)`, tierTTL(saidRedis, "TTL", sharedTTL)),
	on(`(.+) (?:(?:in|at|on) )?(?:the )?REDIS(?: ttl)?`, tierTTL(saidRedis, "TTL", sharedTTL)),
	onDuration(`(.+?) (?:ttl|time[- ]to[- ]live|expir(?:y|ation)|lifetime|fresh(?:ness)?|max[- ]age)`, "TTL", sharedTTL),
	onDuration(`(?:max(?:imum)? )?(?:ttl|time[- ]to[- ]live|expir(?:y|ation)(?: time)?|lifetime|freshness|max[- ]age)(?: of| is| for| after|:|=)* (.+)`, "TTL", sharedTTL),
	onDuration(`(?:ttl|max[- ]age)[:=] ?(.+)`, "TTL", sharedTTL),
	onDuration(`(?:is |are |to be )?(?:cached?|caching|kept?|fresh|live[sd]?|valid|expires?|expiring|refresh(?:ed)?|stays?)(?: fresh)?(?: it| them)?(?: for| after| in| every|:)* (.+)`, "TTL", sharedTTL),
	onDuration(`(?:for|up to|about) (.+)`, "TTL", sharedTTL),
	on(`(.+)`, bareTTL),
	onDuration(`(?:stale[- ]while[- ]revalidate|swr)(?: of| for| window|:|=)* (.+)`, "stale-while-revalidate", classSWR),
	onDuration(`(.+) (?:of )?(?:stale[- ]while[- ]revalidate|swr)`, "stale-while-revalidate", classSWR),
	onSet(`NO (?:stale[- ]while[- ]revalidate|swr)`, "stale-while-revalidate", policy.None, classSWR),
	onDuration(`(?:stale[- ]if[- ]error|sie|serve stale on errors?)(?: of| for| window|:|=)* (.+)`, "stale-if-error", classSIE),
	onDuration(`(.+) (?:of )?(?:stale[- ]if[- ]error|sie)`, "stale-if-error", classSIE),
	onSet(`NO (?:stale[- ]if[- ]error|sie)`, "stale-if-error", policy.None, classSIE),
	on(`(?:NO (?:stale(?: data| values| reads)?|staleness|stale windows?)|never (?:served? )?stale)`, noStale),
	on(`(?:NO (?:ttl )?(?:extensions?|extend(?:ed|ing)?|sliding(?: expir(?:y|ation))?|refresh)|must not be extended)`, noExtension),
	onRefused[class](`(?:sliding(?: expir(?:y|ation)| window| ttl)?|(?:extended|renewed|refreshed) on (?:each )?(?:read|access|use).*)`,
		"reading a value does not make it newer, so its life is never extended by that", "give it a longer TTL"),
	onRefused[class](`(?:NO (?:ttl|expir(?:y|ation))|never expires?|(?:cached? |kept? )?forever|infinite(?: ttl)?|permanent(?:ly)?)`,
		"a value without an end stays wrong for ever when one invalidation is lost", `say how long at most, such as "7d TTL"`),
	onValue(`(?:jitter|ttl jitter)(?: of|:|=)* (?:±|\+/-)?\s*(.+)`, "jitter", percent, jitter),
	onValue(`(?:±|\+/-)?\s*(\S+%|\S+ %)(?: of)?(?: random)?(?: ttl)? jitter`, "jitter", percent, jitter),
	onSet(`NO jitter`, "jitter", policy.None, jitter),
}

// More about classes stands in tier.go and load.go.

func pattern(c *class) *policy.Pattern        { return &c.Pattern }
func sharedTTL(c *class) *time.Duration       { return &c.TTL.Shared }
func memoryTTL(c *class) *time.Duration       { return &c.TTL.Memory }
func edgeTTL(c *class) *time.Duration         { return &c.TTL.Edge }
func negativeTTL(c *class) *time.Duration     { return &c.NegativeTTL }
func classSWR(c *class) *time.Duration        { return &c.StaleWhileRevalidate }
func classSIE(c *class) *time.Duration        { return &c.StaleIfError }
func jitter(c *class) *float64                { return &c.Jitter }
func earlyRefresh(c *class) *float64          { return &c.Stampede.EarlyRefresh }
func privacy(c *class) *policy.Privacy        { return &c.Privacy }
func classTags(c *class) *[]string            { return &c.Tags }
func classIgnore(c *class) *map[string]string { return &c.Ignore }

// ownEnd are the forms of "each value knows its own end".
const ownEnd = `(?:expires?|ends?|dies) (?:with|when) (?:the |its )?(?:token|session|jwt|cookie|value)(?: (?:does|expires|ends))?|(?:(?:ttl|expir(?:y|es|ation)|lives?|lifetime|valid|cached|kept)(?: is| as| for| equals| matches| follows| of| with| at|:|=)* ?)?(?:until |till )?(?:the )?(?:value['’]?s own|token['’]?s?(?: own)?|sessions?['’]?s?(?: own)?|jwt['’]?s?|cookie['’]?s?|its own|own|values?['’]?s?)(?: own)? (?:end|exp|expir(?:y|es|ation)(?: time| date)?|lifetime|ttl|lifespan)`

// fromValue takes "TTL = token expiry".
func fromValue(s *subject[class], c clause, _ []string) error {
	if c.text != "TTL = the value's own end" {
		s.note(c, "each value says when it ends (ttl: from-value)")
	}
	return put(s, c, "end", &s.v.FromValue, true)
}

// otherwiseCalled takes names of cache-aside that are more common elsewhere.
func otherwiseCalled(s *subject[class], c clause, _ []string) error {
	s.note(c, "pattern cache-aside: a loader fills the cache on a miss")
	return put(s, c, "pattern", &s.v.Pattern, policy.CacheAside)
}

// tierTTL takes "CDN 60s": a tier, and the life of values in it.
func tierTTL(tier, field string, of func(*class) *time.Duration) func(*subject[class], clause, []string) error {
	return func(s *subject[class], c clause, m []string) error {
		d, ok := duration(lead.ReplaceAllString(c.value(m[1]), ""))
		if !ok {
			return errPass
		}
		s.mention(c, tier)
		return put(s, c, field, of(&s.v), d)
	}
}

// lead is what may stand before a length of time and says nothing more.
var lead = regexp.MustCompile(`(?i)^(?:ttl|for|cached|expires|after|of|is|:|=| )+|\s*(?:ttl|for|cached|in|at|on)$`)

// bareTTL takes a length of time that stands alone.
func bareTTL(s *subject[class], c clause, m []string) error {
	d, ok := duration(m[1])
	if !ok || m[1] == "none" {
		return errPass
	}
	s.note(c, "TTL %s", writeDuration(d))
	return put(s, c, "TTL", &s.v.TTL.Shared, d)
}

// noStale closes both stale windows.
func noStale(s *subject[class], c clause, _ []string) error {
	if err := put(s, c, "stale-while-revalidate", &s.v.StaleWhileRevalidate, policy.None); err != nil {
		return err
	}
	return put(s, c, "stale-if-error", &s.v.StaleIfError, policy.None)
}

// noExtension is all by which a value could be served, or replaced, beyond the end
// it was given. Jitter only shortens lives, so it may stay.
func noExtension(s *subject[class], c clause, m []string) error {
	s.note(c, "no stale windows, no early refresh; jitter only shortens")
	if err := noStale(s, c, m); err != nil {
		return err
	}
	return put(s, c, "early refresh", &s.v.Stampede.EarlyRefresh, policy.None)
}
