package file

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy"
)

// What a plain scalar is to this reader or to another one of YAML. Versions 1.1
// and 1.2 differ, and tools follow either: what they read differently is refused.
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
// than text.
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

// parseText reads a text.
func parseText(n *yaml.Node) (string, error) {
	if !quoted(n) {
		if kind := kindOf(n.Value); kind != "" {
			return "", wrong("write "+strconv.Quote(n.Value)+" in quotes", "want a text, and %s is %s", n.Value, kind)
		}
	}
	return n.Value, nil
}

// parseFlag reads true or false.
func parseFlag(n *yaml.Node) (bool, error) {
	switch v := n.Value; {
	case quoted(n) && (v == "true" || v == "false"):
		return false, wrong("write "+v+" without quotes", "want true or false, got the text %q", v)
	case quoted(n):
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
	return false, wrong("write true or false", "want true or false, got %s", short(n.Value))
}

// parseWhole reads a whole number in decimal digits.
func parseWhole(n *yaml.Node) (int64, error) {
	v := n.Value
	switch {
	case quoted(n) && wholeNumber.MatchString(v):
		return 0, wrong("write "+v+" without quotes", "want a number, got the text %q", v)
	case quoted(n):
	case wholeNumber.MatchString(v):
		number, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return 0, wrong("write a smaller one", "the number %s is too large", short(v))
		}
		return number, nil
	case octal.MatchString(v):
		return 0, wrong("write "+octalMend(v), "%s is an octal number in YAML 1.1, a decimal one in YAML 1.2", short(v))
	case sexagesimal.MatchString(v):
		return 0, wrong("write a decimal number", "%s is a number of base 60 in YAML 1.1", short(v))
	case strings.Contains(v, "_") && wholeNumber.MatchString(strings.ReplaceAll(v, "_", "")):
		return 0, wrong("write "+strings.ReplaceAll(v, "_", ""), "%s has underscores, which YAML 1.2 does not read as a number", short(v))
	}
	return 0, wrong("write it in decimal digits: 100", "want a whole number, got %s", short(v))
}

// octalMend says what both versions of YAML read alike.
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

// decimal is a number with or without a fraction, the same in every YAML.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// parseNumber reads a number that may have a fraction.
func parseNumber(n *yaml.Node) (float64, error) {
	switch v := n.Value; {
	case quoted(n) && decimal.MatchString(v):
		return 0, wrong("write "+v+" without quotes", "want a number, got the text %q", v)
	case quoted(n):
	case decimal.MatchString(v):
		number, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return 0, wrong("write a smaller one", "the number %s is too large", short(v))
		}
		return number, nil
	case octal.MatchString(v):
		return 0, wrong("write "+octalMend(v), "%s is an octal number in YAML 1.1, a decimal one in YAML 1.2", short(v))
	}
	return 0, wrong("write it in decimal digits: 1.5", "want a number, got %s", short(n.Value))
}

// parseShare reads a number of percent.
func parseShare(n *yaml.Node) (float64, error) {
	v := n.Value
	number, ok := strings.CutSuffix(v, "%")
	number = strings.TrimSpace(number)
	switch {
	case ok && decimal.MatchString(number):
		// The exponent, and no division, keeps the value exact: 20% is 0.2.
		share, err := strconv.ParseFloat(number+"e-2", 64)
		if err == nil && share <= 1 && share >= 0 {
			return share, nil
		}
		return 0, wrong("write a share from 0% to 100%", "%s is out of range", short(v))
	case !ok && decimal.MatchString(v):
		mend := "write " + v + "%"
		if share, err := strconv.ParseFloat(v, 64); err == nil && share > 0 && share <= 1 {
			mend = "write " + percent(share) + " or " + v + "%, whichever is meant"
		}
		return 0, wrong(mend, "the share %s has no unit", v)
	}
	return 0, wrong("write a number and %: 10%", "want a share in percent, got %s", short(v))
}

// unitLengths are the units of durations that package time does not know, in hours.
var unitLengths = map[string]float64{"d": 24, "w": 7 * 24}

// step is a number with its unit.
var step = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w)`)

var errRange = errors.New("out of range")

// duration reads steps such as "7d12h" without a sign. It returns errRange if they
// are more than a Duration can say, some 292 years.
func duration(text string) (time.Duration, error) {
	var sum time.Duration
	for rest := text; rest != ""; {
		found := step.FindStringSubmatch(rest)
		if found == nil {
			return 0, errors.New("no duration")
		}
		rest = rest[len(found[0]):]
		times, unit := time.Duration(1), found[2]
		if hours, ok := unitLengths[unit]; ok {
			times, unit = time.Duration(hours), "h"
		}
		one, err := time.ParseDuration(found[1] + unit)
		if err != nil || one > math.MaxInt64/times || sum > math.MaxInt64-one*times {
			return 0, errRange
		}
		sum += one * times
	}
	return sum, nil
}

// parseDuration reads a duration that is more than nothing.
func parseDuration(n *yaml.Node) (time.Duration, error) {
	v := n.Value
	switch {
	case !quoted(n) && sexagesimal.MatchString(v):
		return 0, wrong("write "+clockMend(v), "%s is a number of base 60 in YAML 1.1", short(v))
	case decimal.MatchString(v) && v != "0":
		return 0, wrong("write "+v+"s if seconds are meant", "the duration %s has no unit", short(v))
	case v == "none" || v == "0":
		return 0, wrong("leave it out", "there is no duration %s here", v)
	case strings.HasPrefix(v, "-"):
		return 0, wrong("write it without the sign", "the duration %s is negative", short(v))
	}
	d, err := duration(v)
	switch {
	case errors.Is(err, errRange):
		return 0, wrong("write a shorter one", "the duration %s is longer than 292 years", short(v))
	case err != nil || v == "":
		return 0, wrong(durationMend(v), "want a duration, got %s", short(v))
	case d == 0:
		return 0, wrong("leave it out", "the duration %s is nothing", short(v))
	}
	return d, nil
}

// durationMend finds the way in which people write a duration.
func durationMend(v string) string {
	spaceless := strings.ToLower(strings.ReplaceAll(v, " ", ""))
	for _, word := range []struct{ long, unit string }{
		{"milliseconds", "ms"},
		{"millisecond", "ms"},
		{"seconds", "s"},
		{"second", "s"},
		{"secs", "s"},
		{"sec", "s"},
		{"minutes", "m"},
		{"minute", "m"},
		{"mins", "m"},
		{"min", "m"},
		{"hours", "h"},
		{"hour", "h"},
		{"hrs", "h"},
		{"hr", "h"},
		{"days", "d"},
		{"day", "d"},
		{"weeks", "w"},
		{"week", "w"},
	} {
		spaceless = strings.ReplaceAll(spaceless, word.long, word.unit)
	}
	if d, err := duration(spaceless); err == nil && d > 0 {
		return "write " + spaceless
	}
	return "write a number and one of ms, s, m, h, d, w: 90s, 15m, 7d, 1h30m"
}

// clockMend turns 1:30 into 1m30s.
func clockMend(v string) string {
	parts := strings.Split(v, ":")
	if len(parts) == 2 {
		return parts[0] + "m" + strings.TrimPrefix(parts[1], "0") + "s if minutes and seconds are meant"
	}
	return "a duration with units: 1h30m"
}

// sizeUnits are the units of sizes, the longest first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"B", 1},
}

// parseSize reads a number of bytes that is more than nothing.
func parseSize(n *yaml.Node) (int64, error) {
	v := n.Value
	if decimal.MatchString(v) && v != "0" {
		return 0, wrong("write "+v+"B if bytes are meant", "the size %s has no unit", short(v))
	}
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(v, unit.name)
		if !ok {
			continue
		}
		if !wholeNumber.MatchString(number) {
			break
		}
		size, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err != nil || size > math.MaxInt64/unit.bytes:
			return 0, wrong("write a smaller one", "the size %s is too large", short(v))
		case size < 0:
			return 0, wrong("write it without the sign", "the size %s is negative", short(v))
		case size == 0:
			return 0, wrong("leave it out", "the size %s is nothing", short(v))
		}
		return size * unit.bytes, nil
	}
	return 0, wrong(sizeMend(v), "want a size, got %s", short(v))
}

// sizeMend finds the way in which people write a size.
func sizeMend(v string) string {
	spaceless := strings.ReplaceAll(v, " ", "")
	number := strings.TrimRight(spaceless, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if wholeNumber.MatchString(number) && number != "0" {
		letters := strings.ToLower(spaceless[len(number):])
		for _, unit := range sizeUnits {
			if name := strings.ToLower(unit.name); letters == name || len(letters) == 1 && name == letters+"ib" {
				return "write " + number + unit.name
			}
		}
	}
	return "write a whole number and one of B, KiB, MiB, GiB, kB, MB, GB: 64MiB"
}

// percent writes a share as a file has it.
func percent(share float64) string {
	text := strconv.FormatFloat(share, 'f', -1, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	for len(fraction) < 2 {
		fraction += "0"
	}
	whole = strings.TrimLeft(whole+fraction[:2], "0")
	if whole == "" {
		whole = "0"
	}
	if rest := strings.TrimRight(fraction[2:], "0"); rest != "" {
		whole += "." + rest
	}
	return whole + "%"
}

// none reads "none" as [policy.None], and leaves all else to parse.
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
