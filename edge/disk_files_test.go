package edge

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

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
	parts, size, err := encodeFile(SafeDefault, time.Now(), h.store.tier.Get("http://www.example.com/a").list, 1<<20)
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

// diskFiles are those of BenchmarkDisk_Start: -files 1000000 takes a minute to make.
var diskFiles = flag.Int("files", 10_000, "files in BenchmarkDisk_Start")

// BenchmarkDisk_Start is how long it takes until what is in a folder is known, and
// what the memory needs for each file.
func BenchmarkDisk_Start(b *testing.B) {
	dir := b.TempDir()
	for i := range *diskFiles {
		name := filepath.Join(dir, filepath.FromSlash(fileName(keyOf(strconv.Itoa(i)), uint64(i), 1000)))
		if i < 10*shards {
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil { // its name says all
			b.Fatal(err)
		}
	}
	var o versions
	for b.Loop() {
		b.StopTimer()
		before := heap()
		b.StartTimer()
		h := newEdge(b, o.serve, onDisk(dir), func(o *Options) { o.DiskBytes = 1 << 40 })
		d := h.store.disk
		d.mu.Lock()
		for !d.scanned {
			d.work.Wait()
		}
		n := len(d.index)
		d.mu.Unlock()
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/float64(n), "heap-B/file")
		if err := h.Close(); err != nil || n != *diskFiles {
			b.Fatalf("%d files are known, %v, want %d", n, err, *diskFiles)
		}
		b.StartTimer()
	}
}

// BenchmarkDisk_Found is a request that is not in memory and is on disk.
func BenchmarkDisk_Found(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10, 1 << 20} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			body := strings.Repeat("x", n)
			h := newEdge(b, func(*http.Request) (*http.Response, error) {
				return respond(200, body, "Cache-Control: max-age=3600", "Content-Type: text/plain", `ETag: "1"`, "Cache-Tag: a,b"), nil
			}, onDisk(b.TempDir()))
			get(h, "/a")
			for h.Stats().DiskWritten == 0 {
				runtime.Gosched()
			}
			r, w := newGet("/a"), &discardWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.store.tier.Delete("http://www.example.com/a")
				clear(w.header)
				h.ServeHTTP(w, r)
			}
			if s := h.Stats(); s.OriginRequests != 1 {
				b.Errorf("the origin was asked %d times, want once", s.OriginRequests)
			}
		})
	}
}
