package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestFlight_OneRequestForAll: 2,000 requests for one URL at once, of an origin
// that takes 200 ms, are one request to it.
func TestFlight_OneRequestForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(200 * time.Millisecond)
			return respond(200, "one", "Cache-Control: max-age=60"), nil
		})
		var wg sync.WaitGroup
		for range 2000 {
			wg.Go(func() { want(t, get(h, "/a"), 200, "one") })
		}
		wg.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("2,000 requests: the origin was asked %d times, want 1", n)
		}
		if n := h.Stats().Collapsed; n != 1999 {
			t.Errorf("%d were collapsed, want 1999", n)
		}
	})
}

// TestFlight_NeverShared: what is for one client reaches one client, and the
// others are forwarded by themselves, all at once.
func TestFlight_NeverShared(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request []string
		fields  []string
	}{
		{"private", nil, []string{"Cache-Control: private, max-age=60"}},
		{"no-store", nil, []string{"Cache-Control: no-store"}},
		{"nothing stated", nil, nil},
		{"stale on arrival", nil, []string{"Cache-Control: max-age=0", `ETag: "1"`}},
		{"no-cache", nil, []string{"Cache-Control: no-cache", `ETag: "1"`}},
		{"Set-Cookie", nil, []string{"Cache-Control: max-age=60", "Set-Cookie: a=b"}},
		{"Vary: *", nil, []string{"Cache-Control: max-age=60", "Vary: *"}},
		{"Cookie", []string{"Cookie: session=1"}, []string{"Cache-Control: max-age=60"}},
		{"Authorization", []string{"Authorization: Basic x"}, []string{"Cache-Control: max-age=60, public"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					n := asked.Add(1)
					time.Sleep(200 * time.Millisecond)
					return respond(200, fmt.Sprint(n), tt.fields...), nil
				})
				var seen sync.Map
				for _, limit := range []time.Duration{400 * time.Millisecond, 200 * time.Millisecond} {
					began := time.Now()
					asked.Store(0)
					seen.Clear()
					var wg sync.WaitGroup
					for range 100 {
						wg.Go(func() {
							body := get(h, "/a", tt.request...).Body.String()
							if _, twice := seen.LoadOrStore(body, true); twice {
								t.Errorf("response %q reached two clients", body)
							}
						})
					}
					wg.Wait()
					if n := asked.Load(); n != 100 {
						t.Errorf("100 requests: the origin was asked %d times, want 100", n)
					}
					if d := time.Since(began); d > limit {
						t.Errorf("it took %v, want at most %v: nobody waits for others the second time", d, limit)
					}
				}
			})
		})
	}
}

// TestFlight_CredentialsNeverWait: also where the response may be stored, requests
// with credentials are forwarded by themselves, at once.
func TestFlight_CredentialsNeverWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(200 * time.Millisecond)
			return respond(200, r.Header.Get("Authorization"), "Cache-Control: max-age=60, public"), nil
		}, func(o *Options) { o.Profile = StrictRFC })
		var wg sync.WaitGroup
		for i := range 100 {
			name := fmt.Sprint("user ", i)
			wg.Go(func() { want(t, get(h, "/a", "Authorization: "+name), 200, name) })
		}
		wg.Wait()
		if n := asked.Load(); n != 100 {
			t.Errorf("100 requests with credentials: the origin was asked %d times, want 100", n)
		}
	})
}

// TestFlight_SecondLook: a request that missed just before another's response was
// stored finds it when it would ask for it.
func TestFlight_SecondLook(t *testing.T) {
	asked := 0
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		asked++
		return respond(200, "one", "Cache-Control: max-age=60"), nil
	})
	w := httptest.NewRecorder()
	r := newGet("/a")
	x := exchange{w: w, r: r, url: h.targetOf(r), now: time.Now()} // it has looked, and found nothing
	want(t, get(h, "/a"), 200, "one")
	h.fetch(&x)
	want(t, w, 200, "one")
	if asked != 1 {
		t.Errorf("the origin was asked %d times, want 1", asked)
	}
}

// TestFlight_OldAfterNew: a response that was asked for earlier does not displace
// one that was asked for later.
func TestFlight_OldAfterNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			body := r.Header.Get("Name")
			time.Sleep(map[string]time.Duration{"old": 2 * time.Second, "new": time.Second}[body])
			return respond(200, body, "Cache-Control: max-age=60"), nil
		}, func(o *Options) { o.Profile = StrictRFC })
		var wg sync.WaitGroup
		for _, name := range []string{"old", "new"} {
			wg.Go(func() { want(t, get(h, "/a", "Cache-Control: no-cache", "Name: "+name), 200, name) })
			time.Sleep(100 * time.Millisecond)
		}
		wg.Wait()
		want(t, get(h, "/a"), 200, "new")
	})
}

// TestFlight_TransportPanics: it costs one answer, and nothing of it is shown.
func TestFlight_TransportPanics(t *testing.T) {
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/nil" {
			return nil, nil
		}
		panic("hunter2")
	})
	for _, path := range []string{"/panic", "/nil"} {
		if w := get(h, path); w.Code != http.StatusBadGateway || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%s: %d %q, want 502 without the reason", path, w.Code, w.Body)
		}
	}
}

// TestFlight_GetWithBody: a GET with a body belongs to no key.
func TestFlight_GetWithBody(t *testing.T) {
	asked := 0
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		asked++
		return respond(200, "one", "Cache-Control: max-age=60"), nil
	})
	r := newGet("/a")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1
	do(h, r)
	get(h, "/a")
	if asked != 2 {
		t.Errorf("the origin was asked %d times, want 2", asked)
	}
}

// TestFlight_Variants: each variant of a URL is asked for once, also when it is
// not known yet by what they are selected.
func TestFlight_Variants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(200 * time.Millisecond)
			return respond(200, r.Header.Get("Accept-Encoding"), "Cache-Control: max-age=60", "Vary: Accept-Encoding"), nil
		})
		var wg sync.WaitGroup
		for i := range 300 {
			encoding := []string{"gzip", "br", "zstd"}[i%3]
			wg.Go(func() { want(t, get(h, "/a", "Accept-Encoding: "+encoding), 200, encoding) })
		}
		wg.Wait()
		if n := asked.Load(); n != 3 {
			t.Errorf("300 requests for 3 variants: the origin was asked %d times, want 3", n)
		}
	})
}

// TestFlight_Validation: a stale response is validated once for all.
func TestFlight_Validation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(200 * time.Millisecond)
			if r.Header.Get("If-None-Match") == `"1"` {
				return respond(304, "", "Cache-Control: max-age=1", `ETag: "1"`), nil
			}
			return respond(200, "one", "Cache-Control: max-age=1", `ETag: "1"`), nil
		})
		get(h, "/a")
		time.Sleep(2 * time.Second)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { want(t, get(h, "/a"), 200, "one") })
		}
		wg.Wait()
		if n := asked.Load(); n != 2 {
			t.Errorf("the origin was asked %d times, want 2", n)
		}
	})
}

// TestFlight_LeaderGone: a client that goes away does not take the response from
// the others; when all have gone the origin is left alone.
func TestFlight_LeaderGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cancelled atomic.Bool
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(200 * time.Millisecond):
			case <-r.Context().Done():
				cancelled.Store(true)
				return nil, r.Context().Err()
			}
			return respond(200, "one", "Cache-Control: max-age=60"), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		go do(h, newGet("/a").WithContext(ctx))
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			defer close(done)
			want(t, get(h, "/a"), 200, "one")
		}()
		synctest.Wait()
		cancel()
		<-done
		if cancelled.Load() {
			t.Error("the origin saw the request end, want it to go on for who waits")
		}
		ctx, cancel = context.WithCancel(t.Context())
		go do(h, newGet("/b").WithContext(ctx))
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !cancelled.Load() {
			t.Error("nobody waits any more, want the request to the origin to end")
		}
	})
}

// TestFlight_ClientGone: the origin's body does not outlive the client whose it is.
func TestFlight_ClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			body, w := io.Pipe()
			context.AfterFunc(r.Context(), func() {
				ended.Store(true)
				_ = w.CloseWithError(r.Context().Err())
			})
			return chunked(body, "Cache-Control: private"), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			broken(func() { do(h, newGet("/a").WithContext(ctx)) })
		}()
		time.Sleep(time.Second)
		cancel()
		<-done
		synctest.Wait()
		if !ended.Load() {
			t.Error("the client has gone, want the request to the origin to end")
		}
	})
}

// slowBody is a body that comes in pieces, with pauses.
type slowBody struct {
	pieces []string
	pause  time.Duration
	end    error
	closed atomic.Bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.pieces) == 0 {
		return 0, b.end
	}
	time.Sleep(b.pause)
	n := copy(p, b.pieces[0])
	b.pieces = b.pieces[1:]
	return n, nil
}

func (b *slowBody) Close() error {
	b.closed.Store(true)
	return nil
}

// chunked returns a response of unknown length.
func chunked(body io.ReadCloser, lines ...string) *http.Response {
	resp := respond(200, "", lines...)
	resp.Body, resp.ContentLength, resp.TransferEncoding = body, -1, []string{"chunked"}
	return resp
}

// TestFlight_Streams: the first bytes reach all who wait before the last have
// come, and a client that comes in between gets the whole from the same request.
func TestFlight_Streams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			body := &slowBody{pieces: []string{"one ", "two ", "three"}, pause: time.Second, end: io.EOF}
			return chunked(body, "Cache-Control: max-age=60"), nil
		})
		w := httptest.NewRecorder()
		var wg sync.WaitGroup
		wg.Go(func() { h.ServeHTTP(w, newGet("/a")) })
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if got := w.Body.String(); got != "one " || !w.Flushed {
			t.Errorf("after 1.5 s the client has %q, flushed: %v, want %q", got, w.Flushed, "one ")
		}
		wg.Go(func() { want(t, get(h, "/a"), 200, "one two three") })
		wg.Wait()
		want(t, w, 200, "one two three")
		want(t, get(h, "/a"), 200, "one two three")
		if n := asked.Load(); n != 1 {
			t.Errorf("the origin was asked %d times, want 1", n)
		}
	})
}

// TestFlight_Truncated: everybody sees that a body broke off, and nobody gets it
// later.
func TestFlight_Truncated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			body := &slowBody{pieces: []string{"half"}, pause: time.Second, end: io.ErrUnexpectedEOF}
			return chunked(body, "Cache-Control: max-age=60"), nil
		})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if !broken(func() { get(h, "/a") }) {
					t.Error("a truncated body came to an end, want it broken off")
				}
			})
		}
		wg.Wait()
		if !broken(func() { get(h, "/a") }) {
			t.Error("the truncated body was stored")
		}
		if n := h.Stats().Truncated; n != 2 {
			t.Errorf("%d truncated bodies counted, want 2", n)
		}
	})
}

// TestFlight_Short: a body that is shorter than its Content-Length is not whole,
// even if nothing else says so.
func TestFlight_Short(t *testing.T) {
	h := newEdge(t, func(r *http.Request) (*http.Response, error) {
		resp := respond(200, "half", "Cache-Control: max-age=60")
		resp.ContentLength = 10
		return resp, nil
	})
	for range 2 {
		if !broken(func() { get(h, "/a") }) {
			t.Error("a short body came to an end, want it broken off and not stored")
		}
	}
}

// TestFlight_Silence: an origin that says nothing more ends the flight.
func TestFlight_Silence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/header" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			body, w := io.Pipe()
			context.AfterFunc(r.Context(), func() { w.CloseWithError(r.Context().Err()) })
			return chunked(body, "Cache-Control: max-age=60"), nil
		}, func(o *Options) { o.OriginTimeout = time.Second })
		if w := get(h, "/header"); w.Code != http.StatusGatewayTimeout {
			t.Errorf("no header for a second: %d, want 504", w.Code)
		}
		if !broken(func() { get(h, "/body") }) {
			t.Error("no byte of the body for a second: it came to an end, want it broken off")
		}
	})
}

// TestFlight_ErrorsAreShared: an origin that is down is not asked once by each of
// those who wait.
func TestFlight_ErrorsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			asked.Add(1)
			time.Sleep(200 * time.Millisecond)
			return nil, errors.New("down")
		})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if w := get(h, "/a"); w.Code != http.StatusBadGateway || w.Header().Get("Cache-Status") != "" {
					t.Errorf("got %d, Cache-Status %q, want 502 and none", w.Code, w.Header().Get("Cache-Status"))
				}
			})
		}
		wg.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("the origin was asked %d times, want 1", n)
		}
	})
}

// TestFlight_Large: a body beyond the limit reaches everybody whole and is not
// stored; the origin waits for a slow client instead of filling the memory.
func TestFlight_Large(t *testing.T) {
	const limit, size = 1 << 20, 16 << 20
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("length known %v", known), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int64
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					body := io.NopCloser(&counted{io.LimitReader(zeros{}, size), &sent})
					resp := chunked(body, "Cache-Control: max-age=60")
					if known {
						resp.ContentLength, resp.TransferEncoding = size, nil
					}
					return resp, nil
				}, func(o *Options) { o.MaxBytes, o.MaxObjectBytes = 8<<20, limit })
				slow := &gatedWriter{header: http.Header{}, gate: make(chan struct{})}
				done := make(chan struct{})
				go func() {
					defer close(done)
					h.ServeHTTP(slow, newGet("/a"))
				}()
				synctest.Wait()
				if n := sent.Load(); n > limit+windowBytes+2*chunkBytes {
					t.Errorf("the origin has sent %d bytes while the client takes none, want it to wait", n)
				}
				close(slow.gate)
				<-done
				if slow.n != size {
					t.Errorf("the client has %d bytes, want %d", slow.n, size)
				}
				if n := h.spools.Load(); n != h.options.MaxBytes/4 {
					t.Errorf("the budget for bodies is %d at the end, want %d", n, h.options.MaxBytes/4)
				}
				if got := h.Stats(); got.Stored != 0 {
					t.Error("the body was stored")
				}
			})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// gatedWriter takes nothing until its gate is open.
type gatedWriter struct {
	header http.Header
	gate   chan struct{}
	n      int
}

func (w *gatedWriter) Header() http.Header { return w.header }
func (w *gatedWriter) WriteHeader(int)     {}
func (w *gatedWriter) Write(p []byte) (int, error) {
	<-w.gate
	w.n += len(p)
	return len(p), nil
}
