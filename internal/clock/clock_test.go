package clock

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestClock_Bound(t *testing.T) {
	c := New()
	t.Logf("the counter is trusted: %v", c.counted)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200_000 {
				before := c.Now()
				bound := c.Bound()
				if after := c.Now(); bound < before || bound > after+int64(Slack) {
					t.Errorf("Bound is %d, the time is between %d and %d", bound, before, after)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A reading that is not recent any more must not be served.
func TestClock_Bound_OldReading(t *testing.T) {
	c := New()
	if !c.counted {
		t.Log("the counter is not trusted here: Bound is Now")
	}
	c.nanos.Store(-int64(time.Hour))
	c.ticks.Store(c.ticks.Load() - recent)
	if now, bound := c.Now(), c.Bound(); bound < now {
		t.Errorf("Bound is %v behind", time.Duration(now-bound))
	}
	c.nanos.Store(-int64(time.Hour))
	c.ticks.Store(c.ticks.Load() + 1<<40) // another core's, far ahead
	if now, bound := c.Now(), c.Bound(); bound < now {
		t.Errorf("Bound is %v behind after a counter ran backwards", time.Duration(now-bound))
	}
}

func TestClock_Bubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		for range 3 {
			time.Sleep(time.Second)
			if now, bound := c.Now(), c.Bound(); bound != now {
				t.Errorf("Bound is %v, Now is %v", time.Duration(bound), time.Duration(now))
			}
		}
	})
}
