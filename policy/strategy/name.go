package strategy

import (
	"regexp"
	"slices"
	"strings"
)

// className is what a class may be called; see [policy.Policy].
var className = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// collectives are last words that say "many of these" and nothing of what they
// are.
var collectives = []string{"results", "result", "catalog", "catalogue", "data", "cache"}

// measures are labels of facts that pages have beside a strategy. As names of classes
// they would make one that is cached for 30 days of "Retention: 30 days".
var measures = []string{"retention", "latency", "owner", "owners", "update frequency", "change rate", "throughput", "qps", "rps", "sla", "slo"}

// vague are words that a name of a class does not begin with: what follows is a
// description of many things, and which these are is for people to say.
var vague = []string{"any", "anything", "all", "everything", "every", "other", "some", "most", "where", "when", "if", "also", "etc", "others", "more", "values", "entries", "what", "which", "who", "nobody", "hot", "popular"}

// limiting are words that limit, negate or doubt. A name does not have them: "products
// for guests" may be a class, or a condition, and a condition that is taken for a
// name is lost.
var limiting = []string{"not", "no", "never", "nothing", "unless", "except", "without", "only", "if", "when", "while", "until", "than", "but", "instead", "or", "for", "in", "on", "at", "with", "via", "is", "are", "it", "they", "this", "these", "those", "we", "do", "don", "might", "could", "maybe", "usually", "longer", "least", "most"}

// limits tells whether one of the words limits, negates or doubts.
func limits(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(limiting, w) })
}

// deriveClass makes the name of a class from words: "Search results" is search,
// "User profiles" is user-profile. It returns "" for what is no name: no words, or
// more than five, or words that describe rather than name.
func deriveClass(words string) string {
	fields := strings.FieldsFunc(strings.ToLower(words), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.'
	})
	for len(fields) > 1 && (fields[0] == "the" || fields[0] == "our") {
		fields = fields[1:]
	}
	_, time := duration(words)
	if len(fields) == 0 || len(fields) > 5 || time || limits(fields) || slices.Contains(vague, fields[0]) || strings.ContainsAny(words, "(){}<>%=?!$#@\\") {
		return ""
	}
	for len(fields) > 1 && slices.Contains(collectives, fields[len(fields)-1]) {
		fields = fields[:len(fields)-1]
	}
	for i, f := range fields {
		fields[i] = singular(strings.Trim(f, "."))
	}
	name := strings.Join(fields, "-")
	if !className.MatchString(name) {
		return ""
	}
	return name
}

// irregular are nouns whose singular does not follow from the ending.
var irregular = map[string]string{
	"movies": "movie", "cookies": "cookie", "series": "series", "news": "news", "analytics": "analytics",
	"menus": "menu", "shelves": "shelf", "statuses": "status", "aliases": "alias", "people": "person", "children": "child", "indices": "index",
}

// singular is the singular of an English noun as far as its ending tells. Where it does
// not, the name is odd and the note shows it: nothing else depends on the word.
func singular(word string) string {
	if one, ok := irregular[word]; ok {
		return one
	}
	for _, as := range [][2]string{{"ss", "ss"}, {"us", "us"}, {"is", "is"}, {"ies", "y"}, {"sses", "ss"}, {"xes", "x"}, {"ches", "ch"}, {"shes", "sh"}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(word, as[0]); ok && len(stem) > 1 {
			return stem + as[1]
		}
	}
	return word
}

// plural is the plural of a singular word, or of a name that ends in one: the tag of
// all values of a class.
func plural(name string) string {
	switch {
	case strings.HasSuffix(name, "y") && len(name) > 1 && !strings.ContainsRune("aeiou", rune(name[len(name)-2])):
		return name[:len(name)-1] + "ies"
	case strings.HasSuffix(name, "s"), strings.HasSuffix(name, "x"), strings.HasSuffix(name, "ch"), strings.HasSuffix(name, "sh"):
		return name + "es"
	}
	return name + "s"
}

// called finds the class that words mean: the one of that name, else the only one
// that has the name's words among its own, or has all of its own among them. It
// returns all that fit, so that a doubt can be named.
func called(words string, names []string) []string {
	name := deriveClass(words)
	if name == "" || slices.Contains(names, name) {
		return slices.DeleteFunc([]string{name}, func(s string) bool { return s == "" })
	}
	var fit []string
	for _, n := range names {
		if among(strings.Split(name, "-"), strings.Split(n, "-")) || among(strings.Split(n, "-"), strings.Split(name, "-")) {
			fit = append(fit, n)
		}
	}
	slices.Sort(fit)
	return fit
}

// among tells whether all words are among others.
func among(words, others []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(others, w) })
}
