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
