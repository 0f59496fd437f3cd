package purge_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/purge"
)

func TestClose_Drains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}})
		ticket := mustPurge(t, q, tags("a"))
		var closing sync.WaitGroup
		for range 3 {
			closing.Go(func() {
				if err := q.Close(t.Context()); err != nil {
					t.Errorf("Close = %v, want nil", err)
				}
				if took := time.Since(cdn.began); took != 5050*time.Millisecond {
					t.Errorf("Close took %v, want 5.05s: until the second purge", took)
				}
			})
		}
		closing.Wait()
		cdn.wantLog(t, "50ms a", "5.05s a")
		if !done(ticket.Settled()) {
			synctest.Wait()
		}
		if _, err := q.Purge(t.Context(), tags("b")); !errors.Is(err, purge.ErrClosed) {
			t.Errorf("Purge after Close = %v, want ErrClosed", err)
		}
	})
}

// Close gives up with its context, ends the calls, and says what is left.
func TestClose_GivesUp(t *testing.T) {
	for _, tt := range []struct {
		journal purge.Journal
		want    string
	}{
		{nil, "2 tags and URLs are not purged everywhere: they are lost"},
		{&memory{}, "2 tags and URLs are not purged everywhere: they are left in the journal"},
	} {
		synctest.Test(t, func(t *testing.T) {
			cdn := newFake("cdn")
			cdn.answer = func(ctx context.Context, _ purge.Purge) error { <-ctx.Done(); return ctx.Err() }
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: tt.journal, MaxTries: 1})
			ticket := mustPurge(t, q, tags("a", "b"))
			accepted, settled := ticket.Accepted(), ticket.Settled()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := q.Close(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Close = %v, want DeadlineExceeded and %q", err, tt.want)
			}
			<-accepted
			<-settled
			if err := ticket.Err(); !errors.Is(err, purge.ErrClosed) {
				t.Errorf("Err() = %v, want ErrClosed", err)
			}
			if again := q.Close(t.Context()); again != err {
				t.Errorf("a second Close = %v, want the same as the first", again)
			}
			// A call that Close has ended is no try.
			if m, ok := tt.journal.(*memory); ok && (!slices.Equal(m.keys(), []string{"tag:a", "tag:b"}) || !m.closed) {
				t.Errorf("the journal has %q, closed %v, want both tags, true", m.keys(), m.closed)
			}
		})
	}
}

// Close does not wait for a purger that ignores its context, and what that does
// later changes nothing.
func TestClose_PurgerIgnoresItsContext(t *testing.T) {
	for _, late := range []error{nil, &purge.Error{Status: 403, Final: true}} {
		synctest.Test(t, func(t *testing.T) {
			cdn, release, journal := newFake("cdn"), make(chan struct{}), &memory{}
			cdn.answer = func(context.Context, purge.Purge) error { <-release; return late }
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal, Window: -1})
			ticket := mustPurge(t, q, tags("a"))
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 tags and URLs") {
				t.Errorf("Close = %v, want DeadlineExceeded, and one that is left", err)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Close took %v, want a second more than its context's at most", took)
			}
			<-ticket.Accepted()
			close(release)
			synctest.Wait()
			if !errors.Is(ticket.Err(), purge.ErrClosed) || len(q.Dead()) != 0 || !slices.Equal(journal.keys(), []string{"tag:a"}) {
				t.Errorf("the call ended with %v after Close: %v, dead %+v, journal %q, want ErrClosed, none and the tag",
					late, ticket.Err(), q.Dead(), journal.keys())
			}
		})
	}
}

// What only waits for its second purge is told apart, in the error as in the
// numbers.
func TestClose_TellsWhatSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn := newFake("cdn")
		q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Window: -1})
		first := mustPurge(t, q, tags("a", "b"))
		synctest.Wait()
		cdn.set(func(ctx context.Context, _ purge.Purge) error { <-ctx.Done(); return ctx.Err() })
		second := mustPurge(t, q, tags("c"))
		synctest.Wait()
		if s := q.Stats()[0]; s.Waiting != 1 || s.Settling != 2 || s.Sending != 1 {
			t.Errorf("stats %+v, want one waiting in a call, two settling", s)
		}
		if a, b := first.Receipt().Targets[0], second.Receipt().Targets[0]; a.Settling != 2 || a.Waiting != 0 || b.Waiting != 1 {
			t.Errorf("receipts %+v, %+v, want 2 settling, 1 waiting", a, b)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		want := "1 tags and URLs are not purged everywhere, and of 2 tags and URLs only the second purge is missing"
		if err := q.Close(ended); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Close = %v, want %q in it", err, want)
		}
	})
}

func TestOpen_ReportsAllMistakes(t *testing.T) {
	a := newFake("a")
	none, rate := newFake("none"), newFake("rate")
	none.limits = purge.Limits{}
	rate.limits.Rate = 1
	_, err := purge.Open(t.Context(), purge.Options{
		Targets: []purge.Purger{a, nil, newFake("a"), newFake(""), none, rate, newFake("edge \xff"), newFake("edge\n2")},
		Window:  2 * time.Minute, Settle: 2 * time.Hour, MaxTries: -1, MinBackoff: time.Minute, MaxBackoff: time.Second,
		MaxWaiting: -1, MaxDead: -1, Parallel: 65, CallTimeout: time.Hour,
	})
	if err == nil {
		t.Fatal("Open took them all")
	}
	for _, want := range []string{
		"Targets[1] is nil", "Targets[2]: two", "Targets[3] has no name", "Targets[4]", "Targets[5]", `Targets[6]: the name "edge \xff" is not UTF-8`, `Targets[7]: the name "edge\n2"`, "Window", "Settle",
		"MaxTries", "MinBackoff is 1m0s, above MaxBackoff", "MaxWaiting", "MaxDead", "Parallel", "CallTimeout",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v\nwant %q in it", err, want)
		}
	}
	if _, err := purge.Open(t.Context(), purge.Options{}); err == nil || !strings.Contains(err.Error(), "Targets is empty") {
		t.Errorf("Open without targets = %v", err)
	}
}

// hung is a journal whose calls of one method do not return.
type hung struct {
	memory
	method  string
	obeys   bool // its context, if there is one
	release chan struct{}
	closed  chan struct{}
}

func (h *hung) hang(ctx context.Context, method string) error {
	if h.method != method {
		return nil
	}
	if !h.obeys {
		ctx = context.Background()
	}
	select {
	case <-h.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hung) Put(ctx context.Context, records ...purge.Record) error {
	return errors.Join(h.hang(ctx, "Put"), h.memory.Put(ctx, records...))
}

func (h *hung) Delete(ctx context.Context, keys ...string) error {
	return errors.Join(h.hang(ctx, "Delete"), h.memory.Delete(ctx, keys...))
}

func (h *hung) Close() error {
	defer close(h.closed)
	return errors.Join(h.hang(context.Background(), "Close"), h.memory.Close())
}

// A journal that hangs holds up Close for a bounded time, whatever it hangs in,
// and no purge that waits for it stays behind.
func TestClose_JournalHangs(t *testing.T) {
	for _, tt := range []struct {
		method string
		obeys  bool
		took   time.Duration
		want   []string
	}{
		{"Put", false, 11 * time.Second, []string{"does not answer", "may lack 2 records", "have 0 of what is done", "2 tags and URLs are not purged everywhere"}},
		{"Put", true, 10 * time.Second, []string{"context canceled", "may lack 2 records", "have 0 of what is done"}},
		{"Delete", false, 11 * time.Second, []string{"does not answer", "may lack 0 records", "have 2 of what is done"}},
		{"Delete", true, 10 * time.Second, []string{"context canceled", "may lack 0 records", "have 2 of what is done"}},
		{"Close", false, 11 * time.Second, []string{"does not answer", "may lack 0 records", "have 0 of what is done"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			journal := &hung{method: tt.method, obeys: tt.obeys, release: make(chan struct{}), closed: make(chan struct{})}
			cdn := newFake("cdn")
			cdn.answer = func(ctx context.Context, p purge.Purge) error {
				time.Sleep(time.Millisecond) // until the journal has been told
				if tt.method == "Put" {
					return refuse(ctx, p)
				}
				return nil
			}
			q := open(t, purge.Options{Targets: []purge.Purger{cdn}, Journal: journal, Window: -1, Settle: -1})
			var purging sync.WaitGroup
			purging.Go(func() {
				_, err := q.Purge(t.Context(), tags("a", "b"))
				if lost := tt.method == "Put"; errors.Is(err, purge.ErrNotKept) != lost || !lost && err != nil {
					t.Errorf("%s hangs: Purge = %v, want that it is not kept: %v", tt.method, err, lost)
				}
			})
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			began := time.Now()
			err := q.Close(ended)
			if took := time.Since(began); took != tt.took {
				t.Errorf("%s hangs, obeys its context %v: Close took %v, want %v", tt.method, tt.obeys, took, tt.took)
			}
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s hangs, obeys its context %v: Close = %v, want %q in it", tt.method, tt.obeys, err, want)
				}
			}
			purging.Wait()
			close(journal.release)
			<-journal.closed // by whoever stayed behind, and after the call
		})
	}
}
