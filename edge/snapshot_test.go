package edge

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSnapshot: what was saved is there after a restart, stale from then on, with
// its variants and tags.
func TestSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		seen := ""
		origin := func(r *http.Request) (*http.Response, error) {
			seen = r.Header.Get("If-None-Match")
			switch {
			case down:
				return nil, errors.New("down")
			case seen == `"1"`:
				return respond(304, "", "Cache-Control: max-age=60", `ETag: "1"`), nil
			}
			return respond(200, "tea "+r.Header.Get("Foo"), "Cache-Control: max-age=600", `ETag: "1"`, "Vary: Foo", "Cache-Tag: x"), nil
		}
		h := newEdge(t, origin)
		get(h, "/a", "Foo: 1")
		get(h, "/b")
		get(h, "/purged")
		synctest.Wait()
		if err := h.Purge(Purge{URLs: []string{"http://www.example.com/purged"}}); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := h.Save(&file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)

		h = newEdge(t, origin)
		n, err := h.Restore(bytes.NewReader(file.Bytes()))
		if n != 2 || err != nil {
			t.Fatalf("Restore: %d, %v, want 2", n, err)
		}
		down = true
		w := get(h, "/a", "Foo: 1")
		want(t, w, 200, "tea 1")
		if got := w.Header().Get("Cache-Status"); got != "larder; fwd=stale; ttl=-10; detail=stale-if-error" || w.Header().Get("Age") != "10" {
			t.Errorf("the origin is down: %q, Age %q, want it stale for the 10 s since it was saved", got, w.Header().Get("Age"))
		}
		if w := get(h, "/a", "Foo: 2"); w.Code != http.StatusBadGateway {
			t.Errorf("another variant: %d, want 502", w.Code)
		}
		down = false
		want(t, get(h, "/a", "Foo: 1"), 200, "tea 1")
		if seen != `"1"` {
			t.Errorf("the origin saw If-None-Match %q, want it asked to confirm", seen)
		}
		if err := h.Purge(Purge{Tags: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
		get(h, "/b")
		if seen != "" {
			t.Error("a restored response was not purged by its tag")
		}
	})
}

// TestSnapshot_Damaged: what comes before the damage is there, nothing of what
// is behind it, and nothing panics.
func TestSnapshot_Damaged(t *testing.T) {
	origin := func(r *http.Request) (*http.Response, error) {
		return respond(200, strings.Repeat("x", 100), "Cache-Control: max-age=600"), nil
	}
	h := newEdge(t, origin)
	get(h, "/a")
	get(h, "/b")
	var file bytes.Buffer
	if err := h.Save(&file); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x55
		n, err := newEdge(t, origin).Restore(bytes.NewReader(damaged))
		if err == nil || n > 1 {
			t.Errorf("with byte %d changed: %d restored, %v, want an error and 1 at most", i, n, err)
		}
	}
	for i := range whole { // nothing at all is an empty snapshot
		n, err := newEdge(t, origin).Restore(bytes.NewReader(whole[:i]))
		if n > 1 || err == nil && i > 0 && i != len(snapshotMagic)+len("safe-default\n") && n != 1 {
			t.Errorf("cut at %d of %d: %d restored, %v", i, len(whole), n, err)
		}
	}
	if _, err := newEdge(t, origin, func(o *Options) { o.Profile = StrictRFC }).Restore(bytes.NewReader(whole)); err == nil {
		t.Error("a snapshot of another profile was restored")
	}
}

// TestSnapshot_ConfirmedFirst: what was restored is confirmed before it is served,
// since a purge may have been missed; from then on its fields count.
func TestSnapshot_ConfirmedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := "old"
		origin := func(*http.Request) (*http.Response, error) {
			return respond(200, body, "CDN-Cache-Control: max-age=60, stale-while-revalidate=300"), nil
		}
		h := newEdge(t, origin)
		get(h, "/a")
		var file bytes.Buffer
		if err := h.Save(&file); err != nil {
			t.Fatal(err)
		}
		body = "new"
		h = newEdge(t, origin)
		if n, err := h.Restore(&file); n != 1 || err != nil {
			t.Fatalf("Restore: %d, %v, want 1", n, err)
		}
		want(t, get(h, "/a"), 200, "new")
		time.Sleep(100 * time.Second)
		body = "newer"
		want(t, get(h, "/a"), 200, "new")
	})
}
