package policy

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// checker collects the mistakes of a policy. It goes on after each: whoever mends a file
// wants to see all of them, and a mistake in one field says nothing about the next.
type checker struct {
	profiles, classes []string        // the names that are there, sorted
	renamed           map[string]bool // "a class product": what names that cannot be should be
	mistakes          []error
}

const (
	// maxJitter is the largest part of a life that chance may take: above a half most
	// values would live for less than what was said.
	maxJitter = 0.5
	// maxMeant bounds the names that are compared to find the nearest ones, for all
	// mistakes together: a file has room for thousands of both.
	maxMeant = 100_000
	// maxChoices bounds the names that a mend lists: more is no help on a terminal.
	maxChoices = 12
)

// fieldError is one mistake in a policy. It is not exported: consumers ask for its
// methods by an interface of their own, as [Policy.Validate] says.
type fieldError struct{ path, message, mend string }

func (e *fieldError) Error() string {
	return "policy: " + e.path + ": " + e.message + ": " + e.mend
}

func (e *fieldError) Field() string { return e.path }

func (e *fieldError) Message() string { return e.message }

func (e *fieldError) Mend() string { return e.mend }

// report notes a mistake at a path. The mend stands before the message, which has
// arguments; each is an imperative that others put a "You could" before.
func (c *checker) report(path, mend, format string, args ...any) {
	c.mistakes = append(c.mistakes, &fieldError{path, fmt.Sprintf(format, args...), mend})
}

// className is the form of the names of classes and profiles. They stand in keys of
// the shared tier and in Go names, so that they are short, of ASCII, and have no colon.
var className = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

// name reports a name that no class or profile can have. Most are written as a title,
// "User Profile", and the mend is the same in small letters with hyphens.
func (c *checker) name(path, what, name string) {
	if className.MatchString(name) {
		return
	}
	mend := `write a small letter or digit, then up to 63 of "a" to "z", digits, "_", "." and "-"`
	if better := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "-"); className.MatchString(better) && secret.In(name) == "" {
		mend = "write " + better
		if c.renamed == nil {
			c.renamed = map[string]bool{}
		}
		c.renamed[what+" "+better] = true
	}
	c.report(path, mend, "%s cannot be called %s", what, secret.Quote(name))
}

// utf8 reports a text that cannot be written into a file: YAML is UTF-8, and a program
// can build a policy of any bytes.
func (c *checker) utf8(path, text string) {
	if !utf8.ValidString(text) {
		c.report(path, "write UTF-8", "the text %s is not UTF-8", secret.Quote(text))
	}
}

// orZero is what a number comes to in a field that may be [None]. Where None has no
// meaning, a number is checked as it is, and None is negative like any other.
func orZero[T int64 | float64 | time.Duration](v T) T {
	if v == None {
		return 0
	}
	return v
}

// length reports a duration that is below nothing. Zero was not said, and is fine.
func (c *checker) length(path string, d time.Duration) {
	if d < 0 {
		c.report(path, "write one above 0, or leave it out", "the duration %v is negative", d)
	}
}

// number is length for whole numbers.
func (c *checker) number(path string, n int64) {
	if n < 0 {
		c.report(path, "write one above 0, or leave it out", "the number %d is negative", n)
	}
}

// fraction is length for numbers with a fraction. NaN is not above or below anything,
// so that the comparison asks for what is right and not for what is wrong.
func (c *checker) fraction(path string, f float64) {
	if !(f >= 0) || math.IsInf(f, 1) {
		c.report(path, "write one above 0, or leave it out", "%v is not a number above 0", f)
	}
}

// jitter reports a share that is no number from 0 to maxJitter; NaN is none.
func (c *checker) jitter(path string, share float64) {
	if share := orZero(share); share >= 0 && share <= maxJitter {
		return
	}
	c.report(path, "write at most 50%, or none", "a jitter of %.4g%% is out of range", 100*share)
}

// oneOf reports a value that is not among those that a field has. Empty: not said.
func (c *checker) oneOf(path, what, value string, known ...string) {
	if value != "" && !slices.Contains(known, value) {
		c.report(path, c.meant(value, known), "%s is no %s", secret.Quote(value), what)
	}
}

// named reports a name that is not among those that are there, which are sorted. One
// that is there in a spelling that cannot be was reported where it stands: one mend is
// enough.
func (c *checker) named(path, what, name string, there []string) {
	if _, ok := slices.BinarySearch(there, name); name != "" && !ok && !c.renamed["a "+what+" "+name] {
		c.report(path, c.meant(name, there), "there is no %s %s", what, secret.Quote(name))
	}
}

// meant says which of the known values somebody may have meant: the nearest, or else
// all, if they fit on a line.
func (c *checker) meant(value string, known []string) string {
	near, many := "", (len(c.mistakes)+1)*len(known) > maxMeant
	if !many {
		near = nearest.Name(value, known)
	}
	switch {
	case near != "":
		return "did you mean " + near + "?"
	case many || len(known) > maxChoices:
		return "write the name of one that is there"
	case len(known) == 0:
		return "there are none; leave it out"
	}
	return "write one of " + strings.Join(known, ", ")
}

// unique reports members of a list that are there twice. They would do no harm, but one
// of them is mostly a slip for another name.
func unique[T ~string](c *checker, path string, list []T) {
	seen := make(map[T]bool, len(list))
	for i, member := range list {
		if seen[member] {
			c.report(field.At(path, i), "keep one of them", "%s is there twice", secret.Quote(string(member)))
		}
		seen[member] = true
	}
}

// ignore reports lint rules that are to be ignored without a reason. In a file both
// stand in one comment, which is the one place where they can be written: a reason of
// two lines would be lost. Whether there is such a rule, lint knows.
func (c *checker) ignore(path string, rules map[string]string) {
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		why := rules[rule]
		switch {
		case !plainWord.MatchString(rule):
			c.report(path, "write # larder:ignore RULE why", "%s is no lint rule to ignore", secret.Quote(rule))
		case why == "" || why != strings.TrimSpace(why) || strings.ContainsFunc(why, unprintable):
			c.report(path, "write # larder:ignore "+rule+" and why, on one line", "the rule %s is ignored without a reason that can be written in a comment", rule)
		}
	}
}

// plainWord is the form of a rule's id.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// unprintable tells whether a character cannot stand in a comment of a file, or in the
// name of a folder that messages show: it is a control, which terminals obey, ends a
// line for YAML, is a byte order mark, or stands for what was not UTF-8.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || strings.ContainsRune("\u2028\u2029\uFEFF\uFFFD", r)
}
