package strategy

import (
	"regexp"
	"strings"

	"github.com/larderdev/larder/policy"
)

// The headings that name no class. Most shape the page; one that limits what stands
// beneath it, "Only for guests", is a statement and not understood. A question limits
// nothing: "When to cache".
var (
	generic     = regexp.MustCompile(`(?i)\b(?:strategy|strategies|caching|cache|cached|polic(?:y|ies)|rules?|overview|notes?|introduction|background|class(?:es)?|routes?|profiles?|fleet|general|principles?|goals?|details?|appendix|summary|cdns?|generated|tiers?|layers?)\b`)
	question    = regexp.MustCompile(`(?i)^(?:when|how|why|what|where|which)\b`)
	conditional = regexp.MustCompile(`(?i)\b(?:only|unless|except|if|when|not|never|without|until|instead)\b`)
)

// block takes a block. above tells that list items stand beneath it: then it may be a
// label of theirs, and is no statement by itself. Each block is accounted for, whatever
// becomes of it.
func (r *reader) block(b block, above bool) {
	if b.kind == layout || b.kind == fence {
		r.account(b.text)
		if b.kind == fence {
			first, _, _ := strings.Cut(b.text, "\n")
			r.unknown(clause{place: place{line: b.line}, text: first}, "a block of code is no statement", "say it in a list item, or leave it out of the strategy")
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
	// Lists end at a heading, and at a paragraph that is not further in than the item.
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

// heading makes a context of a heading. The first level is the page's own title, and
// names no class; of the others only those do that have no word of [generic].
func (r *reader) heading(b block, t text) {
	r.closeItems(-1)
	r.account(restore(t.s, t.literals))
	for len(r.headings) > 0 && r.headings[len(r.headings)-1].level >= b.level {
		r.headings = r.headings[:len(r.headings)-1]
	}
	next := context{level: b.level, mode: modeOf(t.clause(strings.TrimSuffix(t.s, ":")))}
	if next.mode == plain {
		// "Products (only in Redis)" has its limit said of a class. Any other would hold
		// for all that stands beneath it, and be lost.
		limit := conditional.MatchString(t.s) && !question.MatchString(t.s)
		if b.level > 1 && !generic.MatchString(t.s) {
			next = r.about(t, b.level)
			limit = limit && r.owner(&next) == nil
		}
		if limit {
			r.unknown(t.clause(t.s), "what stands beneath it would hold without this", "name a class in the heading, or say at each item what holds")
		}
	}
	r.headings = append(r.headings, next)
}

// about makes a context of a text that may name what stands beneath it. What is in
// parentheses behind the name is said of it: "Products (Redis)".
func (r *reader) about(t text, level int) context {
	label := t.clause(strings.TrimSuffix(t.s, ":"))
	next := context{level: level, label: label, mode: modeOf(label)}
	open := strings.Index(label.text, " (")
	if next.mode != plain || open < 0 || !strings.HasSuffix(label.text, ")") {
		return next
	}
	name := label.with(label.text[:open])
	who, _ := r.named(name)
	if who == nil {
		return next
	}
	r.noteName(name, who)
	next.label, next.who, next.used = name, who, true
	for _, c := range (text{place{t.line, t.at + open}, label.text[open:], t.literals}).clauses() {
		r.sayClause(who, c)
	}
	return next
}

// item takes a list item or a sentence. What it is about is looked for from the inside
// out: what it stands beneath if that fits, a label with a meaning of its own, the list
// it is in, its own label, its own words.
func (r *reader) item(t text, indent int, above bool) {
	label, rest, ok := t.label()
	around := r.around()
	owner := r.owner(around)
	first := t.clauses()
	switch {
	case strings.Contains(t.s, "~~"): // half of a statement may be struck out: which, is not guessed
		r.refuseAll(t, "it is struck out", "delete it, or take the ~~ away")
	case len(first) == 0 && !ok: // marks and punctuation alone
		r.account(restore(t.s, t.literals))
	// Before the label: "TTL: 5m" beneath a class has a label that is a field.
	case owner != nil && len(first) > 0 && r.fits(owner, first[0]):
		around.used = true
		r.noteName(around.label, owner)
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
	case r.sentence(t, owner):
	case above: // it may be a name; that is decided when something beneath it needs one
		r.account(restore(t.s, t.literals))
		r.items = append(r.items, r.about(t, indent))
	default:
		r.orphan(t, owner, around)
	}
}

// orphan takes a statement that is about nothing that a rule knows. In a list that has
// been about something so far it is listed as one more about that, with the reasons
// that rules have, and else as one about nothing.
func (r *reader) orphan(t text, owner speaker, around *context) {
	if owner != nil && around.used {
		r.noteName(around.label, owner)
		r.sayAll(owner, t)
		return
	}
	r.refuseAll(t, "it does not say what it is about", `begin with a name and a colon: "Product catalog: cache-aside, 1h TTL"`)
}

// refuseAll lists all statements of a text for one reason.
func (r *reader) refuseAll(t text, reason, suggestion string) {
	all := t.clauses()
	if len(all) == 0 {
		all = []clause{t.clause(t.s)}
	}
	for _, c := range all {
		r.account(c.source())
		r.unknown(c, reason, suggestion)
	}
}

// special takes items whose label is no name of a class: lists of what is never
// cached, targets, what all share. A default for all classes is refused, for larder.yaml
// has no place for it that a class could be seen to take it from.
func (r *reader) special(label clause, rest text, indent int, above bool) bool {
	m := modeOf(label)
	switch {
	// "Miss rate for search: < 10%" has the class in its label.
	case (m == misses || m == hits) && targetOf.MatchString(label.text) && len(rest.clauses()) == 1:
		c := label.with(label.text + ": " + rest.s)
		r.account(c.source())
		r.sayTarget(m, c)
	case m != plain:
		r.account(label.source())
		if len(rest.clauses()) == 0 && above {
			r.items = append(r.items, context{level: indent, mode: m, label: label})
			return true
		}
		r.inMode(m, rest, clause{}, text{}, false)
	case stampedeLabel.MatchString(label.text):
		r.account(label.source())
		r.sayAll(anyClass{r.scratch(label), stampedeSays}, rest)
	case changeLabel.MatchString(label.text):
		r.account(label.source())
		r.sayAll(anyClass{r.scratch(label), changeSays}, rest)
	case strings.EqualFold(label.text, "CDN") && r.kindOf(rest) != "":
		r.account(label.source() + rest.s)
		kind := r.kindOf(rest)
		r.cdn(kind)
		r.note(label.place, "%s: %s → cdn %s; its zone and token are environment variables", label.source(), strings.TrimSpace(rest.s), kind)
		r.understand()
	case globalLabel.MatchString(label.text):
		r.account(label.source())
		r.refuseAll(rest, "a policy has nothing that holds for all classes", "say it at each class, or make a profile of it")
	default:
		return false
	}
	return true
}

// kindOf is the CDN that a text is the name of, or "". Which there are, the policy knows.
func (r *reader) kindOf(t text) string {
	name := strings.ToLower(strings.Trim(t.s, " .\n"))
	p := policy.Policy{Version: policy.FileVersion, CDNs: []policy.CDN{{Kind: name}}}
	if p.Validate() != nil {
		return ""
	}
	return name
}

// scratch is a class that stands for all, of which nothing is kept but the notes.
func (r *reader) scratch(label clause) *subject[class] {
	return newSubject(r, "all classes", label.source(), allClassRules)
}

// anyClass hears what is said of all classes, as far as all classes have it
// anyway. All else it passes on: a default that a policy cannot hold is not understood.
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

func (a anyClass) try(c clause) ([]string, error) {
	if !a.has.MatchString(c.text) {
		return nil, errPass
	}
	return a.subject.try(c)
}
