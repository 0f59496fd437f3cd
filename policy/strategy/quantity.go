package strategy

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/percent"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// units are the names of units of time. A month is none: it has no length. "m" is a
// minute, as in larder.yaml; of entries it is a million, which [whole] knows.
var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"ms": time.Millisecond, "millisecond": time.Millisecond,
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": day, "day": day, "w": week, "wk": week, "week": week,
	"y": 365 * day, "yr": 365 * day, "year": 365 * day,
}

// numbers are the numbers that people write as words. "a few" and "a couple" are none:
// how many would be a guess.
var numbers = map[string]string{
	"a": "1", "an": "1", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
	"seven": "7", "eight": "8", "nine": "9", "ten": "10", "twelve": "12", "fifteen": "15",
	"twenty": "20", "thirty": "30", "forty": "40", "sixty": "60", "ninety": "90", "half a": "0.5", "half an": "0.5", "half": "0.5",
}

// amount is one number with its unit: "5 minutes", "1h", "half an hour".
var amount = regexp.MustCompile(`^(\d+(?:\.\d+)?|half an?|[a-z]+)[ -]*([a-zµμ]+)\.?[ ,]*(?:and )?`)

// duration reads a length of time as people write it: "5m", "1h30m", "300 seconds",
// "one hour". "none" is [policy.None]. A number without a unit is none.
func duration(s string) (time.Duration, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "none" {
		return policy.None, true
	}
	// Most are of this form; a sign and a zero are none of people's lengths of time.
	if d, err := time.ParseDuration(s); err == nil {
		return d, d > 0
	}
	var sum time.Duration
	for s != "" {
		m := amount.FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		d, ok := times(m[1], m[2])
		if !ok || sum > math.MaxInt64-d { // the sum would overflow
			return 0, false
		}
		sum += d
		s = s[len(m[0]):]
	}
	return sum, sum > 0
}

// times is number times unit, exactly if the number is whole: a float64 cannot hold
// every number of nanoseconds that a Duration can.
func times(number, name string) (time.Duration, bool) {
	unit, ok := units[name]
	if !ok {
		unit, ok = units[strings.TrimSuffix(name, "s")]
	}
	if word, is := numbers[number]; is {
		number = word
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && ok {
		return time.Duration(n) * unit, n <= math.MaxInt64/int64(unit)
	}
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(unit)
	return time.Duration(f), ok && err == nil && f < math.MaxInt64
}

// writeDuration writes a length of time so that [duration] reads the same: whole
// days as such, the rest as Go does without the zeros at the end.
func writeDuration(d time.Duration) string {
	if d == policy.None {
		return "none"
	}
	return timespan.Text(d)
}

// percentage reads a share in percent, "10%", "12.5 %" or "10 percent".
func percentage(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if s == "none" {
		return policy.None, true
	}
	digits, ok := s, false
	for _, sign := range []string{"%", "percent", "per cent", "pct"} {
		if digits, ok = strings.CutSuffix(strings.ToLower(s), sign); ok {
			break
		}
	}
	digits = strings.TrimSpace(digits)
	// ParseFloat reads more than people write: signs, exponents, infinity.
	if !ok || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	f, err := percent.Parse(digits)
	return f, err == nil
}

// writePercent writes a share so that [percentage] reads the same.
func writePercent(f float64) string {
	if f == policy.None {
		return "none"
	}
	return percent.Text(f)
}

// A sizeUnit is a unit of bytes.
type sizeUnit struct {
	name string
	size int64
}

// sizeUnits are largest first, as writeSize tries them.
var sizeUnits = []sizeUnit{
	{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"bytes", 1}, {"B", 1},
}

// size reads a number of bytes with its unit: "64MiB", "10 MB"; "none" is
// [policy.None]. Units are those of larder.yaml in any case of letters, since people
// write "64mb".
func size(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if s == "none" {
		return policy.None, true
	}
	digits := s[:len(s)-len(strings.TrimLeft(s, "0123456789"))]
	n, err := strconv.ParseInt(digits, 10, 64)
	name := strings.TrimSpace(s[len(digits):])
	for _, u := range sizeUnits {
		if strings.EqualFold(name, u.name) && err == nil {
			return n * u.size, n > 0 && n <= math.MaxInt64/u.size
		}
	}
	return 0, false
}

// writeSize writes a number of bytes in the largest unit that divides it.
func writeSize(n int64) string {
	if n == policy.None {
		return "none"
	}
	for _, u := range sizeUnits {
		if n%u.size == 0 && u.name != "bytes" {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// whole reads a number of things: "10000", "10,000", "10k". A comma parts thousands here
// and never a fraction: there is no half of an entry.
func whole(s string) (int, bool) {
	s = strings.NewReplacer(",", "", "_", "", " ", "", "K", "000", "k", "000", "M", "000000", "m", "000000").Replace(s)
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}

// number reads a plain positive number; "none" is [policy.None].
func number(s string) (float64, bool) {
	if s == "none" {
		return policy.None, true
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && f > 0 && !math.IsInf(f, 0)
}
