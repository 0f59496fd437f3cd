package redisstore

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/store"
)

// encode is what the scripts write.
func encode(r store.Record) []byte {
	return append(fmt.Appendf(nil, "L%c%s%014d", r.Kind, padded(r.Version), r.FreshUntil), r.Body...)
}

func TestDecode(t *testing.T) {
	for _, want := range []store.Record{
		{Kind: store.Value, Version: 7, FreshUntil: 1_767_225_600_000, Body: []byte("body")},
		{Kind: store.Negative},
		{Kind: store.Tombstone, Version: math.MaxUint64},
		{Kind: store.Stale, Version: 8, FreshUntil: 5, Body: []byte("body")},
		{Kind: store.Intent, Version: 8, FreshUntil: 1_767_225_600_000, Body: []byte("writer")},
		{Kind: store.Identity, Version: 8, Body: []byte("epoch")},
		{Kind: store.Value, Version: 1<<53 + 1, FreshUntil: 99_999_999_999_999, Body: []byte{0, '\r', '\n', 0xff}},
	} {
		got, ok := decode(encode(want))
		if !ok || got.Kind != want.Kind || got.Version != want.Version || got.FreshUntil != want.FreshUntil || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("decode(encode(%+v)) = %+v, %v", want, got, ok)
		}
	}
}

func TestDecode_SharesTheBody(t *testing.T) {
	stored := encode(store.Record{Kind: store.Value, Body: []byte("body")})
	record, _ := decode(stored)
	if &record.Body[0] != &stored[headerWidth] {
		t.Errorf("the body is a copy")
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		digits string
		want   uint64
		ok     bool
	}{
		{"0", 0, true},
		{"00000000000000000000", 0, true},
		{"18446744073709551615", math.MaxUint64, true},
		{"18446744073709551616", 0, false},
		{"18446744073709551620", 0, false},
		{"99999999999999999999", 0, false},
		{"1x", 0, false},
		{"-1", 0, false},
		{" 1", 0, false},
		{"1\x00", 0, false},
	} {
		if got, ok := number([]byte(c.digits)); ok != c.ok || ok && got != c.want {
			t.Errorf("number(%q) = %d, %v, want %d, %v", c.digits, got, ok, c.want, c.ok)
		}
	}
}

func TestPadded(t *testing.T) {
	for _, version := range []uint64{0, 1, 9, 10, 1 << 53, math.MaxUint64} {
		if got, want := padded(version), fmt.Sprintf("%020d", version); got != want {
			t.Errorf("padded(%d) = %q, want %q", version, got, want)
		}
	}
}

// TestDecode_Spoilt: that an intent is spoilt concerns the scripts alone.
func TestDecode_Spoilt(t *testing.T) {
	want := store.Record{Kind: store.Intent, Version: 8, FreshUntil: 5, Body: []byte("writer")}
	stored := encode(want)
	stored[1] = spoilt
	if got, ok := decode(stored); !ok || got.Kind != want.Kind || got.Version != 8 || string(got.Body) != "writer" {
		t.Errorf("decode(%q) = %+v, %v, want %+v", stored, got, ok, want)
	}
}

func TestDecodeTag(t *testing.T) {
	const digits = "18446744073709551615"
	want := store.Tag{Number: math.MaxUint64, Epoch: "e", Hard: "h", Soft: "s", Age: 5 * time.Millisecond}
	if got, ok := decodeTag([]byte("LG"+digits+" e h s 1000"), 1005); !ok || got != want {
		t.Errorf("%+v, %v, want %+v", got, ok, want)
	}
	for _, stored := range []string{
		"", "LG", "LG" + digits, "LG" + digits + " e h s", "LG" + digits + " e h s s 1", "LG1 e h s 1", "MG" + digits + " e h s 1",
		"LV" + digits + " e h s 1", "LG18446744073709551616 e h s 1", "LG-8446744073709551615 e h s 1", "LG" + digits + " e h s x",
	} {
		if got, ok := decodeTag([]byte(stored), 0); ok {
			t.Errorf("decodeTag(%q) = %+v, want nothing", stored, got)
		}
	}
}

// FuzzDecode: whatever is stored, decode does not panic, and what it accepts
// is what encode would have written.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(encode(store.Record{Kind: store.Value, Version: 7, FreshUntil: 5, Body: []byte("body")}))
	f.Add(encode(store.Record{Kind: store.Tombstone, Version: math.MaxUint64}))
	f.Add([]byte("Lq" + strings.Repeat("0", 34) + "writer"))
	f.Add([]byte("LV" + strings.Repeat("9", 34)))
	f.Add([]byte("L" + strings.Repeat("0", 40)))
	f.Fuzz(func(t *testing.T, stored []byte) {
		record, ok := decode(stored)
		if ok && stored[1] == spoilt {
			stored = append([]byte("LQ"), stored[2:]...)
		}
		if ok && !bytes.Equal(encode(record), stored) {
			t.Errorf("decode(%q) = %+v, which is stored as %q", stored, record, encode(record))
		}
	})
}

// FuzzTagKey: no key of a value is a tag's, whatever bytes either has, and all
// tags lie with the sequence.
func FuzzTagKey(f *testing.F) {
	for _, pair := range [][2]string{{"summer", "summer"}, {"}", "@}"}, {"", "@"}, {"x}", "@}x"}, {"{x", "{@}x"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, tag, key string) {
		k := newKeyspace("larder")
		name := k.dataKey(store.TagKey(tag))
		if tag := hashTag(name); tag != hashTag(k.dataKey(store.Sequence)) {
			t.Errorf("tag %q: hash tag %q", name, tag)
		}
		if slot(store.TagKey(tag)) != slot(store.Sequence) {
			t.Errorf("tag %q is not in the slot of the sequence", tag)
		}
		if back, ok := k.key(name); !ok || back != store.TagKey(tag) {
			t.Errorf("key(%q) = %q, %v", name, back, ok)
		}
		if !strings.HasPrefix(key, store.Sequence) && (k.dataKey(key) == name || strings.HasPrefix(k.dataKey(key), k.dataKey(store.Sequence))) {
			t.Errorf("key %q is stored as %q, like a tag", key, k.dataKey(key))
		}
	})
}

func FuzzKeyspace(f *testing.F) {
	for _, key := range []string{"product:42", "", "{", "}", "{}", "}{", "{{", "a{b}c", "\x00", "@", "@summer", "@}", "@{", "}@", "{@}x", "a@"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		k := newKeyspace("larder")
		if back, ok := k.key(k.dataKey(key)); !ok || back != key {
			t.Errorf("key(dataKey(%q)) = %q, %v", key, back, ok)
		}
		// And the other way: a key of the server belongs to one of ours at most.
		if ours, ok := k.key(key); ok && k.dataKey(ours) != key {
			t.Errorf("key(%q) = %q, which is %q", key, ours, k.dataKey(ours))
		}
		if tag := hashTag(k.dataKey(key)); tag == "" || tag != hashTag(k.leaseKey(key)) {
			t.Errorf("key %q: hash tags %q and %q", key, tag, hashTag(k.leaseKey(key)))
		}
	})
}

// hashTag is the part of a key that decides on its slot, by the words of the
// Redis Cluster specification; the server's own opinion is asked elsewhere.
func hashTag(key string) string {
	open := strings.IndexByte(key, '{')
	if open < 0 {
		return ""
	}
	length := strings.IndexByte(key[open+1:], '}')
	return key[open+1 : open+1+max(length, 0)]
}

func BenchmarkDecode(b *testing.B) {
	stored := encode(store.Record{Kind: store.Value, Version: 123_456_789, FreshUntil: 1_767_225_600_000, Body: make([]byte, 256)})
	for b.Loop() {
		if _, ok := decode(stored); !ok {
			b.Fatal("not decoded")
		}
	}
}
