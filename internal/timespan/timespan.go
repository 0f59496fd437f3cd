// Package timespan is how durations are written for people and in larder.yaml: "7d",
// "1h30m", "500ms". It has no units that are zero, and days where they are whole.
package timespan

import (
	"strconv"
	"strings"
	"time"
)

// Day is 24 hours.
const Day = 24 * time.Hour

// Text writes d as package time does, without zeros at the end; whole days as
// such.
func Text(d time.Duration) string {
	if d >= Day && d%Day == 0 {
		return strconv.FormatInt(int64(d/Day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
