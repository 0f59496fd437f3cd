package larder_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// turnstile is a way to the shared tier that holds Gets up on request: before
// they are sent, or before their answers arrive.
type turnstile struct {
	store.Store
	mu            sync.Mutex
	before, after chan struct{} // of the next Get
}

func (w *turnstile) hold(before, after chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before, w.after = before, after
}

func (w *turnstile) Get(ctx context.Context, keys []string) []store.Reply {
	w.mu.Lock()
	before, after := w.before, w.after
	w.before, w.after = nil, nil
	w.mu.Unlock()
	if before != nil {
		<-before
	}
	replies := w.Store.Get(context.WithoutCancel(ctx), keys)
	if after != nil {
		<-after
	}
	return replies
}

// Which of two commands under way reaches the shared tier first nobody knows:
// memory must not fall behind what either has returned.
func TestGet_CrossingAnswersLeaveNothingOldInMemory(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		for name, later := range map[string]bool{"one is settled": false, "one is settled and one is to come": true} {
			t.Run(fmt.Sprintf("%s, versioned %t", name, versioned), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testCrossing(t, versioned, later) })
			})
		}
	}
}

// crossed returns two processes, of which the first hears of no change, and the
// way by which it reaches the shared tier.
func crossed(t *testing.T, versioned bool) (way *turnstile, o *origin, c, other *larder.Cache[int, user]) {
	s := local(t)
	way, o = &turnstile{Store: deaf{s}}, newOrigin(1)
	loader := o.loader()
	if !versioned {
		loader.Version = nil
	}
	open := func(s store.Store) *larder.Cache[int, user] {
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"user": hour}, Shared: s, Logger: quiet, SharedTimeout: hour.TTL,
		})
		must(t, err)
		t.Cleanup(func() { l.Close() })
		c, err := larder.NewCache(l, "user", loader)
		must(t, err)
		synctest.Wait()
		return c
	}
	return way, o, open(way), open(s)
}

func testCrossing(t *testing.T, versioned, later bool) {
	way, o, c, other := crossed(t, versioned)
	mustGet(t, c, 1, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	send, answer := make(chan struct{}), make(chan struct{})
	way.hold(send, nil)
	first := make(chan struct{})
	wg.Go(func() { mustGet(t, c, 1, 2, larder.Strict()); close(first) })
	synctest.Wait()
	mustGet(t, c, 1, 1, larder.Strict()) // overtakes the first
	mustGet(t, c, 1, 1, larder.Strict())
	if later {
		way.hold(nil, answer)
		wg.Go(func() { mustGet(t, c, 1, 1, larder.Strict()) })
		synctest.Wait()
	}
	changedUnheard(t, o, other)
	close(send)
	<-first
	close(answer)
	synctest.Wait()
	mustGet(t, c, 1, 2)
}

// Whoever comes after a newer answer must not join a flight whose own is older and
// still on its way.
func TestGet_NobodyJoinsWhatWasOvertaken(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		t.Run(fmt.Sprintf("versioned %t", versioned), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testOvertaken(t, versioned) })
		})
	}
}

func testOvertaken(t *testing.T, versioned bool) {
	way, o, c, other := crossed(t, versioned)
	var wg sync.WaitGroup
	defer wg.Wait()
	o.hang = make(chan struct{})
	wg.Go(func() { mustGet(t, other, 1, 1) }) // loads for the fleet
	synctest.Wait()
	looked, looksAgain, send := make(chan struct{}), make(chan struct{}), make(chan struct{})
	way.hold(nil, looked)
	wg.Go(func() { mustGet(t, c, 1, 1) })
	synctest.Wait()
	way.hold(send, nil)
	newer := make(chan struct{})
	wg.Go(func() { mustGet(t, c, 1, 2, larder.Strict()); close(newer) })
	synctest.Wait()
	close(looked) // the first finds the lease taken, and waits
	synctest.Wait()
	way.hold(nil, looksAgain)
	close(o.hang)
	time.Sleep(time.Second) // it has been told 1, which has yet to arrive
	changedUnheard(t, o, other)
	close(send)
	<-newer
	last := make(chan struct{})
	wg.Go(func() { mustGet(t, c, 1, 2); close(last) })
	synctest.Wait()
	close(looksAgain)
	<-last
}
