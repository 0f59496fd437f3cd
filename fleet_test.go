package larder_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

type user struct {
	ID      int
	Name    string
	Version uint64
}

// origin is a database in fake time: rows with versions, and a slow reader.
type origin struct {
	mu     sync.Mutex
	rows   map[int]user
	loads  atomic.Int64
	calls  atomic.Int64
	busy   atomic.Int64 // loads under way
	delay  time.Duration
	broken atomic.Bool
	hang   chan struct{} // loads wait for it, if set
}

func newOrigin(ids ...int) *origin {
	o := &origin{rows: map[int]user{}, delay: 20 * time.Millisecond}
	for _, id := range ids {
		o.write(id)
	}
	return o
}

func (o *origin) write(id int) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	v := o.rows[id].Version + 1
	o.rows[id] = user{ID: id, Name: fmt.Sprintf("user %d.%d", id, v), Version: v}
	return v
}

// loadMany reads the rows first and answers later: what it returns may be old
// by then, as with any database.
func (o *origin) loadMany(_ context.Context, ids []int) (map[int]user, error) {
	o.busy.Add(1)
	defer o.busy.Add(-1)
	o.calls.Add(1)
	o.loads.Add(int64(len(ids)))
	got := map[int]user{}
	o.mu.Lock()
	for _, id := range ids {
		if row, ok := o.rows[id]; ok {
			got[id] = row
		}
	}
	o.mu.Unlock()
	time.Sleep(o.delay)
	if o.hang != nil {
		<-o.hang
	}
	if o.broken.Load() {
		return nil, errors.New("the database is down")
	}
	return got, nil
}

// settle waits for loads that a Larder which is closed has left behind: a bubble
// must not end before they do.
func (o *origin) settle() {
	synctest.Wait()
	for o.busy.Load() > 0 {
		time.Sleep(o.delay + time.Millisecond)
	}
}

func (o *origin) loader() larder.Loader[int, user] {
	return larder.Loader[int, user]{
		LoadMany: o.loadMany,
		Version:  func(u user) uint64 { return u.Version },
	}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// open opens a Larder of one class until the test ends.
func open(t testing.TB, s store.Store, class string, p larder.Policy) *larder.Larder {
	t.Helper()
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{class: p},
		Shared:   s,
		Logger:   quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// node opens one process of a fleet on s, and its cache of users.
func node(t *testing.T, s store.Store, o *origin, p larder.Policy) (*larder.Larder, *larder.Cache[int, user]) {
	t.Helper()
	t.Cleanup(o.settle)
	l := open(t, s, "user", p)
	c, err := larder.NewCache(l, "user", o.loader())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait() // its watch has come up
	return l, c
}

func local(t *testing.T) *localstore.Store {
	s := localstore.New(localstore.Options{})
	t.Cleanup(func() { s.Close() })
	return s
}

var hour = larder.Policy{TTL: time.Hour}

func mustGet(t *testing.T, c *larder.Cache[int, user], id int, want uint64, opts ...larder.GetOption) {
	t.Helper()
	if u, err := c.Get(t.Context(), id, opts...); err != nil || u.Version != want {
		t.Errorf("Get(%d) = version %d, %v; want version %d", id, u.Version, err, want)
	}
}

func TestGet_GoesThroughTheTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, local(t), o, hour)
		for i, want := range []larder.Tier{larder.Origin, larder.Shared, larder.Memory, larder.Memory} {
			var r larder.Report
			mustGet(t, c, 1, 1, larder.Into(&r))
			if r.Tier() != want {
				t.Errorf("Get number %d came from %v, want %v", i+1, r.Tier(), want)
			}
			synctest.Wait() // the push of its own fill has arrived
		}
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestGet_OneLoadForTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		o.delay = 200 * time.Millisecond
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			_, c := node(t, s, o, hour)
			for range 250 {
				wg.Go(func() { mustGet(t, c, 1, 1) })
			}
		}
		wg.Wait()
		if n := o.loads.Load(); n != 1 {
			t.Errorf("4 processes with 250 Gets each: %d loads, want 1", n)
		}
		if took := time.Since(start); took > 300*time.Millisecond {
			t.Errorf("answered after %v, want 300ms or less", took)
		}
	})
}

func TestGet_StrictClassOneLoadToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		p := larder.Policy{TTL: time.Hour, Tiers: larder.Shared}
		var wg sync.WaitGroup
		for range 2 {
			_, c := node(t, s, o, p)
			for range 50 {
				wg.Go(func() { mustGet(t, c, 1, 1) })
			}
		}
		wg.Wait()
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

func TestInvalidate_IsSeenByEveryStrictGetAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, a := node(t, s, o, hour)
		_, b := node(t, s, o, hour)
		for range 3 {
			mustGet(t, a, 1, 1)
			mustGet(t, b, 1, 1)
		}
		v := o.write(1)
		if err := a.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustGet(t, b, 1, v, larder.Strict())
		mustGet(t, a, 1, v)
		synctest.Wait() // the push has arrived
		mustGet(t, b, 1, v)
	})
}

func TestInvalidate_RefusesTheLoadThatBeganBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, a := node(t, s, o, hour)
		_, b := node(t, s, o, hour)
		var wg sync.WaitGroup
		wg.Go(func() {
			// It began before the write: either version is right.
			if _, err := a.Get(t.Context(), 1); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(5 * time.Millisecond) // the row has been read
		v := o.write(1)
		if err := b.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustGet(t, b, 1, v)
		wg.Wait()
		for range 3 {
			mustGet(t, a, 1, v)
			mustGet(t, b, 1, v)
		}
	})
}

func TestInvalidate_ReaderInTheSameProcessDoesNotJoinTheOldLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, p := range []larder.Policy{hour, {TTL: time.Hour, Tiers: larder.Shared}} {
			o := newOrigin(1)
			_, c := node(t, local(t), o, p)
			var wg sync.WaitGroup
			wg.Go(func() { c.Get(t.Context(), 1) })
			time.Sleep(5 * time.Millisecond)
			v := o.write(1)
			if err := c.Invalidate(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			mustGet(t, c, 1, v)
			wg.Wait()
			mustGet(t, c, 1, v)
		}
	})
}

func TestInvalidate_WithoutASharedTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, nil, o, hour)
		mustGet(t, c, 1, 1)
		mustGet(t, c, 1, 1)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads for two Gets, want 1", n)
		}
		var wg sync.WaitGroup
		for _, id := range []int{1, 2} {
			o.write(id)
			c.Invalidate(t.Context(), id)
			wg.Go(func() { c.Get(t.Context(), id) })
			time.Sleep(5 * time.Millisecond)
			v := o.write(id)
			if err := c.Invalidate(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			mustGet(t, c, id, v)
			wg.Wait()
			mustGet(t, c, id, v)
		}
	})
}

func TestGetMany_SharesLoadsByID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1, 2, 3, 4)
		_, c := node(t, local(t), o, hour)
		var wg sync.WaitGroup
		for _, ids := range [][]int{{1, 2, 3}, {2, 3, 4}} {
			wg.Go(func() {
				got, err := c.GetMany(t.Context(), ids)
				if err != nil || !slices.Equal(slices.Sorted(maps.Keys(got)), ids) {
					t.Errorf("GetMany(%v) = %v, %v", ids, got, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if n := o.loads.Load(); n != 4 {
			t.Errorf("%d keys loaded, want 4: 2 and 3 once", n)
		}
	})
}

func TestGetMany_RemembersWhatDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, local(t), o, hour)
		for range 3 {
			got, err := c.GetMany(t.Context(), []int{1, 2, 2, 3})
			if err != nil || len(got) != 1 {
				t.Errorf("GetMany = %v, %v; want only 1", got, err)
			}
			if _, err := c.Get(t.Context(), 3); !errors.Is(err, larder.ErrNotFound) {
				t.Errorf("Get(3) = %v, want ErrNotFound", err)
			}
		}
		if n := o.loads.Load(); n != 3 {
			t.Errorf("%d keys loaded, want 3", n)
		}
		time.Sleep(31 * time.Second)
		o.write(3)
		mustGet(t, c, 3, 1)
	})
}

func TestGetMany_PartialFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, local(t), "n", hour)
		broken := errors.New("shard 2 is down")
		c, err := larder.NewCache(l, "n", larder.Loader[int, string]{LoadMany: func(_ context.Context, ids []int) (map[int]string, error) {
			return map[int]string{1: "one"}, &larder.BatchError[int]{Failed: map[int]error{2: broken}}
		}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.GetMany(t.Context(), []int{1, 2, 3})
		var failed *larder.BatchError[int]
		if !errors.As(err, &failed) || len(failed.Failed) != 1 || !errors.Is(failed.Failed[2], broken) || !errors.Is(err, broken) {
			t.Errorf("GetMany: %v, want a BatchError for 2", err)
		}
		if len(got) != 1 || got[1] != "one" {
			t.Errorf("GetMany = %v, want 1 alone", got)
		}
	})
}

// A loader may pass on the error of another batch, say of another cache with
// the same type of key: that is no word on its own keys.
func TestGetMany_AnotherBatchsErrorIsNoPartialFailure(t *testing.T) {
	for name, inner := range map[string]map[int]error{
		"other keys":      {7: errors.New("the nested batch failed"), 8: errors.New("it too")},
		"other keys also": {2: errors.New("the nested batch failed"), 8: errors.New("it too")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := open(t, local(t), "user", hour)
				c, err := larder.NewCache(l, "user", larder.Loader[int, int]{LoadMany: func(context.Context, []int) (map[int]int, error) {
					return map[int]int{1: 1}, fmt.Errorf("nested: %w", &larder.BatchError[int]{Failed: inner})
				}})
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.GetMany(t.Context(), []int{1, 2, 3})
				var batch *larder.BatchError[int]
				if !errors.As(err, &batch) || len(batch.Failed) != 2 || batch.Failed[2] == nil || batch.Failed[3] == nil || got[1] != 1 {
					t.Errorf("GetMany = %v, %v; want 1 alone, and 2 and 3 failed", got, err)
				}
			})
		})
	}
}

func TestGet_WaiterLeavesWithItsOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		o.delay = time.Second
		_, c := node(t, local(t), o, hour)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := c.Get(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v, want the deadline's error", err)
		}
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("it left after %v, want 50ms", took)
		}
		mustGet(t, c, 1, 1)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1: the load goes on without its first caller", n)
		}
	})
}

func TestGet_PanicIsAnErrorForAllWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, local(t), "n", hour)
		c, err := larder.NewCache(l, "n", larder.Loader[int, int]{Load: func(context.Context, int) (int, error) {
			time.Sleep(time.Millisecond)
			panic("boom")
		}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				var failed *larder.LoadError
				if _, err := c.Get(t.Context(), 1); !errors.As(err, &failed) {
					t.Errorf("Get = %v, want a LoadError", err)
				}
			})
		}
		wg.Wait()
	})
}

func TestPolicy_StaleWhileRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, local(t), o, larder.Policy{TTL: time.Minute, StaleWhileRevalidate: time.Minute, Jitter: -1, EarlyRefresh: -1})
		mustGet(t, c, 1, 1)
		time.Sleep(61 * time.Second)
		o.write(1)
		start := time.Now()
		mustGet(t, c, 1, 1)
		if took := time.Since(start); took != 0 {
			t.Errorf("a stale value took %v, want no wait", took)
		}
		time.Sleep(time.Second)
		mustGet(t, c, 1, 2)
		if n := o.loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

func TestPolicy_StaleIfErrorAndSoftTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		p := larder.Policy{TTL: time.Minute, StaleIfError: time.Hour, SoftTimeout: 100 * time.Millisecond}
		_, c := node(t, local(t), o, p)
		mustGet(t, c, 1, 1)
		time.Sleep(61 * time.Second)
		o.broken.Store(true)
		var r larder.Report
		mustGet(t, c, 1, 1, larder.Into(&r))
		if r.Stale != 1 {
			t.Errorf("report %+v, want a stale answer", r)
		}
		o.broken.Store(false)
		time.Sleep(time.Second)
		o.write(1)
		o.delay = 5 * time.Second
		start := time.Now()
		mustGet(t, c, 1, 1)
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("answered after %v, want the soft time-out", took)
		}
		time.Sleep(6 * time.Second)
		mustGet(t, c, 1, 2)
	})
}

func TestPolicy_HardTimeoutEndsALoaderThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		o.hang = make(chan struct{})
		defer close(o.hang)
		_, c := node(t, local(t), o, larder.Policy{TTL: time.Hour, HardTimeout: time.Second})
		start := time.Now()
		if _, err := c.Get(t.Context(), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v, want the load's deadline", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("failed after %v, want 1s", took)
		}
	})
}

func TestPolicy_MaxLoadsBoundsTheLoaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin()
		o.delay = 900 * time.Millisecond
		_, c := node(t, local(t), o, larder.Policy{TTL: time.Hour, MaxLoads: 2, LoadWait: time.Second})
		var wg sync.WaitGroup
		var overloaded atomic.Int64
		for id := range 8 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), id); errors.Is(err, larder.ErrOverloaded) {
					overloaded.Add(1)
				}
			})
		}
		wg.Wait()
		if got := overloaded.Load(); got != 4 {
			t.Errorf("%d of 8 were refused, want 4: two at once, two waves within LoadWait", got)
		}
	})
}

func TestLoader_OwnLifeAndNoStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, local(t), "n", larder.Policy{TTL: time.Hour, Jitter: -1})
		loads := map[int]int{}
		c, err := larder.NewCache(l, "n", larder.Loader[int, int]{
			Load: func(_ context.Context, id int) (int, error) { loads[id]++; return id, nil },
			TTL: func(id, _ int) time.Duration {
				return [...]time.Duration{0, larder.NoStore, time.Minute, 24 * time.Hour}[id]
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, pause := range []time.Duration{0, 2 * time.Minute, time.Hour} {
			time.Sleep(pause)
			for id := range 4 {
				c.Get(t.Context(), id)
			}
		}
		want := map[int]int{0: 2, 1: 3, 2: 3, 3: 2}
		if !maps.Equal(loads, want) {
			t.Errorf("loads by key %v, want %v", loads, want)
		}
	})
}

func TestMinVersion_ReadsOnUntilTheVersionIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, c := node(t, s, o, hour)
		for range 3 {
			mustGet(t, c, 1, 1)
		}
		v := o.write(1) // nobody invalidates
		mustGet(t, c, 1, 1)
		mustGet(t, c, 1, v, larder.MinVersion(v))
		mustGet(t, c, 1, v, larder.Strict())
	})
}

func TestRefresh_LoadsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, c := node(t, s, o, hour)
		mustGet(t, c, 1, 1)
		v := o.write(1)
		if err := c.Refresh(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustGet(t, c, 1, v, larder.Strict())
		if n := o.loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

func TestStats_NameTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1, 2)
		l, c := node(t, s, o, larder.Policy{TTL: time.Minute, Target: 0.1, EarlyRefresh: -1})
		for range 3 {
			mustGet(t, c, 1, 1)
			synctest.Wait() // the push of its own fill has arrived
		}
		c.Invalidate(t.Context(), 1)
		mustGet(t, c, 1, 1)
		time.Sleep(2 * time.Minute)
		mustGet(t, c, 1, 1)
		c.Get(t.Context(), 9)
		c.Get(t.Context(), 9)
		s.Flush()
		mustGet(t, c, 1, 1)
		got := l.Stats().Classes["user"]
		m := got.Misses
		if m.Cold != 2 || m.Invalidated != 1 || m.Expired != 1 || m.Evicted != 1 {
			t.Errorf("misses %+v; want cold 2, invalidated 1, expired 1, evicted 1", m)
		}
		if got.Gets != 8 || got.Hits.Memory != 1 || got.Hits.Shared != 2 || got.NegativeHits != 1 || got.Loads != 5 {
			t.Errorf("stats %+v; want 8 gets, 1 memory and 2 shared hits, 1 of them negative, 5 loads", got)
		}
	})
}

func TestPolicy_MemoryTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, local(t), o, larder.Policy{TTL: time.Hour, MemoryTTL: time.Minute, NegativeTTL: time.Hour, EarlyRefresh: -1})
		tiers := func(id int, want ...larder.Tier) {
			t.Helper()
			for i, tier := range want {
				var r larder.Report
				if _, err := c.Get(t.Context(), id, larder.Into(&r)); err != nil && !errors.Is(err, larder.ErrNotFound) {
					t.Fatal(err)
				}
				if r.Tier() != tier {
					t.Errorf("Get number %d of %d came from %v, want %v", i+1, id, r.Tier(), tier)
				}
				synctest.Wait()
			}
		}
		for _, id := range []int{1, 2} { // a value, and that there is none
			tiers(id, larder.Origin, larder.Shared, larder.Memory)
			time.Sleep(time.Minute - time.Millisecond)
			tiers(id, larder.Memory)
			time.Sleep(time.Millisecond)
			tiers(id, larder.Shared, larder.Memory)
		}
	})
}
