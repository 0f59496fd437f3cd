package strategy

import (
	"cmp"
	"slices"
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
	saidNot    = "no " // before one of the tiers
	saidEnd    = "an end, not whose"
)

// neverWords say that something must not be cached.
const neverWords = `(?:(?:is |are |be |must |should |may |shall |can )*(?:never|not|don['’]?t|do not|must not|should not|cannot|can['’]?t)(?: be)?(?: ever)?(?: cached?| caching| stored?)(?: at all| anywhere)?|no[- ]?(?:cache|caching|store)|uncache(?:able|d)|(?:not|non)[- ]cacheable|bypass(?:es)?(?: the)?(?: cache)?|cach(?:e|ed|eable|ing): no)`

// classRules read what is said of a class. The first form that fits and does not
// pass is the one; precise forms of Write stand before the looser ones of people.
var classRules = []rule[class]{
	onText(`(?:description|about|what)[:=]? (LIT)`, "description", func(c *class) *string { return &c.Description }),
	onMention[class](`as the defaults say`, "defaults"),

	// The pattern. What others call read-through is cache-aside here, for the cache
	// calls the loader in both; write-behind is none of ours, and taking it for
	// write-through would lose what the page wants of it.
	onSet(`cache[- ]?aside(?: pattern| caching)?`, "pattern", policy.CacheAside, pattern),
	onSet(`write[- ]?through(?: pattern| caching)?`, "pattern", policy.WriteThrough, pattern),
	on(`(?:read[- ]?through|lazy[- ]?load(?:ing|ed)|lazy|look[- ]?aside|on[- ]demand)(?: pattern| caching)?`, otherwiseCalled),
	onSet(neverWords, "pattern", policy.Never, pattern),
	onRefused[class](`write[- ]?(?:behind|back|around)(?: pattern| caching)?`,
		"the cache would be ahead of the origin, or behind it", `say "write-through", or "cache-aside" with "invalidate on update"`),

	// How long values live. A tier's own life is told before the TTL, and the TTL
	// before a bare length of time: each is a form of the next with a word more.
	onText(`profile[:=]? (LIT)`, "profile", func(c *class) *string { return &c.Profile }),
	onDuration(`memory lifetime (.+)`, "memory TTL", memoryTTL),
	onDuration(`edge lifetime (.+)`, "edge TTL", edgeTTL),
	onDuration(`(?:neg(?:ative)?|not[- ]found|miss(?:ing)?|absence) ttlFOR (.+)`, "negative TTL", negativeTTL),
	onDuration(`(?:(?:remember|cache|keep) )?ABSENT(?: is| are)?(?: remembered| cached| kept)?FOR (.+)`, "negative TTL", negativeTTL),
	onRefused[class](`(?:negative|not[- ]found)(?: ttl| caching)?[:=]? (?:none|no|off|never)|NO negative(?: ttl| caching)?|(?:do not|don['’]?t|never) (?:remember|cache) ABSENT|ABSENT (?:is|are) (?:not|never) (?:cached|remembered)`,
		"that there is no value is always remembered, or each question for it would reach the origin", `say how long at most, such as "404s are cached for 1s"`),
	on(ownEnd, fromValue),
	// Whose end it is only [reader.end] can decide, when all is said.
	onMention[class](`(?:KEEP )?(?:until|till) (?:(?:it|they|the (?:values?|entry|entries)) (?:expires?|ends?|runs? out)|expir(?:y|ation))`, saidEnd),
	// A length of time and where it holds, in both orders.
	on(`(?:KEEP )?(.+?) PLACE(TIERS)(?: FRESH)?(?: only)?`, tierLife(1, 2)),
	on(`(?:KEEP )?(?:only )?PLACE(TIERS)(?: only)?(?: FRESH)?FOR[ :=](.+)`, tierLife(2, 1)),
	on(`(?:KEEP )?PLACE(TIERS) with (?:a |an )?FRESHFOR (.+)`, tierLife(2, 1)),
	on(`(?:KEEP )?PLACE(TIERS) with (?:a |an )?(.+?) FRESH`, tierLife(2, 1)),
	onRefused[class](`(?:NO (?:ttl|expir(?:y|ation))|FRESHFOR(?: (?:none|never|forever|infinite|unlimited|-1))|never expires?|(?:cached? |kept? )?forever|infinite(?: ttl)?|permanent(?:ly)?)`,
		"a value without an end stays wrong for ever when one invalidation is lost", `say how long at most, such as "7d TTL"`),
	// The TTL. "at least" is in none of the forms: a cache may always forget, so that
	// there is nothing to keep it by.
	onDuration(`(.+?) FRESH(?: max(?:imum)?| at most)?`, "TTL", sharedTTL),
	onDuration(`(?:max(?:imum)? )?FRESHFOR (.+)`, "TTL", sharedTTL),
	onDuration(`(?:ttl|max[- ]age) ?[:=]? ?([~≈<≤].*)`, "TTL", sharedTTL),
	onDuration(`(?:ttl|max[- ]age)[:=] ?(.+)`, "TTL", sharedTTL),
	onDuration(`(?:KEEP|fresh|expires?|expiring|refresh(?:ed)?)(?: fresh)?(?: it| them)?FOR (.+)`, "TTL", sharedTTL),
	on(`(.+)`, bareTTL),
	// What is served beyond its end, or not. These come after stale.go's windows.
	on(`(?:NO (?:stale(?: data| values| reads)?|staleness|stale windows?)|never (?:served? )?stale|stale(?: data| values| reads)?(?: ?[:=])? (?:never|no|none))`, noStale),
	on(`(?:NO (?:ttl )?(?:extensions?|extend(?:ed|ing)?|sliding(?: expir(?:y|ation))?|refresh)|must not be extended)`, noExtension),
	// What a TTL is not: it neither slides nor is it endless.
	onRefused[class](`(?:sliding(?: .*)?|.* (?:of|after|when|without) (?:inactivity|being idle|idle|use|access)|idle timeout.*|(?:extended|renewed|refreshed) on (?:each )?(?:read|access|use).*)`,
		"reading a value does not make it newer, so its life is never extended by that", "give it a longer TTL"),
	// Jitter, which is a share: "±30s" would be another one for each TTL.
	onValue(`(?:jitter|ttl jitter)(?: of|:|=)* (?:±|\+/-)?\s*(.+)`, "jitter", percentage, jitter),
	onValue(`(?:±|\+/-)\s*SHARE`, "jitter", percentage, jitter),
	onValue(`(?:±|\+/-)?\s*(\S+%|\S+ %)(?: of)?(?: random)?(?: ttl)? jitter`, "jitter", percentage, jitter),
	onNoted[class](`NO (?:jitter upwards?|upwards? jitter)`, "jitter only shortens lives; nothing to set"),
	onSet(`NO jitter`, "jitter", policy.None, jitter),
}

// More about classes stands in tier.go, load.go, target.go and stale.go.

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
const ownEnd = `(?:expires?|ends?|dies) (?:with|when) (?:the |its )?(?:token|session|jwt|cookie|value)(?: (?:does|expires|ends))?|(?:(?:ttl|expir(?:y|es|ation)|lives?|lifetime|valid|cached|kept)(?: is| as| for| equals?| equal to| matches| follows| of| with| at|:|=)* ?)?(?:until |till |up to |(?:never|not|no) (?:beyond|past|after|longer than) )?(?:the )?(?:value['’]?s own|token['’]?s?(?: own)?|sessions?['’]?s?(?: own)?|jwt['’]?s?|cookie['’]?s?|its own|own|values?['’]?s?)(?: own)? (?:end|exp|expir(?:y|es?|ation)(?: time| date)?|lifetime|ttl|lifespan)`

// fromValue takes "TTL = token expiry".
func fromValue(s *subject[class], c clause, _ []string) error {
	if c.text != "TTL = the value's own end" {
		s.note(c, "each value says when it ends (ttl: from-value)")
	}
	return put(s, c, "end", &s.v.FromValue, true)
}

// otherwiseCalled takes names of cache-aside that are more common elsewhere. The note
// is for those who mean a difference by them.
func otherwiseCalled(s *subject[class], c clause, _ []string) error {
	s.note(c, "pattern cache-aside: a loader fills the cache on a miss")
	return put(s, c, "pattern", &s.v.Pattern, policy.CacheAside)
}

// tierLife takes "60s on the CDN", "one hour in memory and Redis": tiers, and the life
// of values in them. Of several with the shared one among them it is the TTL, which
// holds in all of them. Its arguments are the groups of the form.
func tierLife(length, where int) func(*subject[class], clause, []string) error {
	return func(s *subject[class], c clause, m []string) error {
		d, err := span(s, c, m[length])
		if err != nil || d < 0 {
			return cmp.Or(err, errPass)
		}
		s.mentionTiers(c, m[where])
		tiers := tiersIn(m[where])
		if slices.Contains(tiers, saidRedis) {
			return put(s, c, "TTL", &s.v.TTL.Shared, d)
		}
		if slices.Contains(tiers, saidMemory) {
			err = put(s, c, "memory TTL", &s.v.TTL.Memory, d)
		}
		if err == nil && slices.Contains(tiers, saidEdge) {
			err = put(s, c, "edge TTL", &s.v.TTL.Edge, d)
		}
		return err
	}
}

// bareTTL takes a length of time that stands alone. Behind the name of a class it can
// be nothing else; the note is there because no word says so.
func bareTTL(s *subject[class], c clause, m []string) error {
	d, err := span(s, c, m[1])
	if err != nil || d < 0 {
		return cmp.Or(err, errPass)
	}
	s.note(c, "TTL %s", writeDuration(d))
	return put(s, c, "TTL", &s.v.TTL.Shared, d)
}

// noStale closes both stale windows. "None" is not the same as nothing said: a profile
// could open them.
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
