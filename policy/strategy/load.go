package strategy

import (
	"regexp"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
)

// loadRules read what a class's keys and values are, and how they are loaded.
var loadRules = []rule[class]{
	on(`key parts (LITS)`, func(s *subject[class], c clause, m []string) error {
		var parts []policy.KeyPart
		for _, part := range c.values(m[1]) {
			name, typ, _ := strings.Cut(part, " ")
			parts = append(parts, policy.KeyPart{Name: name, Type: typ})
		}
		return putList(s, c, "key", &s.v.Key.Parts, parts)
	}),
	onText(`key(?:ed)?(?: by| type)?[:=]? (LIT|string|u?int(?:8|16|32|64)?)`, "key type", func(c *class) *string { return &c.Key.Type }),
	on(`(?:cache )?key(?:ed)?(?: by| is| on|:|=)* ?(?:a |the )?(?:hash|hashed|sha256|md5|digest)(?: of)?(?:\s*\((.+)\)| ([^()]+))`, hashedKey),
	onRefused[class](`(?:cache )?key(?:ed)?(?: by| is| on| pattern| format|:|=)* .+`,
		"what a key is made of is a Go type, or named parts", "say \"key int64\" or \"key parts `query string`, `page int64`\""),
	onText(`values of type (LIT)`, "type", func(c *class) *string { return &c.Type }),
	onSet(`(?:loads? in batches|batch(?:ed)?(?: loads?| loading)?|multi-?get)`, "batches", true, func(c *class) *bool { return &c.Batch }),
	onText(`(?:source|origin|loaded from|comes from|from)[:=]? (LIT)`, "source", func(c *class) *string { return &c.Source.From }),
	on(`table (LIT)(?: with)?(?: key (LIT))?(?: tags (LITS))?(?: version (LIT))?(?: sequence (LIT))?`, table),

	// Stampedes.
	onNoted[class](leased, "every load has a lease in the whole fleet, hot key or not; nothing to set"),
	onValue(`(?:early refresh|xfetch|refresh[- ]ahead|beta)(?: β| beta)?[:=]? ([\d.]+|none)`, "early refresh", number, earlyRefresh),
	onSet(`NO (?:early refresh(?:es)?|refresh[- ]ahead|xfetch)`, "early refresh", policy.None, earlyRefresh),
	on(early, func(s *subject[class], c clause, _ []string) error {
		s.note(c, "early_refresh 1, XFetch's β")
		return put(s, c, "early refresh", &s.v.Stampede.EarlyRefresh, 1)
	}),
	onDuration(`soft timeout(?: of|:|=)? (.+)`, "soft timeout", func(c *class) *time.Duration { return &c.Stampede.SoftTimeout }),
	onDuration(`(?:hard timeout|load timeout|timeout)(?: of|:|=)? (.+)`, "hard timeout", func(c *class) *time.Duration { return &c.Stampede.HardTimeout }),
	onValue(`(?:at most |max(?:imum)? (?:of )?|up to )?([\d,_]+) (?:concurrent |parallel )?loads?(?: at once| in flight| at a time)?`, "loads at once", whole, func(c *class) *int { return &c.Budget.Loads }),
	onValue(`(?:at most |max(?:imum)? (?:of )?|up to )?([\d.eE+-]+) (?:loads? (?:a|per|each) second|loads?/s(?:ec)?)`, "loads a second", number, func(c *class) *float64 { return &c.Budget.Rate }),
	onDuration(`(?:loads? waits?(?: at most| for)?|budget wait) (.+)`, "wait for a load", func(c *class) *time.Duration { return &c.Budget.Wait }),
	onValue(`(?:rebuild|re-?warm|re-?load|pre-?warm)(?: the)?(?: top| hottest)? ([\d,_]+)(?: hottest| hot)?(?: keys?| entries)?`, "rebuild", whole, func(c *class) *int { return &c.Rebuild }),

	// Sizes.
	onValue(`(?:memory holds |at most |max(?:imum)? (?:of )?|up to )([\d,_]+) (?:entries|keys|items|values)(?: in memory)?`, "entries in memory", whole, func(c *class) *int { return &c.MemoryEntries }),
	onValue(`(?:memory holds |at most |max(?:imum)? (?:of )?|up to )(\d+ ?[kmg]?i?b(?:ytes)?)(?: in memory| of memory)?`, "bytes in memory", size, func(c *class) *int64 { return &c.MemoryBytes }),
	onValue(`compress(?:ed|ion)?(?: values)?(?: above| over| from|:|=)* (.+)`, "compression", size, func(c *class) *int64 { return &c.CompressAbove }),
	onSet(`(?:NO compression|(?:never|not) compressed)`, "compression", policy.None, func(c *class) *int64 { return &c.CompressAbove }),

	// Targets.
	on(missTarget+`(?: (?:over|in|within|per) (.+))?`, target),
}

// leased are the forms of "one load at a time": a lease does what they ask for.
const leased = `(?:(?:stampede|thundering[- ]herd|dog-?pile)(?: (?:prevention|protection|control|guard(?:ed)?))?(?:[: ]| by | with | via )*)?(?:(?:use |uses |using |by |with |via )?(?:an? |the )?(?:(?:distributed|redis|per-key|mutex) )*(?:lock(?:s|ing|ed)?|mutex|leases?|single[- ]?flight|request coalescing|coalesc(?:ed|ing)(?: loads| requests)?)|stampede (?:prevention|protection)|(?:stampede|dog-?pile)[- ](?:proof|safe|protected)|one load(?: at a time)?(?: for the (?:whole )?fleet)?)(?: pattern| approach)?(?: (?:for|on) (?:hot|popular|all|each|every)? ?keys?)?(?: on (?:a )?(?:cache )?miss(?:es)?)?`

// early are the forms of "now and then, a load before the end".
const early = `(?:probabilistic )?(?:early|xfetch)(?: probabilistic)?(?: (?:expir(?:y|ation)|refresh(?:es|ing)?|recomputation|re-?load(?:ing)?))?(?: \(?xfetch\)?)?(?: (?:for|on) (?:hot|popular|all) keys?)?|xfetch|refresh[- ]ahead|proactive refresh`

// missTarget is a bound on misses, or on hits from below: its groups are the words
// before a share of hits, and the share of either.
const missTarget = `(?:(?:(?:cache )?(?:miss(?:es)?)(?:[- ](?:rate|ratio))?(?: target)?(?: of|:|=| is)*\s*)?(?:<=?|≤|under|below|less than|at most|max(?:imum)?|up to)?\s*(\S+ ?%)(?: (?:cache )?miss(?:es)?(?:[- ](?:rate|ratio))?)?|(?:cache )?hits?(?:[- ](?:rate|ratio))?(?: target)?(?: of|:|=| is)*\s*(?:>=?|≥|over|above|more than|at least|min(?:imum)?)?\s*(\S+ ?%))`

// longWindow is the time over which a target is measured if a page does not say:
// what lint asks for, and what the example has.
const longWindow = 5 * time.Minute

// target takes "misses below 10% over 5m". m has the share of misses, that of hits
// and the window.
func target(s *subject[class], c clause, m []string) error {
	if m[1] != "" && c.text[0] >= '0' && c.text[0] <= '9' && !strings.Contains(c.text, "miss") {
		return errPass // of what?
	}
	share, ok := percent(m[1])
	if !ok && m[2] != "" {
		if share, ok = percent(m[2]); ok {
			// In whole millionths, so that 100 % less 90 % is 10 %.
			share = float64(int64((1-share)*1e6+0.5)) / 1e6
			s.note(c, "misses below %s", writePercent(share))
		}
	}
	if !ok || share <= 0 {
		return errPass
	}
	window := longWindow
	switch {
	case m[3] == "no window":
		window = 0
	case m[3] == "":
		s.note(c, "measured over %s, since no window is said", writeDuration(window))
	default:
		if window, ok = duration(m[3]); !ok {
			return errPass
		}
	}
	if err := put(s, c, "share of misses", &s.v.Target.MissRate, share); err != nil {
		return err
	}
	return put(s, c, "window of the target", &s.v.Target.Window, window)
}

// hashedKey takes "key = hash(query+filters)": the parts are known, their types are
// not.
func hashedKey(s *subject[class], c clause, m []string) error {
	names := partSeparator.Split(strings.ToLower(m[1]+m[2]), -1)
	var parts []policy.KeyPart
	for _, name := range names {
		name = strings.Join(strings.Fields(strings.Trim(c.value(name), " {}$")), "_")
		if !partName.MatchString(name) {
			return refuse("a part of a key is a name", "say \"key parts `query string`, `page int64`\"")
		}
		parts = append(parts, policy.KeyPart{Name: name, Type: "string"})
	}
	s.note(c, "key parts %s, each a string; the generated key is canonical", strings.Join(partNames(parts), ", "))
	return putList(s, c, "key", &s.v.Key.Parts, parts)
}

var (
	partSeparator = regexp.MustCompile(`\s*(?:\+|,|&|\||\band\b)\s*`)
	partName      = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func partNames(parts []policy.KeyPart) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Name
	}
	return names
}

// table takes a source table.
func table(s *subject[class], c clause, m []string) error {
	name := c.value(m[1])
	t := policy.Table{Name: name, Key: c.value(m[2]), Tags: c.values(m[3]), Version: c.value(m[4]), Sequence: c.value(m[5])}
	s.v.Source.Tables = append(s.v.Source.Tables, t)
	s.mention(c, "table "+name)
	return nil
}
