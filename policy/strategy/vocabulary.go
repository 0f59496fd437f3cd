package strategy

import (
	"regexp"
	"strings"
)

// vocabulary are the words that the forms of rules name in capitals. A thing that
// people call by ten names is listed here once, and every rule about it knows all
// ten. A longer name stands before one that it begins with.
var vocabulary = strings.NewReplacer(
	"LITS", lit+`(?:(?:\s*,)?(?:\s*(?:and|or))?\s*`+lit+`)*`,
	"LIT", lit,
	// A list of names in plain words. "and" joins its last two after a comma alone: of
	// "tags a and private" the second is another statement.
	"NAMES", `[A-Za-z0-9_{}.-]+(?:, (?:and )?[A-Za-z0-9_{}.-]+)*(?:, [A-Za-z0-9_{}.-]+ and [A-Za-z0-9_{}.-]+)?`,
	"QUERY", `query(?: param(?:eter)?s?| keys?)?`,

	// The tiers, and several of them.
	"TIERS", tierNames+`(?:(?: and | plus | ?[&+/] ?)(?:in |on |at )?(?:the )?`+tierNames+`)*`,
	"MEMORY", memoryNames,
	"REDIS", redisNames,
	"CDN", cdnNames,
	"PLACE", `(?:in |on |at |via |behind |from |by )?(?:the |a |an |both )?`,
	"KEEP", `(?:is |are |be |to be )*(?:cached?|caching|keep|kept|held|hold|stored?|served|lives?|stays?|sits?|resides?|valid)(?: it| them)?`,

	// Lengths of time. What bounds one from above is said by the TTL itself; from
	// below there is nothing that keeps a value.
	"FRESH", `(?:ttl|time[- ]to[- ]live|expir(?:y|ation)(?: time)?|lifetime|fresh(?:ness)?|max[- ]age)`,
	"FOR", `(?: of| is| are| for| after| in| ?:| ?=)*`,

	// What there is none of, and what to do when the origin does not answer.
	"ABSENT", `(?:404s?(?: responses| errors)?|not[- ]founds?(?: results?| responses?| errors?)?|negative(?: results?| lookups?| cache| caching)?|(?:cache )?misses|absen(?:ce|t)(?: rows| keys| values| items)?|missing(?: rows| keys| values| items| entries)?)`,
	"STALE", `(?:(?:may be |can be |is |are )?(?:serve|served|use|used|return|returned|allow|allowed|deliver|delivered) )?(?:the )?stale(?: content| data| values?| results?| copy| copies| entries| responses?)?`,
	"WHENDOWN", `(?:(?:on|if) (?:any )?(?:errors?|failures?|outages?)|(?:in case of|during) (?:an? )?(?:errors?|failures?|outages?)|(?:if|when|while) (?:the |our )?(?:db|database|origin|backend|source|loader|upstream|provider|postgres|mysql) (?:is (?:down|unavailable|unreachable|failing|broken|not available|not reachable)|fails|errors|goes down|does not answer|cannot be reached))`,
	"WHILELOADING", `(?:while|during) (?:(?:it|they|a new value) (?:is|are) (?:being )?|we (?:are )?)?(?:revalidat(?:e|ing|ion|ed)|refresh(?:ing|ed)?|re-?load(?:ing|ed)?|updat(?:e|ing|ed))(?: it| them)?(?: in the background| asynchronously)?`,

	// What makes values wrong.
	"INVALIDATED", `(?:invalidat(?:ed?|es|ion)|purge[ds]?|evict(?:ed)?|delete[ds]?|clear(?:ed)?|drop(?:ped)?|bust(?:ed)?|revoked?|removed?|flush(?:ed)?|expired?)`,
	"CHANGE", `(?:(?:on|upon|after|when|at)(?: each| every| any| an?| the)? (?:updates?|writes?|changes?|saves?|edits?|deletes?|publish(?:ing|es|ed)?|logout|log-out|sign-out|revoke|revocation|revoked|changed|updated|written|saved|edited|deleted)(?:[/ ](?:and |or )?(?:updates?|deletes?|writes?))?|when(?:ever)? (?:it|they|(?:the|a|an|its|their) [a-z]+) (?:changes?|edits|saves|publishes|(?:is|are) (?:updated|changed|edited|written|saved|published|deleted)))`,

	// Shares.
	"BELOW", `(?:<=?|≤|under|below|less than|lower than|at most|no more than|not more than|max(?:imum)?|up to)`,
	"ABOVE", `(?:>=?|≥|over|above|more than|higher than|at least|no less than|not less than|min(?:imum)?)`,
	"SHARE", `(\d[\d.]* ?(?:%|percent|per cent|pct))`,

	"AT MOST", `(?:at most |limited to |max(?:imum)?(?: of)? |up to |no more than |<=? ?|≤ ?)`,
	"SOURCE", `(?:source|origin|loaded from|loads from|read from|comes? from|from|backed by)(?: is| ?:| ?=)?(?: the)?`,
	"|:|=)*", "| ?:| ?=)*",
	"[:=]?", " ?[:=]?",
	"NO", `(?:no|not|never|without|none|zero|disable[ds]?)`,
)

// The names of the tiers.
const (
	memoryNames = `(?:in[- ]?memory|(?:local |process )?mem(?:ory)?|locally|local(?: cache)?|process[- ]local|in[- ]process|(?:each|every|the) (?:process|instance|node|pod)|l1|ram)`
	redisNames  = `(?:redis|valkey|shared|distributed|l2)`
	cdnNames    = `(?:(?:shared )?(?:cdn|edge)|l3|cloudflare|fastly|cloudfront|akamai)`
	tierNames   = `(?:` + memoryNames + `|` + cdnNames + `|` + redisNames + `)(?: cache[sd]?| tier| layer| caching)?`
)

var (
	tierAlone = regexp.MustCompile(`(?i)^` + tierNames + `$`)

	// tierWords are in the order in which names are looked for: a "shared edge" is at
	// the edge, and not shared as Redis is.
	tierWords = []struct {
		names *regexp.Regexp
		said  string
	}{
		{regexp.MustCompile(`(?i)\b` + cdnNames + `\b`), saidEdge},
		{regexp.MustCompile(`(?i)\b` + memoryNames + `\b`), saidMemory},
		{regexp.MustCompile(`(?i)\b` + redisNames + `\b`), saidRedis},
	}
)

// tiersIn are the tiers that words name.
func tiersIn(words string) []string {
	var all []string
	for _, t := range tierWords {
		if t.names.MatchString(words) {
			all = append(all, t.said)
			words = t.names.ReplaceAllString(words, "")
		}
	}
	return all
}

// Words that say nothing by themselves. None of them limits, negates or doubts:
// those have to be read by a rule, or the statement is not understood.
var (
	fillerBefore = regexp.MustCompile(`(?i)^(?:(?:and|but|also|plus|then|with|using|uses?|has|have|having|gets?|we|it|they|these|values|entries|a|an|the|is|are|be|should|must|will|shall)\s+)+`)
	fillerAfter  = regexp.MustCompile(`(?i)(?:\s+(?:too|as well))+$`)
	// What bounds a length of time from above, or rounds it.
	atMostAfter = regexp.MustCompile(`(?i)\s+(?:max(?:imum)?|at (?:the )?most|or less)$`)
	atMost      = regexp.MustCompile(`(?i)^(?:(?:for|every|about|around|roughly|approximately|approx|another|up to|at most|no more than|not more than|no longer than|max(?:imum)?(?: of)?)\s+|(?:~|≈|<=?|≤|ca\.)\s*)+`)
)

// timeLabel begins the names of fields whose length of time is a TTL. That of another,
// "stampede protection: 5s", is something else, and without its name it would be one.
var timeLabel = regexp.MustCompile(`(?i)^(?:(?:for )?how long|(?:cache )?(?:ttl|time|duration|period)|expir|life|fresh|valid|cache|notes?\b|comments?\b|remarks?\b|details\b|other\b|rest\b)`)

// isTime tells whether words are a length of time and nothing else.
func isTime(words string) bool {
	_, ok := duration(atMost.ReplaceAllString(words, ""))
	return ok
}

// readings are a clause as it stands and, for a statement that no rule reads like
// that, without the name of a field before it, without words that say nothing, and
// with the words of its code in their place: `1h` TTL.
func readings(c clause) []clause {
	all := []clause{c}
	add := func(text string) {
		next := all[len(all)-1].with(text)
		if next.text != "" && next.text != all[len(all)-1].text {
			all = append(all, next)
		}
	}
	if label := fieldLabel.FindString(c.text); label != "" {
		if rest := c.text[len(label):]; !isTime(rest) || timeLabel.MatchString(label) {
			add(rest)
		}
	}
	last := all[len(all)-1]
	if each := strings.TrimSuffix(last.text, " each"); isTime(each) { // of several classes; "20MB each" is of values
		add(each)
	}
	add(fillerAfter.ReplaceAllString(fillerBefore.ReplaceAllString(last.text, ""), ""))
	if len(c.literals) > 0 {
		for _, r := range all {
			all = append(all, r.plain())
		}
	}
	return all
}
