package purge_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
)

// fake is a cache that does as it is told.
type fake struct {
	name   string
	limits purge.Limits
	// answer says what becomes of a call, nil: it is accepted.
	answer func(ctx context.Context, p purge.Purge) error

	mu    sync.Mutex
	began time.Time
	calls []call
	busy  map[string]int // items in calls
	twice []string       // items that were in two calls at once
	most  int            // calls at once

	under sync.WaitGroup // calls
}

type call struct {
	at time.Duration // since the fake was made
	p  purge.Purge
}

func (c call) String() string {
	soft := ""
	if c.p.Soft {
		soft = " softly"
	}
	return fmt.Sprintf("%v %s%s", c.at.Round(time.Microsecond), strings.Join(append(slices.Clone(c.p.Tags), c.p.URLs...), ","), soft)
}

func newFake(name string) *fake {
	return &fake{name: name, limits: purge.Limits{Tags: 100, URLs: 100}, began: time.Now(), busy: map[string]int{}}
}

func (f *fake) Name() string         { return f.name }
func (f *fake) Limits() purge.Limits { return f.limits }

func (f *fake) Purge(ctx context.Context, p purge.Purge) error {
	items := append(slices.Clone(p.Tags), p.URLs...)
	f.under.Add(1)
	defer f.under.Done()
	f.mu.Lock()
	f.calls = append(f.calls, call{time.Since(f.began), p})
	at := 0
	for _, item := range items {
		if f.busy[item]++; f.busy[item] > 1 {
			f.twice = append(f.twice, item)
		}
	}
	for range f.busy {
		at++
	}
	f.most = max(f.most, at)
	answer := f.answer
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, item := range items {
			if f.busy[item]--; f.busy[item] == 0 {
				delete(f.busy, item)
			}
		}
	}()
	if err := f.limits.Check(p); err != nil {
		panic(err)
	}
	if answer == nil {
		return ctx.Err()
	}
	return answer(ctx, p)
}

func (f *fake) set(answer func(ctx context.Context, p purge.Purge) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// log returns the calls so far, one a line.
func (f *fake) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	for _, c := range f.calls {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// wantLog compares the calls with lines.
func (f *fake) wantLog(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := f.log(), strings.Join(lines, "\n"); got != want {
		t.Errorf("calls to %s:\n%s\nwant:\n%s", f.name, got, want)
	}
}

// open opens a queue that is closed with the test, and logs nothing.
func open(t *testing.T, o purge.Options) *purge.Queue {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	q, err := purge.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = q.Close(ended) // most tests leave something
		for _, p := range o.Targets {
			if f, ok := p.(*fake); ok {
				f.under.Wait() // some ignore their context
			}
		}
	})
	return q
}

// mustPurge purges without an error.
func mustPurge(t *testing.T, q *purge.Queue, p purge.Purge) *purge.Ticket {
	t.Helper()
	ticket, err := q.Purge(t.Context(), p)
	if err != nil {
		t.Fatalf("Purge(%+v) = %v, want nil", p, err)
	}
	return ticket
}

func tags(names ...string) purge.Purge { return purge.Purge{Tags: names} }

func softly(p purge.Purge) purge.Purge {
	p.Soft = true
	return p
}

// done tells whether a channel is closed.
func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
