package larder_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

func TestTags_StaleIfErrorServesNothingInvalidated(t *testing.T) {
	for _, pending := range []bool{false, true} {
		t.Run(fmt.Sprintf("pending %v", pending), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newShelf(1)
				g := &gate{Store: s}
				p := taggedPolicy
				p.StaleIfError = time.Hour
				l := open(t, g, "product", p)
				var broken atomic.Bool
				loader := o.loader()
				load := loader.Load
				loader.Load = func(ctx context.Context, id int) (product, error) {
					if broken.Load() {
						return product{}, errors.New("the database is down")
					}
					return load(ctx, id)
				}
				c, err := larder.NewCache(l, "product", loader)
				must(t, err)
				synctest.Wait()
				for range 4 {
					wantVersion(t, c, 1, 1)
					synctest.Wait()
				}
				o.put(1, "tea")
				g.hangs.Store(pending)
				if err := l.InvalidateTags(t.Context(), "products"); pending == (err == nil) {
					t.Fatalf("InvalidateTags = %v", err)
				}
				broken.Store(true)
				if p, err := c.Get(t.Context(), 1); err == nil {
					t.Errorf("Get = version %d after its tag was invalidated, want an error", p.Version)
				}
				g.hangs.Store(false)
			})
		})
	}
}

func TestTags_NobodyJoinsALoadFromBefore(t *testing.T) {
	for _, own := range []bool{true, false} {
		for _, tag := range []string{"products", "product-1", "category-tea"} {
			t.Run(fmt.Sprintf("%s, own %v", tag, own), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, o := local(t), newShelf(1, 2)
					la, a := o.node(t, s, taggedPolicy)
					wantVersion(t, a, 2, 1) // its category is known
					lb, _ := o.node(t, s, taggedPolicy)
					by := lb
					if own {
						by = la
					}
					var once sync.Once
					read := make(chan struct{})
					o.load = func(int) {
						once.Do(func() {
							close(read)
							time.Sleep(5 * time.Second) // the old row is on its way
						})
					}
					var wg sync.WaitGroup
					defer wg.Wait()
					wg.Go(func() { a.Get(t.Context(), 1) })
					<-read
					o.put(1, "tea")
					must(t, by.InvalidateTags(t.Context(), tag))
					if !own {
						time.Sleep(2 * time.Second) // more than MaxStaleness
					}
					wantVersion(t, a, 1, 2)
				})
			})
		}
	}
}

type fails struct {
	store.Store
	refuse func(store.Op) bool
	on     atomic.Bool
}

func TestTags_PendingAreNotTrustedBeneathALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fails{Store: local(t), refuse: func(op store.Op) bool { _, move := op.(store.MoveTags); return move }}
		o := newShelf(1)
		l := open(t, f, "product", taggedPolicy)
		loader := o.loader()
		loader.Tags = nil
		c, err := larder.NewCache(l, "product", loader)
		must(t, err)
		synctest.Wait()
		for range 3 {
			wantVersion(t, c, 1, 1)
			synctest.Wait()
		}
		o.put(1, "tea")
		f.on.Store(true)
		var pending *larder.PendingError
		if err := l.InvalidateTags(t.Context(), "products"); !errors.As(err, &pending) {
			t.Fatalf("InvalidateTags = %v, want a PendingError", err)
		}
		wantVersion(t, c, 1, 2)
		wantVersion(t, c, 1, 2, larder.Strict())
		f.on.Store(false)
	})
}

func (f *fails) Do(ctx context.Context, ops []store.Op) []store.Reply {
	replies := make([]store.Reply, len(ops))
	for i, op := range ops {
		if f.on.Load() && f.refuse(op) {
			replies[i].Err = fmt.Errorf("not now: %w", store.ErrRefused)
			continue
		}
		replies[i] = f.Store.Do(ctx, []store.Op{op})[0]
	}
	return replies
}

// Nor is what memory has kept of an outage for that, whose tags nobody knows.
func TestTags_StaleIfErrorKeepsNothingWithoutTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o := &gate{Store: local(t)}, newShelf(1)
		p := taggedPolicy
		p.StaleIfError = time.Hour
		l := open(t, g, "product", p)
		var broken atomic.Bool
		loader := o.loader()
		load := loader.Load
		loader.Load = func(ctx context.Context, id int) (product, error) {
			if broken.Load() {
				return product{}, errors.New("the database is down")
			}
			return load(ctx, id)
		}
		c, err := larder.NewCache(l, "product", loader)
		must(t, err)
		synctest.Wait()
		for range 4 {
			wantVersion(t, c, 1, 1)
			synctest.Wait()
		}
		o.put(1, "tea")
		g.hangs.Store(true)
		time.Sleep(2 * time.Second)
		wantVersion(t, c, 1, 2) // from the origin
		g.hangs.Store(false)
		time.Sleep(2 * time.Second)
		o.put(1, "tea")
		must(t, l.InvalidateTags(t.Context(), "products"))
		broken.Store(true)
		if p, err := c.Get(t.Context(), 1); err == nil {
			t.Errorf("Get = version %d after its tag was invalidated, want an error", p.Version)
		}
	})
}
