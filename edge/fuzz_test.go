package edge

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// FuzzRange: a satisfiable range lies within the body.
func FuzzRange(f *testing.F) {
	for _, text := range []string{
		"bytes=0-1", "bytes=-5", "bytes=5-", "bytes=9-3", "bytes=0-1,3-4", "bytes=99999999999999999999-", "bytes=-0", "bytes=--1", "x=1-2",
	} {
		f.Add(text, int64(10))
	}
	f.Fuzz(func(t *testing.T, text string, length int64) {
		if length < 0 {
			return
		}
		s, satisfiable, ok := rangeOf([]string{text}, length)
		if ok && satisfiable && (s.from < 0 || s.from >= s.to || s.to > length) {
			t.Errorf("rangeOf(%q, %d) = %+v", text, length, s)
		}
	})
}

// FuzzPart: a part of a 206 has a place in the whole.
func FuzzPart(f *testing.F) {
	for _, text := range []string{"bytes 0-4/10", "bytes 4-3/10", "bytes 0-4/*", "bytes */10", "bytes 5-10/10", "items 0-4/10"} {
		f.Add(text, int64(5))
	}
	f.Fuzz(func(t *testing.T, text string, length int64) {
		resp := &http.Response{Header: http.Header{"Content-Range": {text}}, ContentLength: length}
		first, total, ok := partOf(resp)
		if ok && (first < 0 || length < 1 || first+length > total) {
			t.Errorf("partOf(%q with %d bytes) = %d, %d", text, length, first, total)
		}
	})
}

// FuzzNormalize: a value in normal form stays as it is, and one member more or
// less makes a difference.
func FuzzNormalize(f *testing.F) {
	for _, text := range []string{"a, b", `"a,b", c`, `"a\",b`, ` , ,a`, `a\`, `"`, "en;q=0.5,\tde"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"Foo", "Cookie", "Prefer", "Accept-Language"} {
			once := normalize(name, []string{text})
			if twice := normalize(name, []string{once}); twice != once {
				t.Errorf("normalize(%s, %q) = %q, and again %q", name, text, once, twice)
			}
		}
		members := slices.Collect(listMembers(text))
		if more := slices.Collect(listMembers("z," + text)); len(more) != len(members)+1 {
			t.Errorf("%q has %d members, and %d with one more before it", text, len(members), len(more))
		}
	})
}

// FuzzTags: names of marks are tags that a purge can name, or groups.
func FuzzTags(f *testing.F) {
	f.Add("a, B,,c", `"x", "y"`)
	f.Add("a b\tc", `"x";p=1`)
	f.Fuzz(func(t *testing.T, tags, groups string) {
		u := target{scheme: "http", host: "h"}
		names, _ := marksOf(&u, http.Header{"Cache-Tag": {tags}, "Surrogate-Key": {tags}, "Cache-Groups": {groups}})
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("marksOf(%q, %q) = %q", tags, groups, names)
		}
		for _, name := range names {
			if name == aboutTag || name == aboutAll {
				t.Errorf("marksOf(%q, %q) has %q", tags, groups, name)
			}
		}
	})
}

// FuzzPath: a path in normal form stays as it is, and means what it meant.
func FuzzPath(f *testing.F) {
	for _, text := range []string{"/%7Ea", "/%2%35", "/%257e", "/a%2fb?x=%c3%", "/%zz"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := normalPath(text)
		if twice := normalPath(once); twice != once {
			t.Errorf("normalPath(%q) = %q, and again %q", text, once, twice)
		}
		before, err1 := url.PathUnescape(text)
		after, err2 := url.PathUnescape(once)
		if before != after || (err1 == nil) != (err2 == nil) {
			t.Errorf("normalPath(%q) = %q: unescaped %q, %v, want %q, %v", text, once, after, err2, before, err1)
		}
	})
}
