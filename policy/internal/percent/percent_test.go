package percent

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	for share, want := range map[float64]string{
		0: "0%", 0.07: "7%", 0.1: "10%", 0.29: "29%", 1: "100%", 0.125: "12.5%", 0.005: "0.5%", 1e-9: "0.0000001%", 2.5: "250%",
	} {
		if got := Text(share); got != want {
			t.Errorf("Text(%v) = %q, want %q", share, got, want)
		}
	}
}

// TestParse_Text: what is written is read as the same number, to the last bit.
func TestParse_Text(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Float64Range(0, 10).Draw(t, "share")
		if got, err := Parse(strings.TrimSuffix(Text(want), "%")); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v, want %v", Text(want), got, err, want)
		}
	})
	for _, digits := range []string{"", ".", "1.2.3", "x", "1e"} {
		if got, err := Parse(digits); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", digits, got)
		}
	}
}
