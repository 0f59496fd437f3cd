package redisstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPlaces_NeverMoreThanTheLimit(t *testing.T) {
	p := newPlaces(3)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 200 {
				if err := p.take(t.Context(), nil); err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				inside.Add(-1)
				p.give(1)
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got > 3 {
		t.Errorf("%d at once, want at most 3", got)
	}
	if p.taken.Load() != 0 || p.waiting.Load() != 0 {
		t.Errorf("%d taken and %d waiting at the end, want none", p.taken.Load(), p.waiting.Load())
	}
}

func TestPlaces_ManyAreFreedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(10)
		for range 10 {
			if !p.try() {
				t.Fatal("no place of ten")
			}
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := p.take(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		p.give(10)
		wg.Wait() // or the bubble is deadlocked
	})
}

func TestPlaces_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1)
		p.try()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.take(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end of its context: %v", err)
		}
		gone := make(chan struct{})
		close(gone)
		if err := p.take(t.Context(), gone); !errors.Is(err, errGone) {
			t.Errorf("after the end of the connection: %v", err)
		}
		if err := p.take(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended context: %v", err)
		}
		p.give(1)
		if err := p.take(t.Context(), nil); err != nil {
			t.Errorf("with a place: %v", err)
		}
	})
}

// TestPlaces_WakeIsNotLost: a caller leaves at the moment when a place is freed,
// and another one gets it.
func TestPlaces_WakeIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			p := newPlaces(1)
			p.try()
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if p.take(ctx, nil) == nil {
					p.give(1)
				}
			})
			wg.Go(func() {
				if err := p.take(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			go cancel()
			p.give(1)
			wg.Wait() // or the bubble is deadlocked
		}
	})
}
