package larder_test

import (
	"context"
	"errors"
	"fmt"
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

// product is a row whose category, and so one of its tags, may change.
type product struct {
	ID       int
	Category string
	Version  uint64
}

type shelf struct {
	mu    sync.Mutex
	rows  map[int]product
	loads atomic.Int64
	load  func(id int) // called after the row was read
}

func (s *shelf) put(id int, category string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[id] = product{ID: id, Category: category, Version: s.rows[id].Version + 1}
}

func (s *shelf) loader() larder.Loader[int, product] {
	return larder.Loader[int, product]{
		Load: func(_ context.Context, id int) (product, error) {
			s.loads.Add(1)
			s.mu.Lock()
			p, ok := s.rows[id]
			s.mu.Unlock()
			if s.load != nil {
				s.load(id)
			}
			time.Sleep(10 * time.Millisecond)
			if !ok {
				return p, larder.ErrNotFound
			}
			return p, nil
		},
		Tags: func(_ int, p product) []string { return []string{"category-" + p.Category} },
	}
}

var taggedPolicy = larder.Policy{TTL: time.Hour, Tags: []string{"product-{key}", "products"}}

func newShelf(ids ...int) *shelf {
	s := &shelf{rows: map[int]product{}}
	for _, id := range ids {
		s.put(id, "tea")
	}
	return s
}

func (s *shelf) node(t *testing.T, st store.Store, p larder.Policy) (*larder.Larder, *larder.Cache[int, product]) {
	t.Helper()
	l := open(t, st, "product", p)
	c, err := larder.NewCache(l, "product", s.loader())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return l, c
}

func wantVersion(t *testing.T, c *larder.Cache[int, product], id int, want uint64, opts ...larder.GetOption) {
	t.Helper()
	if p, err := c.Get(t.Context(), id, opts...); err != nil || p.Version != want {
		t.Errorf("Get(%d) = version %d, %v; want version %d", id, p.Version, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTags_InvalidateAllThatCarryThem(t *testing.T) {
	for _, tag := range []string{"products", "product-1", "category-tea"} {
		t.Run(tag, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newShelf(1)
				la, a := o.node(t, s, taggedPolicy)
				_, b := o.node(t, s, taggedPolicy)
				for range 4 {
					wantVersion(t, a, 1, 1)
					wantVersion(t, b, 1, 1)
					synctest.Wait()
				}
				if n := o.loads.Load(); n != 1 {
					t.Errorf("%d loads, want 1", n)
				}
				o.put(1, "tea")
				must(t, la.InvalidateTags(t.Context(), tag))
				wantVersion(t, a, 1, 2)
				wantVersion(t, b, 1, 2, larder.Strict())
				synctest.Wait()
				wantVersion(t, b, 1, 2)
				for range 3 {
					wantVersion(t, a, 1, 2)
					wantVersion(t, b, 1, 2)
					synctest.Wait()
				}
				if n := o.loads.Load(); n != 2 {
					t.Errorf("%d loads, want 2", n)
				}
			})
		})
	}
}

func TestTags_OthersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1, 2)
		l, c := o.node(t, s, taggedPolicy)
		for range 3 {
			wantVersion(t, c, 1, 1)
			wantVersion(t, c, 2, 1)
			synctest.Wait()
		}
		must(t, l.InvalidateTags(t.Context(), "product-1"))
		var r larder.Report
		wantVersion(t, c, 2, 1, larder.Into(&r))
		if r.Memory != 1 {
			t.Errorf("a value without the tag: %+v, want it from memory", r)
		}
		wantVersion(t, c, 2, 1, larder.Strict(), larder.Into(&r))
		if r.Shared != 1 {
			t.Errorf("a strict Get of it: %+v, want it from the shared tier", r)
		}
	})
}

// A load that began before an invalidation is not cached, whatever the tag
// depends on.
func TestTags_ReadBeforeTheLoad(t *testing.T) {
	for _, tag := range []string{"products", "product-1", "category-tea"} {
		t.Run(tag, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newShelf(1)
				l, c := o.node(t, s, taggedPolicy)
				wantVersion(t, c, 1, 1)
				must(t, c.Invalidate(t.Context(), 1))
				var once sync.Once
				o.load = func(int) {
					once.Do(func() { // the old row is read, and not yet returned
						o.put(1, "tea")
						must(t, l.InvalidateTags(t.Context(), tag))
					})
				}
				c.Get(t.Context(), 1)
				wantVersion(t, c, 1, 2)
				wantVersion(t, c, 1, 2, larder.Strict())
			})
		})
	}
}

func TestTags_EvictingThemBringsNothingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := localstore.New(localstore.Options{MaxEntries: 2000})
		defer s.Close()
		ids := make([]int, 500)
		for i := range ids {
			ids[i] = i
		}
		o := newShelf(ids...)
		l, c := o.node(t, s, larder.Policy{TTL: time.Hour, Tags: []string{"products"}, Tiers: larder.Shared})
		if _, err := c.GetMany(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
		before := s.Get(t.Context(), []string{"product:1"})[0]
		for _, id := range ids {
			o.put(id, "tea")
		}
		must(t, l.InvalidateTags(t.Context(), "products"))
		for i := range 3000 { // evict the tags and everything else
			s.Do(t.Context(), []store.Op{store.Lease{Key: fmt.Sprint("filler:", i), ID: "x", For: time.Hour}})
		}
		// The old entry is back, as by a replica that lagged.
		plant(t, s, store.Fill{
			Key: "product:1", Kind: store.Value, Body: before.Record.Body, Version: before.Record.Version,
			Fresh: time.Hour, Life: time.Hour,
		})
		wantVersion(t, c, 1, 2)
	})
}

func TestTags_BatchTakesOneTripMoreAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := make([]int, 50)
		for i := range ids {
			ids[i] = i
		}
		o := newShelf(ids...)
		counted := &trips{Store: local(t)}
		_, a := o.node(t, counted.Store, taggedPolicy)
		l, c := o.node(t, counted, taggedPolicy)
		get := func(what string, most int64) {
			t.Helper()
			before := counted.n.Load()
			got, err := c.GetMany(t.Context(), ids, larder.Strict())
			if err != nil || len(got) != 50 {
				t.Fatalf("%s: %d values, %v", what, len(got), err)
			}
			if n := counted.n.Load() - before; n > most {
				t.Errorf("%s: %d round trips, want %d at most", what, n, most)
			}
		}
		if _, err := a.GetMany(t.Context(), ids); err != nil {
			t.Fatal(err)
		}
		get("tags not known", 2)
		synctest.Wait()
		get("known", 2)
		get("known", 1)
		must(t, l.InvalidateTags(t.Context(), "something else"))
		get("another tag has moved", 2)
		get("known", 1)
	})
}

// trips counts the calls of a store.
type trips struct {
	store.Store
	n atomic.Int64
}

func (s *trips) Get(ctx context.Context, keys []string) []store.Reply {
	s.n.Add(1)
	return s.Store.Get(ctx, keys)
}

func (s *trips) Do(ctx context.Context, ops []store.Op) []store.Reply {
	s.n.Add(1)
	return s.Store.Do(ctx, ops)
}

func TestTags_WithoutASharedTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newShelf(1)
		l, c := o.node(t, nil, taggedPolicy)
		for version := uint64(1); version < 4; version++ {
			wantVersion(t, c, 1, version)
			wantVersion(t, c, 1, version)
			o.put(1, "tea")
			must(t, l.InvalidateTags(t.Context(), []string{"products", "product-1", "category-tea"}[version-1]))
		}
		if n := o.loads.Load(); n != 3 {
			t.Errorf("%d loads, want 3", n)
		}
		for range 2 {
			wantVersion(t, c, 1, 4)
		}
		o.put(1, "tea")
		must(t, l.SoftInvalidateTags(t.Context(), "products"))
		var r larder.Report
		wantVersion(t, c, 1, 4, larder.Into(&r))
		if r.Stale != 1 {
			t.Errorf("after a soft invalidation: %+v, want a stale value", r)
		}
		time.Sleep(time.Second)
		wantVersion(t, c, 1, 5)
	})
}

func TestSoft_ServesTheOldValueWhileOneLoads(t *testing.T) {
	for name, soften := range map[string]func(*larder.Larder, *larder.Cache[int, product]) error{
		"key": func(_ *larder.Larder, c *larder.Cache[int, product]) error {
			return c.SoftInvalidate(context.Background(), 1)
		},
		"tag": func(l *larder.Larder, _ *larder.Cache[int, product]) error {
			return l.SoftInvalidateTags(context.Background(), "products")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newShelf(1)
				la, a := o.node(t, s, taggedPolicy)
				_, b := o.node(t, s, taggedPolicy)
				for range 3 {
					wantVersion(t, a, 1, 1)
					wantVersion(t, b, 1, 1)
					synctest.Wait()
				}
				o.put(1, "tea")
				must(t, soften(la, a))
				synctest.Wait()
				for _, c := range []*larder.Cache[int, product]{a, b} {
					var r larder.Report
					wantVersion(t, c, 1, 1, larder.Into(&r))
					if r.Stale != 1 {
						t.Errorf("%+v, want a stale value", r)
					}
				}
				time.Sleep(time.Second)
				wantVersion(t, a, 1, 2)
				wantVersion(t, b, 1, 2)
				if n := o.loads.Load(); n != 2 {
					t.Errorf("%d loads, want 2: one process loads for all", n)
				}
				// A hard invalidation afterwards is not softened.
				must(t, soften(la, a))
				o.put(1, "tea")
				must(t, a.Invalidate(t.Context(), 1))
				wantVersion(t, b, 1, 3, larder.Strict())
			})
		})
	}
}

func TestTags_ReplicaIsNotAskedAfterAnInvalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := local(t)
		var primary, replica atomic.Uint64
		primary.Store(1)
		replica.Store(1)
		l := open(t, s, "product", larder.Policy{TTL: time.Hour, Tags: []string{"products"}})
		c, err := larder.NewCache(l, "product", larder.Loader[int, uint64]{
			Load: func(ctx context.Context, _ int) (uint64, error) {
				return larder.Route(ctx, &primary, &replica).Load(), nil
			},
		})
		must(t, err)
		synctest.Wait()
		for id := range 3 {
			primary.Add(1) // and the replica lags
			must(t, l.InvalidateTags(t.Context(), "products"))
			if v, err := c.Get(t.Context(), id); err != nil || v != primary.Load() {
				t.Errorf("Get = %d, %v; want %d", v, err, primary.Load())
			}
		}
	})
}

func TestRebuild_LoadsTheHottestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1, 2, 3, 4)
		p := taggedPolicy
		p.Rebuild = 2
		l, c := o.node(t, s, p)
		for range 5 {
			for id := 1; id <= 4; id++ {
				wantVersion(t, c, id, 1)
			}
			synctest.Wait()
		}
		before := o.loads.Load()
		must(t, l.InvalidateTags(t.Context(), "products"))
		time.Sleep(time.Second)
		if n := o.loads.Load() - before; n != 2 {
			t.Errorf("%d keys were loaded again, want 2", n)
		}
		before = o.loads.Load()
		o.put(3, "tea")
		must(t, c.Invalidate(t.Context(), 3))
		time.Sleep(time.Second)
		if n := o.loads.Load() - before; n != 1 {
			t.Errorf("%d keys were loaded again, want 1", n)
		}
	})
}

func TestOnInvalidate_ComesAfterTheTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1)
		var got []larder.Invalidation
		var cache *larder.Cache[int, product]
		want := uint64(1)
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"product": taggedPolicy}, Shared: s, Logger: quiet,
			OnInvalidate: func(ctx context.Context, inv larder.Invalidation) error {
				got = append(got, inv)
				wantVersion(t, cache, 1, want, larder.Strict())
				wantVersion(t, cache, 1, want)
				return nil
			},
		})
		must(t, err)
		defer l.Close()
		cache, err = larder.NewCache(l, "product", o.loader())
		must(t, err)
		synctest.Wait()
		wantVersion(t, cache, 1, 1)
		o.put(1, "tea")
		want = 2
		must(t, cache.Invalidate(t.Context(), 1))
		o.put(1, "tea")
		want = 3
		must(t, l.InvalidateTags(t.Context(), "products", "product-1"))
		if len(got) != 2 || got[0].Class != "product" || !slices.Equal(got[0].Keys, []string{"1"}) || !slices.Equal(got[1].Tags, []string{"products", "product-1"}) {
			t.Errorf("announced: %+v", got)
		}
	})
}

func TestTags_PendingAreNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1)
		g := &gate{Store: s}
		l, c := o.node(t, g, taggedPolicy)
		for range 3 {
			wantVersion(t, c, 1, 1)
			synctest.Wait()
		}
		o.put(1, "tea")
		g.hangs.Store(true)
		var pending *larder.PendingError
		if err := l.InvalidateTags(t.Context(), "products"); !errors.As(err, &pending) {
			t.Fatalf("InvalidateTags = %v, want a PendingError", err)
		}
		wantVersion(t, c, 1, 2)
		g.hangs.Store(false)
		wantVersion(t, c, 1, 2)
		time.Sleep(2 * time.Second)
		wantVersion(t, c, 1, 2)
		wantVersion(t, c, 1, 2, larder.Strict())
	})
}

// Whoever comes after an invalidation does not share a load that began before.
func TestTags_AGetDoesNotJoinTheLoadOfBefore(t *testing.T) {
	for _, tiers := range []larder.Tier{larder.Memory, larder.Memory | larder.Shared} {
		for _, tag := range []string{"products", "product-1", "category-tea"} {
			t.Run(fmt.Sprint(tiers, " ", tag), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, o := local(t), newShelf(1)
					p := taggedPolicy
					p.Tiers = tiers
					l, c := o.node(t, s, p)
					_, other := o.node(t, s, p)
					wantVersion(t, c, 1, 1) // the tags are there
					must(t, c.Invalidate(t.Context(), 1))
					synctest.Wait()
					var both sync.WaitGroup
					for _, c := range []*larder.Cache[int, product]{c, other} {
						both.Go(func() { c.Get(t.Context(), 1) })
						time.Sleep(time.Millisecond)
					}
					time.Sleep(5 * time.Millisecond) // the rows are read, and not yet returned
					o.put(1, "tea")
					must(t, l.InvalidateTags(t.Context(), tag))
					wantVersion(t, c, 1, 2)
					synctest.Wait()
					both.Wait()
					wantVersion(t, other, 1, 2)
				})
			})
		}
	}
}

func TestTags_OtherProcessesDoNotJoinEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1)
		p := taggedPolicy
		p.Tiers = larder.Memory
		l, _ := o.node(t, s, p)
		_, other := o.node(t, s, p)
		var first sync.WaitGroup
		first.Go(func() { other.Get(t.Context(), 1) })
		time.Sleep(5 * time.Millisecond)
		o.put(1, "tea")
		must(t, l.InvalidateTags(t.Context(), "products"))
		time.Sleep(time.Millisecond) // the push has arrived
		wantVersion(t, other, 1, 2)
		first.Wait()
	})
}

// StaleIfError does not allow what is known to be invalidated.
func TestTags_WhatIsInvalidatedIsNotServedOnErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1)
		g := &gate{Store: s}
		p := taggedPolicy
		p.StaleIfError = time.Hour
		l, c := o.node(t, g, p)
		for range 3 {
			wantVersion(t, c, 1, 1)
			synctest.Wait()
		}
		o.put(1, "tea")
		must(t, l.InvalidateTags(t.Context(), "products"))
		g.hangs.Store(true)
		o.load = func(int) { panic("the database is down") }
		if p, err := c.Get(t.Context(), 1); err == nil {
			t.Errorf("Get = version %d although its tag was invalidated, want an error", p.Version)
		}
	})
}
