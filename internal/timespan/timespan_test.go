package timespan_test

import (
	"testing"
	"time"

	"github.com/larderdev/larder/internal/timespan"
)

func TestText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "0s",
		500 * time.Millisecond:  "500ms",
		10 * time.Second:        "10s",
		time.Minute:             "1m",
		time.Hour:               "1h",
		90 * time.Minute:        "1h30m",
		time.Hour + time.Second: "1h0m1s",
		10 * time.Hour:          "10h",
		timespan.Day:            "1d",
		7 * timespan.Day:        "7d",
		36 * time.Hour:          "36h",
	} {
		if got := timespan.Text(d); got != want {
			t.Errorf("Text(%v) = %q, want %q", d, got, want)
		}
	}
}
