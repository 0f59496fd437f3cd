package httpcache_test

import (
	"slices"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

func TestParseTargeted(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		ok    bool
		secondsOf
	}{
		{nil, false, secondsOf{"max-age", 0, false}},
		{[]string{""}, false, secondsOf{"max-age", 0, false}},
		{[]string{" "}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60"}, true, secondsOf{"max-age", time.Minute, true}},
		{[]string{"max-age=60;x=1, foo"}, true, secondsOf{"max-age", time.Minute, true}},
		{[]string{"foo", "max-age=60"}, true, secondsOf{"max-age", time.Minute, true}},
		{[]string{"none"}, true, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=99999999999"}, true, secondsOf{"max-age", maxLifetime, true}},
		{[]string{"max-age=-1"}, true, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=60, max-age=1"}, true, secondsOf{"max-age", time.Second, true}}, // in a Dictionary the last wins
		{[]string{"stale-while-revalidate=30"}, true, secondsOf{"stale-while-revalidate", 30 * time.Second, true}},
		// No Dictionary.
		{[]string{"max-age =60"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age= 60"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"Max-Age=60"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60, &&&&&"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60,"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60", "("}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=9999999999999999"}, false, secondsOf{"max-age", 0, false}},
		// No Integer.
		{[]string{`max-age="60"`}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60.0"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=a"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=?0"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=(60)"}, false, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60, stale-if-error=1.5"}, false, secondsOf{"max-age", 0, false}},
		// What forbids is not lost with it.
		{[]string{`no-store, max-age="60"`}, true, secondsOf{"max-age", unusable, true}},
		{[]string{`max-age=1.5, private="a"`}, true, secondsOf{"max-age", unusable, true}},
	} {
		d, ok := httpcache.ParseTargeted(tt.lines)
		if ok != tt.ok {
			t.Errorf("ParseTargeted(%q) is ok: %v, want %v", tt.lines, ok, tt.ok)
		}
		if got, ok := d.Seconds(tt.name); got != tt.want || ok != tt.secondsOf.ok {
			t.Errorf("%q: Seconds(%s) = %v, %v, want %v, %v", tt.lines, tt.name, got, ok, tt.want, tt.secondsOf.ok)
		}
	}
}

func TestParseTargeted_Has(t *testing.T) {
	for _, tt := range []struct {
		line, name string
		want       bool
	}{
		{"no-store", "no-store", true},
		{"no-store=?1", "no-store", true},
		{"no-store=?0", "no-store", false},
		{"no-store=1", "no-store", true},
		{"no-store=(a b)", "no-store", true},
		{"must-revalidate;x", "must-revalidate", true},
		{"must-revalidate=(a)", "must-revalidate", false},
		{"public=:YQ==:", "public", false},
	} {
		d, ok := httpcache.ParseTargeted([]string{tt.line})
		if got := d.Has(tt.name); got != tt.want || !ok {
			t.Errorf("%q: Has(%s) = %v, ok = %v, want %v, true", tt.line, tt.name, got, ok, tt.want)
		}
	}
	d, _ := httpcache.ParseTargeted([]string{`no-cache="a, b", private=c`})
	if got, want := d.Fields("no-cache"), []string{"A", "B"}; !slices.Equal(got, want) {
		t.Errorf("no-cache speaks of %q, want %q", got, want)
	}
	if got, want := d.Fields("private"), []string{"C"}; !slices.Equal(got, want) {
		t.Errorf("private speaks of %q, want %q", got, want)
	}
}

func TestParseGroups(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  []string
		ok    bool
	}{
		{nil, nil, false},
		{[]string{""}, nil, false},
		{[]string{`"a"`}, []string{"a"}, true},
		{[]string{`"a", "B c"`, `"\"";x=1`}, []string{"a", "B c", `"`}, true},
		{[]string{`a`}, nil, false},
		{[]string{`"a", 1`}, nil, false},
		{[]string{`("a" "b")`}, nil, false},
		{[]string{`"a`}, nil, false},
	} {
		if got, ok := httpcache.ParseGroups(tt.lines); !slices.Equal(got, tt.want) || ok != tt.ok {
			t.Errorf("ParseGroups(%q) = %q, %v, want %q, %v", tt.lines, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzParseTargeted: whoever is not ok says nothing, and seconds are in their
// range.
func FuzzParseTargeted(f *testing.F) {
	for _, s := range []string{"max-age=60, no-store", `private="a", max-age=1.5`, "a=(1 2);b, c=?0, d=:YQ==:", "a=@1, b=%\"x\"", "max-age="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d, ok := httpcache.ParseTargeted([]string{line})
		s, present := d.Seconds("max-age")
		if s > maxLifetime || s < 0 && s != unusable || !ok && (present || d.Has("no-store")) {
			t.Errorf("%q: ok = %v, max-age = %v, %v, no-store = %v", line, ok, s, present, d.Has("no-store"))
		}
	})
}

func FuzzParseGroups(f *testing.F) {
	f.Add(`"a", "b";c`)
	f.Fuzz(func(t *testing.T, line string) {
		if groups, ok := httpcache.ParseGroups([]string{line}); ok == (len(groups) == 0) {
			t.Errorf("ParseGroups(%q) = %q, %v", line, groups, ok)
		}
	})
}
