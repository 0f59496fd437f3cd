package httpcache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/larderdev/larder/httpcache"
)

func TestCacheStatus(t *testing.T) {
	h := http.Header{}
	h.Set("Cache-Status", "origin-side; hit")
	for _, s := range []httpcache.CacheStatus{
		{Cache: "larder-shared", Forward: "miss", ForwardStatus: 200, Stored: true, Collapsed: true, Key: `a "b" \`, TTL: 90 * time.Second, HasTTL: true},
		{Cache: "larder edge", Hit: true, TTL: -1500 * time.Millisecond, HasTTL: true, Detail: "memory"},
		{Cache: "*x:/y", Forward: "stale"},
	} {
		if err := s.AddTo(h); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"origin-side; hit",
		`larder-shared; fwd=miss; fwd-status=200; ttl=90; stored; collapsed; key="a \"b\" \\"`,
		`"larder edge"; hit; ttl=-1; detail="memory"`,
		`*x:/y; fwd=stale`,
	}
	if got := strings.Join(h["Cache-Status"], "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	// Others read the same.
	list, err := httpsfv.UnmarshalList(h["Cache-Status"])
	if err != nil || len(list) != 4 {
		t.Fatalf("read as %v, %v", list, err)
	}
	item := list[1].(httpsfv.Item)
	if key, _ := item.Params.Get("key"); item.Value != httpsfv.Token("larder-shared") || key != `a "b" \` {
		t.Errorf("read as %v, key %v", item.Value, key)
	}
}

func TestCacheStatus_Mistakes(t *testing.T) {
	for _, tt := range []struct {
		status httpcache.CacheStatus
		want   string
	}{
		{httpcache.CacheStatus{Hit: true}, "Cache is empty"},
		{httpcache.CacheStatus{Cache: "a\r\nb", Hit: true}, "Cache is"},
		{httpcache.CacheStatus{Cache: "a", Hit: true, Key: "é"}, "Key is"},
		{httpcache.CacheStatus{Cache: "a", Hit: true, Detail: "\n"}, "Detail is"},
		{httpcache.CacheStatus{Cache: "a"}, "want either Hit or Forward"},
		{httpcache.CacheStatus{Cache: "a", Hit: true, Forward: "miss"}, "want either Hit or Forward"},
		{httpcache.CacheStatus{Cache: "a", Forward: "x; y"}, "Forward is"},
		{httpcache.CacheStatus{Cache: "a", Forward: "miss", ForwardStatus: 1000}, "ForwardStatus is 1000"},
		{httpcache.CacheStatus{Cache: "a", Hit: true, Stored: true}, "are for what was forwarded"},
	} {
		h := http.Header{}
		if err := tt.status.AddTo(h); err == nil || !strings.Contains(err.Error(), tt.want) || len(h) > 0 {
			t.Errorf("%+v: error %v, %q, want one with %q", tt.status, err, h, tt.want)
		}
	}
}

// FuzzCacheStatus: what is written can be read, and is what was meant.
func FuzzCacheStatus(f *testing.F) {
	f.Add("larder", "key", "detail")
	f.Add("*", `"\`, "")
	f.Add("a b", "\x7f", "\r\n")
	f.Fuzz(func(t *testing.T, cache, key, detail string) {
		h := http.Header{}
		s := httpcache.CacheStatus{Cache: cache, Hit: true, Key: key, Detail: detail}
		if s.AddTo(h) != nil {
			return
		}
		list, err := httpsfv.UnmarshalList(h["Cache-Status"])
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v is written as %q and read as %v, %v", s, h["Cache-Status"], list, err)
		}
		item := list[0].(httpsfv.Item)
		name, isString := item.Value.(string)
		if token, ok := item.Value.(httpsfv.Token); ok && !isString {
			name = string(token)
		}
		gotKey, _ := item.Params.Get("key")
		if name != cache || key != "" && gotKey != key {
			t.Errorf("%+v is read as %q, key %q", s, name, gotKey)
		}
	})
}
