package file

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/percent"
)

// formatDuration writes a duration in whole units, the largest first. Days are the
// largest, as nobody thinks in many weeks.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	if d == policy.None { // one nanosecond less than nothing, which no valid field has otherwise
		return "none"
	}
	var b strings.Builder
	if d < 0 {
		b.WriteByte('-')
		d = max(d, -d) // the lowest Duration has no counterpart, and no policy with it is valid
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{
		{24 * time.Hour, "d"},
		{time.Hour, "h"},
		{time.Minute, "m"},
		{time.Second, "s"},
		{time.Millisecond, "ms"},
		{time.Microsecond, "us"},
		{time.Nanosecond, "ns"},
	} {
		if times := d / unit.length; times > 0 {
			fmt.Fprintf(&b, "%d%s", times, unit.name)
			d -= times * unit.length
		}
	}
	return b.String()
}

// formatSize writes a size in the largest unit that it is a whole number of, so that no
// byte is lost. What was not said is "" here and in all functions below: a pair with
// such a value is not written.
func formatSize(size int64) string {
	switch size {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	for _, unit := range sizeUnits {
		if size%unit.bytes == 0 {
			return strconv.FormatInt(size/unit.bytes, 10) + unit.name
		}
	}
	return ""
}

// formatShare writes a share in percent.
func formatShare(share float64) string {
	switch share {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	return percent.Text(share)
}

// formatNumber writes a number without an exponent, which Parse would not read.
func formatNumber(number float64) string {
	switch number {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func formatCount(number int64) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatInt(number, 10)
}

// formatFlag writes nothing for false, which is what a flag has that was not said.
func formatFlag(set bool) string {
	if set {
		return "true"
	}
	return ""
}

// formatList writes a list on one line; an empty text has its quotes, since nothing
// between two commas is no member.
func formatList[T ~string](list []T) string {
	if len(list) == 0 {
		return ""
	}
	texts := make([]string, len(list))
	for i, t := range list {
		texts[i] = cmp.Or(formatText(string(t)), `""`)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
