package larder_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

var forgiving = larder.Policy{TTL: time.Minute, StaleIfError: time.Hour}

// deaf is a way to the shared tier on which every push of a change is lost.
type deaf struct{ store.Store }

func (d deaf) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	d.Store.Watch(ctx, mutedFeed{feed}, period)
}

type mutedFeed struct{ store.Feed }

func (mutedFeed) Changed(string, []string) {}

// unheard returns a process that has row 1 in memory, did not hear that it has
// been invalidated, and cannot load it.
func unheard(t *testing.T) (g *gate, c *larder.Cache[int, user]) {
	t.Helper()
	s, o := local(t), newOrigin(1)
	g = &gate{Store: s}
	_, c = node(t, g, o, forgiving)
	_, other := node(t, s, o, forgiving)
	for range 3 {
		mustGet(t, c, 1, 1)
	}
	g.hangs.Store(true)
	o.write(1)
	if err := other.Invalidate(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	o.broken.Store(true)
	return g, c
}

func mustFail(t *testing.T, c *larder.Cache[int, user], opts ...larder.GetOption) {
	t.Helper()
	if u, err := c.Get(t.Context(), 1, opts...); err == nil {
		t.Errorf("Get = version %d, want an error", u.Version)
	}
}

func TestOutage_StrictIsNotServedFromMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := unheard(t)
		mustFail(t, c, larder.Strict())
		time.Sleep(2 * time.Second)
		mustGet(t, c, 1, 1) // nobody can say, and the class allows it
	})
}

// A strict Get joins the flight of a plain one, which waits for its turn.
func TestOutage_StrictIsNotServedFromMemoryThroughAPlainGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := unheard(t)
		time.Sleep(2 * time.Second) // memory is not covered any more
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { c.Get(t.Context(), 1) })
			wg.Go(func() { mustFail(t, c, larder.Strict()) })
			time.Sleep(5 * time.Millisecond)
		}
		wg.Wait()
	})
}

func TestOutage_AValueWhoseTombstoneWasMetIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := unheard(t)
		time.Sleep(2 * time.Second)
		g.hangs.Store(false)
		time.Sleep(2 * time.Second)
		mustFail(t, c)
		g.hangs.Store(true) // what has been learned stays known
		time.Sleep(2 * time.Second)
		mustFail(t, c)
	})
}

// A flight that waits for another process's load may have read a stale value
// before a strict Get joined it.
func TestPolicy_SoftTimeoutServesNoStrictGetWhatWasReadBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		_, loading := node(t, s, o, forgiving)
		p := forgiving
		p.SoftTimeout = 50 * time.Millisecond
		_, c := node(t, deaf{s}, o, p)
		mustGet(t, loading, 1, 1)
		time.Sleep(2 * time.Minute)
		o.delay = 3 * time.Second
		var wg sync.WaitGroup
		wg.Go(func() { loading.Refresh(t.Context(), 1) })
		synctest.Wait()
		wg.Go(func() { c.Get(t.Context(), 1) })
		synctest.Wait()
		v := o.write(1)
		if err := loading.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustGet(t, c, 1, v, larder.Strict())
		wg.Wait()
	})
}

// changedUnheard lets other write row 1 and store it anew.
func changedUnheard(t *testing.T, o *origin, other *larder.Cache[int, user]) (v uint64) {
	t.Helper()
	v = o.write(1)
	if err := other.Invalidate(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	mustGet(t, other, 1, v)
	return v
}

// Once a Get has returned a newer value, memory must not serve the older one.
func TestGet_APlainGetIsNotBehindAStrictOne(t *testing.T) {
	for name, opt := range map[string]larder.GetOption{"strict": larder.Strict(), "version": larder.MinVersion(2)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newOrigin(1)
				_, c := node(t, deaf{s}, o, hour)
				_, other := node(t, s, o, hour)
				for range 3 {
					mustGet(t, c, 1, 1)
				}
				v := changedUnheard(t, o, other)
				body := s.Get(t.Context(), []string{"user:1"})[0].Record.Body
				s.Do(t.Context(), []store.Op{store.Discard{Key: "user:1", Body: body}}) // as an eviction does
				mustGet(t, c, 1, v, opt)
				mustGet(t, c, 1, v)
			})
		})
	}
}

// late is a way to the shared tier that holds the next answer back.
type late struct {
	store.Store
	next atomic.Int64 // for how long
}

func (l *late) Get(ctx context.Context, keys []string) []store.Reply {
	replies := l.Store.Get(ctx, keys)
	<-time.After(time.Duration(l.next.Swap(0)))
	return replies
}

// An answer that was read earlier and comes later does not go to memory over
// what has been returned meanwhile.
func TestGet_AnOvertakenAnswerStaysOutOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		slow := &late{Store: deaf{s}}
		_, c := node(t, slow, o, hour)
		_, other := node(t, s, o, hour)
		mustGet(t, c, 1, 1)
		slow.next.Store(int64(40 * time.Millisecond))
		var wg sync.WaitGroup
		wg.Go(func() { mustGet(t, c, 1, 1) })
		synctest.Wait()
		v := changedUnheard(t, o, other)
		mustGet(t, c, 1, v, larder.Strict())
		wg.Wait()
		mustGet(t, c, 1, v)
	})
}

// While the shared tier is away, what memory keeps for StaleIfError is as new
// as what was returned.
func TestOutage_StaleIfErrorKeepsTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, g := newOrigin(1), &gate{Store: local(t)}
		_, c := node(t, g, o, forgiving)
		for range 3 {
			mustGet(t, c, 1, 1)
		}
		g.hangs.Store(true)
		time.Sleep(2 * time.Second)
		v := o.write(1)
		mustGet(t, c, 1, v)
		o.broken.Store(true)
		mustGet(t, c, 1, v)
	})
}
