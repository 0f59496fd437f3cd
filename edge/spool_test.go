package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// endless is a body that ends with its request, and counts what was read of it.
type endless struct {
	ctx  context.Context
	sent *atomic.Int64
	most int64
}

func (b *endless) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.sent.Load() >= b.most {
		<-b.ctx.Done() // it trickles
		return 0, b.ctx.Err()
	}
	clear(p)
	b.sent.Add(int64(len(p)))
	return len(p), nil
}

func (b *endless) Close() error { return nil }

// TestSpool_CloseDoesNotWait: a client that does not read does not hold up Close.
func TestSpool_CloseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			return chunked(&endless{r.Context(), &sent, 1 << 40}, "Cache-Control: max-age=60"), nil
		}, func(o *Options) { o.MaxObjectBytes = 1 << 20 })
		stuck := &gatedWriter{header: http.Header{}, gate: make(chan struct{})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if !broken(func() { h.ServeHTTP(stuck, newGet("/a")) }) {
				t.Error("the body came to an end, want it broken off")
			}
		}()
		synctest.Wait()
		if err := h.Close(); err != nil { // else the bubble is in a deadlock
			t.Error(err)
		}
		close(stuck.gate)
		<-done
	})
}

// TestSpool_SilenceIsTheOrigins: while a client that does not read keeps the
// origin from sending, the origin is not silent.
func TestSpool_SilenceIsTheOrigins(t *testing.T) {
	const size = 8 << 20
	synctest.Test(t, func(t *testing.T) {
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			body := io.NopCloser(io.MultiReader(io.LimitReader(zeros{}, size), &tail{r.Context()}))
			return chunked(body, "Cache-Control: max-age=60"), nil
		}, func(o *Options) { o.MaxObjectBytes, o.OriginTimeout = 1<<20, time.Second })
		slow := &gatedWriter{header: http.Header{}, gate: make(chan struct{})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(slow, newGet("/a"))
		}()
		time.Sleep(time.Minute)
		close(slow.gate)
		<-done
		if slow.n != size {
			t.Errorf("the client has %d bytes, want %d", slow.n, size)
		}
	})
}

// tail is the end of a body whose request must not have ended.
type tail struct{ ctx context.Context }

func (b *tail) Read([]byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// TestSpool_Budget: bodies under way, however many, with much or with one read each,
// and whether their clients read or not, stay within the budget, and beyond it
// each has a small buffer.
func TestSpool_Budget(t *testing.T) {
	const clients, budget = 300, 1 << 18
	for _, most := range []int64{1, 1 << 30} {
		t.Run(fmt.Sprint("most ", most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int64
				h := newEdge(t, func(r *http.Request) (*http.Response, error) {
					one := new(atomic.Int64)
					return chunked(&countedBody{&endless{r.Context(), one, most}, &sent}, "Cache-Control: max-age=60"), nil
				}, func(o *Options) { o.MaxBytes = 4 * budget })
				gate := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for i := range clients {
					wg.Go(func() {
						broken(func() {
							h.ServeHTTP(&gatedWriter{header: http.Header{}, gate: gate}, newGet(fmt.Sprint("/", i)).WithContext(ctx))
						})
					})
				}
				synctest.Wait()
				// What is in buffers at most: the budget, and 4 KiB for each of the others.
				if n := sent.Load(); n > budget+clients*4<<10 {
					t.Errorf("%d bytes were read for clients that take none, want at most %d", n, budget+clients*4<<10)
				}
				if n := h.spools.Load(); n < 0 {
					t.Errorf("the budget is at %d", n)
				}
				cancel()
				close(gate)
				if err := h.Close(); err != nil {
					t.Error(err)
				}
				wg.Wait()
				if n := h.spools.Load(); n != budget {
					t.Errorf("the budget is %d at the end, want %d", n, budget)
				}
			})
		})
	}
}

// countedBody counts for all bodies what one of them was asked for.
type countedBody struct {
	*endless
	all *atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.endless.Read(p)
	b.all.Add(int64(n))
	return n, err
}

// pacedWriter is a client that takes so many bytes a second, any number if that is
// zero.
type pacedWriter struct {
	discardWriter
	rate int
	n    int
	done time.Time
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	if w.rate > 0 {
		time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(w.rate))
	}
	w.n += len(p)
	w.done = time.Now()
	return len(p), nil
}

// TestSpool_Slow: of those who share a body that is not kept, one that is much too
// slow is cut off, and the others have it in time; one that is somewhat slower is
// waited for, and so is one that is alone.
func TestSpool_Slow(t *testing.T) {
	const size = 4 << 20
	for _, tt := range []struct {
		name  string
		rates []int
		cut   int // so many of the first
		took  time.Duration
	}{
		{"one does not read", []int{1, 0, 0}, 1, slowPatience},
		{"one reads 20 KiB/s", []int{20 << 10, 0, 1 << 20}, 1, slowPatience + 4*time.Second},
		{"two are too slow", []int{20 << 10, 21 << 10, 0}, 2, 2*slowPatience + time.Second},
		{"one reads 200 KiB/s", []int{200 << 10, 0}, 0, 21 * time.Second},
		{"alone", []int{20 << 10}, 0, 206 * time.Second},
		{"all are slow", []int{20 << 10, 20 << 10}, 0, 206 * time.Second},
	} {
		for _, budget := range []int64{64 << 20, 1 << 20} {
			t.Run(fmt.Sprint(tt.name, " of ", budget), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := newEdge(t, func(r *http.Request) (*http.Response, error) {
						time.Sleep(time.Second) // until all are aboard
						first := &slowBody{pieces: []string{"x"}, pause: time.Second, end: io.EOF}
						body := io.MultiReader(first, io.LimitReader(zeros{}, size-1))
						return chunked(io.NopCloser(body), "Cache-Control: max-age=60"), nil
					}, func(o *Options) { o.MaxBytes, o.MaxObjectBytes = budget, 256<<10 })
					began := time.Now()
					var all sync.WaitGroup
					clients := make([]*pacedWriter, len(tt.rates))
					for i, rate := range tt.rates {
						w := &pacedWriter{discardWriter: discardWriter{http.Header{}}, rate: rate}
						clients[i] = w
						all.Go(func() {
							cut := broken(func() { h.ServeHTTP(w, newGet("/a")) })
							if want := i < tt.cut; cut != want || !cut && w.n != size {
								t.Errorf("client %d at %d bytes/s: cut off %v with %d bytes, want %v", i, rate, cut, w.n, want)
							}
						})
					}
					all.Wait()
					for i, w := range clients[tt.cut:] {
						if took := w.done.Sub(began) - 2*time.Second; took > tt.took {
							t.Errorf("client %d had all after %v, want at most %v", tt.cut+i, took, tt.took)
						}
					}
					if got, want := h.spools.Load(), h.options.MaxBytes/4; got != want {
						t.Errorf("the budget is %d at the end, want %d", got, want)
					}
				})
			})
		}
	}
}
