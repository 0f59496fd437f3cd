package strategy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What parts a list of names. Between routes a slash parts nothing.
var (
	nameSeparator = regexp.MustCompile(`(?i)\s*(?:,\s*(?:and |or )?|/|&|;|\s(?:and|or)\s)\s*`)
	listSeparator = regexp.MustCompile(`(?i)\s*(?:,\s*(?:and |or )?|&|;|\s(?:and|or)\s)\s*`)
)

// labelled takes "name: clauses", and "name:" with items beneath it. What a name was
// taken for is noted only if something of it was understood: a note about a line that
// is listed as not understood says nothing.
func (r *reader) labelled(label clause, rest text, indent int, above bool) {
	r.account(label.source())
	who, reason := r.named(label)
	clauses := rest.clauses()
	if who == nil {
		if len(clauses) == 0 {
			r.unknown(label, reason, "name what it is about: \"Product catalog: cache-aside, 1h TTL\"")
		}
		for _, c := range clauses {
			r.account(c.source())
			r.unknown(c, reason, "name what it is about: \"Product catalog: cache-aside, 1h TTL\"")
		}
		if above { // what stands beneath it is not about what it stands beneath itself
			r.items = append(r.items, context{level: indent, label: label, used: true})
		}
		return
	}
	before := r.report.Understood
	r.sayAll(who, rest)
	if r.report.Understood > before {
		r.noteName(label, who)
	}
	if above || len(clauses) == 0 {
		r.items = append(r.items, context{level: indent, label: label, who: who, used: len(clauses) > 0})
	}
}

// named is what a label names: one of the fleet and the like, a route, a class, or
// several of these. If it is nil, the reason says why. A class that is only named is
// none of the policy: it has to be said something of.
//
// The order is that of how sure a form is: words that Write writes, what looks like a
// route, a name in code. Only what is none of these is a name in plain words.
func (r *reader) named(label clause) (speaker, string) {
	if who := r.written(label); who != nil {
		return who, ""
	}
	if pattern, ok := patternOf(label); ok {
		if foreign(pattern) {
			return nil, "a route is a pattern of net/http.ServeMux: \"GET /assets/{name}\" instead of * and :name"
		}
		return r.route(pattern, label.source()), ""
	}
	if name, ok := inCode(label); ok {
		if !className.MatchString(name) {
			return nil, fmt.Sprintf("%q is no name of a class: small letters, digits, _ . and - are", name)
		}
		return r.class(name, label.source()), ""
	}
	if tierAlone.MatchString(label.text) {
		return nil, fmt.Sprintf("%q is where values are, and not what they are", label.source())
	}
	if all := r.severalRoutes(label); all != nil {
		return all, ""
	}
	if slices.Contains(measures, strings.ToLower(label.text)) {
		return nil, fmt.Sprintf("%q is no kind of data, and nothing that a policy has", label.source())
	}
	return r.severalClasses(label)
}

// written are the labels that Write has for what is neither a class nor a route. The
// words alone are none of them: "Profile pages" is a class.
func (r *reader) written(label clause) speaker {
	switch text := label.text; {
	case strings.EqualFold(text, "fleet"):
		return r.fleet
	case strings.EqualFold(text, "generated code"):
		return r.golang
	case len(label.values(text)) != 1:
	case strings.HasPrefix(text, "Profile "):
		return r.profile(label.value(text[len("Profile "):]))
	case strings.HasPrefix(text, "CDN "):
		return r.cdn(label.value(text[len("CDN "):]))
	}
	return nil
}

// inCode is the name that a label is, if that is one literal and nothing else.
func inCode(label clause) (string, bool) {
	values := label.values(label.text)
	if len(values) != 1 || len([]rune(label.text)) != 1 {
		return "", false
	}
	return values[0], true
}

// foreign tells whether a pattern is one of another router: ServeMux would take ":name"
// and "*" for letters, and the route would match nothing.
func foreign(pattern string) bool {
	return strings.Contains(pattern, "*") || strings.Contains(pattern, "/:")
}

// severalRoutes are the routes that a label names: "/cart and /checkout". It is nil
// if one of the names is none.
func (r *reader) severalRoutes(label clause) speaker {
	parts := listSeparator.Split(label.text, -1)
	patterns := make([]string, len(parts))
	for i, part := range parts {
		pattern, ok := patternOf(label.with(part))
		if !ok || foreign(pattern) {
			return nil
		}
		patterns[i] = pattern
	}
	var all several
	for i, pattern := range patterns {
		all = append(all, r.route(pattern, label.with(parts[i]).source()))
	}
	return all
}

// severalClasses are the classes that a label names, or the one. It is nil, with the
// reason, if one of the names is none; classes before it then stay without a word, and
// come to nothing.
func (r *reader) severalClasses(label clause) (speaker, string) {
	var all several
	for _, words := range nameSeparator.Split(label.text, -1) {
		part := label.with(words)
		name := deriveClass(restore(words, nil))
		if literal, ok := inCode(part); ok && className.MatchString(literal) {
			name = literal
		}
		if name == "" {
			return nil, fmt.Sprintf("%q is no name of a class or a route", label.source())
		}
		all = append(all, r.class(name, part.source()))
	}
	if len(all) == 1 {
		return all[0], ""
	}
	return all, ""
}

// several are subjects of which the same is said. They are of one kind, so that a rule
// which reads a clause for the first reads it for all.
type several []speaker

// say says the clause of each. They have the same rules, so that an error comes of the
// first, before any of them has changed.
func (all several) say(c clause) error {
	for _, s := range all {
		if err := s.say(c); err != nil {
			return err
		}
	}
	return nil
}

func (all several) try(c clause) ([]string, error) { return all[0].try(c) }

func (all several) title() string {
	titles := make([]string, len(all))
	for i, s := range all {
		titles[i] = s.title()
	}
	return strings.Join(titles, ", ")
}

// noteName says what a name in plain words was taken for. That is a decision like any
// other: tags, keys and generated code bear the name. A context without a label is of an
// item that was noted when it was read.
func (r *reader) noteName(label clause, who speaker) {
	if label.text != "" && strings.HasPrefix(who.title(), "class ") && len(label.values(label.text)) == 0 && who.title() != "class "+label.text {
		r.note(label.place, "%s → %s", label.source(), who.title())
	}
}
