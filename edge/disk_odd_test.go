package edge

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestDisk_ClockWasAhead: what an earlier process has asked for by a clock that was
// ahead does not keep out what the origin says now.
func TestDisk_ClockWasAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		asked := 0
		origin := func(*http.Request) (*http.Response, error) {
			asked++
			return respond(200, "tea", "Cache-Control: max-age=600", `ETag: "1"`), nil
		}
		h := newEdge(t, origin)
		get(h, "/a")
		key := "http://www.example.com/a"
		ahead := h.store.tier.Get(key).list[0].with(http.Header{"Etag": {`"1"`}}, func(c *response) {
			c.askedAt, c.gotAt = time.Now().Add(time.Hour), time.Now().Add(time.Hour)
		})
		parts, size, err := encodeFile(SafeDefault, time.Now(), []*response{ahead}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		f, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.write(fileName(keyOf(key), 1, size), parts); err != nil {
			t.Fatal(err)
		}
		if err := f.close(); err != nil {
			t.Fatal(err)
		}
		h = newEdge(t, origin, onDisk(dir))
		synctest.Wait()
		asked = 0
		for range 3 {
			get(h, "/a")
		}
		if asked != 1 {
			t.Errorf("the origin was asked %d times for what is fresh for 600 s, want once", asked)
		}
	})
}

// TestDisk_ClockIsSet: the age of what comes back from the disk does not hang on the
// clock of the wall, as that of what is in memory does not.
func TestDisk_ClockIsSet(t *testing.T) {
	var o versions
	h := newEdge(t, o.serve)
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.close() }()
	d := &disk{files: f, options: &h.options, budget: &h.spools, born: time.Now()}
	get(h, "/a")
	key := "http://www.example.com/a"
	before := h.store.tier.Get(key)
	parts, size, err := encodeFile(SafeDefault, d.born, before.list, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	e := &entry{key: keyOf(key), stamp: 1, size: size}
	if err := f.write(e.name(), parts); err != nil {
		t.Fatal(err)
	}
	list, err := d.decode(e, key)
	if err != nil || len(list) != 1 {
		t.Fatalf("decode: %v, %v, want one response", list, err)
	}
	for _, times := range [][2]time.Time{{list[0].askedAt, before.list[0].askedAt}, {list[0].gotAt, before.list[0].gotAt}} {
		// The reading of the clock that nobody sets shows in the text alone.
		if got, want := times[0], times[1]; !strings.Contains(got.String(), " m=") || got.Sub(want) != 0 {
			t.Errorf("read back as %v, want %v, by the same clock", got, want)
		}
	}
}

// TestDisk_OneThatStays: a file that cannot be removed does not keep others from
// making room.
func TestDisk_OneThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h, odd := newOddEdge(t, t.TempDir(), o.serve)
		get(h, "/stays")
		synctest.Wait()
		stays := fileName(keyOf("http://www.example.com/stays"), 0, 0)[:35]
		odd.set(func(what, name string) error {
			if what == "remove" && strings.HasPrefix(name, stays) {
				return syscall.EPERM
			}
			return nil
		})
		for _, path := range []string{"/a", "/b", "/c"} {
			get(h, path)
		}
		synctest.Wait()
		for _, path := range []string{"/a", "/b", "/stays"} {
			carryOut(t, h, Purge{URLs: []string{"http://www.example.com" + path}})
		}
		for range 3 {
			time.Sleep(diskPause)
			carryOut(t, h, Purge{URLs: []string{"http://www.example.com/c"}})
			synctest.Wait()
		}
		if s := h.Stats(); s.DiskBytes != blockBytes {
			t.Errorf("%d bytes are left, want the %d that cannot be removed", s.DiskBytes, blockBytes)
		}
	})
}

// TestDisk_WithheldRules: a response that keeps its own rules from clients obeys them
// when it comes back from the disk.
func TestDisk_WithheldRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := newEdge(t, func(*http.Request) (*http.Response, error) {
			asked++
			return respond(200, "tea", `CDN-Cache-Control: max-age=5, private="CDN-Cache-Control"`, "Cache-Control: max-age=86400"), nil
		}, onDisk(t.TempDir()))
		get(h, "/a")
		synctest.Wait()
		h.store.tier.Clear()
		time.Sleep(10 * time.Second)
		get(h, "/a")
		if asked != 2 {
			t.Errorf("the origin was asked %d times, want twice: it was fresh for 5 s", asked)
		}
	})
}
