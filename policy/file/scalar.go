package file

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/percent"

	"github.com/larderdev/larder/policy/internal/secret"
)

// What a plain scalar is to this reader or to another one of YAML. Versions 1.1
// and 1.2 differ, and tools follow either: what they read differently is refused.
// oldTruth, sexagesimal, date and the underscores of numeric are of the types of 1.1
// (yaml.org/type), the rest is of the core schema of 1.2.2 (10.3.2).
var (
	nothing     = regexp.MustCompile(`^(~|null|Null|NULL)?$`)
	truth       = regexp.MustCompile(`^([Tt]rue|TRUE|[Ff]alse|FALSE)$`)
	oldTruth    = regexp.MustCompile(`^([yYnN]|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$`)
	numeric     = regexp.MustCompile(`^[-+]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$`)
	sexagesimal = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)
	date        = regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$`)
	wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	octal       = regexp.MustCompile(`^[-+]?0[0-7]+$`)
)

// quoted tells whether a scalar is in quotes or a block: text in any case.
func quoted(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// kindOf says what a plain scalar is, if some YAML takes it for something else
// than text. Readers refuse it where a text is wanted, and Format quotes it.
func kindOf(plain string) string {
	switch {
	case nothing.MatchString(plain):
		return "nothing"
	case truth.MatchString(plain):
		return "a truth value"
	case oldTruth.MatchString(plain):
		return "a truth value in YAML 1.1"
	case numeric.MatchString(plain):
		return "a number"
	case sexagesimal.MatchString(plain):
		return "a number of base 60 in YAML 1.1"
	case date.MatchString(plain):
		return "a date"
	case plain == "<<":
		return "a merge in YAML 1.1"
	}
	return ""
}

// mistake is what is wrong with a scalar, and the mend.
type mistake struct{ message, mend string }

func (m *mistake) Error() string { return m.message + ": " + m.mend }

func wrong(mend, format string, args ...any) error {
	return &mistake{fmt.Sprintf(format, args...), mend}
}

// none reads "none" as [policy.None], and leaves all else to parse. Who writes 0 in such
// a field mostly means none, so that the mend says so.
func none[T int64 | float64 | time.Duration](parse func(*yaml.Node) (T, error)) func(*yaml.Node) (T, error) {
	return func(n *yaml.Node) (T, error) {
		if n.Value == "none" {
			return policy.None, nil
		}
		value, err := parse(n)
		var m *mistake
		if errors.As(err, &m) && (m.mend == "leave it out" || n.Value == "0") {
			m.mend = "write none if it is to be none, or leave it out"
		}
		return value, err
	}
}

// parseText reads a text. In quotes it may be anything.
func parseText(n *yaml.Node) (string, error) {
	if !quoted(n) {
		if kind := kindOf(n.Value); kind != "" {
			return "", wrong("write "+strconv.Quote(n.Value)+" in quotes", "want a text, and %s is %s", n.Value, kind)
		}
	}
	return n.Value, nil
}

// parseFlag reads true or false, in the one spelling that all versions of YAML have.
func parseFlag(n *yaml.Node) (bool, error) {
	switch v := n.Value; {
	case quoted(n) && (v == "true" || v == "false"):
		return false, wrong("write "+v+" without quotes", "want true or false, got the text %q", v)
	case quoted(n): // another text, which no flag is
	case v == "true", v == "false":
		return v == "true", nil
	case truth.MatchString(v):
		return false, wrong("write "+strings.ToLower(v), "want true or false in small letters, got %s", v)
	case oldTruth.MatchString(v):
		mend := "write false"
		if slices.Contains([]string{"y", "yes", "on"}, strings.ToLower(v)) {
			mend = "write true"
		}
		return false, wrong(mend, "want true or false; %s is a truth value in YAML 1.1 only", v)
	}
	return false, wrong("write true or false", "want true or false, got %s", secret.Quote(n.Value))
}

// parseWhole reads a whole number in decimal digits. The other spellings of numbers have
// a mend with the number that they mean, since its value is not to be guessed: 0123 is
// 83 in YAML 1.1, and 123 in 1.2.
func parseWhole(n *yaml.Node) (int64, error) {
	v := n.Value
	switch {
	case quoted(n) && wholeNumber.MatchString(v):
		return 0, wrong("write "+v+" without quotes", "want a number, got the text %q", v)
	case quoted(n):
	case wholeNumber.MatchString(v):
		number, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0, wrong("write a smaller one", "the number %s is too large", secret.Quote(v))
		}
		return number, nil
	case octal.MatchString(v):
		return 0, wrong("write "+octalMend(v), "%s is an octal number in YAML 1.1, a decimal one in YAML 1.2", secret.Quote(v))
	case sexagesimal.MatchString(v):
		return 0, wrong("write a decimal number", "%s is a number of base 60 in YAML 1.1", secret.Quote(v))
	case strings.Contains(v, "_") && wholeNumber.MatchString(strings.ReplaceAll(v, "_", "")):
		return 0, wrong("write "+strings.ReplaceAll(v, "_", ""), "%s has underscores, which YAML 1.2 does not read as a number", secret.Quote(v))
	}
	return 0, wrong("write it in decimal digits: 100", "want a whole number, got %s", secret.Quote(v))
}

// octalMend says what both versions of YAML read alike: the decimal number, and, if they
// differ, the octal one.
func octalMend(v string) string {
	sign := ""
	if v[0] == '-' {
		sign = "-"
	}
	digits := strings.TrimLeft(v, "+-0")
	if digits == "" {
		return "0"
	}
	if number, err := strconv.ParseInt(digits, 8, 64); err == nil && number > 7 {
		return fmt.Sprintf("%s%s, or %s%d if it was meant to be octal", sign, digits, sign, number)
	}
	return sign + digits
}

// parseNumber reads a number that may have a fraction. Exponents are not read: none of
// the fields needs one, and YAML 1.1 wants a sign in them.
func parseNumber(n *yaml.Node) (float64, error) {
	switch v := n.Value; {
	case quoted(n) && decimal.MatchString(v):
		return 0, wrong("write "+v+" without quotes", "want a number, got the text %q", v)
	case quoted(n):
	case decimal.MatchString(v):
		number, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return 0, wrong("write a smaller one", "the number %s is too large", secret.Quote(v))
		}
		return number, nil
	case octal.MatchString(v):
		return 0, wrong("write "+octalMend(v), "%s is an octal number in YAML 1.1, a decimal one in YAML 1.2", secret.Quote(v))
	}
	return 0, wrong("write it in decimal digits: 1.5", "want a number, got %s", secret.Quote(n.Value))
}

// decimal is a number with or without a fraction, the same in every YAML.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// parseShare reads a number of percent. One without the sign could be a hundred times
// too large or too small, and the mend names both when both are possible.
func parseShare(n *yaml.Node) (float64, error) {
	v := n.Value
	number, ok := strings.CutSuffix(v, "%")
	number = strings.TrimSpace(number)
	switch {
	case ok && decimal.MatchString(number):
		share, err := percent.Parse(number)
		if err == nil && share <= 1 && share >= 0 {
			return share, nil
		}
		return 0, wrong("write a share from 0% to 100%", "%s is out of range", secret.Quote(v))
	case !ok && decimal.MatchString(v):
		mend := "write " + v + "%"
		if share, err := strconv.ParseFloat(v, 64); err == nil && share > 0 && share <= 1 {
			mend = "write " + percent.Text(share) + " or " + v + "%, whichever is meant"
		}
		return 0, wrong(mend, "the share %s has no unit", v)
	}
	return 0, wrong("write a number and %: 10%", "want a share in percent, got %s", secret.Quote(v))
}
