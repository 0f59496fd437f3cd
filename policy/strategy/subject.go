package strategy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A subject is what a page speaks of: a class, a route, the fleet. It holds what
// was said of it so far, and where.
type subject[T any] struct {
	r     *reader
	name  string // "class product"
	label string // what the page calls it
	v     T
	rules []rule[T]
	said  map[string]mention // by field
}

// A mention is where and how a field was said.
type mention struct {
	place
	text string
}

// A speaker is a subject of any kind.
type speaker interface {
	// say makes policy of a clause, or says why not: errPass or a refusal.
	say(c clause) error
	// try tells which fields a clause would say, or why it says none, and changes
	// nothing.
	try(c clause) (fields []string, err error)
	// title names the subject in messages.
	title() string
}

func (s *subject[T]) title() string { return s.name }

// maxClause bounds what is tried as a clause, in bytes: some hundred names in code.
const maxClause = 4096

func (s *subject[T]) say(c clause) error {
	if len(c.text) > maxClause {
		return errPass
	}
	for _, rule := range s.rules {
		if m := rule.form.FindStringSubmatch(c.text); m != nil {
			if err := rule.do(s, c, m); !errors.Is(err, errPass) {
				return err
			}
		}
	}
	return errPass
}

// try says the clause of a subject that nobody has, for a reader that nobody asks.
func (s *subject[T]) try(c clause) ([]string, error) {
	trial := &subject[T]{r: newReader(&Report{}), name: s.name, label: s.label, rules: s.rules, said: map[string]mention{}}
	err := trial.say(c)
	return slices.Collect(maps.Keys(trial.said)), err
}

// knows tells whether a rule reads the clause as it stands.
func knows(who speaker, c clause) bool {
	_, err := who.try(c)
	return err == nil
}

// mention notes that a clause has said a field, if no other did before.
func (s *subject[T]) mention(c clause, field string) {
	if _, ok := s.said[field]; !ok {
		s.said[field] = mention{c.place, c.source()}
	}
}

// note writes down what a clause was taken for.
func (s *subject[T]) note(c clause, format string, args ...any) {
	s.r.note(c.place, "%s: %s → %s", s.label, c.source(), fmt.Sprintf(format, args...))
}

// put sets a field, unless it was said before otherwise. To say the same twice is no
// contradiction: pages have a summary and details.
func put[S any, T comparable](s *subject[S], c clause, field string, to *T, v T) error {
	if m, ok := s.said[field]; ok && *to != v {
		s.r.contradict(c.place, m.place, "%s: %q says another %s than %q", s.name, c.source(), field, m.text)
		return nil
	}
	*to = v
	s.mention(c, field)
	return nil
}

// putList is put for lists.
func putList[S any, T comparable](s *subject[S], c clause, field string, to *[]T, v []T) error {
	if m, ok := s.said[field]; ok && !slices.Equal(*to, v) {
		s.r.contradict(c.place, m.place, "%s: %q says another %s than %q", s.name, c.source(), field, m.text)
		return nil
	}
	*to = v
	s.mention(c, field)
	return nil
}

// onValue makes a rule that sets a field to what read makes of the form's first
// group. What read does not take is none of the rule's.
func onValue[S any, T comparable](form, field string, read func(string) (T, bool), of func(*S) *T) rule[S] {
	return on(form, func(s *subject[S], c clause, m []string) error {
		v, ok := read(c.value(m[1]))
		if !ok {
			return errPass
		}
		return put(s, c, field, of(&s.v), v)
	})
}

// onDuration is onValue for lengths of time; it knows what is wrong with a number
// without a unit.
func onDuration[S any](form, field string, of func(*S) *time.Duration) rule[S] {
	return on(form, func(s *subject[S], c clause, m []string) error {
		d, err := span(s, c, m[1])
		if err != nil {
			return err
		}
		return put(s, c, field, of(&s.v), d)
	})
}

// span reads a part of a clause as a length of time, which may be bounded from
// above: that is what a TTL is.
func span[S any](s *subject[S], c clause, part string) (time.Duration, error) {
	part = everyOne.ReplaceAllString(part, "1 $1")
	text := atMostAfter.ReplaceAllString(atMost.ReplaceAllString(c.value(part), ""), "")
	if bare.MatchString(text) {
		return 0, refuse("a length of time has a number and a unit", fmt.Sprintf("say %ss, %sm or %sh instead of %s", text, text, text, text))
	}
	d, ok := duration(text)
	if !ok {
		return 0, errPass
	}
	if year.MatchString(text) {
		s.note(c, "%s, a year of 365 days", writeDuration(d))
	}
	return d, nil
}

var (
	bare = regexp.MustCompile(`^\d+$`)
	// everyOne is "every week", which is every one week.
	everyOne = regexp.MustCompile(`(?i)^every ([a-z]+)$`)
	year     = regexp.MustCompile(`(?i)\d\s*y|year`)
)

// onSet makes a rule that sets a field to one value.
func onSet[S any, T comparable](form, field string, v T, of func(*S) *T) rule[S] {
	return on(form, func(s *subject[S], c clause, _ []string) error { return put(s, c, field, of(&s.v), v) })
}

// onList makes a rule that sets a field to the literals of the form's first group,
// or to its words if it has none.
func onList[S any](form, field string, of func(*S) *[]string) rule[S] {
	return on(form, func(s *subject[S], c clause, m []string) error {
		v := c.values(m[1])
		if len(v) == 0 {
			v = strings.FieldsFunc(strings.ReplaceAll(m[1], " and ", " "), func(r rune) bool { return r == ',' || r == ' ' })
			s.note(c, "%s %v", field, v)
		}
		return putList(s, c, field, of(&s.v), v)
	})
}

// onEmpty makes a rule that sets a list to one without members, which is not the
// same as saying nothing.
func onEmpty[S any](form, field string, of func(*S) *[]string) rule[S] {
	return on(form, func(s *subject[S], c clause, _ []string) error { return putList(s, c, field, of(&s.v), []string{}) })
}

// onText makes a rule that sets a field to a name or a sentence.
func onText[S any](form, field string, of func(*S) *string) rule[S] {
	return on(form, func(s *subject[S], c clause, m []string) error { return put(s, c, field, of(&s.v), c.value(m[1])) })
}

// onNoted makes a rule for what asks for nothing that is not there anyway. It is a
// mention all the same: a class of which only that is said is cached.
func onNoted[S any](form, why string) rule[S] {
	return on(form, func(s *subject[S], c clause, _ []string) error {
		s.mention(c, c.text)
		s.note(c, "%s", why)
		return nil
	})
}

// onRefused makes a rule for what people say and a policy cannot. It is worth a form
// where a reader can be told why, or where a part of it would be read as something
// else.
func onRefused[S any](form, reason, mend string) rule[S] {
	return on(form, func(*subject[S], clause, []string) error { return refuse(reason, mend) })
}

// onIgnore makes the rule for lint rules that do not apply.
func onIgnore[S any](of func(*S) *map[string]string) rule[S] {
	return on(`rule (LIT) does not apply:? because (LIT)`, func(s *subject[S], c clause, m []string) error {
		to := of(&s.v)
		if *to == nil {
			*to = map[string]string{}
		}
		id := c.value(m[1])
		why := (*to)[id]
		err := put(s, c, "rule "+id, &why, c.value(m[2]))
		(*to)[id] = why
		return err
	})
}
