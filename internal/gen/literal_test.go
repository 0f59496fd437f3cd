package gen

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "time.Hour", 48 * time.Hour: "48 * time.Hour", 90 * time.Minute: "90 * time.Minute", 1500 * time.Millisecond: "1500 * time.Millisecond",
		1: "time.Nanosecond", 7: "7 * time.Nanosecond", 3 * time.Microsecond: "3 * time.Microsecond", -time.Second: "-1 * time.Second",
	} {
		if got := duration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
