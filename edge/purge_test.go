package edge

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPurge_InFlight: a response that was on its way when it was purged is not
// served afterwards, whatever the purge is by, and whether it was asked for by
// one, by many or behind the scenes.
func TestPurge_InFlight(t *testing.T) {
	for _, p := range []Purge{
		{Tags: []string{"x"}},
		{URLs: []string{"http://www.example.com/a"}},
		{Hosts: []string{"www.example.com"}},
		{Prefixes: []string{"www.example.com/a"}},
		{Everything: true},
		{Tags: []string{"x"}, Soft: true},
		{URLs: []string{"http://www.example.com/a"}, Soft: true},
	} {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var version atomic.Int64
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					body := strconv.FormatInt(version.Load(), 10) // read at the beginning, sent at the end
					time.Sleep(time.Second)
					return respond(200, body, "Cache-Control: max-age=60", "Cache-Tag: x"), nil
				})
				var wg sync.WaitGroup
				wg.Go(func() { get(h, "/a") })
				time.Sleep(500 * time.Millisecond)
				version.Store(1)
				if err := h.Purge(p); err != nil {
					t.Fatal(err)
				}
				wg.Go(func() { want(t, get(h, "/a"), 200, "1") }) // must not join the flight of before
				wg.Wait()
				want(t, get(h, "/a"), 200, "1")
			})
			synctest.Test(t, func(t *testing.T) {
				var version atomic.Int64
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					body := strconv.FormatInt(version.Load(), 10)
					time.Sleep(time.Second)
					return respond(200, body, "Cache-Control: max-age=60", "Cache-Tag: x"), nil
				})
				var wg sync.WaitGroup
				wg.Go(func() { get(h, "/a") })
				time.Sleep(500 * time.Millisecond)
				version.Store(1)
				if err := h.Purge(p); err != nil {
					t.Fatal(err)
				}
				wg.Wait()
				want(t, get(h, "/a"), 200, "1") // the first to come after what was under way
			})
		})
	}
}

// TestPurge_PostInFlight: the answer to a POST that is stored for GETs is wrong
// like any other if what it is about was purged while it was asked for.
func TestPurge_PostInFlight(t *testing.T) {
	for _, p := range []Purge{
		{},
		{Tags: []string{"x"}},
		{URLs: []string{"http://www.example.com/a"}},
		{Tags: []string{"x"}, Soft: true},
		{URLs: []string{"http://www.example.com/a"}, Soft: true},
	} {
		t.Run(fmt.Sprintf("%+v", p), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var version atomic.Int64
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					body := strconv.FormatInt(version.Load(), 10) // read at the beginning, sent at the end
					time.Sleep(time.Second)
					return respond(200, body, "Cache-Control: max-age=60", "Content-Location: /a", "Cache-Tag: x"), nil
				})
				var wg sync.WaitGroup
				wg.Go(func() {
					do(h, httptest.NewRequest(http.MethodPost, "http://www.example.com/a", strings.NewReader("q")))
				})
				time.Sleep(500 * time.Millisecond)
				version.Store(1)
				newest := "0" // without a purge it is stored
				if len(p.Tags)+len(p.URLs) > 0 {
					newest = "1"
					if err := h.Purge(p); err != nil {
						t.Fatal(err)
					}
				}
				wg.Wait()
				want(t, get(h, "/a"), 200, newest)
			})
		})
	}
}

// TestPurge_HeadInFlight: a HEAD does not bring back what was purged, whether that
// was before it was sent or while it was under way.
func TestPurge_HeadInFlight(t *testing.T) {
	for _, p := range []Purge{
		{Tags: []string{"x"}},
		{URLs: []string{"http://www.example.com/a"}},
		{Tags: []string{"x"}, Soft: true},
		{URLs: []string{"http://www.example.com/a"}, Soft: true},
	} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%+v before it: %v", p, before), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var body atomic.Value
					body.Store("old")
					h := newEdge(t, func(r *http.Request) (*http.Response, error) {
						lifetime := "Cache-Control: max-age=1"
						if r.Method == http.MethodHead {
							lifetime = "Cache-Control: max-age=60"
							time.Sleep(time.Second)
						}
						return respond(200, body.Load().(string), lifetime, "Cache-Tag: x", `ETag: "1"`), nil
					})
					get(h, "/a")
					time.Sleep(2 * time.Second)
					r := httptest.NewRequest(http.MethodHead, "http://www.example.com/a", nil)
					x := exchange{w: httptest.NewRecorder(), r: r, url: h.targetOf(r), now: time.Now()}
					h.look(&x) // what was there before the purge
					purge := func() {
						body.Store("new")
						if err := h.Purge(p); err != nil {
							t.Fatal(err)
						}
					}
					if before {
						purge()
					}
					var wg sync.WaitGroup
					wg.Go(func() { h.pass(&x, note{fwd: "stale"}) })
					time.Sleep(500 * time.Millisecond)
					if !before {
						purge()
					}
					wg.Wait()
					want(t, get(h, "/a"), 200, "new")
				})
			})
		}
	}
}

// raceRounds are the purges of TestPurge_Race: go test -run Race -rounds 100000
// takes minutes with the race detector.
var raceRounds = flag.Int("rounds", 1000, "purges in TestPurge_Race")

// TestPurge_Race: purges by tag and URL, hard and soft, while others read. After
// each of them the next answer is at least as new as the change before it.
//
// With a disk the memory forgets now and then, so that the answer is read back
// while it is purged, and while the next one is written.
func TestPurge_Race(t *testing.T) {
	t.Run("memory", func(t *testing.T) { racePurges(t, "") })
	t.Run("disk", func(t *testing.T) { racePurges(t, t.TempDir()) })
}

func racePurges(t *testing.T, disk string) {
	rounds := *raceRounds
	var version, stale atomic.Int64
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		body := strconv.FormatInt(version.Load(), 10)
		if rand.N(4) == 0 {
			for range rand.N(4) { // others get a turn while this one is under way
				runtime.Gosched()
			}
		}
		lines := []string{"Cache-Control: max-age=60", "Cache-Tag: x"}
		if rand.N(2) == 0 {
			lines = append(lines, `ETag: "`+body+`"`)
		}
		if etag := r.Header.Get("If-None-Match"); etag == `"`+body+`"` {
			return respond(304, "", "Cache-Control: max-age=60", "ETag: "+etag), nil
		}
		return respond(200, body, lines...), nil
	}, func(o *Options) { o.Disk = disk })
	forget := func() {
		if disk != "" && rand.N(3) == 0 {
			h.store.tier.Delete("http://www.example.com/a") // without the stripe's lock, as memory evicts
		}
	}
	purges := []Purge{
		{Tags: []string{"x"}},
		{URLs: []string{"http://www.example.com/a"}},
		{Tags: []string{"x"}, Soft: true},
		{URLs: []string{"http://www.example.com/a"}, Soft: true},
	}
	read := func() {
		forget()
		least := version.Load() // all purges up to this one have returned
		w := get(h, "/a")
		got, err := strconv.ParseInt(w.Body.String(), 10, 64)
		if err != nil || w.Code != 200 {
			t.Errorf("got %d %q", w.Code, w.Body)
		}
		if got < least-1 { // the last one may not have returned yet
			stale.Add(1)
		}
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					read()
				}
			}
		})
	}
	for i := range rounds {
		n := version.Add(1)
		if err := h.Purge(purges[i%len(purges)]); err != nil {
			t.Fatal(err)
		}
		forget()
		w := get(h, "/a")
		if got, _ := strconv.ParseInt(w.Body.String(), 10, 64); got < n {
			stale.Add(1)
			t.Logf("round %d, %+v: got %d, want %d; %q", i, purges[i%len(purges)], got, n, w.Header()["Cache-Status"])
		}
	}
	close(stop)
	readers.Wait()
	if n := stale.Load(); n != 0 {
		t.Errorf("%d purges: %d stale answers, want 0", rounds, n)
	}
	got := h.Stats()
	if got.Hits == 0 || got.Collapsed == 0 {
		t.Errorf("nothing was shared, so that nothing was shown: %+v", got)
	}
	if disk != "" && (got.DiskFound == 0 || got.DiskFailed != 0) {
		t.Errorf("nothing was found on disk, or something failed: %+v", got)
	}
	t.Logf("%d purges: %+v", rounds, got)
}

// TestPurge_WritesFence: what was asked for before a write ended is not stored
// after it.
func TestPurge_WritesFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var version atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				version.Add(1)
				return respond(204, ""), nil
			}
			body := strconv.FormatInt(version.Load(), 10)
			time.Sleep(time.Second)
			return respond(200, body, "Cache-Control: max-age=60"), nil
		})
		var wg sync.WaitGroup
		wg.Go(func() { get(h, "/a") })
		time.Sleep(500 * time.Millisecond)
		put := newGet("/a")
		put.Method = http.MethodPut
		do(h, put)
		wg.Wait()
		want(t, get(h, "/a"), 200, "1")
	})
}

func TestPurge_Mistakes(t *testing.T) {
	h := newEdge(t, func(*http.Request) (*http.Response, error) { return respond(200, ""), nil })
	for _, tt := range []struct {
		purge Purge
		want  string
	}{
		{Purge{}, "it names nothing"},
		{Purge{Tags: []string{""}}, `tag ""`},
		{Purge{Tags: []string{"a b"}}, `tag "a b"`},
		{Purge{Tags: []string{"a,b"}}, `tag "a,b"`},
		{Purge{Tags: []string{"a\r\nb"}}, `tag "a\r\nb"`},
		{Purge{Tags: []string{"a\x00b"}}, `tag "a\x00b"`},
		{Purge{Tags: []string{strings.Repeat("a", 1025)}}, "1 to 1024"},
		{Purge{URLs: []string{"/a"}}, `URL "/a"`},
		{Purge{URLs: []string{"ftp://a/b"}}, `URL "ftp://a/b"`},
		{Purge{Hosts: []string{"http://a"}}, `host "http://a"`},
		{Purge{Hosts: []string{"a/b"}}, `host "a/b"`},
		{Purge{Prefixes: []string{"http://a/b"}}, `prefix "http://a/b"`},
		{Purge{Prefixes: []string{"a/b?c"}}, `prefix "a/b?c"`},
		{Purge{Tags: []string{"fine", "not fine"}, Hosts: []string{"a/b"}}, `host "a/b"`},
	} {
		before := h.store.book.number.Load()
		err := h.Purge(tt.purge)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Purge(%+v) = %v, want an error with %q", tt.purge, err, tt.want)
		}
		if h.store.book.number.Load() != before {
			t.Errorf("Purge(%+v) was done in part", tt.purge)
		}
	}
}

// TestBook_Bounded: marks beyond the limit become one on everything older, and no
// purge is forgotten.
func TestBook_Bounded(t *testing.T) {
	b := newBook(64 << 10)
	now := time.Now()
	before := b.number.Load()
	for i := range 10_000 {
		b.enter([]string{aboutTag + strconv.Itoa(i), aboutPrefix + "h/" + strconv.Itoa(i)}, i%2 == 0, now)
		if b.bytes > b.limit {
			t.Fatalf("after %d purges the book has %d bytes, want at most %d", i, b.bytes, b.limit)
		}
	}
	counted := 0
	for name := range b.marks {
		counted += len(name) + markOverhead
	}
	lengths := 0
	for _, n := range b.lengths {
		lengths += n
	}
	if counted != b.bytes || lengths*2 != len(b.marks) {
		t.Errorf("the book counts %d bytes and %d prefixes, has %d and %d", b.bytes, lengths, counted, len(b.marks)/2)
	}
	for i := range 10_000 {
		v := b.judge(before, "h", "/", []string{aboutTag + strconv.Itoa(i)})
		if !v.wrong && v.staleAt.IsZero() {
			t.Fatalf("purge %d of 10,000 was forgotten", i)
		}
	}
	if v := b.judge(b.number.Load(), "h", "/", []string{aboutTag + "1"}); v.wrong || !v.staleAt.IsZero() {
		t.Error("what began after all purges is wrong, want it right")
	}
}

// TestTags_TooMany: a response that could not be purged by all of its tags is
// not stored.
func TestTags_TooMany(t *testing.T) {
	for _, tt := range []struct {
		tags  int
		asked int
	}{{maxTags, 1}, {maxTags + 1, 2}} {
		asked := 0
		var tags strings.Builder
		for i := range tt.tags {
			fmt.Fprintf(&tags, "%d,", i)
		}
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked++
			return respond(200, "one", "Cache-Control: max-age=60", "Cache-Tag: "+tags.String()), nil
		})
		get(h, "/a")
		get(h, "/a")
		if asked != tt.asked {
			t.Errorf("%d tags: the origin was asked %d times by two requests, want %d", tt.tags, asked, tt.asked)
		}
	}
}

// TestTags_NoneThatNobodyCanPurge: nor is one with a tag that no purge can name.
func TestTags_NoneThatNobodyCanPurge(t *testing.T) {
	for line, stored := range map[string]bool{
		"Cache-Tag: a, b":    true,
		"Cache-Tag: a b":     false,
		"Cache-Tag: ü":       false,
		"Surrogate-Key: a ü": false,
		"xkey: " + strings.Repeat("a", maxPurgeTag+1): false,
		"xkey: " + strings.Repeat("a", maxPurgeTag):   true,
		`Cache-Groups: "my shoes"`:                    true, // by Cache-Group-Invalidation
	} {
		asked := 0
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked++
			return respond(200, "one", "Cache-Control: max-age=60", line), nil
		})
		get(h, "/a")
		get(h, "/a")
		if got := asked == 1; got != stored {
			t.Errorf("%.40s: stored %t, want %t", line, got, stored)
		}
	}
}

// TestPurge_WritesThatReachNobody: a POST to an origin that cannot be connected to
// changes nothing there; of one that broke off nobody knows.
func TestPurge_WritesThatReachNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		kept bool
	}{
		"refused":   {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		"broke off": {&net.OpError{Op: "read", Err: errors.New("connection reset")}, false},
		"unknown":   {errors.New("no answer"), false},
	} {
		asked := 0
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				return nil, tt.err
			}
			asked++
			return respond(200, "one", "Cache-Control: max-age=60"), nil
		})
		get(h, "/a")
		post := newGet("/a")
		post.Method = http.MethodPost
		do(h, post)
		get(h, "/a")
		if got := asked == 1; got != tt.kept {
			t.Errorf("%s: kept %t, want %t", name, got, tt.kept)
		}
	}
}

// A group is a tag too: whoever purges by tag does not know in which field the
// origin has named it.
func TestPurge_GroupsAreTags(t *testing.T) {
	for name, value := range map[string]string{"one": `"Shoes"`, "among others": `"hats", "Shoes";x=1`} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			h := newEdge(t, func(*http.Request) (*http.Response, error) {
				asked++
				return respond(200, strconv.Itoa(asked), "Cache-Control: max-age=60", "Cache-Groups: "+value), nil
			})
			want(t, get(h, "/a"), 200, "1")
			want(t, get(h, "/a"), 200, "1")
			if err := h.Purge(Purge{Tags: []string{"shoes"}}); err != nil {
				t.Fatal(err)
			}
			want(t, get(h, "/a"), 200, "2")
		})
	}
}
