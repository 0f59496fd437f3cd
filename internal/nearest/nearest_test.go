package nearest

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	keys := []string{"ttl", "tags", "tiers", "negative_ttl", "stale_if_error", "memory", strings.Repeat("x", maxWord+1)}
	commands := []string{"explain", "gen", "lint"}
	for _, tt := range []struct {
		word  string
		names []string
		want  string
	}{
		{"tll", keys, "ttl"},
		{"TTL", keys, "ttl"},
		{"negativeTTL", keys, "negative_ttl"},
		{"negtive-ttl", keys, "negative_ttl"},
		{"tag", keys, "tags"},
		{"memroy", keys, "memory"},
		{"expiration", keys, ""},
		{"", keys, ""},
		{"x", keys, ""},
		{"stale-if-eror", keys, "stale_if_error"},
		{strings.Repeat("x", maxWord), keys, ""},
		{strings.Repeat("x", maxWord+1), keys, ""},
		{"lnit", commands, "lint"},
		{"expalin", commands, "explain"},
		{"completely-else", commands, ""},
		{"bed", []string{"bee", "bet"}, "bee"},
		{"bed", nil, ""},
	} {
		if got := Name(tt.word, tt.names); got != tt.want {
			t.Errorf("Name(%q, %q) = %q, want %q", tt.word, tt.names, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"tlt", "ttl", 1}, {"lnit", "lint", 1}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
