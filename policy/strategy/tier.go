package strategy

import (
	"regexp"
	"strings"

	"github.com/larderdev/larder/policy"
)

// tierRules read where the values of a class are, whose they are, and what makes
// them wrong.
var tierRules = []rule[class]{
	// What Write writes: names in code are taken as they are, for lint to judge.
	on(`in (LITS)`, func(s *subject[class], c clause, m []string) error {
		var tiers []policy.Tier
		for _, name := range c.values(m[1]) {
			tiers = append(tiers, policy.Tier(name))
		}
		return putList(s, c, "tiers", &s.v.Tiers, tiers)
	}),
	onSet(`(?:tiers?|where|storage|layers?|pattern|strategy)[:=]? (?:none|nowhere)`, "pattern", policy.Never, pattern),
	on(`in no tier`, func(s *subject[class], c clause, _ []string) error {
		return putList(s, c, "tiers", &s.v.Tiers, []policy.Tier{})
	}),
	// What people write. "not only in Redis" is none of these forms, and neither is
	// "Redis or memory": the one asks for more tiers, the other for a decision.
	on(`(?:only )?(?:(?:tiers?|storage|stored?|where|layers?|cached?|kept|lives?)[:=]? )?(?:only )?PLACE(TIERS)(?: only|-only)?(?:[:=]? yes)?`, inTiers),
	on(`l1 ?[/&+,-] ?l2`, inTiers),
	on(`(?:is |are |be |must |should )*(?:NO|do not|don['’]?t|cannot|skips?|bypass(?:es)?|keep out of)(?: be)?(?: ever)?(?: (?:cached?|caching|stored?|kept|keep|held))?(?: it| them)? PLACE(TIERS(?: n?or (?:in |on |at )?(?:the )?TIERS)?)|(TIERS)(?: ttl)?[:=]? (?:no|none|off|never)`, notInTiers),
	onRefused[class](`browser(?: cache| ttl)?(?: for|:|=)? .*[1-9].*`,
		"how long browsers keep something is said by a route", "say \"`GET /path`: class `name`, browser 1m\""),
	onRefused[class](`immutable`, "that something never changes while it is fresh is said by a route", "say \"`GET /path`: class `name`, immutable\""),
	onNoted[class](`(?:no browser(?: cache| caching)?|browser(?: cache| ttl)?(?: for|:|=)? (?:0s?|none|no))`,
		"routes of a class tell browsers to ask each time, if they do not say otherwise"),

	// Consistency.
	on(`(?:always|must(?: always)? be|strictly) (?:fresh|current|up[- ]to[- ]date|consistent)`, alwaysFresh),
	// Reads that see every commit cost a round trip for each write, so nothing but
	// these words asks for them.
	onSet(`(?:strict(?:ly consistent)?(?: reads?)?|strong(?:ly)? consisten(?:t|cy)(?: reads?)?|read[- ]your[- ]writes|linearizable(?: reads?)?)`,
		"strictness", true, strict),
	onSet(`(?:consistency: strong|strong)`, "strictness", true, strict),
	on(`(?:eventual(?:ly)? consisten(?:t|cy)|consistency: eventual)`, func(s *subject[class], c clause, _ []string) error {
		s.note(c, "reads are as fresh as invalidations arrive, if they are not strict; nothing to set")
		return put(s, c, "strictness", &s.v.Strict, false)
	}),
	onText(`version from (LIT)`, "row version", func(c *class) *string { return &c.RowVersion }),
	onMention[class](`no row version`, "row version"),
	on(`(?:versioned|row versions?|version columns?|by version|versions? (?:from|in) (?:a |the )?columns?)`, func(s *subject[class], c clause, _ []string) error {
		s.note(c, "row_version column")
		return put(s, c, "row version", &s.v.RowVersion, "column")
	}),
	onSet(`versions? from (?:a |the )?sequence`, "row version", "sequence", func(c *class) *string { return &c.RowVersion }),

	// Privacy. Words that are not of a class but of its values ("secret") are taken
	// for the stricter of two kinds: the other mistake shows data.
	onSet(`(?:private|per[- ](?:user|customer|account)|user[- ]specific|personal(?:i[sz]ed)?(?: data)?)`, "privacy", policy.Private, privacy),
	onSet(`(?:sensitive(?: data)?|pii|secrets?|confidential|contains pii)`, "privacy", policy.Sensitive, privacy),
	onSet(`(?:public|shared by (?:all|everyone)|same for (?:all|everyone)|(?:not|no) (?:personal(?: data)?|private|pii|user[- ]specific))`, "privacy", policy.Public, privacy),
	onSet(`(?:encrypt(?:ed|ion)?(?: at rest| in redis)?)`, "encryption", true, encrypt),
	onSet(`(?:not encrypted|no encryption|unencrypted|(?:do not|don['’]?t) encrypt)`, "encryption", false, encrypt),

	// What makes values wrong. Of what every class has anyway a note says so: a page
	// that asks for it is right, and its statement must not look as if it were lost.
	// "tag purge" stands before the lists of tags, in which "purge" would be one.
	on(`(?:INVALIDATED (?:by|via|with|on|using) (?:surrogate[- ]keys?|(?:cache[- ])?tags?)(?: CHANGE)?|(?:by|via) tags?|(?:tag|surrogate[- ]key)s?[- ]?(?:based|driven)?[- ](?:purge|purging|invalidation|invalidated)(?: CHANGE)?|tagged|tag[- ]?based)`, tagBased),
	onList(`(?:tags?|tagged|surrogate[- ]keys?)(?: with| by)?[:=]? (LITS)`, "tags", classTags),
	onList(`(?:tags?|tagged)(?: with| by)?[:=]? (NAMES)`, "tags", classTags),
	onEmpty(`no tags`, "tags", classTags),
	onSet(`further tags from values`, "further tags", true, func(c *class) *bool { return &c.ValueTags }),
	onSet(`shorter lives from values`, "shorter lives", true, func(c *class) *bool { return &c.ValueTTL }),
	onNoted[class](`(?:explicit(?:ly)? )?(?:INVALIDATED(?: the cache| it| key)? )?CHANGE|on[- ](?:update|write|change|revoke|logout) invalidation|explicit invalidation|event[- ](?:based|driven) invalidation`,
		"every class has Invalidate and Update, and a source table invalidates by itself; nothing to set"),
	on(`INVALIDATED (?:via|by|through|with) (?:the |a |an )?(?:transactional )?outbox`, byOutbox),
	onNoted[class](`(?:invalidat(?:ed|ion|e) by ttl|ttl[- ](?:based|only)(?: invalidation| expir(?:y|ation))?|ttl|expires by itself)`,
		"the TTL ends values by itself; nothing to set"),
	onMention[class](`(?:cached?|cacheable)[:=]? yes|(?:is )?cached`, "cached"),
	onIgnore[class](classIgnore),
}

// inTiers takes "Redis", "in memory only", "memory and the CDN".
func inTiers(s *subject[class], c clause, _ []string) error {
	s.mentionTiers(c, c.text)
	return nil
}

// mentionTiers mentions the tiers that words name, and whether they are the only
// ones.
func (s *subject[T]) mentionTiers(c clause, words string) {
	for _, tier := range tiersIn(words) {
		s.mention(c, tier)
	}
	if only.MatchString(c.text) {
		s.mention(c, saidOnly)
	}
}

// notInTiers takes "not in Redis", "no CDN". It is kept apart from the tiers that are
// asked for until all of the page is known: "Redis, not memory" may stand in two
// lines, in any order.
func notInTiers(s *subject[class], c clause, m []string) error {
	words := m[1] + m[2]
	if adjective.MatchString(words) {
		return errPass // "not shared" may be a matter of privacy
	}
	for _, tier := range tiersIn(words) {
		s.mention(c, saidNot+tier)
	}
	return nil
}

var (
	only      = regexp.MustCompile(`(?i)\bonly\b`)
	adjective = regexp.MustCompile(`(?i)^(?:shared|distributed|local|locally)$`)
)

// byOutbox takes "invalidated via the outbox". All classes share it, so that one
// class which asks for it gives it to all: that is what the note is for.
func byOutbox(s *subject[class], c clause, _ []string) error {
	s.note(c, "fleet outbox, which serves all classes")
	s.mention(c, "invalidation")
	return put(s.r.fleet, c, "outbox", &s.r.fleet.v.Outbox, true)
}

func encrypt(c *class) *bool { return &c.Encrypt }
func strict(c *class) *bool  { return &c.Strict }

// alwaysFresh is what can be had of it: one copy, read strictly. A copy in memory
// could be older, and so could one at the edge.
func alwaysFresh(s *subject[class], c clause, _ []string) error {
	s.note(c, "tiers [shared] only, strict reads")
	s.mention(c, saidRedis)
	s.mention(c, saidOnly)
	return put(s, c, "strictness", &s.v.Strict, true)
}

// tagBased gives values a tag of their own and one for all of the class: the two that
// a purge by tag needs, of one changed thing and of everything.
func tagBased(s *subject[class], c clause, _ []string) error {
	name := strings.TrimPrefix(s.name, "class ")
	tags := []string{name + "-{key}", plural(name)}
	s.note(c, "tags [%s]", strings.Join(tags, " "))
	return putList(s, c, "tags", &s.v.Tags, tags)
}

// end decides what "until it expires" is about: the TTL if there is one, and else an
// end that each value brings with it.
func (r *reader) end(s *subject[class]) {
	m, ok := s.said[saidEnd]
	switch {
	case !ok || s.v.FromValue:
	case s.v.TTL != policy.TTL{} || s.v.Profile != "":
		r.note(m.place, "%s: %s → the TTL says when that is; nothing to set", s.label, m.text)
	default:
		s.v.FromValue = true
		r.note(m.place, "%s: %s → each value says when it ends (ttl: from-value)", s.label, m.text)
	}
}

// tiers makes the tiers of a class of what was said of them: those that are named,
// in order from the reader to the origin, without those that are ruled out. A CDN
// alone is one more than there are without it.
func (r *reader) tiers(s *subject[class]) {
	first, asked := s.firstOf(saidMemory, saidRedis, saidEdge)
	not, ruledOut := s.firstOf(saidNot+saidMemory, saidNot+saidRedis, saidNot+saidEdge)
	if !asked && !ruledOut || r.toldTwice(s, first, asked, not) {
		return
	}
	// Who says "only", or names a tier of the service's own, has listed them all.
	only, alone := s.said[saidOnly]
	edge, atEdge := s.said[saidEdge]
	_, inMemory := s.said[saidMemory]
	_, inRedis := s.said[saidRedis]
	if !alone && !inMemory && !inRedis {
		inMemory, inRedis = true, true
	}
	tiers, change := r.without(s, []bool{inMemory, inRedis, atEdge})
	if !asked {
		first = not
	}
	if !asked && !change {
		r.note(first.place, "%s: %s → nothing to set: a class is there only if it says so", s.label, first.text)
		return
	}
	s.v.Tiers = tiers
	if alone {
		r.onlyThese(s, only)
	}
	if !(alone && s.v.Strict && only.text == first.text) { // "always fresh" has said so
		r.note(first.place, "%s: %s → tiers %v", s.label, first.text, s.v.Tiers)
	}
	r.atEdge(s, edge)
}

// toldTwice tells whether tiers were said as Write says them, all at once, and by
// people's words as well. Both could only mean the same, and mostly do not.
func (r *reader) toldTwice(s *subject[class], first mention, asked bool, not mention) bool {
	all, ok := s.said["tiers"]
	switch {
	case !ok:
		return false
	case asked:
		r.contradict(first.place, all.place, "%s: %q says other tiers than %q", s.name, first.text, all.text)
	default:
		r.contradict(not.place, all.place, "%s: %q may say other tiers than %q", s.name, not.text, all.text)
	}
	return true
}

// firstOf is where the page first says one of some fields.
func (s *subject[T]) firstOf(fields ...string) (first mention, ok bool) {
	for _, f := range fields {
		if m, said := s.said[f]; said && (!ok || m.compare(first.place) < 0) {
			first, ok = m, true
		}
	}
	return first, ok
}

// without leaves out of tiers those that are ruled out, and tells whether there were
// such. One that is asked for, too, is a contradiction, and so is a class that has
// none left.
func (r *reader) without(s *subject[class], in []bool) (left []policy.Tier, change bool) {
	var last mention
	tiers := []policy.Tier{policy.Memory, policy.Shared, policy.Edge}
	for i, name := range []string{saidMemory, saidRedis, saidEdge} {
		not, ruledOut := s.said[saidNot+name]
		if said, both := s.said[name]; both && ruledOut {
			r.contradict(not.place, said.place, "%s: %q rules out what %q asks for", s.name, not.text, said.text)
		}
		switch {
		case in[i] && !ruledOut:
			left = append(left, tiers[i])
		case in[i]:
			last, change = not, true
		}
	}
	if left == nil {
		r.contradict(last.place, last.place, "%s: %q leaves no tier", s.name, last.text)
	}
	return left, change
}

// onlyThese finds tiers that were said besides "only": those said in other words on
// another line, or "always fresh" with a copy that could be older.
func (r *reader) onlyThese(s *subject[class], only mention) {
	for _, tier := range []string{saidMemory, saidRedis, saidEdge} {
		if m, ok := s.said[tier]; ok && m.text != only.text && (s.v.Strict && tier != saidRedis || !s.v.Strict) {
			r.contradict(m.place, only.place, "%s: %q is one tier more than %q allows", s.name, m.text, only.text)
		}
	}
}

// atEdge checks that nobody's own values are where everybody gets them.
func (r *reader) atEdge(s *subject[class], edge mention) {
	if edge.line == 0 {
		return
	}
	if m, ok := s.said["privacy"]; !ok {
		r.note(edge.place, "%s: %s → everybody gets the same value there: if values belong to one user, say \"private\" and leave the CDN out", s.label, edge.text)
	} else if s.v.Privacy != policy.Public {
		r.contradict(edge.place, m.place, "%s: %q gives everybody what %q keeps for one", s.name, edge.text, m.text)
	}
}
