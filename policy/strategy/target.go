package strategy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// targetRules read a bound on misses, or on hits from below, which is the same.
var targetRules = []rule[class]{
	onRefused[class](`.*\b(?:miss|hit)(?:es|s)?\b.*SHARE.* (?:in|on|at|from) (?:the )?TIERS`,
		"a target is of all tiers of a class together", `leave the tier out: "misses below 10%"`),
	on(shareOf(missWords, "BELOW", lessWords)+overTime, target(false)),
	on(shareOf(hitWords, "ABOVE", moreWords)+overTime, target(true)),
	on(`(?:target|goal):? ()(?:BELOW)\s*SHARE`+overTime, target(false)),
	onRefused[class](`(?:`+shareOf(missWords, "(?:ABOVE)!", moreWords)+`|`+shareOf(hitWords, "(?:BELOW)!", lessWords)+`)`+overTime,
		"a target bounds misses from above, or hits from below", `say "misses below 10%", or "hits above 90%"`),
}

// The words of a target. A bound on the wrong side, "hits below 90%", is a form of its
// own that is refused: without that, its number would be taken for the right one.
const (
	missWords = `(?:cache )?miss(?:es)?`
	hitWords  = `(?:cache )?hits?`
	lessWords = `(?: or (?:less|lower|better))?`
	moreWords = `(?:\+| or (?:more|higher|better))?`
	overTime  = `(?: (?:over|in|within|per|measured over)(?: the last| any)? (.+))?`
	linkWords = `(?: of| is| are| must be| should be| has to be| to be| stays?| must stay| should stay| target| goal| ?:| ?=)*`
)

// shareOf is the form of a share of misses or hits, before or after the word. Its
// bound may be left out, unless a "!" stands behind it.
func shareOf(words, bound, suffix string) string {
	words += `(?:[- ](?:rates?|ratios?))?`
	bound, must := strings.CutSuffix(bound, "!")
	if bound = `(?:` + bound + `)\s*`; !must {
		bound = `(?:` + bound + `)?`
	}
	return `(?:(?:target|goal)[: ] ?)?(?:` + words + linkWords + `\s*` + bound + `SHARE` + suffix + `|` + bound + `SHARE` + suffix + `(?: of)? ` + words + `(?: target| goal)?)`
}

// longWindow is the time over which a target is measured if a page does not say:
// what lint asks for, and what the example has.
const longWindow = 5 * time.Minute

// target takes "misses below 10% over 5m". Its groups are the share, before or
// after the word, and the window.
func target(hits bool) func(*subject[class], clause, []string) error {
	return func(s *subject[class], c clause, m []string) error {
		share, ok := percentage(m[1] + m[2])
		if hits {
			// In whole millionths, so that 100 % less 90 % is 10 %.
			share = float64(int64((1-share)*1e6+0.5)) / 1e6
		}
		if !ok || share <= 0 || share >= 1 {
			return refuse("a target is a share of misses above 0 % and below 100 %", `say "misses below 10%"`)
		}
		window := longWindow
		switch {
		case m[3] == "no window":
			window = 0
		case m[3] != "":
			if window, ok = duration(m[3]); !ok {
				return errPass
			}
		}
		if hits {
			s.note(c, "misses below %s", writePercent(share))
		}
		if m[3] == "" {
			s.note(c, "measured over %s, since no window is said", writeDuration(window))
		}
		if err := put(s, c, "share of misses", &s.v.Target.MissRate, share); err != nil {
			return err
		}
		return put(s, c, "window of the target", &s.v.Target.Window, window)
	}
}

// An aim is a target whose class is named in words, kept until all classes are
// known.
type aim struct {
	clause clause
	words  string // the class, as it is named
	share  clause // what is said of it
}

// The orders in which people say share and class.
var (
	targetForms = []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?P<share>.*?\d ?(?:%|percent)(?: (?:misses|hits|(?:miss|hit)[- ](?:rate|ratio)))?(?: over \S+)?) (?:for|on|of|in) (?:the )?(?P<words>.+)$`),
		regexp.MustCompile(`(?i)^(?:the )?(?P<what>(?:cache )?(?:miss|hit)(?:es|s)?(?:[- ](?:rates?|ratios?))?)(?: targets?| goals?)? (?:of|for|on) (?:the )?(?P<words>[^<>≤≥%\d]+?)(?P<share>(?: should be| must be| should stay| must stay| has to be| stays?| is)?(?: ?:| -| –)? ?(?:` + comparison + `)?\s*\d.*)$`),
		regexp.MustCompile(`(?i)^(?P<words>[^<>≤≥%\d:]+?)(?::| -| –)? ?(?P<share>(?:(?:miss(?:es)?(?:[- ]rate|[- ]ratio)? )|(?:hits?(?:[- ]rate|[- ]ratio)? ))?(?:` + comparison + `) ?\d.*%.*|\d[^%]*%.*)$`),
	}
	wished    = regexp.MustCompile(`(?i)^(?:we )?(?:want|aim for|expect|need|target)s?\s+(?:an? |the )?`)
	shareSaid = regexp.MustCompile(`(?i)\b(?:miss|hit)(?:es|s)?\b.*\d ?(?:%|percent)|\d ?(?:%|percent).*\b(?:miss|hit)(?:es|s)?\b`)
)

// comparison are the words and signs that a bound begins with.
const comparison = `[<>≤≥]=?|under|below|less than|at most|over|above|more than|at least`

// target keeps a target for later, since a page may name it before it says anything of
// the class: "< 10% for search", "Search: < 10%", "search below 10%
// misses". of is what the list is about, "misses" or "hits", for shares that do not
// say. It tells whether the clause has such a form.
func (r *reader) target(c clause, of string) bool {
	text := wished.ReplaceAllString(c.text, "")
	for _, form := range targetForms {
		m := form.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		share := strings.Trim(m[form.SubexpIndex("share")], " :–-")
		if i := form.SubexpIndex("what"); i >= 0 {
			of = m[i]
		}
		// A share that names what it is of wins over the list that it stands in.
		if lower := strings.ToLower(share); !strings.Contains(lower, "hit") && !strings.Contains(lower, "miss") {
			share = of + " " + share
		}
		r.targets = append(r.targets, aim{c, strings.TrimSpace(m[form.SubexpIndex("words")]), c.with(share)})
		return true
	}
	return false
}

// aimTargets gives targets to the classes that they name.
func (r *reader) aimTargets() {
	var names []string
	for name, s := range r.classes {
		if len(s.said) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, a := range r.targets {
		fit := called(a.words, names)
		if values := a.clause.values(a.words); len(values) == 1 { // in code: letter by letter
			fit = values
		}
		switch {
		case len(fit) == 0:
			r.unknown(a.clause, fmt.Sprintf("no class is called %q", a.words), "name one of: "+strings.Join(names, ", "))
		case len(fit) > 1:
			r.unknown(a.clause, fmt.Sprintf("%q may be any of %s", a.words, strings.Join(fit, ", ")), "write the name of one in `code`")
		case !slices.Contains(names, fit[0]):
			r.unknown(a.clause, fmt.Sprintf("nothing is said of a class %s", fit[0]), "name one of: "+strings.Join(names, ", "))
		default:
			r.aim(a, r.classes[fit[0]])
		}
	}
}

// aim gives a target to its class. It asks first, because what is said counts as
// understood only if it is a share.
func (r *reader) aim(a aim, s *subject[class]) {
	if fields, _ := s.try(a.share); !slices.Contains(fields, "share of misses") {
		r.unknown(a.clause, "a target is a share of misses above 0 %, or of hits from below", `say "< 10% for `+strings.TrimPrefix(s.name, "class ")+`"`)
		return
	}
	_ = s.say(a.share) // try has told that it can be said
	r.note(a.clause.place, "%s → miss target of %s", a.clause.source(), s.name)
	r.understand()
}
