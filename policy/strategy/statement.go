package strategy

import (
	"regexp"
	"slices"
	"strings"
)

// A mode is what a heading, or an item with items beneath it, makes of these.
type mode int

const (
	plain   mode = iota
	never        // each names something that must not be cached
	targets      // each is a miss target
)

// A context is a heading or an item that others stand beneath.
type context struct {
	level int // of the heading, or where the item's mark stands
	mode  mode
	label clause  // what it says, if it may name what the others speak of
	who   speaker // what that is, once it is known
	used  bool    // something beneath it was about it, or named by itself
}

// The labels that are no names of classes.
var (
	neverLabel    = regexp.MustCompile(`(?i)^(?:(?:things?|data|what|items?)(?: that)?(?: we)? )?(?:` + neverWords + `)(?: list| these| the following)?$`)
	targetLabel   = regexp.MustCompile(`(?i)\b(?:miss|hit)(?:es|s)?\b.*\b(?:targets?|rates?|ratios?|goals?|budgets?|slos?)\b|^(?:miss|hit)[- ](?:rate|ratio)s?\b|\btargets?\b.*\bmiss`)
	stampedeLabel = regexp.MustCompile(`(?i)\b(?:stampedes?|thundering[- ]herds?|dog-?pil(?:e|ing)|hot keys?|lock(?:s|ing)?|concurrency|coalescing)\b`)
	changeLabel   = regexp.MustCompile(`(?i)^(?:cache )?invalidation(?: strategy| rules?)?$`)
	globalLabel   = regexp.MustCompile(`(?i)^(?:default(?:s)?|global|general|all|everything|overall)\b|^(?:ttl|jitter|encryption|compression|eviction|monitoring|metrics|storage|backend)s?$`)
	fieldLabel    = regexp.MustCompile(`(?i)^(?:(?:caching |cache )?(?:pattern|strategy|approach|policy)|ttl|time[- ]to[- ]live|expir(?:y|ation)|lifetime|freshness|tiers?|layers?|where|storage|store|location|level|invalidat(?:ion|e)|purge|consistency|stampede(?: protection)?|privacy|scope|cache(?:d|able)?|notes?|comments?|remarks?|details|other|rest|source)\s*(?::|=|→| [–—-])\s*`)
	generic       = regexp.MustCompile(`(?i)\b(?:strategy|strategies|caching|cache|cached|polic(?:y|ies)|rules?|overview|notes?|introduction|background|class(?:es)?|routes?|profiles?|fleet|general|principles?|goals?|details?|appendix|summary|cdns?|generated|tiers?|layers?)\b`)
	connector     = regexp.MustCompile(`(?i)\s+(?:and|with|plus|in|at|on|for|then|via|but)\s+|\s*[+&]\s*|\s+/\s+`)
	nameSeparator = regexp.MustCompile(`(?i)\s*(?:,\s*(?:and |or )?|/|&|;|\s(?:and|or)\s)\s*`)
	listSeparator = regexp.MustCompile(`(?i)\s*(?:,\s*(?:and |or )?|&|;|\s(?:and|or)\s)\s*`)
	sentenceEnd   = regexp.MustCompile(`[.!?]\s+`)
)

// block takes a block. above tells that list items stand beneath it.
func (r *reader) block(b block, above bool) {
	if b.kind == layout || b.kind == fence {
		r.account(b.text)
		if b.kind == fence {
			first, _, _ := strings.Cut(b.text, "\n")
			r.unknown(clause{text: first, line: b.line}, "a block of code is no statement", "say it in a list item, or leave it out of the strategy")
		}
		return
	}
	if strings.TrimSpace(b.text) == preamble {
		r.account(b.text)
		return
	}
	if b.kind == row {
		r.row(b)
		return
	}
	t := newText(b, r.account)
	switch b.kind {
	case heading:
		r.heading(b, t)
	case item:
		r.closeItems(b.indent)
		r.item(t, b.indent, above)
	default:
		r.closeItems(b.indent)
		for _, s := range sentences(t) {
			r.item(s, b.indent, above)
		}
	}
}

// sentences parts a paragraph.
func sentences(t text) []text {
	var all []text
	line := t.line
	for start := 0; start < len(t.s); {
		end := len(t.s)
		if m := sentenceEnd.FindStringIndex(t.s[start:]); m != nil {
			end = start + m[1]
		}
		all = append(all, text{t.s[start:end], line, t.literals})
		line += strings.Count(t.s[start:end], "\n")
		start = end
	}
	return all
}

// heading makes a context of a heading.
func (r *reader) heading(b block, t text) {
	r.closeItems(-1)
	r.account(restore(t.s, t.literals))
	for len(r.headings) > 0 && r.headings[len(r.headings)-1].level >= b.level {
		r.headings = r.headings[:len(r.headings)-1]
	}
	c := clause{line: b.line, literals: t.literals}.with(strings.TrimSuffix(t.s, ":"))
	next := context{level: b.level, mode: modeOf(c)}
	if next.mode == plain && b.level > 1 && !generic.MatchString(c.text) {
		next.label = c
	}
	r.headings = append(r.headings, next)
}

// modeOf is what a label makes of what stands beneath it.
func modeOf(label clause) mode {
	switch {
	case neverLabel.MatchString(label.text):
		return never
	case targetLabel.MatchString(label.text):
		return targets
	}
	return plain
}

// closeItems ends the items that stand no less deep than indent. One that said
// nothing, and beneath which nothing was about it, is not understood.
func (r *reader) closeItems(indent int) {
	for len(r.items) > 0 && r.items[len(r.items)-1].level >= indent {
		last := r.items[len(r.items)-1]
		r.items = r.items[:len(r.items)-1]
		if !last.used {
			r.unknown(last.label, "nothing is said of it", `say how it is cached, such as "cache-aside, 5m TTL", or "never cache"`)
		}
	}
}

// around returns the nearest context that has a mode or may be what an item is
// about, or nil.
func (r *reader) around() *context {
	if len(r.items) > 0 {
		return &r.items[len(r.items)-1]
	}
	for i := len(r.headings) - 1; i >= 0; i-- {
		if h := &r.headings[i]; h.mode != plain || h.label.text != "" {
			return h
		}
	}
	return nil
}

// owner is what a context is about, or nil.
func (r *reader) owner(c *context) speaker {
	if c == nil || c.mode != plain || c.who != nil || c.label.text == "" {
		if c != nil && c.mode == plain {
			return c.who
		}
		return nil
	}
	c.who, _ = r.named(c.label)
	return c.who
}

// item takes a list item or a sentence.
func (r *reader) item(t text, indent int, above bool) {
	label, rest, ok := t.label()
	around := r.around()
	owner := r.owner(around)
	first := t.clauses()
	switch {
	case strings.Contains(t.s, "~~"):
		r.refuseAll(t, "it is struck out", "delete it, or take the ~~ away")
	case len(first) == 0 && !ok:
		r.account(restore(t.s, t.literals))
	case owner != nil && len(first) > 0 && r.fits(owner, first[0]):
		around.used = true
		r.sayAll(owner, t)
	case ok && r.special(label, rest, indent, above):
	case around != nil && around.mode != plain:
		around.used = true
		if who := r.inMode(around.mode, t, label, rest, ok); who != nil && above {
			r.items = append(r.items, context{level: indent, label: label, who: who, used: true})
		}
	case ok:
		if around != nil {
			around.used = true
		}
		r.labelled(label, rest, indent, above)
	case r.sentence(t):
	case above:
		c := clause{line: t.line, literals: t.literals}.with(t.s)
		r.account(c.source())
		r.items = append(r.items, context{level: indent, label: c, mode: modeOf(c)})
	default:
		r.orphan(t, owner, around)
	}
}

// orphan takes a statement that is about nothing that a rule knows.
func (r *reader) orphan(t text, owner speaker, around *context) {
	if owner != nil && around.used {
		r.sayAll(owner, t)
		return
	}
	r.refuseAll(t, "it does not say what it is about", `begin with a name and a colon: "Product catalog: cache-aside, 1h TTL"`)
}

// refuseAll lists all statements of a text for one reason.
func (r *reader) refuseAll(t text, reason, suggestion string) {
	all := t.clauses()
	if len(all) == 0 {
		all = []clause{clause{line: t.line, literals: t.literals}.with(t.s)}
	}
	for _, c := range all {
		r.account(c.source())
		r.unknown(c, reason, suggestion)
	}
}

// special takes items whose label is no name of a class: lists of what is never
// cached, targets, what all share.
func (r *reader) special(label clause, rest text, indent int, above bool) bool {
	m := modeOf(label)
	switch {
	case m != plain:
		r.account(label.source())
		if len(rest.clauses()) == 0 && above {
			r.items = append(r.items, context{level: indent, mode: m, label: label})
			return true
		}
		r.inMode(m, rest, clause{}, text{}, false)
	case stampedeLabel.MatchString(label.text):
		r.account(label.source())
		r.sayAll(anyClass{r.scratch(label), regexp.MustCompile(`(?i)^(?:` + leased + `|` + early + `)$`)}, rest)
	case changeLabel.MatchString(label.text):
		r.account(label.source())
		r.sayAll(anyClass{r.scratch(label), regexp.MustCompile(`(?i)update|write|change`)}, rest)
	case strings.EqualFold(label.text, "CDN") && r.kindOf(rest) != "":
		r.account(label.source() + rest.s)
		kind := r.kindOf(rest)
		r.cdn(kind)
		r.note(label.line, "%s: %s → cdn %s; its zone and token are environment variables", label.source(), strings.TrimSpace(rest.s), kind)
		r.understand()
	case globalLabel.MatchString(label.text):
		r.account(label.source())
		r.refuseAll(rest, "a policy has nothing that holds for all classes", "say it at each class, or make a profile of it")
	default:
		return false
	}
	return true
}

// kindOf is the CDN that a text is the name of, or "".
func (r *reader) kindOf(t text) string {
	name := strings.ToLower(strings.Trim(t.s, " .\n"))
	if slices.Contains(cdnKinds, name) {
		return name
	}
	return ""
}

// scratch is a class that stands for all, of which nothing is kept but the notes.
func (r *reader) scratch(label clause) *subject[class] {
	return &subject[class]{r: r, name: "all classes", label: label.source(), rules: allClassRules, said: map[string]mention{}}
}

// anyClass hears what is said of all classes, as far as all classes have it
// anyway.
type anyClass struct {
	*subject[class]
	has *regexp.Regexp
}

func (a anyClass) say(c clause) error {
	if !a.has.MatchString(c.text) {
		return errPass
	}
	return a.subject.say(c)
}

func (a anyClass) knows(c clause) bool { return a.has.MatchString(c.text) && a.subject.knows(c) }

// inMode takes what stands in a list of never-classes or of targets. It returns what
// a label names.
func (r *reader) inMode(m mode, t text, label clause, rest text, labelled bool) speaker {
	if m == targets {
		for _, c := range t.clauses() {
			r.account(c.source())
			r.target(c)
		}
		return nil
	}
	if !labelled {
		var who speaker
		all := t.clauses()
		for _, c := range all {
			r.account(c.source())
			who = r.neverThese(c, c.text)
		}
		if len(all) > 1 {
			return nil
		}
		return who
	}
	r.account(label.source())
	who := r.neverThese(label, label.text)
	for _, c := range rest.clauses() {
		r.account(c.source())
		switch s, ok := who.(*subject[class]); {
		case ok && !s.knows(c):
			s.note(c, "description")
			_ = put(s, c, "description", &s.v.Description, c.source())
			r.understand()
		case who != nil:
			r.sayClause(who, c)
		default:
			r.unknown(c, "it does not say what it is about", "name the class before it")
		}
	}
	return who
}

// neverThese makes never-classes, and routes that nobody stores, of names. It
// returns the only one, if it is one.
func (r *reader) neverThese(c clause, names string) speaker {
	var one speaker
	parts := listSeparator.Split(strings.TrimRight(names, ".… "), -1)
	for _, part := range parts {
		part = strings.TrimPrefix(strings.TrimPrefix(part, "and "), "or ")
		if part = strings.TrimSpace(part); part == "" && len(parts) > 1 {
			continue
		}
		name := c.with(part)
		who, reason := r.named(name)
		if who == nil {
			if part == "" {
				name, reason = c, "it names nothing: what else is never cached is not guessed"
			}
			r.unknown(name, reason, "name each class: \"Never cache: checkout, payment\"")
			continue
		}
		// The rule's own words for it; where it stands is the name's line.
		_ = who.say(clause{text: "never cache", line: c.line})
		r.noteName(name, who)
		r.understand()
		one = who
	}
	if len(parts) > 1 {
		return nil
	}
	return one
}

// target keeps a miss target until all classes are known: "< 10% for search",
// "Search: < 10%", "search below 10% misses".
func (r *reader) target(c clause) {
	for _, form := range targetForms {
		if m := form.FindStringSubmatch(c.text); m != nil {
			share, words := m[form.SubexpIndex("share")], m[form.SubexpIndex("words")]
			if !strings.Contains(strings.ToLower(share), "hit") {
				share = "misses " + strings.TrimPrefix(strings.TrimSpace(share), "misses ")
			}
			r.targets = append(r.targets, aim{c, strings.TrimSpace(words), c.with(share)})
			return
		}
	}
	r.unknown(c, "a miss target has a share and a class", `say "< 10% for product catalog"`)
}

// targetForms are the orders in which people say share and class.
var targetForms = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^(?P<share>.*?\d ?%(?: over \S+)?)(?: misses| miss rate)? (?:for|on|of|in) (?:the )?(?P<words>.+)$`),
	regexp.MustCompile(`(?i)^(?P<words>[^<>≤≥%\d:]+?)(?::| -| –)? ?(?P<share>(?:(?:miss(?:es)?(?: rate| ratio)? )|(?:hits?(?: rate| ratio)? ))?(?:[<>≤≥]=?|under|below|less than|at most|over|above|at least) ?\d.*%.*|\d[^%]*%.*)$`),
}

// The forms of sentences that name and say in one.
var (
	sentenceNever = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:we )?(?:never|do not|don['’]?t|must not|should not) (?:ever )?(?:cache|store) (?:the |any )?(?P<name>[^:]+)$`),
		regexp.MustCompile(`(?i)^(?:the )?(?P<name>[^:]+?) (?:must|should|is|are|may|can|shall)(?: never|n['’]t| not)(?: ever)?(?: be)? (?:cached|stored)(?: at all| anywhere)?$`),
		regexp.MustCompile(`(?i)^no caching (?:for|of) (?P<name>[^:]+)$`),
	}
	sentenceSays = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:we )?(?:cache|keep|store) (?:the |all )?(?P<name>[^,:]+?) (?P<says>(?:for|in|at|on|until) .+)$`),
		regexp.MustCompile(`(?i)^(?:the |all )?(?P<name>[^,:]+?) (?:is|are|get|gets) (?P<says>(?:cached|kept|stored) .+)$`),
		regexp.MustCompile(`(?i)^(?:the |all )?(?P<name>[^,:]+?) (?P<says>(?:expires?|lives?|stays?) .+)$`),
		regexp.MustCompile(`(?i)^(?:the |all )?(?P<name>[^,:]+?) (?:uses?|is|are) (?P<says>(?:cache[- ]aside|write[- ]through|read[- ]through|lazy).*)$`),
	}
)

// sentence takes a sentence without a label, if it has a form that names what it is
// about.
func (r *reader) sentence(t text) bool {
	whole := clause{line: t.line, literals: t.literals}.with(strings.TrimRight(strings.TrimSpace(t.s), ".!"))
	for _, form := range sentenceNever {
		if m := form.FindStringSubmatch(whole.text); m != nil {
			r.account(whole.source())
			r.neverThese(whole, m[1])
			return true
		}
	}
	for _, form := range sentenceSays {
		m := form.FindStringSubmatch(whole.text)
		if m == nil {
			continue
		}
		name := whole.with(m[1])
		who, _ := r.named(name)
		says := text{m[2], t.line, t.literals}
		if who == nil || !slices.ContainsFunc(says.clauses(), func(c clause) bool { return r.fits(who, c) }) {
			continue
		}
		r.account(restore(strings.TrimSuffix(whole.text, m[2]), t.literals))
		r.noteName(name, who)
		r.sayAll(who, says)
		return true
	}
	return false
}
