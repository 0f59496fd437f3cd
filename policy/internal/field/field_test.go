package field

import "testing"

func TestParent(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{Path("", "classes", "a", "ttl"), "classes.a"},
		{Path("", "classes", `a."b`, "ttl"), `classes."a.\"b"`},
		{Path("", "routes", "GET /x.y[1]"), "routes"},
		{At(Path("", "routes", "GET /", "tags"), 2), `routes."GET /".tags`},
		{"version", ""},
		{"", ""},
	} {
		if got := Parent(c.path); got != c.want {
			t.Errorf("%s is in %q, want %q", c.path, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"ttl", "tags", "tiers", "negative_ttl", "stale_if_error", "memory"}
	for _, c := range []struct{ word, want string }{
		{"tll", "ttl"},
		{"TTL", "ttl"},
		{"negativeTTL", "negative_ttl"},
		{"negtive-ttl", "negative_ttl"},
		{"tag", "tags"},
		{"memroy", "memory"},
		{"expiration", ""},
		{"", ""},
		{"x", ""},
		{"stale-if-eror", "stale_if_error"},
	} {
		if got := Nearest(c.word, keys); got != c.want {
			t.Errorf("%q is near %q, want %q", c.word, got, c.want)
		}
	}
}
