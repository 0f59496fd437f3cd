package gen

import (
	"go/format"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestImportNames(t *testing.T) {
	paths := []string{
		"example.com/shop/catalog", "example.com/stock/catalog", "example.com/other/stock/catalog", "example.com/go-tea.v2", "example.com/key",
		"example.com/larder", "time", "example.com/range", "example.com/x/v3", "example.com/99", "strings", "net/netip", "example.com/string",
		"example.com/shop/catalog",
	}
	want := map[string]string{
		"example.com/shop/catalog": "shopcatalog", "example.com/other/stock/catalog": "stockcatalog", "example.com/stock/catalog": "stockcatalog2",
		"example.com/go-tea.v2": "goteav2", "example.com/key": "examplecomkey", "example.com/larder": "examplecomlarder", "time": "time",
		"example.com/range": "examplecomrange", "example.com/x/v3": "x", "example.com/99": "pkg99", "strings": "strings", "net/netip": "netip",
		"example.com/string": "examplecomstring",
	}
	if got := importNames(paths); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

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

// TestFormatted: what is generated is formatted, also when a description has what
// gofmt takes for a list or a heading.
func TestFormatted(t *testing.T) {
	all := golden(t)
	for _, text := range []string{"# Heading", "- a - b 1. c", strings.Repeat("# x - y ", 40), "*/ /* // go:build x", "\u2028\u0085 a", "[Caches] [x]: y"} {
		p := all["minimal"]
		c := p.Classes["greeting"]
		c.Description = text
		p.Classes["greeting"] = c
		for _, f := range generate(t, p, "").Files {
			again, err := format.Source(f.Data)
			if err != nil || string(again) != string(f.Data) {
				t.Errorf("%q: %s is not formatted: %v\n%s", text, f.Name, err, f.Data)
			}
		}
	}
}
