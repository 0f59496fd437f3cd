package strategy

import (
	"regexp"
	"strings"

	"github.com/larderdev/larder/policy"
)

// tierRules read where the values of a class are, whose they are, and what makes
// them wrong.
var tierRules = []rule[class]{
	on(`in (LITS)`, func(s *subject[class], c clause, m []string) error {
		var tiers []policy.Tier
		for _, name := range c.values(m[1]) {
			tiers = append(tiers, policy.Tier(name))
		}
		return putList(s, c, "tiers", &s.v.Tiers, tiers)
	}),
	on(`in no tier`, func(s *subject[class], c clause, _ []string) error {
		return putList(s, c, "tiers", &s.v.Tiers, []policy.Tier{})
	}),
	onTier(`MEMORY`, saidMemory),
	onTier(`REDIS`, saidRedis),
	onTier(`CDN`, saidEdge),
	onTier(`(?:cloudflare|fastly|cloudfront|akamai)`, saidEdge),
	on(`l1 ?[/&+,-] ?l2`, func(s *subject[class], c clause, _ []string) error {
		s.mention(c, saidMemory)
		s.mention(c, saidRedis)
		return nil
	}),
	onRefused[class](`browser(?: cache| ttl)?(?: for|:|=)? .*[1-9].*`,
		"how long browsers keep something is said by a route", "say \"`GET /path`: class `name`, browser 1m\""),
	onNoted[class](`(?:no browser(?: cache| caching)?|browser(?: cache| ttl)?(?: for|:|=)? (?:0s?|none|no))`,
		"routes of a class tell browsers to ask each time, if they do not say otherwise"),

	// Consistency.
	on(`(?:always|must be|strictly) (?:fresh|current|up[- ]to[- ]date|consistent)`, alwaysFresh),
	onSet(`(?:strict(?:ly consistent)?(?: reads?)?|strong(?:ly)? consisten(?:t|cy)(?: reads?)?|read[- ]your[- ]writes|linearizable(?: reads?)?)`,
		"strictness", true, func(c *class) *bool { return &c.Strict }),
	onText(`version from (LIT)`, "row version", func(c *class) *string { return &c.RowVersion }),
	on(`no row version`, func(s *subject[class], c clause, _ []string) error { s.mention(c, "row version"); return nil }),
	on(`(?:versioned|row versions?|version columns?|by version|versions? (?:from|in) (?:a |the )?columns?)`, func(s *subject[class], c clause, _ []string) error {
		s.note(c, "row_version column")
		return put(s, c, "row version", &s.v.RowVersion, "column")
	}),
	onSet(`versions? from (?:a |the )?sequence`, "row version", "sequence", func(c *class) *string { return &c.RowVersion }),

	// Privacy.
	onSet(`(?:private|per[- ](?:user|customer|account)|user[- ]specific|personal(?:i[sz]ed)?(?: data)?)`, "privacy", policy.Private, privacy),
	onSet(`(?:sensitive(?: data)?|pii|secrets?|confidential|contains pii)`, "privacy", policy.Sensitive, privacy),
	onSet(`(?:public|shared by (?:all|everyone)|same for (?:all|everyone)|not personal)`, "privacy", policy.Public, privacy),
	onSet(`(?:encrypt(?:ed|ion)?(?: at rest| in redis)?)`, "encryption", true, func(c *class) *bool { return &c.Encrypt }),

	// What makes values wrong.
	onList(`(?:tags?|tagged)(?: with| by)?[:=]? (LITS)`, "tags", classTags),
	onList(`(?:tags?|tagged)(?: with| by)?[:=]? ([a-z0-9_{}.-]+(?:, (?:and )?[a-z0-9_{}.-]+)*)`, "tags", classTags),
	onEmpty(`no tags`, "tags", classTags),
	onSet(`further tags from values`, "further tags", true, func(c *class) *bool { return &c.ValueTags }),
	on(`(?:(?:purged?|invalidat(?:ed?|ion)|flush(?:ed)?|cleared) (?:by|via|with|on|using) (?:surrogate[- ]keys?|(?:cache[- ])?tags?)|(?:tag|surrogate[- ]key)s?[- ]?(?:based|driven)?[- ](?:purge|purging|invalidation|invalidated)|tagged|tag[- ]?based)`, tagBased),
	onNoted[class](`(?:(?:explicit(?:ly)? )?(?:(?:invalidat(?:ed?|es|ion)|purged?|evict(?:ed)?|delete[ds]?|clear(?:ed)?|drop(?:ped)?|bust(?:ed)?)(?: the cache| it| key)? )?(?:on|upon|after|when|at)(?: each| every| any| an?| the)? (?:updates?|writes?|changes?|saves?|edits?|deletes?|logout|log-out|sign-out|revoke|revocation|revoked|changed|updated|written)(?:[/ ](?:and |or )?(?:updates?|deletes?|writes?))?|on[- ](?:update|write|change|revoke|logout) invalidation|explicit invalidation|event[- ](?:based|driven) invalidation)`,
		"every class has Invalidate and Update, and a source table invalidates by itself; nothing to set"),
	onNoted[class](`(?:invalidat(?:ed|ion|e) by ttl|ttl[- ](?:based|only)(?: invalidation| expir(?:y|ation))?|ttl|expires by itself)`,
		"the TTL ends values by itself; nothing to set"),
	on(`(?:cached?|cacheable)[:=]? yes|(?:is )?cached`, func(s *subject[class], c clause, _ []string) error { s.mention(c, "cached"); return nil }),
	onIgnore[class](classIgnore),
}

// onTier makes the rule for a tier's name: "Redis", "in memory only", "the CDN".
func onTier(names, tier string) rule[class] {
	form := `(?:(?:tiers?|storage|stored?|where|layers?|cached?|kept|lives?)[:=]? )?(?:only )?(?:in |at |on |via |behind |from )?(?:the |a |an )?` +
		names + `(?: cache[sd]?| tier| layer| caching)?( only|-only)?`
	return on(form, func(s *subject[class], c clause, m []string) error {
		s.mention(c, tier)
		if m[1] != "" || only.MatchString(c.text) {
			s.mention(c, saidOnly)
		}
		return nil
	})
}

var only = regexp.MustCompile(`(?i)\bonly\b`)

// alwaysFresh is what can be had of it: one copy, read strictly. A copy in memory
// could be older, and so could one at the edge.
func alwaysFresh(s *subject[class], c clause, _ []string) error {
	s.note(c, "tiers [shared] only, strict reads")
	s.mention(c, saidRedis)
	s.mention(c, saidOnly)
	return put(s, c, "strictness", &s.v.Strict, true)
}

// tagBased gives values a tag of their own and one for all of the class.
func tagBased(s *subject[class], c clause, _ []string) error {
	name := strings.TrimPrefix(s.name, "class ")
	tags := []string{name + "-{key}", plural(name)}
	s.note(c, "tags [%s]", strings.Join(tags, " "))
	return putList(s, c, "tags", &s.v.Tags, tags)
}

// tiers makes the tiers of a class of what was said of them: those that are named,
// in order from the reader to the origin. A CDN alone is one more than there are
// without it.
func (r *reader) tiers(s *subject[class]) {
	memory, inMemory := s.said[saidMemory]
	redis, inRedis := s.said[saidRedis]
	edge, atEdge := s.said[saidEdge]
	only, alone := s.said[saidOnly]
	if !inMemory && !inRedis && !atEdge {
		return
	}
	first := mention{}
	for _, m := range []mention{memory, redis, edge} {
		if m.line > 0 && (first.line == 0 || m.line < first.line) {
			first = m
		}
	}
	if m, ok := s.said["tiers"]; ok {
		r.contradict(first.line, m.line, "%s: %q says other tiers than %q", s.name, first.text, m.text)
		return
	}
	if atEdge && !alone && !inMemory && !inRedis {
		inMemory, inRedis = true, true
	}
	for _, t := range []struct {
		in   bool
		tier policy.Tier
	}{{inMemory, policy.Memory}, {inRedis, policy.Shared}, {atEdge, policy.Edge}} {
		if t.in {
			s.v.Tiers = append(s.v.Tiers, t.tier)
		}
	}
	if alone {
		r.onlyThese(s, only)
	}
	if !(alone && s.v.Strict && only.text == first.text) { // "always fresh" has said so
		r.note(first.line, "%s: %s → tiers %v", s.label, first.text, s.v.Tiers)
	}
	r.atEdge(s, edge)
}

// onlyThese finds tiers that were said besides "only": those said in other words on
// another line, or "always fresh" with a copy that could be older.
func (r *reader) onlyThese(s *subject[class], only mention) {
	for _, tier := range []string{saidMemory, saidRedis, saidEdge} {
		if m, ok := s.said[tier]; ok && m.text != only.text && (s.v.Strict && tier != saidRedis || !s.v.Strict) {
			r.contradict(m.line, only.line, "%s: %q is one tier more than %q allows", s.name, m.text, only.text)
		}
	}
}

// atEdge checks that nobody's own values are where everybody gets them.
func (r *reader) atEdge(s *subject[class], edge mention) {
	if edge.line == 0 {
		return
	}
	if m, ok := s.said["privacy"]; !ok {
		r.note(edge.line, "%s: %s → everybody gets the same value there: if values belong to one user, say \"private\" and leave the CDN out", s.label, edge.text)
	} else if s.v.Privacy != policy.Public {
		r.contradict(edge.line, m.line, "%s: %q gives everybody what %q keeps for one", s.name, edge.text, m.text)
	}
}
