package lardertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// TestFault_Conformance: without a fault, and late but in order, a Fault keeps
// every promise of a store.
func TestFault_Conformance(t *testing.T) {
	for _, opts := range []lardertest.FaultOptions{
		{},
		{Seed: 1, Delay: 500 * time.Microsecond, PushDelay: time.Millisecond},
	} {
		t.Run(fmt.Sprintf("delay %v", opts.Delay), func(t *testing.T) {
			lardertest.TestStore(t, func(t *testing.T) store.Store {
				return lardertest.NewFault(localstore.New(localstore.Options{}), opts)
			})
		})
	}
}

// bubble runs a test in fake time on a Fault before an in-process store.
func bubble(t *testing.T, opts lardertest.FaultOptions, test func(t *testing.T, inner *localstore.Store, f *lardertest.Fault)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		inner := localstore.New(localstore.Options{})
		f := lardertest.NewFault(inner, opts)
		defer f.Close()
		test(t, inner, f)
	})
}

func invalidate(key string) []store.Op {
	return []store.Op{store.Invalidate{Key: key, Hold: time.Hour}}
}

// stored reports whether the inner store holds something under a key.
func stored(t *testing.T, s store.Store, key string) bool {
	t.Helper()
	reply := s.Get(t.Context(), []string{key})[0]
	if reply.Err != nil {
		t.Fatal(reply.Err)
	}
	return reply.Status == store.Found
}

func TestFault_Drop(t *testing.T) {
	for _, c := range []struct {
		mishap lardertest.Mishap
		effect bool
	}{
		{lardertest.Mishap{DropRequest: true}, false},
		{lardertest.Mishap{DropReply: true}, true},
	} {
		hook := func(key string, _ store.Op) lardertest.Mishap {
			if key == "b" {
				return c.mishap
			}
			return lardertest.Mishap{}
		}
		bubble(t, lardertest.FaultOptions{Hook: hook}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
			replies := f.Do(t.Context(), slices.Concat(invalidate("a"), invalidate("b"), invalidate("c")))
			if replies[0].Err != nil || !errors.Is(replies[1].Err, lardertest.ErrFault) || replies[2].Err != nil {
				t.Errorf("%+v: replies %v, want an error of the second alone", c.mishap, replies)
			}
			if got := stored(t, inner, "b"); got != c.effect {
				t.Errorf("%+v: effect %v, want %v", c.mishap, got, c.effect)
			}
		})
	}
}

func TestFault_SameSeedSameFate(t *testing.T) {
	fates := func(seed uint64) (fates []bool) {
		opts := lardertest.FaultOptions{Seed: seed, DropRequest: 0.3, DropReply: 0.1}
		f := lardertest.NewFault(localstore.New(localstore.Options{}), opts)
		for i := range 200 {
			fates = append(fates, f.Do(t.Context(), invalidate(fmt.Sprint(i)))[0].Err != nil)
		}
		return fates
	}
	if !slices.Equal(fates(7), fates(7)) {
		t.Errorf("the same seed gives different fates")
	}
	if slices.Equal(fates(7), fates(8)) {
		t.Errorf("different seeds give the same fates")
	}
	lost := 0
	for _, f := range fates(7) {
		if f {
			lost++
		}
	}
	if lost < 40 || lost > 110 {
		t.Errorf("%d of 200 lost, want about 74", lost)
	}
}

func TestFault_LateRequestTakesEffect(t *testing.T) {
	hook := func(string, store.Op) lardertest.Mishap { return lardertest.Mishap{Before: time.Second} }
	bubble(t, lardertest.FaultOptions{Hook: hook}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := f.Do(ctx, invalidate("a"))[0].Err; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("took %v, want the context's 50ms", took)
		}
		if stored(t, inner, "a") {
			t.Errorf("the request has arrived already")
		}
		<-time.After(time.Second)
		if !stored(t, inner, "a") {
			t.Errorf("the request has not arrived")
		}
	})
}

func TestFault_DelayDividesABatch(t *testing.T) {
	hook := func(key string, _ store.Op) (m lardertest.Mishap) {
		if key == "b" {
			m.Before, m.After = time.Second, time.Minute
		}
		return m
	}
	bubble(t, lardertest.FaultOptions{Hook: hook}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		start := time.Now()
		go f.Do(t.Context(), slices.Concat(invalidate("a"), invalidate("b")))
		<-time.After(time.Millisecond)
		if !stored(t, inner, "a") || stored(t, inner, "b") {
			t.Errorf("after a millisecond: want a and not b")
		}
		<-time.After(time.Second)
		if !stored(t, inner, "b") {
			t.Errorf("after a second: want b")
		}
		synctest.Wait()
		f.Close()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("Close took until %v, want it to give up what is under way", took)
		}
	})
}

func TestFault_Refusing(t *testing.T) {
	bubble(t, lardertest.FaultOptions{}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		f.SetOutage(lardertest.Refusing)
		if err := f.Get(t.Context(), []string{"a"})[0].Err; !errors.Is(err, lardertest.ErrFault) {
			t.Errorf("Get: %v, want ErrFault", err)
		}
		if err := f.Do(t.Context(), invalidate("a"))[0].Err; !errors.Is(err, lardertest.ErrFault) {
			t.Errorf("Do: %v, want ErrFault", err)
		}
		if stored(t, inner, "a") {
			t.Errorf("a refused operation took effect")
		}
		f.SetOutage(lardertest.Up)
		if err := f.Do(t.Context(), invalidate("a"))[0].Err; err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

func TestFault_Hanging(t *testing.T) {
	bubble(t, lardertest.FaultOptions{}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		f.SetOutage(lardertest.Hanging)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := f.Do(ctx, invalidate("left"))[0].Err; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := f.Do(t.Context(), invalidate("waits"))[0].Err; err != nil {
				t.Errorf("a caller that waits: %v", err)
			}
		})
		synctest.Wait()
		if stored(t, inner, "left") || stored(t, inner, "waits") {
			t.Errorf("an operation took effect during the outage")
		}
		f.SetOutage(lardertest.Up)
		wg.Wait()
		synctest.Wait()
		if !stored(t, inner, "left") || !stored(t, inner, "waits") {
			t.Errorf("an operation of the outage did not take effect after it")
		}
	})
}

func TestFault_CloseDuringOutage(t *testing.T) {
	bubble(t, lardertest.FaultOptions{}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		f.SetOutage(lardertest.Hanging)
		go func() {
			if err := f.Do(t.Context(), invalidate("a"))[0].Err; !errors.Is(err, store.ErrClosed) {
				t.Errorf("error %v, want ErrClosed", err)
			}
		}()
		synctest.Wait()
		f.Close()
		if stored(t, inner, "a") {
			t.Errorf("an operation took effect after Close")
		}
	})
}

// journal is a Feed that writes down what it is told, in short.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) Reset(string) { j.add("Reset") }

// Beat is written down once for several in a row.
func (j *journal) Beat(string, store.Beat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.lines); n == 0 || j.lines[n-1] != "Beat" {
		j.lines = append(j.lines, "Beat")
	}
}

func (j *journal) Changed(_ string, keys []string) {
	for _, key := range keys {
		j.add(key)
	}
}

// want checks what was written since the last time.
func (j *journal) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, want) {
		t.Errorf("reports %q, want %q", j.lines, want)
	}
	j.lines = nil
}

func TestFault_WatchModes(t *testing.T) {
	bubble(t, lardertest.FaultOptions{}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		var j journal
		go f.Watch(t.Context(), &j, time.Second)
		change := func(key string) {
			inner.Do(t.Context(), invalidate(key))
			<-time.After(time.Minute)
		}
		j.want(t, "Reset", "Beat")

		f.SetWatch(lardertest.WatchHeld)
		change("a")
		j.want(t)
		f.SetWatch(lardertest.WatchUp)
		j.want(t, "a", "Beat")

		f.SetWatch(lardertest.WatchLost)
		change("b")
		j.want(t)
		f.SetWatch(lardertest.WatchUp)
		change("c")
		j.want(t, "Reset", "c", "Beat")

		f.SetWatch(lardertest.WatchDown)
		change("d")
		j.want(t, "Reset")
		f.SetWatch(lardertest.WatchHeld) // lost first and then held: it must not be forgotten
		change("e")
		j.want(t)
		f.SetWatch(lardertest.WatchUp)
		j.want(t, "Reset", "e", "Beat")
	})
}

func TestFault_PushDelay(t *testing.T) {
	opts := lardertest.FaultOptions{Seed: 3, PushDelay: time.Second}
	bubble(t, opts, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		var j journal
		go f.Watch(t.Context(), &j, time.Hour)
		<-time.After(time.Minute)
		j.want(t, "Reset", "Beat")
		var want []string
		for i := range 50 {
			want = append(want, fmt.Sprint(i))
			inner.Do(t.Context(), invalidate(want[i]))
			synctest.Wait()
		}
		<-time.After(time.Second)
		j.want(t, want...)
	})
}

// TestFault_CutsOnlyItself: one process of two is cut off from the same store.
func TestFault_CutsOnlyItself(t *testing.T) {
	bubble(t, lardertest.FaultOptions{}, func(t *testing.T, inner *localstore.Store, cut *lardertest.Fault) {
		whole := lardertest.NewFault(inner, lardertest.FaultOptions{})
		cut.SetOutage(lardertest.Refusing)
		cut.SetWatch(lardertest.WatchDown)
		var j journal
		go whole.Watch(t.Context(), &j, time.Hour)
		j.want(t, "Reset", "Beat")
		if err := whole.Do(t.Context(), invalidate("a"))[0].Err; err != nil {
			t.Errorf("the other process: %v", err)
		}
		j.want(t, "a")
		cut.Close()
		if err := whole.Do(t.Context(), invalidate("a"))[0].Err; err != nil {
			t.Errorf("after Close of the one: %v", err)
		}
		whole.Close()
	})
}
