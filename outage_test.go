package larder_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// gate is one process's way to a shared tier. While it hangs, nothing gets
// through in either direction, as with a stopped server or a silent cut.
type gate struct {
	store.Store
	hangs atomic.Bool
	mute  atomic.Bool // only operations hang, reads go through
}

func (g *gate) Get(ctx context.Context, keys []string) []store.Reply {
	if g.hangs.Load() {
		return hang(ctx, len(keys))
	}
	return g.Store.Get(ctx, keys)
}

func (g *gate) Do(ctx context.Context, ops []store.Op) []store.Reply {
	if g.hangs.Load() || g.mute.Load() {
		return hang(ctx, len(ops))
	}
	return g.Store.Do(ctx, ops)
}

func hang(ctx context.Context, n int) []store.Reply {
	<-ctx.Done()
	replies := make([]store.Reply, n)
	for i := range replies {
		replies[i].Err = ctx.Err()
	}
	return replies
}

func (g *gate) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	g.Store.Watch(ctx, &gatedFeed{Feed: feed, hangs: &g.hangs}, period)
}

// gatedFeed loses what comes while the gate hangs, and says so with the first
// heartbeat after it, like a connection that had to be made anew.
type gatedFeed struct {
	store.Feed
	hangs *atomic.Bool
	lost  sync.Map // of the names of nodes
}

func (f *gatedFeed) Beat(node string, b store.Beat) {
	if f.hangs.Load() {
		f.lost.Store(node, true)
		return
	}
	if _, lost := f.lost.LoadAndDelete(node); lost {
		f.Reset(node)
		return
	}
	f.Feed.Beat(node, b)
}

func (f *gatedFeed) Changed(node string, keys []string) {
	if f.hangs.Load() {
		f.lost.Store(node, true)
		return
	}
	f.Feed.Changed(node, keys)
}

func TestOutage_ReadsGoOnWithoutTheSharedTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1, 2, 3)
		g := &gate{Store: local(t)}
		l, c := node(t, g, o, hour)
		for range 3 {
			mustGet(t, c, 1, 1)
		}
		g.hangs.Store(true)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				start := time.Now()
				mustGet(t, c, 2+i%2, 1)
				if took := time.Since(start); took > 150*time.Millisecond {
					t.Errorf("a Get during the outage took %v, want 150ms or less", took)
				}
			})
		}
		wg.Wait()
		start := time.Now()
		mustGet(t, c, 1, 1) // memory, while P2 covers it
		if took := time.Since(start); took != 0 {
			t.Errorf("a memory hit took %v", took)
		}
		time.Sleep(2 * time.Second)
		v := o.write(1) // another process's write, whose push cannot come
		var r larder.Report
		mustGet(t, c, 1, v, larder.Into(&r))
		if r.Origin != 1 || r.Stored != 0 {
			t.Errorf("report %+v, want an answer of the origin that is not stored", r)
		}
		g.hangs.Store(false)
		time.Sleep(2 * time.Second)
		before := o.loads.Load()
		for range 3 {
			mustGet(t, c, 2, 1)
		}
		if n := o.loads.Load() - before; n > 1 {
			t.Errorf("%d loads after the recovery, want 1 at most", n)
		}
		if s := l.Stats().Classes["user"]; s.Misses.TierDown == 0 || s.Hits.Memory == 0 {
			t.Errorf("stats %+v, want tier_down misses and memory hits", s)
		}
	})
}

func TestOutage_OneLoadPerKeyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		g := &gate{Store: local(t)}
		_, c := node(t, g, o, hour)
		g.hangs.Store(true)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { mustGet(t, c, 1, 1) })
		}
		wg.Wait()
		if n := o.loads.Load(); n > 2 {
			t.Errorf("100 Gets of one key: %d loads, want 2 at most", n)
		}
	})
}

// cutOff returns two processes of a fleet. The first has the row in memory and
// hears nothing any more, since its gate hangs; then the row became v.
func cutOff(t *testing.T) (g *gate, a, b *larder.Cache[int, user], v uint64) {
	t.Helper()
	s, o := local(t), newOrigin(1)
	g = &gate{Store: s}
	_, a = node(t, g, o, hour)
	_, b = node(t, s, o, hour)
	for range 3 {
		mustGet(t, a, 1, 1)
	}
	g.hangs.Store(true)
	return g, a, b, o.write(1)
}

func TestOutage_InvalidationStaysPendingAndIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, a, b, v := cutOff(t)
		start := time.Now()
		var pending *larder.PendingError
		if err := a.Invalidate(t.Context(), 1); !errors.As(err, &pending) || pending.Pending != 1 {
			t.Errorf("Invalidate during the outage = %v, want a PendingError for one key", err)
		}
		if took := time.Since(start); took > 50*time.Millisecond {
			t.Errorf("it took %v, want the tier's time-out or less", took)
		}
		mustGet(t, a, 1, v) // not trusted here
		g.hangs.Store(false)
		time.Sleep(2 * time.Second)
		mustGet(t, b, 1, v, larder.Strict()) // delivered
	})
}

func TestOutage_SilentCutEndsMemoryWithinMaxStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, v := cutOff(t)
		if err := b.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		acknowledged := time.Now()
		for {
			u, err := a.Get(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if u.Version == v {
				break
			}
			if age := time.Since(acknowledged); age > time.Second {
				t.Fatalf("the old value is served %v after the invalidation, want 1s at most", age)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func TestOutage_BackgroundRefreshLoadsNothingItCannotKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		g := &gate{Store: local(t)}
		p := larder.Policy{TTL: time.Minute, StaleWhileRevalidate: time.Hour, Tiers: larder.Shared, EarlyRefresh: -1}
		_, c := node(t, g, o, p)
		mustGet(t, c, 1, 1)
		time.Sleep(2 * time.Minute)
		g.mute.Store(true)
		mustGet(t, c, 1, 1) // stale, and the refresh gets no lease
		time.Sleep(time.Second)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1: a refresh without a lease is for nobody", n)
		}
	})
}

func TestOutage_StaleIfErrorServesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		g := &gate{Store: local(t)}
		_, c := node(t, g, o, larder.Policy{TTL: time.Minute, StaleIfError: time.Hour})
		for range 3 {
			mustGet(t, c, 1, 1)
		}
		g.hangs.Store(true)
		o.broken.Store(true)
		time.Sleep(10 * time.Minute)
		var r larder.Report
		mustGet(t, c, 1, 1, larder.Into(&r))
		if r.Stale != 1 {
			t.Errorf("report %+v, want a stale answer", r)
		}
		c.Invalidate(t.Context(), 1)
		if _, err := c.Get(t.Context(), 1); err == nil {
			t.Error("an invalidated value was served stale")
		}
	})
}

func TestGet_TakesOverFromADeadProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		o.delay = 200 * time.Millisecond
		g := &gate{Store: s}
		_, dying := node(t, g, o, hour)
		_, c := node(t, s, o, hour)
		go dying.Get(t.Context(), 1)
		time.Sleep(50 * time.Millisecond)
		g.hangs.Store(true) // from here on nobody hears of it
		start := time.Now()
		mustGet(t, c, 1, 1)
		if took := time.Since(start); took > time.Second {
			t.Errorf("answered after %v, want 1s or less", took)
		}
		if n := o.loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

func TestGet_CorruptAndForeignBytesAreMissesAndOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		l, c := node(t, s, o, hour)
		mustGet(t, c, 1, 1)
		key := "user:1"
		body := s.Get(t.Context(), []string{key})[0].Record.Body
		for i := range 40 {
			bad := append([]byte(nil), body...)
			switch {
			case i < len(bad) && i%2 == 0:
				bad[i] ^= 0xff
			default:
				bad = bad[:min(i, len(bad))]
			}
			plant(t, s, store.Fill{Key: key, Kind: store.Value, Version: 1 << 40, Fresh: time.Hour, Life: time.Hour, Body: bad})
			mustGet(t, c, 1, 1, larder.Strict())
			if r := s.Get(t.Context(), []string{key})[0]; r.Record.Version != 1 {
				t.Fatalf("damage %d: version %d is stored, want 1", i, r.Record.Version)
			}
		}
		if n := l.Stats().Classes["user"].Misses.Decode; n != 40 {
			t.Errorf("%d decode misses, want 40", n)
		}
	})
}

// plant stores what fill says, whatever was there.
func plant(t *testing.T, s store.Store, fill store.Fill) {
	t.Helper()
	fill.ID = "plant"
	r := s.Do(t.Context(), []store.Op{store.Lease{Key: fill.Key, ID: fill.ID, For: time.Second, Force: true}, fill})
	if r[1].Status != store.Done {
		t.Fatalf("planting: %+v", r)
	}
}

// The part of a record that the store reads is damaged, its body is whole.
func TestGet_DamagedRecordHeadersAreMisses(t *testing.T) {
	for name, damage := range map[string]func(*store.Fill){
		"a value that claims to be none":       func(f *store.Fill) { f.Kind = store.Negative },
		"one that claims to be fresh for long": func(f *store.Fill) { f.Fresh, f.Life = 48*time.Hour, 48*time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newOrigin(1)
				l, c := node(t, s, o, hour)
				mustGet(t, c, 1, 1)
				fill := store.Fill{
					Key: "user:1", Kind: store.Value, Version: 1, Fresh: time.Hour, Life: time.Hour,
					Body: s.Get(t.Context(), []string{"user:1"})[0].Record.Body,
				}
				damage(&fill)
				plant(t, s, fill)
				mustGet(t, c, 1, 1, larder.Strict())
				mustGet(t, c, 1, 1, larder.Strict())
				if n, loads := l.Stats().Classes["user"].Misses.Decode, o.loads.Load(); n != 1 || loads != 2 {
					t.Errorf("%d decode misses and %d loads, want 1 and 2", n, loads)
				}
			})
		})
	}
}

// A value that is a little too fresh may come from another clock, as after a
// failover: it is served for no longer than it was sealed for.
func TestGet_FreshnessIsBoundedByWhatWasSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, c := node(t, s, o, larder.Policy{TTL: time.Minute, Jitter: -1})
		mustGet(t, c, 1, 1)
		body := s.Get(t.Context(), []string{"user:1"})[0].Record.Body
		plant(t, s, store.Fill{
			Key: "user:1", Kind: store.Value, Version: 1, Fresh: 90 * time.Second, Life: time.Hour, Body: body,
		})
		var r larder.Report
		mustGet(t, c, 1, 1, larder.Strict(), larder.Into(&r))
		if r.Shared != 1 || r.FreshFor != time.Minute {
			t.Errorf("report %+v, want an answer of the tier, fresh for a minute", r)
		}
	})
}

func TestGet_AnotherGoTypeIsAMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		l := open(t, s, "user", hour)
		old, err := larder.NewCache(l, "user", larder.Loader[int, []string]{Load: func(context.Context, int) ([]string, error) {
			return []string{"an older shape"}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := old.Get(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		_, c := node(t, s, o, hour)
		mustGet(t, c, 1, 1)
		mustGet(t, c, 1, 1)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

// A load that the shared tier does not take is an answer all the same, and is
// counted.
func TestOutage_FillsThatAreNotAcknowledgedAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		o.hang = make(chan struct{})
		g := &gate{Store: local(t)}
		l, c := node(t, g, o, hour)
		var wg sync.WaitGroup
		wg.Go(func() { mustGet(t, c, 1, 1) })
		time.Sleep(30 * time.Millisecond) // the load is under way
		g.mute.Store(true)
		close(o.hang)
		wg.Wait()
		if n := l.Stats().Classes["user"].FillErrors; n != 1 {
			t.Errorf("%d fill errors, want 1", n)
		}
		g.mute.Store(false)
		time.Sleep(time.Second)
		mustGet(t, c, 1, 1)
		if n := l.Stats().Classes["user"].FillErrors; n != 1 {
			t.Errorf("%d fill errors after the outage, want 1", n)
		}
	})
}
