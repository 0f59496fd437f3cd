package larder_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

// Close ends the loads that nobody waits for, as all others.
func TestClose_EndsLoadsOfARebuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, local(t), "user", larder.Policy{TTL: time.Hour, Rebuild: 10})
		c, err := larder.NewCache(l, "user", larder.Loader[int, user]{
			Load: func(ctx context.Context, _ int) (user, error) { <-ctx.Done(); return user{}, ctx.Err() },
		})
		must(t, err)
		synctest.Wait()
		must(t, c.Invalidate(t.Context(), 1))
		synctest.Wait()
		began := time.Now()
		must(t, l.Close())
		if took := time.Since(began); took > time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}
