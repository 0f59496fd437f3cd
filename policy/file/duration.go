package file

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy/internal/secret"
)

// parseDuration reads a duration that is more than nothing. A number without a unit is
// refused, as it is seconds to some and milliseconds to others, and so is 1:30, which
// YAML 1.1 reads as 90.
func parseDuration(n *yaml.Node) (time.Duration, error) {
	v := n.Value
	switch {
	case !quoted(n) && sexagesimal.MatchString(v):
		return 0, wrong("write "+clockMend(v), "%s is a number of base 60 in YAML 1.1", secret.Quote(v))
	case decimal.MatchString(v) && v != "0": // in quotes, too: "60" has no more of a unit
		return 0, wrong("write "+v+"s if seconds are meant", "the duration %s has no unit", secret.Quote(v))
	case v == "none" || v == "0": // where none has a meaning, the function none was asked before
		return 0, wrong("leave it out", "there is no duration %s here", v)
	case strings.HasPrefix(v, "-"):
		return 0, wrong("write it without the sign", "the duration %s is negative", secret.Quote(v))
	}
	d, err := duration(v)
	switch {
	case errors.Is(err, errRange):
		return 0, wrong("write a shorter one", "the duration %s is longer than 292 years", secret.Quote(v))
	case err != nil || v == "":
		return 0, wrong(durationMend(v), "want a duration, got %s", secret.Quote(v))
	case d == 0:
		return 0, wrong("leave it out", "the duration %s is nothing", secret.Quote(v))
	}
	return d, nil
}

// unitLengths are the units of durations that package time does not know, in hours. A
// month and a year have no fixed length, and are no units.
var unitLengths = map[string]float64{"d": 24, "w": 7 * 24}

// step is a number with its unit.
var step = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w)`)

var errRange = errors.New("out of range")

// duration reads steps such as "7d12h" without a sign. It returns errRange if they
// are more than a Duration can say, some 292 years.
func duration(text string) (time.Duration, error) {
	var sum time.Duration
	// Each step by itself, so that every overflow is seen before it happens.
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

// durationMend finds the way in which people write a duration: "5 minutes", "5 Min.". The
// longer words are replaced first, since they begin with the shorter ones.
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

// clockMend turns 1:30 into 1m30s; of three numbers nobody knows the first one's unit.
func clockMend(v string) string {
	parts := strings.Split(v, ":")
	if len(parts) == 2 {
		return parts[0] + "m" + strings.TrimPrefix(parts[1], "0") + "s if minutes and seconds are meant"
	}
	return "a duration with units: 1h30m"
}
