package strategy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
)

// A rule reads clauses of one form about a T. Rules are tried in order, and the first
// that does not pass is the one: what is precise stands before what is loose. What a
// rule sets must not depend on what was said before, or the order of a page would matter.
type rule[T any] struct {
	form *regexp.Regexp
	do   func(s *subject[T], c clause, m []string) error
}

// on makes a rule of a form that the whole clause must have, in any case of
// letters: no word of a statement is left over. Words in capitals are those of the
// vocabulary.
func on[T any](form string, do func(s *subject[T], c clause, m []string) error) rule[T] {
	return rule[T]{regexp.MustCompile(`(?i)^(?:` + vocabulary.Replace(form) + `)$`), do}
}

// errPass is what a rule answers if only its form fits: "2 apples" has the form of a
// length of time. The next rule is tried then; a refusal would end the search.
var errPass = errors.New("the clause is none of this rule's")

// A refusal says that a rule knows the clause, and why it cannot be policy. It is worth
// more than "not understood": no other way to write the same would be understood.
type refusal struct{ reason, mend string }

// Error says why.
func (r *refusal) Error() string { return r.reason }

// refuse makes a refusal.
func refuse(reason, mend string) error { return &refusal{reason, mend} }

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
// without a unit. "None" is none: most fields have no way to be switched off.
func onDuration[S any](form, field string, of func(*S) *time.Duration) rule[S] {
	return on(form, func(s *subject[S], c clause, m []string) error {
		d, err := span(s, c, m[1])
		switch {
		case err != nil:
			return err
		case d == policy.None:
			return refuse("there is always some "+field, "say how long, or leave it out for the default")
		}
		return put(s, c, field, of(&s.v), d)
	})
}

// onWindow is onDuration for what may be none, such as a stale window that a profile
// opens.
func onWindow[S any](form, field string, of func(*S) *time.Duration) rule[S] {
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

// onSet makes a rule that sets a field to one value, which the form as a whole says.
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

// onMention makes a rule for what sets no field, and is heard all the same: a subject
// of which nothing is said is none of the policy.
func onMention[S any](form, field string) rule[S] {
	return on(form, func(s *subject[S], c clause, _ []string) error {
		s.mention(c, field)
		return nil
	})
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

// onIgnore makes the rule for lint rules that do not apply. It has the form of Write
// alone: an exception needs the id of a rule, which nobody writes from memory.
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
