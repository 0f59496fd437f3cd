package strategy

import (
	"regexp"
)

// A mode is what a heading, or an item with items beneath it, makes of these.
type mode int

const (
	plain  mode = iota
	never       // each names something that must not be cached
	misses      // each is a target for misses
	hits        // or for hits
)

// A context is a heading or an item that others stand beneath.
type context struct {
	level int // of the heading, or where the item's mark stands
	mode  mode
	label clause  // what it says, if it may name what the others speak of
	who   speaker // what that is, once it is known
	used  bool    // something beneath it was about it, or named by itself
}

// The labels that are no names of classes. Each is read as a whole, as clauses are: a
// word more, and it is a name, or nothing.
var (
	neverLabel    = regexp.MustCompile(`(?i)^(?:(?:things?|data|what|items?)(?: that)?(?: we)? )?(?:` + neverWords + `)(?: list| these| the following)?$`)
	targetLabel   = regexp.MustCompile(`(?i)^(?:(?:the|our|cache|caching|target|maximum|max|minimum|min)\s+)*(?:miss|hit)(?:es|s)?(?:[- ](?:rates?|ratios?|targets?|goals?|budgets?|slos?))+(?: (?:of|for) .+)?$|^(?:targets?|goals?|slos?)(?: (?:of|for|on))?(?: the)?(?: cache)? (?:miss|hit)(?:es|s)?(?:[- ](?:rates?|ratios?))?$`)
	hitLabel      = regexp.MustCompile(`(?i)\bhits?\b`)
	targetOf      = regexp.MustCompile(`(?i)\b(?:of|for)\b`)
	stampedeLabel = regexp.MustCompile(`(?i)^(?:(?:the|our|cache)\s+)*(?:stampedes?|thundering[- ]herds?|dog-?pil(?:e|ing)|hot keys?|lock(?:s|ing)?|concurrency|(?:request )?coalescing)(?: (?:prevention|protection|control|handling|guard|mitigation|strategy|pattern))?$`)
	changeLabel   = regexp.MustCompile(`(?i)^(?:cache )?invalidation(?: strategy| rules?)?$`)
	globalLabel   = regexp.MustCompile(`(?i)^(?:default(?:s)?|global|general|all|everything|overall)\b|^(?:ttl|jitter|encryption|compression|eviction|monitoring|metrics|storage|backend)s?$`)

	// What such a label may be followed by, for it is not said of one class: what all
	// classes have anyway.
	stampedeSays = regexp.MustCompile(`(?i)^(?:` + leased + `|` + early + `)$`)
	changeSays   = regexp.MustCompile(`(?i)update|write|change`)

	// fieldLabel is the name of a field before what is said of it.
	fieldLabel = regexp.MustCompile(`(?i)^(?:targets?|goals?|(?:caching |cache )?(?:pattern|strategy|approach|policy)|ttl|time[- ]to[- ]live|expir(?:y|ation)|lifetime|freshness|tiers?|layers?|where|kept|storage|store|location|level|invalidat(?:ion|e)|purge|(?:read )?consistency|stampede(?: protection)?|privacy|scope|cache(?:d|able)?|notes?|comments?|remarks?|details|other|rest|source)\s*(?::|=|→| [–—-](?:\s|$))\s*`)
)

// modeOf is what a label makes of what stands beneath it. A label of targets
// is one of misses unless it has the word hit.
func modeOf(label clause) mode {
	switch {
	case neverLabel.MatchString(label.text):
		return never
	case targetLabel.MatchString(label.text) && hitLabel.MatchString(label.text):
		return hits
	case targetLabel.MatchString(label.text):
		return misses
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

// owner is what a context is about, or nil. It is named only now: a heading that
// nothing stands beneath makes no class.
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
