package larder_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// panicky is a codec that cannot encode.
type panicky struct{ larder.Codec }

func (panicky) Name() string                { return "panicky" }
func (panicky) Marshal(any) ([]byte, error) { panic("in Marshal") }

// Whatever the caller's own code does in a load ends as that load's error.
func TestLoad_PanicsOfTheCallersCodeAreErrors(t *testing.T) {
	type rows = larder.Loader[int, *user]
	load := func(context.Context, int) (*user, error) { return nil, nil }
	boom := func() { panic("in a hook") }
	for name, c := range map[string]struct {
		loader rows
		hooks  larder.Hooks
		want   string // "": an answer
	}{
		"Version":           {loader: rows{Load: load, Version: func(u *user) uint64 { return u.Version }}, want: "nil pointer"},
		"TTL":               {loader: rows{Load: load, TTL: func(_ int, u *user) time.Duration { return time.Duration(u.ID) }}, want: "nil pointer"},
		"Marshal":           {loader: rows{Load: load, Codec: panicky{}}},
		"LoadStart":         {loader: rows{Load: load}, hooks: larder.Hooks{LoadStart: func(context.Context, string, int) context.Context { boom(); return nil }}, want: "in a hook"},
		"LoadDone":          {loader: rows{Load: load}, hooks: larder.Hooks{LoadDone: func(context.Context, string, int, time.Duration, error) { boom() }}, want: "in a hook"},
		"Goexit":            {loader: rows{Load: func(context.Context, int) (*user, error) { runtime.Goexit(); return nil, nil }}, want: "Goexit"},
		"Goexit in Version": {loader: rows{Load: load, Version: func(*user) uint64 { runtime.Goexit(); return 0 }}, want: "Goexit"},
		"Goexit in TTL":     {loader: rows{Load: load, TTL: func(int, *user) time.Duration { runtime.Goexit(); return 0 }}, want: "Goexit"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, err := larder.Open(t.Context(), larder.Options{
					Policies: map[string]larder.Policy{"user": hour}, Shared: local(t), Logger: quiet, Hooks: c.hooks,
				})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				cache, err := larder.NewCache(l, "user", c.loader)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err = cache.Get(ctx, 1)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("Get = %v, want %q", err, c.want)
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("Get took %v", took)
				}
			})
		})
	}
}

// plain is a codec of strings.
type plain struct{}

func (plain) Name() string                    { return "plain" }
func (plain) Marshal(v any) ([]byte, error)   { return []byte(v.(string)), nil }
func (plain) Unmarshal(b []byte, v any) error { *v.(*string) = string(b); return nil }

// leaving is a codec that ends the goroutine that calls it.
type leaving struct {
	plain
	encodes, decodes bool
}

func (l leaving) Marshal(v any) ([]byte, error) {
	if l.encodes {
		runtime.Goexit()
	}
	return l.plain.Marshal(v)
}

func (l leaving) Unmarshal(b []byte, v any) error {
	if l.decodes {
		runtime.Goexit()
	}
	return l.plain.Unmarshal(b, v)
}

// A codec that ends its goroutine takes one Get with it, and the others that
// wait for the same answer get an error.
func TestGet_NobodyWaitsForACodecThatIsGone(t *testing.T) {
	for name, codec := range map[string]leaving{"Marshal": {encodes: true}, "Unmarshal": {decodes: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testGoneCodec(t, codec) })
		})
	}
}

func testGoneCodec(t *testing.T, codec leaving) {
	s := local(t)
	way := &turnstile{Store: s}
	load := func(context.Context, int) (string, error) { return "tea", nil }
	fine, err := larder.NewCache(open(t, s, "user", hour), "user", larder.Loader[int, string]{Load: load, Codec: plain{}})
	must(t, err)
	c, err := larder.NewCache(open(t, way, "user", hour), "user", larder.Loader[int, string]{Load: load, Codec: codec})
	must(t, err)
	if codec.decodes {
		for _, id := range []int{1, 2} {
			_, err := fine.Get(t.Context(), id)
			must(t, err)
		}
	}
	synctest.Wait()
	ask, answer := make(chan struct{}), make(chan struct{})
	way.hold(ask, answer)
	var wg sync.WaitGroup
	var answered atomic.Int32
	wg.Go(func() { c.GetMany(t.Context(), []int{1, 2}) }) // which may not return
	synctest.Wait()
	for _, id := range []int{1, 2} {
		wg.Go(func() {
			if got, err := c.Get(t.Context(), id); err == nil || !strings.Contains(err.Error(), "Goexit") {
				t.Errorf("Get(%d) = %q, %v; want an error that names Goexit", id, got, err)
			}
			answered.Add(1)
		})
	}
	synctest.Wait()
	close(ask)
	close(answer)
	wg.Wait()
	if n := answered.Load(); n != 2 {
		t.Errorf("%d Gets returned, want 2", n)
	}
}

func TestGetMany_LoadAloneKeepsWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, local(t), "user", larder.Policy{TTL: time.Hour, HardTimeout: time.Second})
		var running, most atomic.Int64
		c, err := larder.NewCache(l, "user", larder.Loader[int, int]{Load: func(_ context.Context, id int) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			if id%10 == 0 {
				time.Sleep(time.Minute) // whatever its context says
			}
			time.Sleep(100 * time.Millisecond)
			return id, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		var ids []int
		for id := range 100 {
			ids = append(ids, id)
		}
		got, err := c.GetMany(t.Context(), ids)
		var batch *larder.BatchError[int]
		if !errors.As(err, &batch) || len(batch.Failed) != 10 || len(got) != 90 {
			t.Errorf("GetMany = %d values, %v; want 90, and 10 failed", len(got), err)
		}
		if m := most.Load(); m < 2 {
			t.Errorf("at most %d loads ran at once, want several", m)
		}
		time.Sleep(2 * time.Minute)
	})
}

// measured notes how large the requests are.
type measured struct {
	store.Store
	most, calls atomic.Int64
}

func (m *measured) note(n int) {
	m.calls.Add(1)
	m.most.Store(max(m.most.Load(), int64(n)))
}

func (m *measured) Get(ctx context.Context, keys []string) []store.Reply {
	m.note(len(keys))
	return m.Store.Get(ctx, keys)
}

func (m *measured) Do(ctx context.Context, ops []store.Op) []store.Reply {
	m.note(len(ops))
	return m.Store.Do(ctx, ops)
}

func TestGetMany_BigBatchesGoInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &measured{Store: local(t)}
		o := newOrigin()
		var ids []int
		for id := range 5000 {
			ids = append(ids, id)
			o.write(id)
		}
		_, c := node(t, m, o, hour)
		for range 2 {
			if got, err := c.GetMany(t.Context(), ids); err != nil || len(got) != len(ids) {
				t.Fatalf("GetMany = %d values, %v", len(got), err)
			}
		}
		if err := c.Invalidate(t.Context(), ids...); err != nil {
			t.Fatal(err)
		}
		if most, calls := m.most.Load(), m.calls.Load(); most > 500 || calls != 50 {
			t.Errorf("%d requests of up to %d keys, want 50 of 500", calls, most)
		}
		if got := o.loads.Load(); got != 5000 {
			t.Errorf("%d loads, want 5000", got)
		}
	})
}

// One slow batch is one failure, not as many as it has keys.
func TestCircuit_CountsRequestsNotKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowOnce{Store: local(t)}
		opened := false
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"user": hour}, Shared: s, Logger: quiet,
			Hooks: larder.Hooks{Circuit: func(string, bool, error) { opened = true }},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := larder.NewCache(l, "user", newOrigin(1, 2, 3, 4, 5).loader())
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.slow.Store(true)
		if _, err := c.GetMany(t.Context(), []int{1, 2, 3, 4, 5}); err != nil {
			t.Fatal(err)
		}
		if opened {
			t.Error("one slow request has opened the circuit")
		}
	})
}

type slowOnce struct {
	*localstore.Store
	slow atomic.Bool
}

func (s *slowOnce) Get(ctx context.Context, keys []string) []store.Reply {
	if !s.slow.Swap(false) {
		return s.Store.Get(ctx, keys)
	}
	<-ctx.Done()
	replies := make([]store.Reply, len(keys))
	for i := range replies {
		replies[i].Err = ctx.Err()
	}
	return replies
}

func TestOpen_RefusesMistakes(t *testing.T) {
	var none *localstore.Store
	for name, c := range map[string]struct {
		opts larder.Options
		want string
	}{
		"a nil store":     {larder.Options{Policies: map[string]larder.Policy{"c": hour}, Shared: none}, "nil *localstore.Store"},
		"jitter NaN":      {larder.Options{Policies: map[string]larder.Policy{"c": {TTL: 1e9, Jitter: math.NaN()}}}, "Jitter"},
		"target NaN":      {larder.Options{Policies: map[string]larder.Policy{"c": {TTL: 1e9, Target: math.NaN()}}}, "Target"},
		"early NaN":       {larder.Options{Policies: map[string]larder.Policy{"c": {TTL: 1e9, EarlyRefresh: math.NaN()}}}, "EarlyRefresh"},
		"memory above":    {larder.Options{Policies: map[string]larder.Policy{"c": {TTL: 1e9, MemoryTTL: 2e9}}}, "MemoryTTL is 2s, want TTL 1s or less"},
		"memory without":  {larder.Options{Policies: map[string]larder.Policy{"c": {TTL: 1e9, MemoryTTL: 1e9, Tiers: larder.Shared}}}, "Tiers has no Memory"},
		"load rate below": {larder.Options{Policies: map[string]larder.Policy{"c": {TTL: 1e9, MaxLoadRate: -1}}}, `class "c": MaxLoadRate`},
	} {
		if l, err := larder.Open(t.Context(), c.opts); err == nil || l != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestNewCache_GivesNothingBesideAnError(t *testing.T) {
	l := open(t, nil, "c", hour)
	if _, err := larder.NewCache(l, "c", newOrigin().loader()); err != nil {
		t.Fatal(err)
	}
	if again, err := larder.NewCache(l, "c", newOrigin().loader()); err == nil || again != nil {
		t.Errorf("a second cache of a class: %v, %v; want an error alone", again, err)
	}
	type hidden struct{ id int }
	bare := larder.Loader[int, *hidden]{Load: func(context.Context, int) (*hidden, error) { return &hidden{id: 1}, nil }}
	l = open(t, nil, "c", hour)
	if _, err := larder.NewCache(l, "c", bare); err == nil || !strings.Contains(err.Error(), "no exported field") {
		t.Errorf("a type of which JSON keeps nothing: %v", err)
	}
}

func TestGet_WithoutASharedTierStrictIsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, nil, o, larder.Policy{TTL: time.Hour, Tiers: larder.Shared})
		for range 3 {
			mustGet(t, c, 1, 1, larder.Strict())
		}
		o.write(1)
		if err := c.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustGet(t, c, 1, 2, larder.Strict())
		if got := o.loads.Load(); got != 2 {
			t.Errorf("%d loads, want 2", got)
		}
	})
}

func TestGet_EndedContextLoadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, local(t), o, hour)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Get(ctx, 1); !errors.Is(err, context.Canceled) || o.loads.Load() != 0 {
			t.Errorf("Get = %v after %d loads, want the context's error and none", err, o.loads.Load())
		}
	})
}
