package strategy

import (
	"regexp"
	"slices"
	"strings"
)

var sentenceEnd = regexp.MustCompile(`[.!?]\s+`)

// sentences parts a paragraph. Each sentence names what it is about by itself, or is
// about what the heading names: "It expires after an hour." is never read with the
// sentence before it, which may have been about two things.
func sentences(t text) []text {
	var all []text
	line := t.line
	for start := 0; start < len(t.s); {
		end := len(t.s)
		if n := sentenceLength(t.s[start:]); n > 0 {
			end = start + n
		}
		all = append(all, text{place{line, t.at + start}, t.s[start:end], t.literals})
		line += strings.Count(t.s[start:end], "\n")
		start = end
	}
	return all
}

// sentenceLength is how long the first sentence of s is, or 0 if it is all of s. A
// line that begins with the name of a field begins a sentence, too: people write
// "TTL: 5m" below "Tiers: Redis" and no empty line between.
func sentenceLength(s string) int {
	length := 0
	if m := sentenceEnd.FindStringIndex(s); m != nil {
		length = m[1]
	}
	for at := 0; ; {
		n := strings.IndexByte(s[at:], '\n')
		if at += n + 1; n < 0 || length > 0 && at >= length {
			return length
		}
		if fieldLabel.MatchString(s[at:]) {
			return at
		}
	}
}

// The words of sentences. Between name and verb there is nothing: a name with a comma
// in it would be half a list.
const (
	named    = `(?:the |all |our |any )*(?P<name>[^,:]+?)`
	patterns = `cache[- ]aside|write[- ](?:through|behind|back|around)|read[- ]through|lazy[- ]loading`
	keeps    = `cache[ds]?|keep|kept|store[ds]?|held|hold|served?`
)

// The forms of sentences that name and say in one. What they say is read by the
// rules, which know none of the words that limit: "might be", "no longer".
var (
	sentenceNever = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:we )?(?:never|do not|don['’]?t|must not|should not) (?:ever )?(?:cache|store) (?:the |any )?(?P<name>[^:]+)$`),
		regexp.MustCompile(`(?i)^(?:the )?(?P<name>[^:]+?) (?:must|should|is|are|may|can|shall)(?: never|n['’]t| not)(?: ever)?(?: be)? (?:cached|stored)(?: at all| anywhere)?$`),
		regexp.MustCompile(`(?i)^no caching (?:for|of) (?:the )?(?P<name>[^:]+)$`),
	}
	// The first that fits and whose words are understood is the one, so that forms with
	// more words stand first. "may be cached" is an allowance that a TTL gives; "may be
	// private" would be a doubt, and no form has it.
	sentenceSays = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:we )?(?:cache|keep|store|hold|serve) ` + named + ` (?P<says>(?:for|in|at|on|until|only|with|up to|per) .+)$`),
		regexp.MustCompile(`(?i)^(?:we )?use (?P<says>[^,:]+?) for ` + named + `$`),
		regexp.MustCompile(`(?i)^(?P<says>` + patterns + `) for ` + named + `$`),
		regexp.MustCompile(`(?i)^` + named + ` (?:(?:should|must|will|shall|has to|have to) (?:be|get)|may be|can be) (?P<says>(?:` + keeps + `)\b.*)$`),
		regexp.MustCompile(`(?i)^` + named + ` (?P<says>must always be .+)$`),
		regexp.MustCompile(`(?i)^` + named + ` (?:should be|must be|will be|is|are|gets?) (?P<says>.+)$`),
		regexp.MustCompile(`(?i)^` + named + ` (?:should |must |will |shall )?(?:uses?|has|have|needs?|gets?|goes?|go) (?P<says>.+)$`),
		regexp.MustCompile(`(?i)^` + named + ` (?:should |must |will |shall )?(?P<says>(?:expires?|lives?|stays?|sits?|resides?|comes? from|refresh(?:es)?) .+)$`),
	}
)

// sentence takes a sentence without a label, if it has a form that names what it is
// about. owner is what the list or the part of the page is about, if anything: then
// "use Redis for hot keys" is about that, and names nothing.
func (r *reader) sentence(t text, owner speaker) bool {
	whole := t.clause(strings.TrimRight(strings.TrimSpace(t.s), ".!"))
	if shareSaid.MatchString(whole.text) && owner == nil && r.target(whole, "misses") {
		r.account(whole.source())
		return true
	}
	for _, form := range sentenceNever {
		if m := form.FindStringSubmatch(whole.text); m != nil {
			r.account(whole.source())
			r.neverThese(whole, m[1])
			return true
		}
	}
	for _, form := range sentenceSays {
		if owner != nil && form.SubexpIndex("says") < form.SubexpIndex("name") {
			continue
		}
		if m := form.FindStringSubmatchIndex(whole.text); m != nil && r.sentenceOf(form, m, whole, t) {
			return true
		}
	}
	return false
}

// sentenceOf takes a sentence whose form has matched, if its name is one, and what
// it says is understood or refused for at least one of its clauses.
func (r *reader) sentenceOf(form *regexp.Regexp, m []int, whole clause, t text) bool {
	group := func(name string) (int, int) { i := form.SubexpIndex(name); return m[2*i], m[2*i+1] }
	from, to := group("name")
	name := whole.with(whole.text[from:to])
	who, _ := r.named(name)
	from, to = group("says")
	says := text{place{t.line, t.at + from}, whole.text[from:to], t.literals}
	if who == nil || !slices.ContainsFunc(says.clauses(), func(c clause) bool { return r.fits(who, c) }) {
		return false
	}
	r.account(restore(whole.text[:from]+" "+whole.text[to:], t.literals))
	r.noteName(name, who)
	r.sayAll(who, says)
	return true
}
