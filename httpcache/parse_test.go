package httpcache_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// secondsOf is one question to Directives and its answer.
type secondsOf struct {
	name string
	want time.Duration
	ok   bool
}

const (
	maxLifetime = 1 << 31 * time.Second
	unusable    = httpcache.Unusable
)

func TestParseCacheControl_Seconds(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		secondsOf
	}{
		{nil, secondsOf{"max-age", 0, false}},
		{[]string{""}, secondsOf{"max-age", 0, false}},
		{[]string{"max-age=60"}, secondsOf{"max-age", 60 * time.Second, true}},
		{[]string{"max-age=60"}, secondsOf{"s-maxage", 0, false}},
		{[]string{"max-age=0"}, secondsOf{"max-age", 0, true}},
		{[]string{"MaX-aGe=60"}, secondsOf{"max-age", time.Minute, true}},
		{[]string{"max-age=003600"}, secondsOf{"max-age", time.Hour, true}},
		{[]string{`max-age="60"`}, secondsOf{"max-age", time.Minute, true}},
		{[]string{`max-age="6\0"`}, secondsOf{"max-age", time.Minute, true}},
		{[]string{",, foo , =7, public,max-age=60,"}, secondsOf{"max-age", time.Minute, true}},
		{[]string{"public", "max-age=60"}, secondsOf{"max-age", time.Minute, true}},
		{[]string{"max-age=2147483647"}, secondsOf{"max-age", maxLifetime - time.Second, true}},
		{[]string{"max-age=2147483648"}, secondsOf{"max-age", maxLifetime, true}},
		{[]string{"max-age=99999999999999999999999999999999"}, secondsOf{"max-age", maxLifetime, true}},
		// The same twice is no contradiction.
		{[]string{"max-age=60, max-age=060"}, secondsOf{"max-age", time.Minute, true}},
		{[]string{"max-age=1800, max-age=1"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=1", "max-age=1800"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=0", "max-age=1800"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=x", "max-age=1800"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age="}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=-60"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=+60"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=60.0"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=60a"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age='60'"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age =60"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age= 60"}, secondsOf{"max-age", unusable, true}},
		{[]string{"max-age=60 max-age=61"}, secondsOf{"max-age", unusable, true}},
		{[]string{`max-age="60"1`}, secondsOf{"max-age", unusable, true}},
		{[]string{`max-age="6"0"`}, secondsOf{"max-age", unusable, true}},
		// What stands between quotes is text.
		{[]string{`x="max-age=60", max-age=1`}, secondsOf{"max-age", time.Second, true}},
		{[]string{`max-age=1, x="a\", max-age=60"`}, secondsOf{"max-age", time.Second, true}},
		{[]string{`x="a, max-age=60`}, secondsOf{"max-age", unusable, true}},
		{[]string{`max-age=60, x="a`}, secondsOf{"max-age", time.Minute, true}},
	} {
		d := httpcache.ParseCacheControl(tt.lines)
		if got, ok := d.Seconds(tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("%q: Seconds(%s) = %v, %v, want %v, %v", tt.lines, tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseCacheControl_Has(t *testing.T) {
	for _, tt := range []struct {
		line, name string
		want       bool
	}{
		{"no-store", "no-store", true},
		{"No-Store", "no-store", true},
		{"no-store", "no-cache", false},
		{"\tno-store\t,", "no-store", true},
		{"x, no-store=1", "no-store", true},
		{"public", "public", true},
		{`public=""`, "public", true},
		{`x="no-store"`, "no-store", false},
		{`x="a, no-store`, "no-store", true}, // a quote without end hides nothing that forbids
		{`x="a, public`, "public", false},
		{"no-store yes", "no-store", true},
		{"private x=1", "private", true},
		{"no-cache =x", "no-cache", true},
		{"public yes", "public", false},
		{"max-age =60", "max-age", false},
		{"immutable;no-store", "immutable", false},
		{"no-storex", "no-store", false},
		{"é, no-store", "no-store", true},
	} {
		if got := httpcache.ParseCacheControl([]string{tt.line}).Has(tt.name); got != tt.want {
			t.Errorf("%q: Has(%s) = %v, want %v", tt.line, tt.name, got, tt.want)
		}
	}
}

func TestDirectives_Value(t *testing.T) {
	for _, tt := range []struct {
		line, name, want string
		ok               bool
	}{
		{"max-stale", "max-stale", "", false},
		{"max-stale=7", "max-stale", "7", true},
		{"x=", "x", "", true},
		{`x=""`, "x", "", true},
		{`x="a, \"b\" \\"`, "x", `a, "b" \`, true},
		{"x, x=1, x=2", "x", "1", true},
		{"x=1 2", "x", "", false},
		{`x="1`, "x", "", false},
		{`x="1\`, "x", "", false},
		{`x="1\"`, "x", "", false},
	} {
		got, ok := httpcache.ParseCacheControl([]string{tt.line}).Value(tt.name)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: Value(%s) = %q, %v, want %q, %v", tt.line, tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestDirectives_Fields(t *testing.T) {
	for _, tt := range []struct {
		line string
		has  bool
		want []string
	}{
		{"public", false, nil},
		{"private", true, nil},
		{`private="set-cookie"`, true, []string{"Set-Cookie"}},
		{`private="set-cookie, x-user"`, true, []string{"Set-Cookie", "X-User"}},
		{"private=set-cookie", true, []string{"Set-Cookie"}},
		{`private="a", private="b"`, true, []string{"A", "B"}},
		{`private="a,,b"`, true, []string{"A", "B"}},
		// All of these speak of the whole response.
		{`private, private="a"`, true, nil},
		{`private="a", private`, true, nil},
		{`private=""`, true, nil},
		{`private=","`, true, nil},
		{`private="a b"`, true, nil},
		{`private="a" b`, true, nil},
	} {
		d := httpcache.ParseCacheControl([]string{tt.line})
		if got := d.Fields("private"); !slices.Equal(got, tt.want) || d.Has("private") != tt.has {
			t.Errorf("%q: Fields = %q, Has = %v, want %q, %v", tt.line, got, d.Has("private"), tt.want, tt.has)
		}
	}
}

func TestParseAge(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  time.Duration
		ok    bool
	}{
		{nil, 0, false},
		{[]string{""}, 0, false},
		{[]string{"0"}, 0, true},
		{[]string{" 60 "}, time.Minute, true},
		{[]string{"60, 0"}, time.Minute, true},
		{[]string{"0, 60"}, 0, true},
		{[]string{"60", "0"}, time.Minute, true},
		{[]string{"", ",60"}, time.Minute, true},
		{[]string{"2147483647"}, maxLifetime - time.Second, true},
		{[]string{"2147483649"}, maxLifetime, true},
		{[]string{"9999999999999999999999"}, maxLifetime, true},
		{[]string{"abc"}, 0, false},
		{[]string{"-60"}, 0, false},
		{[]string{"60.0"}, 0, false},
		{[]string{"60;a=b"}, 0, false},
		{[]string{"abc, 60"}, 0, false},
	} {
		if got, ok := httpcache.ParseAge(tt.lines); got != tt.want || ok != tt.ok {
			t.Errorf("ParseAge(%q) = %v, %v, want %v, %v", tt.lines, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseVary(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		names []string
		any   bool
	}{
		{nil, nil, false},
		{[]string{"", ","}, nil, false},
		{[]string{"accept-ENCODING"}, []string{"Accept-Encoding"}, false},
		{[]string{"b, a", "\tB"}, []string{"B", "A"}, false},
		{[]string{"*"}, nil, true},
		{[]string{"*, *"}, nil, true},
		{[]string{"", "*"}, nil, true},
		{[]string{"*, foo"}, []string{"Foo"}, true},
		{[]string{"foo, *"}, []string{"Foo"}, true},
		{[]string{"foo", "bar, *"}, []string{"Foo", "Bar"}, true},
		{[]string{"foo bar"}, nil, true},
		{[]string{`"foo"`}, nil, true},
	} {
		if names, any := httpcache.ParseVary(tt.lines); !slices.Equal(names, tt.names) || any != tt.any {
			t.Errorf("ParseVary(%q) = %q, %v, want %q, %v", tt.lines, names, any, tt.names, tt.any)
		}
	}
}

// FuzzParseCacheControl: whatever comes in, what forbids is never lost.
func FuzzParseCacheControl(f *testing.F) {
	for _, s := range []string{
		"", "max-age=60, public", `private="a, b", no-cache`, `x="a\", max-age=1`, `x="a, no-store`, "max-age =1,,=,", `x="\`, "é=\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		d := httpcache.ParseCacheControl([]string{line})
		for _, name := range []string{"max-age", "s-maxage", "x"} {
			s, ok := d.Seconds(name)
			if s > maxLifetime || s < 0 && s != unusable || !ok && s != 0 {
				t.Errorf("%q: Seconds(%s) = %v, %v", line, name, s, ok)
			}
			if value, ok := d.Value(name); ok && !d.Has(name) {
				t.Errorf("%q: there is a value %q of %s, and not the directive", line, value, name)
			}
		}
		if fields := d.Fields("private"); fields != nil && !d.Has("private") {
			t.Errorf("%q: private speaks of %q and is not there", line, fields)
		}
		if fields := d.Fields("private"); slices.Contains(fields, "") {
			t.Errorf("%q: private speaks of a field without a name", line)
		}
		// As one line or two, behind or before: no-store is seen.
		for _, lines := range [][]string{{line, "no-store"}, {"no-store," + line}} {
			if !httpcache.ParseCacheControl(lines).Has("no-store") {
				t.Errorf("%q: no-store is lost", lines)
			}
		}
		if balanced := !strings.ContainsAny(line, `"\`); balanced && !httpcache.ParseCacheControl([]string{line + ",no-store"}).Has("no-store") {
			t.Errorf("%q: the no-store behind it is lost", line)
		}
	})
}

func FuzzParseVary(f *testing.F) {
	f.Add("a, b")
	f.Add("*,a")
	f.Add("a b")
	f.Fuzz(func(t *testing.T, line string) {
		names, any := httpcache.ParseVary([]string{line})
		if strings.Contains(line, "*") && !any && slices.Contains(strings.Split(strings.ReplaceAll(line, " ", ""), ","), "*") {
			t.Errorf("%q: the * is lost", line)
		}
		again, anyAgain := httpcache.ParseVary(names)
		if !slices.Equal(again, names) || anyAgain {
			t.Errorf("%q: %q is read as %q, %v", line, names, again, anyAgain)
		}
	})
}

func FuzzParseAge(f *testing.F) {
	f.Add("60")
	f.Add("1, 2")
	f.Fuzz(func(t *testing.T, line string) {
		if age, ok := httpcache.ParseAge([]string{line}); age < 0 || age > maxLifetime || !ok && age != 0 {
			t.Errorf("ParseAge(%q) = %v, %v", line, age, ok)
		}
	})
}
