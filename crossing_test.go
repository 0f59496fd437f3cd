package larder_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

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

func testCrossing(t *testing.T, versioned, later bool) {
	s, o := local(t), newOrigin(1)
	way := &turnstile{Store: deaf{s}}
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
	c, other := open(way), open(s)
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
