package larder_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

func TestPolicy_MaxLoadRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin()
		_, c := node(t, local(t), o, larder.Policy{TTL: time.Hour, MaxLoadRate: 10, LoadWait: 2 * time.Second})
		var wg sync.WaitGroup
		var overloaded atomic.Int64
		start := time.Now()
		for id := range 100 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), id); errors.Is(err, larder.ErrOverloaded) {
					overloaded.Add(1)
				}
			})
		}
		wg.Wait()
		if got := overloaded.Load(); got != 70 {
			t.Errorf("%d of 100 were refused, want 70: ten at once, ten in each of the two seconds of LoadWait", got)
		}
		if took := time.Since(start); took < 2*time.Second || took > 2200*time.Millisecond {
			t.Errorf("the last was answered after %v, want 2s and a load", took)
		}
	})
}

func TestReport_FreshForIsNegativeOnceStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOrigin(1)
		_, c := node(t, local(t), o, larder.Policy{TTL: time.Minute, Jitter: -1, StaleWhileRevalidate: time.Minute})
		mustGet(t, c, 1, 1)
		time.Sleep(80 * time.Second)
		var r larder.Report
		mustGet(t, c, 1, 1, larder.Into(&r))
		if r.Stale != 1 || r.FreshFor > -19*time.Second || r.FreshFor < -21*time.Second {
			t.Errorf("stale %d, fresh for %v, want 1 and about -20s", r.Stale, r.FreshFor)
		}
	})
}

func TestHooks_CircuitSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := local(t)
		var reasons []error
		l, err := larder.Open(context.Background(), larder.Options{
			Policies: map[string]larder.Policy{"user": hour}, Shared: s, Logger: quiet,
			Hooks: larder.Hooks{Circuit: func(_ string, open bool, reason error) {
				if open != (reason != nil) {
					t.Errorf("open %v with reason %v", open, reason)
				}
				reasons = append(reasons, reason)
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c, err := larder.NewCache(l, "user", newOrigin(1, 2, 3, 4).loader())
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		for id := 1; id <= 4; id++ {
			mustGet(t, c, id, 1)
		}
		if len(reasons) != 1 || reasons[0] == nil {
			t.Errorf("reasons %v, want one", reasons)
		}
	})
}

// A load that waits for its turn gets it when the ramp after an outage has made
// room, also if none of those before it ends.
func TestPolicy_MaxLoadsGrowsUnderThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{Store: local(t)}
		o := newOrigin(1, 2, 3, 4, 5, 6)
		_, c := node(t, g, o, larder.Policy{TTL: time.Hour, MaxLoads: 8, LoadWait: 3 * time.Second})
		g.hangs.Store(true)
		for id := 1; id <= 4; id++ {
			mustGet(t, c, id, 1)
		}
		g.hangs.Store(false)
		time.Sleep(time.Second) // the circuit closes, and the budget is one load
		o.delay = 8 * time.Second
		var wg sync.WaitGroup
		wg.Go(func() { mustGet(t, c, 5, 1) })
		synctest.Wait()
		mustGet(t, c, 6, 1)
		wg.Wait()
	})
}

func TestPolicy_LongestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const forever = time.Duration(math.MaxInt64)
		o := newOrigin(1)
		_, c := node(t, local(t), o, larder.Policy{
			TTL: forever, NegativeTTL: forever, StaleWhileRevalidate: forever, StaleIfError: forever,
			SoftTimeout: forever - 1, HardTimeout: forever, LoadWait: forever, Jitter: -1,
		})
		for _, want := range []larder.Tier{larder.Origin, larder.Shared, larder.Memory} {
			var r larder.Report
			mustGet(t, c, 1, 1, larder.Into(&r))
			if r.Tier() != want || r.Stale != 0 || r.FreshFor < 24*time.Hour {
				t.Errorf("report %+v, want a fresh answer of %v", r, want)
			}
			synctest.Wait()
		}
		for range 3 {
			if _, err := c.Get(t.Context(), 2); !errors.Is(err, larder.ErrNotFound) {
				t.Errorf("Get = %v, want ErrNotFound", err)
			}
		}
		if n := o.calls.Load(); n != 2 {
			t.Errorf("%d calls of the loader, want 2", n)
		}
	})
}
