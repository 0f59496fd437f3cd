package larder_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

// A soft invalidation is not lost on a load that began before it.
func TestSoft_WithoutASharedTierRefusesTheLoadThatBeganBefore(t *testing.T) {
	for _, tag := range []string{"", "products", "category-tea"} {
		t.Run("tag "+tag, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newShelf(1)
				l, c := o.node(t, nil, taggedPolicy)
				var once sync.Once
				o.load = func(int) {
					once.Do(func() {
						o.put(1, "tea")
						if tag == "" {
							must(t, c.SoftInvalidate(t.Context(), 1))
						} else {
							must(t, l.SoftInvalidateTags(t.Context(), tag))
						}
					})
				}
				c.Get(t.Context(), 1)
				c.Get(t.Context(), 1) // may be the old one, and has it replaced
				time.Sleep(time.Second)
				wantVersion(t, c, 1, 2)
			})
		})
	}
}

// A soft invalidation leaves the others alone, and the older value there, once.
func TestSoft_WithoutASharedTierServesTheOldValueMeanwhile(t *testing.T) {
	for _, tag := range []string{"", "products", "category-tea"} {
		t.Run("tag "+tag, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newShelf(1, 2)
				l, c := o.node(t, nil, taggedPolicy)
				wantVersion(t, c, 1, 1)
				for range 3 {
					o.put(1, "tea")
					was := versionNow(t, c)
					if tag == "" {
						must(t, c.SoftInvalidate(t.Context(), 1))
					} else {
						must(t, l.SoftInvalidateTags(t.Context(), tag))
					}
					var r larder.Report
					wantVersion(t, c, 1, was, larder.Into(&r))
					if r.Stale != 1 {
						t.Errorf("after a soft invalidation: %+v, want it stale", r)
					}
					time.Sleep(time.Second)
					wantVersion(t, c, 1, was+1, larder.Into(&r))
					if r.Memory != 1 || r.Stale != 0 {
						t.Errorf("after the load: %+v, want it fresh", r)
					}
				}
				o.put(1, "tea")
				if tag == "" {
					must(t, c.SoftInvalidate(t.Context(), 1))
					must(t, c.Invalidate(t.Context(), 1))
				} else {
					must(t, l.SoftInvalidateTags(t.Context(), tag))
					must(t, l.InvalidateTags(t.Context(), tag))
				}
				wantVersion(t, c, 1, 5)
			})
		})
	}
}

func versionNow(t *testing.T, c *larder.Cache[int, product]) uint64 {
	t.Helper()
	p, err := c.Get(t.Context(), 1)
	must(t, err)
	return p.Version
}
