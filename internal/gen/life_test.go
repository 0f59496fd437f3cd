package gen

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		90 * time.Second: "1m30s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", time.Hour + 10*time.Second: "1h0m10s",
		10 * time.Second: "10s", 250 * time.Millisecond: "250ms", 24 * time.Hour: "1d", 180 * time.Hour: "7d12h", 10 * time.Minute: "10m",
		20 * time.Hour: "20h", 365 * 24 * time.Hour: "365d", 24*time.Hour + 30*time.Second: "1d30s",
	} {
		if got := words(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
