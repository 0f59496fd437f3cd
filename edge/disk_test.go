package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	h.options.DiskBytes = orElse(h.options.DiskBytes, 1<<30)
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
	if _, _, err := p.read(); err != nil {
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

// theFile returns the only file of a store in a folder.
func theFile(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "??", "*"))
	if err != nil || len(all) != 1 {
		t.Fatalf("the files are %v, %v, want one", all, err)
	}
	return all[0]
}

// TestDisk_Damaged: a file that is not as it was written is a miss, and goes.
func TestDisk_Damaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		for _, damage := range []func([]byte) []byte{
			func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
			func(b []byte) []byte { b[frontBytes+5] ^= 1; return b },
			func(b []byte) []byte { return b[:len(b)-1] },
			func(b []byte) []byte { return b[:5] },
			func(b []byte) []byte { return nil },
			func(b []byte) []byte { return append(b, 0) },
		} {
			dir := t.TempDir()
			o.now.Store(0)
			h := newEdge(t, o.serve, onDisk(dir))
			get(h, "/a")
			synctest.Wait()
			file := theFile(t, dir)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			h.store.tier.Clear()
			o.now.Store(1)
			want(t, get(h, "/a"), 200, "1")
			synctest.Wait()
			if _, err := os.Stat(file); err == nil {
				t.Error("the damaged file is still there")
			}
			if s := h.Stats(); s.DiskFailed != 1 || s.DiskBytes != blockBytes {
				t.Errorf("Stats() = %+v, want one error, and the new file alone", s)
			}
		}
	})
}

// TestDecodeFile: whatever byte is changed, wherever the file is cut, nothing of it
// is believed.
func TestDecodeFile(t *testing.T) {
	h := newEdge(t, func(*http.Request) (*http.Response, error) {
		return respond(200, "tea", "Cache-Control: max-age=60", "Vary: Foo", "Cache-Tag: x"), nil
	})
	get(h, "/a", "Foo: 1")
	get(h, "/a", "Foo: 2")
	parts, size, err := encodeFile(SafeDefault, h.store.tier.Get("http://www.example.com/a").list, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.Join(parts, nil)
	if head, bodies, err := decodeFile(whole); err != nil || len(head.Responses) != 2 || len(bodies) != 2 || string(bodies[1]) != "tea" || int64(len(whole)) != size {
		t.Fatalf("decodeFile: %+v, %q, %v, want two responses of %d bytes", head, bodies, err, size)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x55
		if _, _, err := decodeFile(damaged); !errors.Is(err, errDamaged) {
			t.Errorf("with byte %d changed: %v, want %v", i, err, errDamaged)
		}
		if _, _, err := decodeFile(whole[:i]); !errors.Is(err, errDamaged) {
			t.Errorf("cut at %d: %v, want %v", i, err, errDamaged)
		}
	}
}

// TestDisk_Foreign: what others have put into the folder stays, whatever its name.
func TestDisk_Foreign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		key := keyOf("http://www.example.com/a")
		ours := filepath.FromSlash(fileName(key, 1, 5))
		shard := filepath.Dir(ours)
		if err := os.MkdirAll(filepath.Join(dir, shard, filepath.Base(fileName(key, 2, 7))), 0o700); err != nil {
			t.Fatal(err)
		}
		foreign := []string{"notes.txt", "ab", filepath.Join(shard, "notes.part"), ours, ours + tempSuffix}
		for _, name := range foreign {
			if name == "ab" && shard == "ab" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var o versions
		h := newEdge(t, o.serve, onDisk(dir))
		synctest.Wait()
		want(t, get(h, "/a"), 200, "0")
		synctest.Wait()
		carryOut(t, h, Purge{Everything: true})
		synctest.Wait()
		for _, name := range foreign {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "hello" {
				t.Errorf("%s holds %q, %v, want it untouched", name, text, err)
			}
		}
		if s := h.Stats(); s.DiskBytes != 0 {
			t.Errorf("%d bytes are counted after a purge of everything, want 0", s.DiskBytes)
		}
	})
}

// sizeOf is what the files of a folder take, in blocks, without its lock.
func sizeOf(t *testing.T, dir string) (n int, bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n++
			bytes += blocks(info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, bytes
}

// TestDisk_Bounded: unique URLs far beyond the bound leave the files within it, and
// what is asked for often stays.
func TestDisk_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 2 << 20
		dir := t.TempDir()
		asked := map[string]int{}
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked[r.URL.Path]++
			return respond(200, strings.Repeat("x", 100+len(asked)*37%9000), "Cache-Control: max-age=3600", `ETag: "1"`), nil
		}, onDisk(dir), func(o *Options) { o.MaxBytes, o.DiskBytes = 1<<20, limit })
		for i := range 1500 {
			get(h, "/"+strconv.Itoa(i))
			if i%50 == 0 {
				h.store.tier.Clear()
				get(h, "/hot")
				synctest.Wait()
				if _, bytes := sizeOf(t, dir); bytes > limit {
					t.Fatalf("after %d URLs the files take %d bytes, want at most %d", i, bytes, limit)
				}
			}
		}
		synctest.Wait()
		n, bytes := sizeOf(t, dir)
		if s := h.Stats(); s.DiskEntries != n || s.DiskBytes != bytes || bytes < limit/2 || s.DiskFailed != 0 {
			t.Errorf("Stats() = %+v, there are %d files of %d bytes", s, n, bytes)
		}
		if asked["/hot"] != 1 {
			t.Errorf("what is asked for often came %d times from the origin, want once", asked["/hot"])
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		// A lower bound is kept by what is there already.
		newEdge(t, nil, onDisk(dir), func(o *Options) { o.DiskBytes = limit / 2 })
		synctest.Wait()
		if _, bytes := sizeOf(t, dir); bytes > limit/2 || bytes < limit/4 {
			t.Errorf("after a restart with half the room the files take %d bytes, want at most %d", bytes, limit/2)
		}
	})
}

// TestDisk_Fails: a disk that is full, or cannot be read or written to, fails no
// request, is told of in few lines, and is used again when it works.
func TestDisk_Fails(t *testing.T) {
	for _, what := range []string{"write", "read", "remove"} {
		for _, fault := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
			t.Run(what+" "+fault.Error(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var o versions
					var log bytes.Buffer
					h, odd := newOddEdge(t, t.TempDir(), o.serve, func(o *Options) {
						o.Logger = slog.New(slog.NewTextHandler(&log, nil))
					})
					for i := range 50 {
						get(h, "/"+strconv.Itoa(i))
					}
					synctest.Wait()
					h.store.tier.Clear()
					odd.set(func(now, _ string) error {
						if now == what {
							return fault
						}
						return nil
					})
					for i := range 100 {
						want(t, get(h, "/"+strconv.Itoa(i)), 200, "0")
						carryOut(t, h, Purge{URLs: []string{"http://www.example.com/" + strconv.Itoa(i)}})
						want(t, get(h, "/"+strconv.Itoa(i)), 200, "0")
					}
					synctest.Wait()
					s := h.Stats()
					if lines := strings.Count(log.String(), "\n"); s.DiskFailed == 0 || lines != 1 {
						t.Errorf("%d errors counted, %d lines, want some and one: %s", s.DiskFailed, lines, log.String())
					}
					odd.set(nil)
					time.Sleep(diskPause)
					get(h, "/again")
					synctest.Wait()
					h.store.tier.Clear()
					found := h.Stats().DiskFound
					get(h, "/again")
					if now := h.Stats(); now.DiskFound != found+1 {
						t.Errorf("after the disk works again: %+v, want it used", now)
					}
					carryOut(t, h, Purge{Everything: true})
					synctest.Wait()
					if now := h.Stats(); now.DiskBytes != 0 {
						t.Errorf("after a purge of everything %d bytes are left", now.DiskBytes)
					}
				})
			})
		}
	}
}

// TestDisk_Hangs: a disk that does not come back holds up one request a little and
// the next ones not at all, takes no more memory than agreed, and does not hold up
// the end for longer than it says.
func TestDisk_Hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.Repeat("x", 10<<10)
		h, odd := newOddEdge(t, t.TempDir(), func(*http.Request) (*http.Response, error) {
			return respond(200, body, "Cache-Control: max-age=3600"), nil
		}, func(o *Options) { o.MaxBytes = 16 << 20 })
		get(h, "/a")
		get(h, "/b")
		synctest.Wait()
		h.store.tier.Clear()
		gate := make(chan struct{})
		odd.set(func(string, string) error { <-gate; return nil })
		began := time.Now()
		want(t, get(h, "/a"), 200, body)
		first := time.Since(began)
		want(t, get(h, "/b"), 200, body)
		if second := time.Since(began) - first; first != readPatience || second != 0 {
			t.Errorf("the requests took %v and %v, want %v and nothing", first, second, readPatience)
		}
		for i := range 2 * maxWaiting {
			get(h, "/"+strconv.Itoa(i))
		}
		synctest.Wait()
		h.store.disk.mu.Lock()
		waiting, queue := h.store.disk.waiting, len(h.store.disk.queue)
		h.store.disk.mu.Unlock()
		if waiting > h.options.MaxBytes/16 || queue > maxWaiting || h.Stats().DiskDropped == 0 {
			t.Errorf("%d bytes in %d responses wait, want at most %d in %d, and others dropped", waiting, queue, h.options.MaxBytes/16, maxWaiting)
		}
		began = time.Now()
		if err := h.Close(); err == nil || time.Since(began) != 2*flushPatience {
			t.Errorf("Close: %v after %v, want an error after %v", err, time.Since(began), 2*flushPatience)
		}
		began = time.Now()
		if err := h.Close(); err == nil || time.Since(began) != 0 {
			t.Errorf("Close again: %v after %v, want the error at once", err, time.Since(began))
		}
		close(gate)
		synctest.Wait()
		if err := h.Close(); err != nil {
			t.Errorf("Close again: %v", err)
		}
	})
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

// TestDisk_Adopts: of two files for a URL, which a process that ends between two
// steps can leave, the later one counts, whichever is seen first.
func TestDisk_Adopts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o versions
		h := newEdge(t, o.serve, onDisk(t.TempDir()))
		d := h.store.disk
		for i, stamps := range [][]uint64{{1, 2}, {2, 1}} {
			key := keyOf(strconv.Itoa(i))
			for _, stamp := range stamps {
				_, base, _ := strings.Cut(fileName(key, stamp, 5), "/")
				d.adopt(base)
			}
			if e := d.index[key]; e == nil || e.stamp != 2 || !e.old {
				t.Errorf("of stamps %v the index has %+v, want 2", stamps, e)
			}
		}
		d.mu.Lock()
		d.work.Broadcast()
		d.mu.Unlock()
		synctest.Wait()
		if s := h.Stats(); s.DiskEntries != 2 || s.DiskBytes != 2*blockBytes {
			t.Errorf("Stats() = %+v, want two files counted", s)
		}
	})
}

// TestOrder: what is asked for stays, and the oldest of the rest makes room.
func TestOrder(t *testing.T) {
	var o order
	all := make([]entry, 6)
	for i := range all {
		all[i].size = int64(i)
		o.push(&all[i])
	}
	all[0].seen, all[3].seen = true, true
	o.cut(&all[2])
	var got []int64
	for e := o.victim(); e != nil; e = o.victim() {
		got = append(got, e.size)
	}
	if fmt.Sprint(got) != "[1 4 5 0 3]" {
		t.Errorf("victims in the order %v, want [1 4 5 0 3]", got)
	}
	if o.first != nil || o.last != nil || o.hand != nil {
		t.Errorf("the empty order is %+v", o)
	}
}
