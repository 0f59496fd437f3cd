package larder_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// What an Invalidate that Close overlaps could not deliver is lost with the
// process: Close has to say so.
func TestClose_ReportsAnInvalidateUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{Store: local(t)}
		l, c := node(t, g, newOrigin(1), hour)
		g.hangs.Store(true)
		var wg sync.WaitGroup
		wg.Go(func() {
			var pending *larder.PendingError
			if err := c.Invalidate(t.Context(), 1); !errors.As(err, &pending) {
				t.Errorf("Invalidate = %v, want a PendingError", err)
			}
		})
		synctest.Wait()
		var pending *larder.PendingError
		if err := l.Close(); !errors.As(err, &pending) || pending.Dropped != 1 {
			t.Errorf("Close = %v, want a PendingError for one key", err)
		}
		wg.Wait()
		if err := c.Invalidate(t.Context(), 1); !errors.Is(err, larder.ErrClosed) {
			t.Errorf("Invalidate after Close = %v, want ErrClosed", err)
		}
	})
}

// Gets and Refreshes come while one waits for another process's load: what they
// read of it must not be written beside them. The race detector judges.
func TestRefresh_IsJoinedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, other := node(t, s, o, hour)
		slow := func(*store.Reply) { <-time.After(5 * time.Millisecond) }
		_, c := node(t, &altered{Store: s, do: slow}, o, hour)
		o.delay = time.Second
		var wg sync.WaitGroup
		wg.Go(func() { mustGet(t, other, 1, 1) })
		synctest.Wait()
		for range 100 {
			wg.Go(func() {
				if err := c.Refresh(t.Context(), 1); err != nil {
					t.Errorf("Refresh = %v", err)
				}
			})
			wg.Go(func() { mustGet(t, c, 1, 1, larder.Strict()) })
			time.Sleep(3 * time.Millisecond)
		}
		wg.Wait()
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1: the one that runs counts", n)
		}
	})
}
