package larder_test

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

func TestTags_OfAnEmptyKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, local(t), "page", larder.Policy{TTL: time.Hour, Tags: []string{"{key}"}, Tiers: larder.Shared})
		var loads atomic.Int64
		c, err := larder.NewCache(l, "page", larder.Loader[string, int]{
			Load: func(context.Context, string) (int, error) { loads.Add(1); return 1, nil },
		})
		must(t, err)
		synctest.Wait()
		for range 5 {
			if _, err := c.GetMany(t.Context(), []string{"", "a"}); err != nil {
				t.Fatal(err)
			}
		}
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

func TestPolicy_RefusesTooManyTags(t *testing.T) {
	p := larder.Policy{TTL: time.Hour}
	for i := range 65 {
		p.Tags = append(p.Tags, fmt.Sprint("tag", i))
	}
	l, err := larder.Open(t.Context(), larder.Options{Policies: map[string]larder.Policy{"user": p}})
	if err == nil {
		l.Close()
		t.Error("Open took 65 tags, of which no value can carry more than 64")
	}
}

func TestTags_LongestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = time.Duration(math.MaxInt64)
		o := newShelf(1)
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"product": {
				TTL: most, StaleWhileRevalidate: most, Tags: []string{"products"}, Tiers: larder.Shared,
			}},
			Shared: local(t), Logger: quiet, Hold: most,
		})
		must(t, err)
		t.Cleanup(func() { l.Close() })
		c, err := larder.NewCache(l, "product", o.loader())
		must(t, err)
		synctest.Wait()
		for range 4 {
			wantVersion(t, c, 1, 1)
			time.Sleep(time.Second)
		}
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}
