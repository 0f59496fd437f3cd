package larder

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// Whoever notes the session that a reset begins must find the gate closed.
func TestSessions_AResetClosesTheGateFirst(t *testing.T) {
	s := localstore.New(localstore.Options{})
	defer s.Close()
	l, err := Open(t.Context(), Options{Policies: map[string]Policy{"user": {TTL: time.Hour}}, Shared: s, Outbox: true, MaxStaleness: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.cancel() // the test is the only watch
	l.tasks.Wait()
	const key = "user:1"
	node, beat := s.Node(key), store.Beat{Sent: time.Now(), History: "one"}
	l.sessions.Beat(node, beat)
	(*l.gates.of.Load())[node].open = true // as by a watermark
	l.sessions.Beat(node, beat)
	old := l.sessionOf(key)
	if !l.gates.allow(key) {
		t.Fatal("the node is not trusted in the first session")
	}
	l.sessions.mu.Lock() // no session begins
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.sessions.Reset(node)
	}()
	for spins := 0; l.gates.allow(key) && spins < 1_000_000; spins++ {
		runtime.Gosched()
	}
	if l.gates.allow(key) {
		t.Error("a reset does not close the gate before it begins a session")
	}
	l.sessions.mu.Unlock()
	<-done
	if l.sessionOf(key) == old || l.gates.allow(key) {
		t.Error("after a reset the session is the old one, or the node is trusted")
	}
}

// unwatched is a tier from which no heartbeat comes, and which calls after when it
// has answered a Get.
type unwatched struct {
	store.Store
	after func()
}

func (u *unwatched) Watch(ctx context.Context, _ store.Feed, _ time.Duration) { <-ctx.Done() }

func (u *unwatched) Get(ctx context.Context, keys []string) []store.Reply {
	defer u.after()
	return u.Store.Get(ctx, keys)
}

// A session that begins with the first heartbeat replaces none: whoever reads a
// value with tags meanwhile must not load it anew.
func TestSessions_TheFirstReplacesNone(t *testing.T) {
	s := localstore.New(localstore.Options{})
	defer s.Close()
	tier := &unwatched{Store: s, after: func() {}}
	l, err := Open(t.Context(), Options{Policies: map[string]Policy{"user": {TTL: time.Hour, Tags: []string{"users"}}}, Shared: tier})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	loads := 0
	c, err := NewCache(l, "user", Loader[string, string]{Load: func(context.Context, string) (string, error) { loads++; return "Ann", nil }})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Get(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		tier.after = func() { l.sessions.Reset(s.Node(store.Sequence)) } // as a watch does that begins
	}
	if loads != 1 {
		t.Errorf("%d loads, want 1: the second Get was not served from the tier", loads)
	}
}
