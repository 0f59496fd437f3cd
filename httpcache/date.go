package httpcache

import (
	"strings"
	"time"
)

// ParseDate reads the value of Date, Expires, Last-Modified or
// If-Modified-Since, in any of the three forms of RFC 9110 5.6.7. ok is false for
// all else, "0", times in other zones than GMT and impossible dates among it; an
// Expires like that lies in the past (RFC 9111 5.3). The case of letters does not
// matter, and neither does whether the name of the day is the right one.
//
// In the form of RFC 850 the year has two digits; it is not more than 50 years
// in the future.
func ParseDate(s string) (t time.Time, ok bool) {
	// time.Parse alone would let pass what is no HTTP date: one digit for two,
	// fractions of seconds, zones of other names. So the shape is checked first.
	if s == "" { // the most frequent case
		return time.Time{}, false
	}
	for _, form := range &dateForms {
		day, rest, _ := strings.Cut(s, form.after)
		if !form.isDay(day) || !fits(rest, form.shape) {
			continue
		}
		t, err := time.Parse(form.layout, rest[:len(form.layout)])
		if err != nil {
			return time.Time{}, false
		}
		if form.century {
			t = inCentury(t, time.Now())
		}
		return t, true
	}
	return time.Time{}, false
}

// dateForms are the forms of a date behind the name of the day. In shape a 0
// stands for a digit, a _ for a digit or a space, an a for a letter and all else
// for itself; layout is the part of it that package time reads.
var dateForms = [...]struct {
	after, shape, layout string
	isDay                func(string) bool
	century              bool
}{
	{after: ", ", shape: "00 aaa 0000 00:00:00 GMT", layout: "02 Jan 2006 15:04:05", isDay: isShortDay},
	{after: ", ", shape: "00-aaa-00 00:00:00 GMT", layout: "02-Jan-06 15:04:05", isDay: isLongDay, century: true},
	{after: " ", shape: "aaa _0 00:00:00 0000", layout: "Jan _2 15:04:05 2006", isDay: isShortDay},
}

func fits(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		digit := '0' <= s[i] && s[i] <= '9'
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		var ok bool
		switch c := shape[i]; c {
		case '0':
			ok = digit
		case '_':
			ok = digit || s[i] == ' '
		case 'a':
			ok = letter
		default:
			ok = s[i] == c || letter && s[i]&^0x20 == c
		}
		if !ok {
			return false
		}
	}
	return true
}

func isShortDay(s string) bool {
	return len(s) == 3 && isLongDay(longDay(s))
}

func isLongDay(s string) bool {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(s, day.String()) {
			return true
		}
	}
	return false
}

// longDay returns the name of the day that begins with s, "" if none does.
func longDay(s string) string {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if name := day.String(); strings.EqualFold(name[:len(s)], s) {
			return name
		}
	}
	return ""
}

// inCentury moves a time, of whose year only the last two digits are known, to
// the latest century in which it is not more than 50 years after now.
func inCentury(t, now time.Time) time.Time {
	limit := now.AddDate(50, 0, 0)
	t = t.AddDate(limit.Year()/100*100-t.Year()/100*100, 0, 0)
	if t.After(limit) {
		t = t.AddDate(-100, 0, 0)
	}
	return t
}
