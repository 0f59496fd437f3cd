package strategy

import (
	"regexp"
	"slices"
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
	on(`key(?:ed)?(?: by| type)?[:=]? (LIT|string|u?int(?:8|16|32|64)?)`, keyType),
	on(`(?:cache )?key(?:ed)?(?: by| is| on|:|=)* ?(?:a |the )?(?:hash|hashed|sha256|md5|digest)(?: of)?(?:\s*\((.+)\)| ([^()]+))`, hashedKey),
	on(`(?:(?:cache )?keys?(?:ed)?(?: by| is| are| on| from| ?:| ?=)+|keyed) (.+)`, namedKey),
	on(`(?:(?:is |are )?cached )?(?:per|by) (.+)`, keyPer),
	onRefused[class](`(?:cache )?key(?:ed)?(?: by| is| on| pattern| format|:|=)* .+`,
		"what a key is made of is a Go type, or named parts", "say \"key int64\" or \"key parts `query string`, `page int64`\""),
	onText(`values of type (LIT)`, "type", func(c *class) *string { return &c.Type }),
	onSet(`(?:loads? in batches|batch(?:ed)?(?: loads?| loading)?|multi-?get)`, "batches", true, func(c *class) *bool { return &c.Batch }),
	onText(`SOURCE (LIT)`, "source", func(c *class) *string { return &c.Source.From }),
	// A table in plain words stands behind "from" or before "table"; alone it would be
	// any word.
	on(`(?:SOURCE )?(LIT|[a-z_][a-z0-9_.]*) (?:db |database |sql )?table|(?:SOURCE |source )?tables?[:=]? ([a-z_][a-z0-9_.]*)`, plainTable),
	on(`table (LIT)(?: with)?(?: key (LIT))?(?: tags (LITS))?(?: version (LIT))?(?: sequence (LIT))?`, table),

	// Stampedes. Locks, leases and single flights are the same to a reader of the page:
	// one load at a time. Which of them it is, the library has decided.
	onNoted[class](leased, "every load has a lease in the whole fleet, hot key or not; nothing to set"),
	onValue(`(?:early refresh|xfetch|refresh[- ]ahead|beta)(?: β| beta)?[:=]? ([\d.]+|none)`, "early refresh", number, earlyRefresh),
	onSet(`NO (?:early[- ]refresh(?:es)?(?: extensions?)?|refresh[- ]ahead|xfetch)`, "early refresh", policy.None, earlyRefresh),
	on(early, func(s *subject[class], c clause, _ []string) error {
		s.note(c, "early_refresh 1, XFetch's β")
		return put(s, c, "early refresh", &s.v.Stampede.EarlyRefresh, 1)
	}),
	onDuration(`soft timeoutFOR (.+)`, "soft timeout", func(c *class) *time.Duration { return &c.Stampede.SoftTimeout }),
	onDuration(`(?:(?:hard|load(?:er)?|origin|db|database) )?timeoutFOR (.+)`, "hard timeout", func(c *class) *time.Duration { return &c.Stampede.HardTimeout }),
	onValue(`(?:AT MOST)?([\d,_]+) (?:concurrent |parallel )?loads?(?: at once| in flight| at a time)?`, "loads at once", whole, func(c *class) *int { return &c.Budget.Loads }),
	onValue(`(?:AT MOST)?([\d.eE+-]+) (?:loads? (?:a|per|each) second|loads?/s(?:ec)?)`, "loads a second", number, func(c *class) *float64 { return &c.Budget.Rate }),
	onDuration(`(?:loads? waits?(?: at most| for)?|budget wait) (.+)`, "wait for a load", func(c *class) *time.Duration { return &c.Budget.Wait }),
	onValue(`(?:rebuild|re-?warm|re-?load|pre-?warm)(?: the)?(?: top| hottest)? ([\d,_]+)(?: hottest| hot)?(?: keys?| entries)?`, "rebuild", whole, func(c *class) *int { return &c.Rebuild }),

	// Sizes. A bare "10k entries" is no bound of anything: it needs "at most", a tier,
	// or LRU.
	onValue(`(?:MEMORY (?:holds )?(?:AT MOST)?|AT MOST)([\d,_]+[km]?) (?:entries|keys|items|values)(?: PLACEMEMORY)?`, "entries in memory", whole, memoryEntries),
	onValue(`([\d,_]+[km]?) (?:entries|keys|items|values) PLACEMEMORY`, "entries in memory", whole, memoryEntries),
	on(`lru(?: of| with|:)? (?:AT MOST)?([\d,_]+[km]?)(?: (?:entries|keys|items|values))?`, lru),
	onValue(`(?:MEMORY (?:holds |limit(?:ed to)? |size |budget )?(?:AT MOST)?|AT MOST)(\d+ ?[kmg]?i?b(?:ytes)?)(?: (?:of |in )?MEMORY)?`, "bytes in memory", size, memoryBytes),
	onValue(`(\d+ ?[kmg]?i?b(?:ytes)?) (?:of |in )?MEMORY`, "bytes in memory", size, memoryBytes),
	onValue(`compress(?:ed|ion)?(?: values)?(?: above| over| from| larger than|:|=| ?>=?)* (.+)`, "compression", size, func(c *class) *int64 { return &c.CompressAbove }),
	// Whoever names an algorithm means that one. S2 is what there is.
	onRefused[class](`(?:gzip|zstd|snappy|lz4|brotli|deflate)(?:ped|ed)?\b.*`, "values are compressed with S2, and with nothing else", `say "compressed above 4KiB"`),
	onSet(`(?:NO compression|(?:never|not) compressed)`, "compression", policy.None, func(c *class) *int64 { return &c.CompressAbove }),
}

// The two longest forms stand by themselves, since labels use them, too.

// leased are the forms of "one load at a time": a lease does what they ask for.
const leased = `(?:(?:stampede|thundering[- ]herd|dog-?pile)(?: (?:prevention|protection|control|guard(?:ed)?))?(?:[: ]| by | with | via )*)?(?:(?:use |uses |using |by |with |via )?(?:an? |the )?(?:(?:distributed|redis|per-key|mutex) )*(?:lock(?:s|ing|ed)?|mutex|leases?|single[- ]?flight|request coalescing|coalesc(?:ed|ing)(?: loads| requests)?)|stampede (?:prevention|protection)|(?:stampede|dog-?pile)[- ](?:proof|safe|protected)|one load(?: at a time)?(?: for the (?:whole )?fleet)?)(?: pattern| approach)?(?: (?:for|on) (?:hot|popular|all|each|every)? ?keys?)?(?: on (?:a )?(?:cache )?miss(?:es)?)?`

// early are the forms of "now and then, a load before the end".
const early = `(?:probabilistic )?(?:early|xfetch)(?: probabilistic)?(?: (?:expir(?:y|ation)|refresh(?:es|ing)?|recomputation|re-?load(?:ing)?))?(?: \(?xfetch\)?)?(?: (?:for|on) (?:hot|popular|all) keys?)?|xfetch|refresh[- ]ahead|proactive refresh|refresh(?:ed|es)? (?:in the background )?(?:before|ahead of) (?:it |they )?expir(?:y|ation|es?)`

// hashedKey takes "key = hash(query+filters)": the parts are known, their types are
// not.
func hashedKey(s *subject[class], c clause, m []string) error {
	parts, ok := keyParts(c, m[1]+m[2])
	if !ok {
		return refuse("a part of a key is a name", "say \"key parts `query string`, `page int64`\"")
	}
	return putParts(s, c, parts)
}

// keyType takes "key `int64`". Other words in code are none of a type: they name a
// part of the key, or are a pattern like `order:{id}`, which is refused.
func keyType(s *subject[class], c clause, m []string) error {
	typ := c.value(m[1])
	if !goType.MatchString(typ) {
		return errPass
	}
	return put(s, c, "key type", &s.v.Key.Type, typ)
}

// namedKey takes "key by tenant and locale".
func namedKey(s *subject[class], c clause, m []string) error {
	parts, ok := keyParts(c, m[1])
	if !ok {
		return errPass
	}
	return putParts(s, c, parts)
}

// keyParts reads names that are joined by "and", "+" and the like. A page says no
// types, and a string holds any of them.
func keyParts(c clause, list string) ([]policy.KeyPart, bool) {
	var parts []policy.KeyPart
	for _, name := range partSeparator.Split(list, -1) {
		name = strings.TrimPrefix(strings.Trim(strings.ToLower(c.value(name)), " {}$"), "the ")
		words := strings.Fields(name)
		name = strings.Join(words, "_")
		if len(words) > 2 || !partName.MatchString(name) || limits(words) || slices.Contains(vague, words[0]) {
			return nil, false
		}
		parts = append(parts, policy.KeyPart{Name: name, Type: "string"})
	}
	return parts, true
}

// putParts sets the parts of a key, and says what was decided of them.
func putParts(s *subject[class], c clause, parts []policy.KeyPart) error {
	s.note(c, "key parts %s, each a string; the generated key is canonical", strings.Join(partNames(parts), ", "))
	return putList(s, c, "key", &s.v.Key.Parts, parts)
}

// keyPer takes "per tenant and locale". Per user is a matter of privacy, and per
// second one of budgets.
func keyPer(s *subject[class], c clause, m []string) error {
	for _, word := range strings.Fields(strings.ToLower(m[1])) {
		_, time := units[strings.TrimSuffix(word, "s")]
		if time || slices.Contains(noParts, word) {
			return errPass
		}
	}
	return namedKey(s, c, m)
}

// noParts are words behind "per" that are not what a key is made of.
var noParts = []string{"tag", "tags", "user", "customer", "account", "visitor", "session", "request", "key", "entry", "value", "class", "process", "instance", "node", "pod", "default", "hand", "itself", "far"}

var (
	goType        = regexp.MustCompile(`^[*\[\]]*(?:string|bool|u?int(?:8|16|32|64)?|[\w./~-]+\.\w+)$`)
	partSeparator = regexp.MustCompile(`\s*(?:\+|,(?: and\b)?|&|\||\band\b)\s*`)
	partName      = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func partNames(parts []policy.KeyPart) []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Name
	}
	return names
}

// table takes a source table in the form of Write. A page may name several: each is one more,
// and no contradiction.
func table(s *subject[class], c clause, m []string) error {
	name := c.value(m[1])
	t := policy.Table{Name: name, Key: c.value(m[2]), Tags: c.values(m[3]), Version: c.value(m[4]), Sequence: c.value(m[5])}
	s.v.Source.Tables = append(s.v.Source.Tables, t)
	s.mention(c, "table "+name)
	return nil
}

// plainTable takes "from the products table". Which rows make which keys a page does not
// say; that is for larder.yaml, and lint asks for it.
func plainTable(s *subject[class], c clause, m []string) error {
	name := c.value(m[1] + m[2])
	if word := strings.ToLower(name); limits([]string{word}) || word == "the" || word == "a" {
		return errPass
	}
	s.v.Source.Tables = append(s.v.Source.Tables, policy.Table{Name: name})
	s.note(c, "source table %s", name)
	s.mention(c, "table "+name)
	return nil
}

// lru takes "LRU 10k entries": the number holds, the rule by which one is evicted is
// another.
func lru(s *subject[class], c clause, m []string) error {
	n, ok := whole(m[1])
	if !ok {
		return errPass
	}
	s.note(c, "memory holds %d entries; which one goes is chosen by W-TinyLFU, not LRU", n)
	return put(s, c, "entries in memory", &s.v.MemoryEntries, n)
}

func memoryEntries(c *class) *int { return &c.MemoryEntries }
func memoryBytes(c *class) *int64 { return &c.MemoryBytes }
