package edge

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// onDisk gives a handler a disk store in a folder.
func onDisk(dir string) func(*Options) {
	return func(o *Options) { o.Disk = dir }
}

// oddFiles are files of which the tests decide when and how they work.
type oddFiles struct {
	files
	mu     sync.Mutex
	before func(what, name string) error // nil: all works
}

func (f *oddFiles) set(before func(what, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

func (f *oddFiles) ask(what, name string) error {
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(what, name)
}

func (f *oddFiles) read(name string, size int64) ([]byte, error) {
	if err := f.ask("read", name); err != nil {
		return nil, err
	}
	return f.files.read(name, size)
}

func (f *oddFiles) write(name string, parts [][]byte) error {
	if err := f.ask("write", name); err != nil {
		return err
	}
	return f.files.write(name, parts)
}

func (f *oddFiles) remove(name string) error {
	if err := f.ask("remove", name); err != nil {
		return err
	}
	return f.files.remove(name)
}

// newOddEdge returns a handler with a disk store on files that can be made odd.
func newOddEdge(t *testing.T, dir string, origin originFunc, change ...func(*Options)) (*Handler, *oddFiles) {
	t.Helper()
	h := newEdge(t, origin, change...)
	f, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	odd := &oddFiles{files: f}
	h.options.DiskBytes = cmp.Or(h.options.DiskBytes, 1<<30)
	h.store.disk = openDisk(odd, &h.options, &h.spools, h.reports)
	return h, odd
}

// diskPurges are all that forgets, with whether it does so softly.
func diskPurges() []Purge {
	return []Purge{
		{Tags: []string{"x"}},
		{URLs: []string{"http://www.example.com/a"}},
		{Hosts: []string{"www.example.com"}},
		{Prefixes: []string{"www.example.com/a"}},
		{Everything: true},
		{Tags: []string{"x"}, Soft: true},
		{URLs: []string{"http://www.example.com/a"}, Soft: true},
		{Hosts: []string{"www.example.com"}, Soft: true},
		{Everything: true, Soft: true},
		{}, // an unsafe request
	}
}

// carryOut purges, or sends an unsafe request if the purge names nothing.
func carryOut(t *testing.T, h *Handler, p Purge) {
	t.Helper()
	if _, _, err := p.read(h); err != nil {
		put := newGet("/a")
		put.Method = http.MethodPut
		do(h, put)
	} else if err := h.Purge(p); err != nil {
		t.Fatal(err)
	}
}

// versions is an origin whose response changes, and which can be down.
type versions struct {
	now  atomic.Int64
	down atomic.Bool
}

func (v *versions) serve(r *http.Request) (*http.Response, error) {
	if v.down.Load() {
		return nil, errors.New("down")
	}
	return respond(200, strconv.FormatInt(v.now.Load(), 10), "Cache-Control: max-age=600", "Cache-Tag: x", "Cache-Groups: \"g\""), nil
}

// TestDisk_Found: what is not in memory any more is a hit from the disk, and then in
// memory again.
func TestDisk_Found(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h := newEdge(t, o.serve, onDisk(t.TempDir()))
		get(h, "/a")
		synctest.Wait() // it is written
		h.store.tier.Clear()
		o.now.Store(1)
		for range 2 {
			w := get(h, "/a")
			want(t, w, 200, "0")
			if !strings.Contains(w.Header().Get("Cache-Status"), "; hit") {
				t.Errorf("Cache-Status %q, want a hit", w.Header()["Cache-Status"])
			}
		}
		if s := h.Stats(); s.DiskFound != 1 || s.DiskWritten != 1 || s.DiskEntries != 1 || s.DiskBytes != blockBytes || s.DiskFailed != 0 {
			t.Errorf("Stats() = %+v, want one found, written and there", s)
		}
	})
}

// TestDisk_Purged: what is on disk alone is purged as what is in memory.
func TestDisk_Purged(t *testing.T) {
	for _, p := range diskPurges() {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o versions
				h := newEdge(t, o.serve, onDisk(t.TempDir()))
				get(h, "/a")
				synctest.Wait()
				h.store.tier.Clear()
				o.now.Store(1)
				carryOut(t, h, p)
				time.Sleep(time.Second)
				o.down.Store(true)
				w := get(h, "/a")
				if p.Soft {
					want(t, w, 200, "0") // stale, since the origin is down
					if got := w.Header().Get("Cache-Status"); !strings.Contains(got, "ttl=-1; detail=stale-if-error") {
						t.Errorf("Cache-Status %q, want it stale for a second", got)
					}
				} else if w.Code != http.StatusBadGateway {
					t.Errorf("%d %q, want 502", w.Code, w.Body)
				}
				synctest.Wait() // nobody is asking any more
				o.down.Store(false)
				h.store.tier.Clear()
				want(t, get(h, "/a"), 200, "1")
				synctest.Wait()
				h.store.tier.Clear()
				want(t, get(h, "/a"), 200, "1")
			})
		})
	}
}

// TestDisk_GroupPurged: groups of RFC 9875 count for what is on disk.
func TestDisk_GroupPurged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				return respond(204, "", `Cache-Group-Invalidation: "g"`), nil
			}
			return o.serve(r)
		}, onDisk(t.TempDir()))
		get(h, "/a")
		synctest.Wait()
		h.store.tier.Clear()
		o.now.Store(1)
		do(h, httptest.NewRequest(http.MethodPost, "http://www.example.com/other", strings.NewReader("")))
		want(t, get(h, "/a"), 200, "1")
	})
}

// TestDisk_PurgedWhileWritten: a file that lands after the purge is not served.
func TestDisk_PurgedWhileWritten(t *testing.T) {
	for _, p := range diskPurges() {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o versions
				h, odd := newOddEdge(t, t.TempDir(), o.serve)
				gate := make(chan struct{})
				odd.set(func(what, _ string) error {
					if what == "write" {
						<-gate
					}
					return nil
				})
				get(h, "/a")
				synctest.Wait() // it is being written
				o.now.Store(1)
				h.store.tier.Clear()
				carryOut(t, h, p)
				close(gate)
				synctest.Wait() // it has landed
				h.store.tier.Clear()
				want(t, get(h, "/a"), 200, "1")
				synctest.Wait()
				if s := h.Stats(); s.DiskEntries != 1 || s.DiskBytes != blockBytes {
					t.Errorf("%d entries, %d bytes, want one of %d", s.DiskEntries, s.DiskBytes, blockBytes)
				}
			})
		})
	}
}

// TestDisk_PurgedWhileRead: what was read before the purge is not put into memory
// after it.
func TestDisk_PurgedWhileRead(t *testing.T) {
	for _, p := range diskPurges() {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var o versions
				h, odd := newOddEdge(t, t.TempDir(), o.serve)
				get(h, "/a")
				synctest.Wait()
				h.store.tier.Clear()
				gate := make(chan struct{})
				odd.set(func(what, _ string) error {
					if what == "read" {
						<-gate
					}
					return nil
				})
				var early sync.WaitGroup
				early.Go(func() { get(h, "/a") }) // before the purge: either is right
				synctest.Wait()
				o.now.Store(1)
				carryOut(t, h, p)
				early.Go(func() { want(t, get(h, "/a"), 200, "1") }) // must not be told what the first reads
				close(gate)
				early.Wait()
				want(t, get(h, "/a"), 200, "1")
			})
		})
	}
}

// TestDisk_Superseded: what was stored later is what is found, whatever lands when.
func TestDisk_Superseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h, odd := newOddEdge(t, t.TempDir(), o.serve, func(o *Options) { o.Profile = StrictRFC })
		gate := make(chan struct{})
		first := true
		odd.set(func(what, _ string) error {
			if what == "write" && first {
				first = false
				<-gate
			}
			return nil
		})
		get(h, "/a")
		synctest.Wait()
		o.now.Store(1)
		get(h, "/a", "Cache-Control: no-cache")
		synctest.Wait() // the second is written, the first still waits
		close(gate)
		synctest.Wait()
		h.store.tier.Clear()
		want(t, get(h, "/a"), 200, "1")
	})
}

// TestDisk_Restart: what an earlier process left is confirmed before it is served,
// with its variants and tags, and does not stand in for an origin that is down.
func TestDisk_Restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		down, seen, asked := false, "", 0
		origin := func(r *http.Request) (*http.Response, error) {
			asked++
			seen = r.Header.Get("If-None-Match")
			etag := `"` + r.Header.Get("Foo") + `"`
			switch {
			case down:
				return nil, errors.New("down")
			case strings.Contains(seen, etag):
				return respond(304, "", "CDN-Cache-Control: max-age=60, stale-if-error=60", "ETag: "+etag), nil
			case r.URL.Path == "/plain":
				return respond(200, "plain", "Cache-Control: max-age=600"), nil
			}
			return respond(200, "tea "+r.Header.Get("Foo"), "CDN-Cache-Control: max-age=600, stale-while-revalidate=60, stale-if-error=60",
				"ETag: "+etag, "Vary: Foo", "Cache-Tag: x"), nil
		}
		h := newEdge(t, origin, onDisk(dir))
		for range 5 { // its numbers mean nothing to the next process
			carryOut(t, h, Purge{Tags: []string{"other"}})
		}
		for _, path := range []string{"/a", "/b", "/plain"} {
			get(h, path, "Foo: 1")
			get(h, path, "Foo: 2")
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)

		h = newEdge(t, origin, onDisk(dir))
		synctest.Wait() // the folder is read
		if s := h.Stats(); s.DiskEntries != 3 {
			t.Fatalf("%d entries after a restart, want 3", s.DiskEntries)
		}
		down = true
		if w := get(h, "/a", "Foo: 1"); w.Code != http.StatusGatewayTimeout {
			t.Errorf("the origin is down: %d %q, want 504: nobody knows what was purged", w.Code, w.Body)
		}
		synctest.Wait() // nobody asks any more, so that nobody joins
		down, asked = false, 0
		w := get(h, "/a", "Foo: 1")
		want(t, w, 200, "tea 1")
		if got := w.Header().Get("Cache-Status"); !strings.HasPrefix(seen, `"1"`) || !strings.Contains(got, "fwd=stale; fwd-status=304") {
			t.Errorf("the origin saw If-None-Match %q, Cache-Status %q, want it asked to confirm", seen, got)
		}
		want(t, get(h, "/a", "Foo: 1"), 200, "tea 1")
		if asked != 1 {
			t.Errorf("the origin was asked %d times, want once: then it is fresh", asked)
		}
		want(t, get(h, "/a", "Foo: 2"), 200, "tea 2") // the other variant is confirmed by itself
		if asked != 2 {
			t.Errorf("the origin was asked %d times, want twice", asked)
		}
		down = true
		time.Sleep(90 * time.Second)
		want(t, get(h, "/a", "Foo: 1"), 200, "tea 1") // confirmed, it stands in again
		synctest.Wait()
		down = false
		want(t, get(h, "/plain"), 200, "plain")
		if seen != "" {
			t.Errorf("without a validator the origin saw %q, want nothing", seen)
		}
		if err := h.Purge(Purge{Tags: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
		get(h, "/b", "Foo: 1")
		if seen != "" {
			t.Error("what was left by an earlier process was not purged by its tag")
		}
	})
}

// TestDisk_RestartHead: a HEAD does not confirm what an earlier process left.
func TestDisk_RestartHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		conditional := false
		origin := func(r *http.Request) (*http.Response, error) {
			conditional = r.Header.Get("If-None-Match") != ""
			return respond(200, "tea", "Cache-Control: max-age=600", `ETag: "1"`), nil
		}
		h := newEdge(t, origin, onDisk(dir))
		get(h, "/a")
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		h = newEdge(t, origin, onDisk(dir))
		synctest.Wait()
		head := newGet("/a")
		head.Method = http.MethodHead
		do(h, head)
		if w := get(h, "/a"); !conditional || strings.Contains(w.Header().Get("Cache-Status"), "; hit") {
			t.Errorf("after a HEAD: %q, want the origin asked to confirm", w.Header()["Cache-Status"])
		}
	})
}

// TestDisk_OtherProfile: what a profile that believes more has stored is not used.
func TestDisk_OtherProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		conditional := false
		origin := func(r *http.Request) (*http.Response, error) {
			conditional = r.Header.Get("If-None-Match") != ""
			return respond(200, "tea", "Cache-Control: max-age=600", `ETag: "1"`, "Set-Cookie: a=b"), nil
		}
		h := newEdge(t, origin, onDisk(dir), func(o *Options) { o.Profile = StrictRFC })
		get(h, "/a")
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		h = newEdge(t, origin, onDisk(dir))
		synctest.Wait()
		if get(h, "/a"); conditional {
			t.Error("the origin was asked to confirm what strict-rfc had stored")
		}
	})
}

// TestDisk_Modes: nobody else on the machine can read what is stored.
func TestDisk_Modes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "new", "disk")
		var o versions
		h := newEdge(t, o.serve, onDisk(dir))
		get(h, "/../../etc/passwd?"+strings.Repeat("x", 1000))
		synctest.Wait()
		n := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			want := fs.FileMode(0o600)
			if n++; d.IsDir() {
				want = 0o700
			}
			if info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
			}
			return nil
		})
		if err != nil || n != 4 {
			t.Errorf("%d names, %v, want the folder, its lock, a shard and a file", n, err)
		}
	})
}

// TestDisk_Taken: two handlers do not share a folder; the second may have it when
// the first has closed.
func TestDisk_Taken(t *testing.T) {
	dir := t.TempDir()
	var o versions
	h := newEdge(t, o.serve, onDisk(dir))
	options := h.options
	if _, err := New(options); !errors.Is(err, errTaken) || !strings.Contains(err.Error(), dir) {
		t.Errorf("New on a folder that is taken: %v, want %v and the folder", err, errTaken)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	newEdge(t, o.serve, onDisk(dir))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	options.Disk = file
	if _, err := New(options); err == nil || !strings.Contains(err.Error(), "disk store") {
		t.Errorf("New on a file: %v, want an error", err)
	}
}

// TestDisk_Collapsed: many who miss in memory read the file once.
func TestDisk_Collapsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h, odd := newOddEdge(t, t.TempDir(), o.serve)
		get(h, "/a")
		synctest.Wait()
		h.store.tier.Clear()
		reads := atomic.Int64{}
		odd.set(func(what, _ string) error {
			if what == "read" {
				reads.Add(1)
				time.Sleep(time.Millisecond)
			}
			return nil
		})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { want(t, get(h, "/a"), 200, "0") })
		}
		all.Wait()
		if n, s := reads.Load(), h.Stats(); n != 1 || s.OriginRequests != 1 || s.Hits != 100 {
			t.Errorf("%d reads, %+v, want one for 100 hits", n, s)
		}
	})
}

// TestDisk_Budget: what is read takes from what bodies under way may take, and is
// not read if there is nothing left.
func TestDisk_Budget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h := newEdge(t, o.serve, onDisk(t.TempDir()))
		get(h, "/a")
		synctest.Wait()
		h.store.tier.Clear()
		o.now.Store(1)
		all := h.spools.Swap(10)
		want(t, get(h, "/a"), 200, "1")
		if got, s := h.spools.Load(), h.Stats(); got != 10 || s.DiskFound != 0 || s.DiskFailed != 0 {
			t.Errorf("%d of 10 bytes are left, %+v, want them untouched and nothing read", got, s)
		}
		h.spools.Store(all)
		synctest.Wait()
		h.store.tier.Clear()
		get(h, "/a")
		if got := h.spools.Load(); got != all || h.Stats().DiskFound != 1 {
			t.Errorf("%d of %d bytes are left, want all, and it found", got, all)
		}
	})
}
