package larder_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// table is a database in fake time whose rows can be locked: writes of one row
// come one after the other, as under a row lock.
type table struct {
	*origin
	row map[int]chan struct{} // holds a token while the row is free
}

func newTable(ids ...int) *table {
	t := &table{origin: newOrigin(ids...), row: map[int]chan struct{}{}}
	for _, id := range ids {
		t.row[id] = make(chan struct{}, 1)
		t.row[id] <- struct{}{}
	}
	return t
}

// update writes a row: it waits for the lock, changes the row, lets hook run
// under the lock, and commits.
func (t *table) update(ctx context.Context, id int, hook func(context.Context) error) (user, error) {
	<-t.row[id]
	defer func() { t.row[id] <- struct{}{} }()
	time.Sleep(time.Millisecond)
	if hook != nil {
		if err := hook(ctx); err != nil {
			return user{}, err
		}
	}
	v := t.write(id)
	time.Sleep(time.Millisecond) // the answer to COMMIT
	return user{ID: id, Name: fmt.Sprintf("user %d.%d", id, v), Version: v}, nil
}

var through = larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough}

func TestUpdate_WritesThroughOverAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		_, a := node(t, s, o.origin, through)
		_, b := node(t, s, o.origin, through)
		for range 3 {
			mustGet(t, a, 1, 1)
			mustGet(t, b, 1, 1)
			synctest.Wait()
		}
		got, err := a.Update(t.Context(), 1, func(ctx context.Context) (user, error) { return o.update(ctx, 1, nil) })
		if err != nil || got.Version != 2 {
			t.Fatalf("Update = %+v, %v; want version 2", got, err)
		}
		mustGet(t, a, 1, 2)
		mustGet(t, b, 1, 2, larder.Strict())
		synctest.Wait() // the push
		mustGet(t, b, 1, 2)
		if n := o.loads.Load(); n != 1 {
			t.Errorf("%d loads, want 1: the new value took the place of the old one", n)
		}
	})
}

func TestUpdate_LeavesATombstoneWhereNothingIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		_, c := node(t, s, o.origin, through)
		if _, err := c.Update(t.Context(), 1, func(ctx context.Context) (user, error) { return o.update(ctx, 1, nil) }); err != nil {
			t.Fatal(err)
		}
		r := s.Get(t.Context(), []string{"user:1"})[0]
		if r.Record.Kind != store.Tombstone || r.Record.Version != 2 {
			t.Errorf("stored: %+v, want a tombstone with floor 2: something newer may have been evicted", r.Record)
		}
		time.Sleep(time.Second) // its load in the background ends: nobody else waits for that
	})
}

// A delayed older write-through does not land over a newer one, whatever was
// evicted in between.
func TestUpdate_ConcurrentWriters(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprintf("strict %v", strict), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newTable(1)
				p := larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: strict}
				var caches []*larder.Cache[int, user]
				for range 4 {
					_, c := node(t, s, o.origin, p)
					caches = append(caches, c)
				}
				var wg sync.WaitGroup
				for w := range 10 {
					wg.Go(func() {
						for range 100 {
							if _, err := caches[w%4].Update(t.Context(), 1, func(ctx context.Context) (user, error) {
								return o.update(ctx, 1, larder.Intend)
							}); err != nil {
								t.Error(err)
							}
						}
					})
				}
				for _, c := range caches {
					wg.Go(func() {
						last := uint64(0)
						for range 500 {
							u, err := c.Get(t.Context(), 1)
							if err != nil || u.Version < last {
								t.Errorf("Get = version %d, %v after %d", u.Version, err, last)
							}
							last = max(last, u.Version)
							time.Sleep(3 * time.Millisecond)
						}
					})
				}
				wg.Wait()
				synctest.Wait()
				for _, c := range caches {
					mustGet(t, c, 1, 1001)
					mustGet(t, c, 1, 1001, larder.Strict())
				}
			})
		})
	}
}

// From COMMIT on nobody reads the older value from the shared tier, although
// Update has not returned yet.
func TestUpdate_StrictHoldsFromCommitOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		p := larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: true, Tiers: larder.Shared}
		_, a := node(t, s, o.origin, p)
		_, b := node(t, s, o.origin, p)
		mustGet(t, b, 1, 1)
		committed := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, err := a.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
				u, err := o.update(ctx, 1, larder.Intend)
				close(committed)
				time.Sleep(200 * time.Millisecond) // before the finish
				return u, err
			}); err != nil {
				t.Error(err)
			}
		}()
		<-committed
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { mustGet(t, b, 1, 2) })
		}
		wg.Wait()
		if n := o.loads.Load(); n > 3 {
			t.Errorf("%d loads while an intent stood, want a few: readers share them", n)
		}
		<-done
		mustGet(t, b, 1, 2)
	})
}

func TestUpdate_AWriterThatDiesLeavesNothingStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		p := larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: true, Tiers: larder.Shared}
		_, b := node(t, s, o.origin, p)
		mustGet(t, b, 1, 1)
		s.Do(t.Context(), []store.Op{store.Intend{Key: "user:1", ID: "dead", For: 5 * time.Second, Hold: 10 * time.Second}})
		o.write(1) // COMMIT, and then nothing
		mustGet(t, b, 1, 2)
		time.Sleep(6 * time.Second) // the intent lapses
		var r larder.Report
		mustGet(t, b, 1, 2)
		mustGet(t, b, 1, 2, larder.Into(&r))
		if r.Shared != 1 {
			t.Errorf("after the intent has lapsed: %+v, want the shared tier to have it again", r)
		}
	})
}

func TestUpdate_FailedWriteCostsALoadAtMost(t *testing.T) {
	for _, strict := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, o := local(t), newTable(1)
			_, c := node(t, s, o.origin, larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: strict})
			mustGet(t, c, 1, 1)
			boom := errors.New("constraint violated")
			for name, write := range map[string]func(context.Context) (user, error){
				"rolled back": func(ctx context.Context) (user, error) {
					return o.update(ctx, 1, func(ctx context.Context) error { return errors.Join(larder.Intend(ctx), boom) })
				},
				"panic": func(context.Context) (user, error) { panic(boom) },
			} {
				if _, err := c.Update(t.Context(), 1, write); err == nil || name == "rolled back" && !errors.Is(err, boom) {
					t.Errorf("%s: Update = %v", name, err)
				}
				before := o.loads.Load()
				mustGet(t, c, 1, 1)
				mustGet(t, c, 1, 1)
				if n := o.loads.Load() - before; n > 1 {
					t.Errorf("%s: %d loads, want 1 at most", name, n)
				}
			}
		})
	}
}

func TestUpdate_StrictWriteThatForgetsIntendIsToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		_, c := node(t, s, o.origin, larder.Policy{TTL: time.Hour, Strict: true})
		mustGet(t, c, 1, 1)
		u, err := c.Update(t.Context(), 1, func(ctx context.Context) (user, error) { return o.update(ctx, 1, nil) })
		if err == nil || u.Version != 2 {
			t.Errorf("Update = %+v, %v; want the value and an error", u, err)
		}
		mustGet(t, c, 1, 2)
	})
}

func TestUpdate_CommittedButNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1, 2)
		g := &gate{Store: s}
		_, a := node(t, g, o.origin, through)
		mustGet(t, a, 1, 1)
		g.hangs.Store(true)
		u, err := a.Update(t.Context(), 1, func(ctx context.Context) (user, error) { return o.update(ctx, 1, nil) })
		var pending *larder.PendingError
		if !errors.As(err, &pending) || pending.Pending != 1 || u.Version != 2 {
			t.Fatalf("Update = %+v, %v; want the value and a PendingError", u, err)
		}
		mustGet(t, a, 1, 2) // not trusted
		g.hangs.Store(false)
		time.Sleep(2 * time.Second)
		r := s.Get(t.Context(), []string{"user:1"})[0]
		if r.Record.Version != 2 {
			t.Errorf("after the tier was back: %+v, want version or floor 2", r.Record)
		}
	})
}

func TestUpdateMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1, 2, 3)
		_, c := node(t, s, o.origin, through)
		if _, err := c.GetMany(t.Context(), []int{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		got, err := c.UpdateMany(t.Context(), []int{1, 2, 3, 1}, func(ctx context.Context) (map[int]user, error) {
			all := map[int]user{}
			for id := range 2 {
				u, err := o.update(ctx, id+1, nil)
				if err != nil {
					return nil, err
				}
				all[id+1] = u
			}
			o.mu.Lock()
			delete(o.rows, 3) // gone
			o.mu.Unlock()
			return all, nil
		})
		if err != nil || len(got) != 2 {
			t.Fatalf("UpdateMany = %v, %v", got, err)
		}
		mustGet(t, c, 1, 2)
		mustGet(t, c, 2, 2)
		if _, err := c.Get(t.Context(), 3); !errors.Is(err, larder.ErrNotFound) {
			t.Errorf("Get of a row that is gone: %v", err)
		}
	})
}

func TestUpdate_WithoutVersionsInvalidatesAndLoadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		l := open(t, s, "user", through)
		c, err := larder.NewCache(l, "user", larder.Loader[int, user]{LoadMany: o.loadMany})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		mustGet(t, c, 1, 1)
		if _, err := c.Update(t.Context(), 1, func(ctx context.Context) (user, error) { return o.update(ctx, 1, nil) }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // the rebuild
		loads := o.loads.Load()
		mustGet(t, c, 1, 2)
		if n := o.loads.Load(); loads != 2 || n != 2 {
			t.Errorf("%d loads, then %d; want the key loaded again before it was asked for", loads, n)
		}
	})
}

// Whoever calls Intend may commit when it has returned.
func TestIntend_ASecondCallWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newTable(1)
		slow := &slowOps{Store: s, by: 10 * time.Millisecond}
		p := through
		p.Strict = true
		_, c := node(t, slow, o.origin, p)
		c.Update(t.Context(), 1, func(ctx context.Context) (user, error) {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					if err := larder.Intend(ctx); err != nil {
						t.Error(err)
					}
					if r := s.Get(t.Context(), []string{"user:1"})[0]; r.Record.Kind != store.Intent {
						t.Errorf("Intend has returned, and %q is stored", r.Record.Kind)
					}
				})
			}
			both.Wait()
			return o.update(ctx, 1, nil)
		})
	})
}

// slowOps is a tier whose operations take a while to arrive.
type slowOps struct {
	store.Store
	by time.Duration
}

func (s *slowOps) Do(ctx context.Context, ops []store.Op) []store.Reply {
	time.Sleep(s.by)
	return s.Store.Do(ctx, ops)
}
