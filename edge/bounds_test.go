package edge

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// uniqueURLs are those of TestMemory_Bounded: -unique 2500000 makes 10 GB of them.
var uniqueURLs = flag.Int("unique", 20_000, "URLs in TestMemory_Bounded")

// TestMemory_Bounded: unique URLs far beyond the limit leave the memory within
// it.
func TestMemory_Bounded(t *testing.T) {
	const limit, body = 8 << 20, 4 << 10
	text := strings.Repeat("x", body)
	h := newEdge(t, func(*http.Request) (*http.Response, error) {
		return respond(200, text, "Cache-Control: max-age=3600", "Cache-Tag: a,b,c"), nil
	}, func(o *Options) { o.MaxBytes = limit })
	before := heap()
	for i := range *uniqueURLs {
		get(h, "/"+strconv.Itoa(i)+"?"+strings.Repeat("q", i%512))
	}
	t.Logf("%d URLs of %d bytes: the heap has grown by %d KiB, the limit is %d KiB", *uniqueURLs, body, (heap()-before)>>10, limit>>10)
	stored := int64(0)
	for _, v := range h.store.tier.Hottest() {
		stored += v.size
	}
	if stored > limit {
		t.Errorf("%d bytes are stored, want at most %d", stored, limit)
	}
	if grown := heap() - before; grown > 2*limit {
		t.Errorf("the heap has grown by %d bytes, want at most %d", grown, 2*limit)
	}
	if err := h.Close(); err != nil { // waits for the last of them
		t.Error(err)
	}
	for i := range h.store.stripes {
		if p := &h.store.stripes[i]; len(p.fetches)+len(p.flights) > 0 {
			t.Fatalf("%d fetches and %d flights are left", len(p.fetches), len(p.flights))
		}
	}
	if n := h.spools.Load(); n != limit/4 {
		t.Errorf("the budget for bodies is %d at the end, want %d", n, limit/4)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemory_KeysAndFieldsCount: what is not body is counted too.
func TestMemory_KeysAndFieldsCount(t *testing.T) {
	const limit = 1 << 20
	for _, large := range []struct{ key, field int }{{8 << 10, 0}, {0, 8 << 10}} {
		h := newEdge(t, func(*http.Request) (*http.Response, error) {
			return respond(200, "", "Cache-Control: max-age=3600", "X-Large: "+strings.Repeat("x", large.field)), nil
		}, func(o *Options) { o.MaxBytes = limit })
		for i := range 1000 {
			get(h, "/"+strconv.Itoa(i)+strings.Repeat("k", large.key))
		}
		held := 0
		for key, v := range h.store.tier.Hottest() {
			held += len(key) + len(v.list[0].header.Get("X-Large"))
		}
		if held > limit {
			t.Errorf("%+v: keys and fields take %d bytes, want at most %d", large, held, limit)
		}
	}
}

// TestMemory_Variants: one URL cannot hold any number of variants.
func TestMemory_Variants(t *testing.T) {
	h := newEdge(t, func(*http.Request) (*http.Response, error) {
		return respond(200, "one", "Cache-Control: max-age=3600", "Vary: Foo"), nil
	})
	for i := range 3 * maxVariants {
		get(h, "/a", "Foo: "+strconv.Itoa(i))
	}
	if v := h.store.tier.Get("http://www.example.com/a"); len(v.list) != maxVariants {
		t.Errorf("%d variants, want %d", len(v.list), maxVariants)
	}
	if w := get(h, "/a", "Foo: "+strconv.Itoa(3*maxVariants-1)); !strings.Contains(w.Header().Get("Cache-Status"), "hit") {
		t.Errorf("the latest variant is gone: %q", w.Header()["Cache-Status"])
	}
}

// TestMemory_Budget: bodies under way that are more than the budget pass through
// and are not stored.
func TestMemory_Budget(t *testing.T) {
	h := newEdge(t, func(*http.Request) (*http.Response, error) {
		return respond(200, "one", "Cache-Control: max-age=3600"), nil
	})
	h.spools.Store(2)
	for range 2 {
		if w := get(h, "/a"); w.Body.String() != "one" || strings.Contains(w.Header().Get("Cache-Status"), "stored") {
			t.Errorf("without a budget: %q, %q, want it whole and not stored", w.Body, w.Header()["Cache-Status"])
		}
	}
	h.spools.Store(3)
	get(h, "/b")
	if w := get(h, "/b"); !strings.Contains(w.Header().Get("Cache-Status"), "hit") || h.spools.Load() != 3 {
		t.Errorf("with a budget: %q, and %d bytes of it are left, want a hit and 3", w.Header()["Cache-Status"], h.spools.Load())
	}
}

// discardWriter is a client that takes everything and keeps nothing.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) WriteHeader(int)             {}
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }

// hitter returns a function that gets a stored body of n bytes.
func hitter(t testing.TB, n int) func() {
	body := strings.Repeat("x", n)
	h := newEdge(t, func(*http.Request) (*http.Response, error) {
		return respond(200, body, "Cache-Control: max-age=3600", "Content-Type: text/plain", `ETag: "1"`, "Cache-Tag: a,b"), nil
	})
	get(h, "/a")
	r := newGet("/a", "Accept: */*", "User-Agent: x")
	w := &discardWriter{header: http.Header{}}
	return func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// TestHit_Allocations: a hit allocates a little, and no more for a large body.
func TestHit_Allocations(t *testing.T) {
	const most = 512 // bytes
	for _, n := range []int{1 << 10, 1 << 20, 8 << 20} {
		hit := hitter(t, n)
		hit()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 1000
		for range times {
			hit()
		}
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc) / times; got > most {
			t.Errorf("a hit of %d bytes allocates %d bytes, want at most %d", n, got, most)
		}
	}
}

func BenchmarkHit(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10, 4 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			hit := hitter(b, n)
			b.ReportAllocs()
			for b.Loop() {
				hit()
			}
		})
	}
}

// BenchmarkHit_Server is a hit over a connection, with the work of net/http.
func BenchmarkHit_Server(b *testing.B) {
	h := newEdge(b, func(*http.Request) (*http.Response, error) {
		return respond(200, strings.Repeat("x", 1<<10), "Cache-Control: max-age=3600"), nil
	})
	server := httptest.NewServer(h)
	defer server.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := server.Client().Get(server.URL + "/a")
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}
