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
