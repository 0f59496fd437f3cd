package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// clientIDs returns the ids of Larder's connections to the server.
func clientIDs(t *testing.T, o operator) (ids []string) {
	t.Helper()
	list := o.run("CLIENT", "LIST")
	text, err := list.ToString()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); slices.Contains(fields, "name=larder") {
			ids = append(ids, strings.TrimPrefix(fields[0], "id="))
		}
	}
	return ids
}

// TestOutage_IdleConnectionsKilled: nobody sends anything when the connections
// end, and both come back all the same.
func TestOutage_IdleConnectionsKilled(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	feed := watch(t, s, time.Second)
	put(t, s, "k", 1, "body")
	for round := range 3 {
		resets, _ := feed.counts()
		before := clientIDs(t, o)
		for _, id := range before {
			o.run("CLIENT", "KILL", "ID", id)
		}
		feed.waitResets(t, resets+1) // one for the loss, one for the new connection
		eventually(t, "two new connections", func() bool {
			now := clientIDs(t, o)
			return len(now) == 2 && !slices.ContainsFunc(now, func(id string) bool { return slices.Contains(before, id) })
		})
		// The server lists a connection before its login is over.
		eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Status == store.Found })
		feed.waitBeat(t)
		key := fmt.Sprint("change ", round)
		put(t, s, key, 1, "body")
		eventually(t, "a report over the new connection", func() bool { return feed.saw(key) })
	}
}

// TestOutage_Paused measures calls to a server that is there and does not
// answer.
func TestOutage_Paused(t *testing.T) {
	const limit, grace = 50 * time.Millisecond, 100 * time.Millisecond
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	put(t, s, "k", 1, "body")
	server.Pause()
	var longest time.Duration
	for range 5 {
		for _, call := range []func(context.Context) store.Reply{
			func(ctx context.Context) store.Reply { return s.Get(ctx, []string{"k"})[0] },
			func(ctx context.Context) store.Reply { return s.Get(ctx, []string{"k", "l"})[1] },
			func(ctx context.Context) store.Reply {
				return s.Do(ctx, []store.Op{store.Invalidate{Key: "k", Hold: time.Hour}})[0]
			},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			start := time.Now()
			reply := call(ctx)
			took := time.Since(start)
			cancel()
			longest = max(longest, took)
			if !errors.Is(reply.Err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the context", reply.Err)
			}
		}
	}
	t.Logf("calls with a limit of %v took at most %v", limit, longest)
	if longest > limit+grace {
		t.Errorf("a call took %v, want at most %v", longest, limit)
	}
	server.Resume()
	eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })
}

// TestOutage_TimeoutKeepsTheConnection: that one caller gives up is no reason
// to cut the connection that all share.
func TestOutage_TimeoutKeepsTheConnection(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	before := clientIDs(t, o)
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Get(ctx, []string{"k"})[0].Err; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	server.Resume()
	if got := get(t, s, "k"); got.Status != store.Absent {
		t.Errorf("status %d, want Absent", got.Status)
	}
	if after := clientIDs(t, o); !slices.Equal(before, after) {
		t.Errorf("connections %v, want the same as before, %v", after, before)
	}
}

// TestOutage_PausedUnderLoad has more calls wait than there are places in the
// queue of the connection, which without care waits regardless of contexts.
func TestOutage_PausedUnderLoad(t *testing.T) {
	const calls, limit, grace = 3000, 50 * time.Millisecond, time.Second
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	put(t, s, "k", 1, "body")
	server.Pause()
	took := make([]time.Duration, calls)
	var wg sync.WaitGroup
	for i := range calls {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			start := time.Now()
			if err := s.Get(ctx, []string{"k"})[0].Err; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the context", err)
			}
			took[i] = time.Since(start)
		})
	}
	wg.Wait()
	slices.Sort(took)
	t.Logf("%d calls with a limit of %v: p50 %v, p99 %v, longest %v", calls, limit, took[calls/2], took[calls*99/100], took[calls-1])
	if longest := took[calls-1]; longest > limit+grace {
		t.Errorf("a call took %v, want at most %v", longest, limit)
	}
	server.Resume()
	// All places are taken by calls that nobody waits for; they must come back.
	eventually(t, "as many answers at once as before", func() bool {
		var failed sync.Map
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if err := s.Get(ctx, []string{"k"})[0].Err; err != nil {
					failed.Store(i, err)
				}
			})
		}
		wg.Wait()
		failures := 0
		failed.Range(func(any, any) bool { failures++; return true })
		return failures == 0
	})
}

func TestOutage_PausedEndsBeats(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	resets, _ := feed.counts()
	paused := time.Now()
	server.Pause()
	feed.waitResets(t, resets)
	t.Logf("a paused server was given up after %v", time.Since(paused))
	feed.mu.Lock()
	for _, sent := range feed.beats {
		// A heartbeat may have been answered while the signal was on its way.
		if d := sent.Sub(paused); d > 10*time.Millisecond {
			t.Errorf("a heartbeat that left %v after the pause was answered", d)
		}
	}
	feed.mu.Unlock()
	server.Resume()
	feed.waitBeat(t)
}

// TestOutage_Restart: the server comes back empty and without scripts.
func TestOutage_Restart(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	resets, _ := feed.counts()
	server.Kill()
	eventually(t, "an error at once", func() bool {
		start := time.Now()
		err := s.Get(t.Context(), []string{"k"})[0].Err
		return errors.Is(err, redisstore.ErrUnavailable) && time.Since(start) < 100*time.Millisecond
	})
	feed.waitResets(t, resets)
	server.Restart()
	eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })
	if got := get(t, s, "k"); got.Status != store.Absent {
		t.Errorf("status %d, want Absent", got.Status)
	}
	put(t, s, "k", 1, "again")
	feed.waitBeat(t)
}

// TestOutage_AtStart: a service starts while its Redis is down.
func TestOutage_AtStart(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	start := time.Now()
	s := open(t, at(server.Addr()))
	if took := time.Since(start); took > time.Second {
		t.Errorf("Open of a dead server took %v", took)
	}
	if err := s.Get(t.Context(), []string{"k"})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Get: %v, want ErrUnavailable", err)
	}
	if err := s.Do(t.Context(), []store.Op{store.Invalidate{Key: "k", Hold: time.Hour}})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Do: %v, want ErrUnavailable", err)
	}
	server.Restart()
	eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })
}

// TestOutage_PausedAtStart: Open waits no longer than its context.
func TestOutage_PausedAtStart(t *testing.T) {
	server := redistest.Start(t)
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	s, err := redisstore.Open(ctx, at(server.Addr()))
	if err != nil {
		t.Fatalf("Open of a paused server: %v, want none", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Open took %v, want the context's 50ms", took)
	}
	start = time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Close took %v while a connection was being made", took)
	}
}

// TestOutage_DeadLink: packets vanish in both directions, and nobody says so.
func TestOutage_DeadLink(t *testing.T) {
	server := redistest.Start(t)
	link := newWire(t, server.Addr())
	opts := at(link.addr())
	opts.DialTimeout = 300 * time.Millisecond
	s := open(t, opts)
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	resets, _ := feed.counts()
	link.die()
	feed.waitResets(t, resets)
	// After a while the data connection is given up too, and calls stop
	// waiting.
	eventually(t, "calls fail at once", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return errors.Is(s.Get(ctx, []string{"k"})[0].Err, redisstore.ErrUnavailable)
	})
	link.live()
	eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })
	feed.waitBeat(t)
}

func TestOutage_SlowLink(t *testing.T) {
	server := redistest.Start(t)
	link := newWire(t, server.Addr())
	s := open(t, at(link.addr()))
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	link.slow(15 * time.Millisecond)
	resets, _ := feed.counts()
	if got := get(t, s, "k"); got.Status != store.Found {
		t.Errorf("over a slow link: status %d, want Found", got.Status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := s.Get(ctx, []string{"k"})[0].Err; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("faster than the link: %v, want the context's error", err)
	}
	// A batch of a hundred costs one round trip, not a hundred.
	ops := make([]store.Op, 100)
	for i := range ops {
		ops[i] = store.Invalidate{Key: fmt.Sprint(i), Hold: time.Hour}
	}
	start := time.Now()
	s.Do(t.Context(), ops)
	if took := time.Since(start); took > time.Second {
		t.Errorf("a batch of %d took %v over a link of 30ms there and back", len(ops), took)
	}
	feed.waitBeat(t)
	if now, _ := feed.counts(); now != resets {
		t.Errorf("%d resets, want none: the link is slow, not dead", now-resets)
	}
}

// TestOutage_CloseWhilePaused: nothing may hang on a silent server, or stay
// behind.
func TestOutage_CloseWhilePaused(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	feed.waitBeat(t)
	server.Pause()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			err := s.Get(context.Background(), []string{"k"})[0].Err
			if !errors.Is(err, store.ErrClosed) && !errors.Is(err, redisstore.ErrUnavailable) {
				t.Errorf("a call during Close: %v", err)
			}
		})
	}
	start := time.Now()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wg.Wait()
	if took := time.Since(start); took > time.Second {
		t.Errorf("Close took %v", took)
	}
}

// TestOutage_Demoted: a server becomes a replica and goes on answering. What
// it says is old from then on.
func TestOutage_Demoted(t *testing.T) {
	const rounds, limit = 5, 500 * time.Millisecond
	var replica atomic.Bool
	s := open(t, at(play(t, func(args []string) string {
		switch {
		case args[0] == "GET":
			return "_\r\n"
		case args[0] == "HELLO" && replica.Load():
			return strings.Replace(helloOf("7.0.15", "standalone"), "+master", "+replica", 1)
		}
		return greeting(helloOf("7.0.15", "standalone"))(args)
	})))
	answers := func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil }
	var longest time.Duration
	for range rounds {
		eventually(t, "an answer", answers)
		replica.Store(true)
		start := time.Now()
		eventually(t, "reads are refused", func() bool { return !answers() })
		longest = max(longest, time.Since(start))
		replica.Store(false)
	}
	t.Logf("a replica was read for %v at most", longest)
	if longest > limit {
		t.Errorf("a replica was read for %v, want %v at most", longest, limit)
	}
}

// TestOutage_DemotedFarAway: the answers take longer than the pauses between
// the questions.
func TestOutage_DemotedFarAway(t *testing.T) {
	server := redistest.Start(t)
	link := newWire(t, server.Addr())
	s := open(t, at(link.addr()))
	link.slow(150 * time.Millisecond)
	if got := get(t, s, "k"); got.Status != store.Absent {
		t.Errorf("status %d, want Absent", got.Status)
	}
	newOperator(t, server.Addr()).run("REPLICAOF", "127.0.0.1", "1")
	eventually(t, "reads are refused", func() bool {
		return errors.Is(s.Get(t.Context(), []string{"k"})[0].Err, redisstore.ErrUnavailable)
	})
}
