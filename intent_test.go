package larder_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// slow is a tier on which operations take a while.
type slow struct {
	store.Store
	delay func(store.Op) time.Duration
}

func (s *slow) Do(ctx context.Context, ops []store.Op) []store.Reply {
	var d time.Duration
	for _, op := range ops {
		d = max(d, s.delay(op))
	}
	time.Sleep(d)
	return s.Store.Do(ctx, ops)
}

func slowIntents(t *testing.T) *slow {
	return &slow{Store: local(t), delay: func(op store.Op) time.Duration {
		if _, ok := op.(store.Intend); ok {
			return 30 * time.Millisecond
		}
		return 0
	}}
}

var strictThrough = larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: true, Tiers: larder.Shared}

// Whoever calls Intend learns when the marks are there, also if another call is
// under way.
func TestIntend_EveryCallWaitsForTheMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := slowIntents(t), newTable(1)
		_, c := node(t, s, o.origin, strictThrough)
		mustGet(t, c, 1, 1)
		_, err := c.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if err := larder.Intend(ctx); err != nil {
						t.Error(err)
					}
					if r := s.Get(ctx, []string{"user:1"})[0]; r.Record.Kind != store.Intent {
						t.Errorf("Intend has returned nil, and stored is %q", r.Record.Kind)
					}
				})
			}
			wg.Wait()
			return o.update(ctx, 1, nil)
		})
		must(t, err)
		mustGet(t, c, 1, 2)
	})
}

// A mark that is under way when the write returns is finished like others, and
// one that comes later is none.
func TestIntend_OfAWriteThatHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := slowIntents(t), newTable(1)
		_, c := node(t, s, o.origin, strictThrough)
		mustGet(t, c, 1, 1)
		var late context.Context
		_, err := c.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
			late = ctx
			go larder.Intend(ctx)
			time.Sleep(time.Millisecond)
			return o.update(ctx, 1, nil)
		})
		must(t, err)
		time.Sleep(time.Second)
		if r := s.Get(t.Context(), []string{"user:1"})[0]; r.Record.Kind != store.Value || r.Record.Version != 2 {
			t.Errorf("stored after Update: %q, version %d", r.Record.Kind, r.Record.Version)
		}
		_, err = c.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
			late = ctx
			return o.update(ctx, 1, nil)
		})
		if err == nil {
			t.Error("Update of a write without Intend has no error")
		}
		if err := larder.Intend(late); err == nil {
			t.Error("Intend after the write has returned has no error")
		}
		if r := s.Get(t.Context(), []string{"user:1"})[0]; r.Record.Kind == store.Intent {
			t.Error("it has left a mark that nobody finishes")
		}
	})
}

// A reader whom the primary has told that a row is gone is not followed by one
// who gets the row from a mark's finish.
func TestUpdate_ARowThatIsGoneDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		_, c := node(t, s, o.origin, strictThrough)
		mustGet(t, c, 1, 1)
		mark := func() {
			s.Do(t.Context(), []store.Op{store.Intend{Key: "user:1", ID: "w", For: 5 * time.Second, Hold: 10 * time.Second}})
		}
		// The floor is 5: a load under a lease sees it, and loses the lease to
		// a mark while it reads.
		s.Do(t.Context(), []store.Op{store.Invalidate{Key: "user:1", Floor: 5, Hold: time.Minute}})
		o.mu.Lock()
		o.rows[1] = user{ID: 1, Version: 5}
		o.mu.Unlock()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Get(t.Context(), 1); !errors.Is(err, larder.ErrNotFound) {
				t.Errorf("Get of the row that is gone: %v", err)
			}
		})
		synctest.Wait()                   // it loads
		time.Sleep(10 * time.Millisecond) // and has not answered
		mark()                            // a writer is about to commit version 6
		o.mu.Lock()
		delete(o.rows, 1) // it has, and another has deleted the row
		o.mu.Unlock()
		wg.Wait()
		s.Do(t.Context(), []store.Op{store.Finish{
			Key: "user:1", ID: "w", Version: 6, Fresh: time.Hour, Life: time.Hour, Body: []byte("six"), Hold: time.Minute,
		}})
		if r := s.Get(t.Context(), []string{"user:1"})[0]; r.Record.Kind == store.Value {
			t.Error("what a Get has found gone is stored")
		}
	})
}

// A write that ends its goroutine may have committed.
func TestUpdate_GoexitOfTheWrite(t *testing.T) {
	for _, strict := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, o := local(t), newTable(1)
			_, c := node(t, s, o.origin, larder.Policy{TTL: time.Hour, Strict: strict})
			for range 3 {
				mustGet(t, c, 1, 1)
				synctest.Wait()
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				c.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
					if err := larder.Intend(ctx); err != nil {
						t.Error(err)
					}
					o.write(1)
					runtime.Goexit()
					return user{}, nil
				})
			})
			wg.Wait()
			mustGet(t, c, 1, 2)
			mustGet(t, c, 1, 2, larder.Strict())
			if r := s.Get(t.Context(), []string{"user:1"})[0]; r.Record.Kind == store.Intent {
				t.Error("its mark stands")
			}
		})
	}
}

// What a write returns beside an error is not committed, and is not stored, also
// if it fails before it has called Intend.
func TestUpdateMany_StoresNothingOfAFailedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		_, c := node(t, s, o.origin, strictThrough)
		mustGet(t, c, 1, 1)
		boom := errors.New("constraint violated")
		got, err := c.UpdateMany(t.Context(), []int{1}, func(context.Context) (map[int]user, error) {
			return map[int]user{1: {ID: 1, Version: 2}}, boom // rolled back
		})
		if !errors.Is(err, boom) || len(got) != 0 {
			t.Errorf("UpdateMany = %v, %v; want the error alone", got, err)
		}
		mustGet(t, c, 1, 1)
		mustGet(t, c, 1, 1, larder.Strict())
	})
}

// A mark lapses after a while. A write that has taken longer is told that its
// promise may not have held.
func TestIntend_ThatLapsedBeforeTheWriteReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		_, c := node(t, s, o.origin, strictThrough)
		mustGet(t, c, 1, 1)
		u, err := c.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
			return o.update(ctx, 1, func(ctx context.Context) error {
				defer time.Sleep(6 * time.Second) // before COMMIT
				return larder.Intend(ctx)
			})
		})
		if err == nil || u.Version != 2 {
			t.Errorf("Update = version %d, %v; want version 2 and an error: readers may have got the older one after COMMIT", u.Version, err)
		}
		mustGet(t, c, 1, 2)
	})
}

// What a write says that it has changed is changed, whether it was asked for or
// not.
func TestUpdateMany_AnswersMoreThanItWasAskedFor(t *testing.T) {
	for _, p := range []larder.Policy{through, strictThrough, {TTL: time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			s, o := local(t), newTable(1, 2)
			_, c := node(t, s, o.origin, p)
			for range 3 {
				mustGet(t, c, 1, 1)
				mustGet(t, c, 2, 1)
				synctest.Wait()
			}
			got, err := c.UpdateMany(t.Context(), []int{1}, func(ctx context.Context) (map[int]user, error) {
				all := map[int]user{}
				for _, id := range []int{1, 2} {
					u, err := o.update(ctx, id, larder.Intend)
					if err != nil {
						return nil, err
					}
					all[id] = u
				}
				return all, nil
			})
			if err != nil || len(got) != 2 {
				t.Fatalf("UpdateMany = %v, %v", got, err)
			}
			mustGet(t, c, 2, 2)
			mustGet(t, c, 2, 2, larder.Strict())
		})
	}
}
