package lardertest_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// TestFault_DropWrites: each operation of a writer, and on tags, can be lost on
// its way or on the way back.
func TestFault_DropWrites(t *testing.T) {
	intend := store.Intend{Key: "k", ID: "w", For: time.Hour, Hold: time.Hour}
	finish := store.Finish{Key: "k", ID: "w", Version: 5, Body: []byte("new"), Fresh: time.Hour, Life: time.Hour, Hold: time.Hour}
	read := store.ReadTags{Tags: []string{"x"}, Nonce: "one", Life: time.Hour}
	for _, c := range []struct {
		before []store.Op // to the store itself
		op     store.Op
		look   string // the key that shows the effect
	}{
		{nil, intend, "k"},
		{[]store.Op{intend}, finish, "k"},
		{nil, finish, "k"},
		{nil, store.WriteThrough{Key: "k", Version: 5, Fresh: time.Hour, Life: time.Hour, Hold: time.Hour}, "k"},
		{nil, store.Invalidate{Key: "k", Hold: time.Hour, Soft: true}, "k"},
		{nil, read, store.Sequence},
		{[]store.Op{read}, store.MoveTags{Tags: []string{"x"}, Nonce: "two", Life: time.Hour}, store.Sequence},
		{[]store.Op{read}, store.MoveTags{Tags: []string{"x"}, Nonce: "two", Life: time.Hour, Soft: true}, store.Sequence},
	} {
		for _, mishap := range []lardertest.Mishap{{DropRequest: true}, {DropReply: true}, {Before: time.Second, DropReply: true}} {
			hook := func(key string, op store.Op) lardertest.Mishap {
				if op != nil && key == c.op.Target() {
					return mishap
				}
				return lardertest.Mishap{}
			}
			bubble(t, lardertest.FaultOptions{Hook: hook}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
				inner.Do(t.Context(), c.before)
				look := func() string { return fmt.Sprintf("%+v", inner.Get(t.Context(), []string{c.look})[0]) }
				was := look()
				reply := f.Do(t.Context(), []store.Op{c.op})[0]
				if !errors.Is(reply.Err, lardertest.ErrFault) || reply.Status != 0 || reply.Tags != nil || reply.Record.Kind != 0 {
					t.Errorf("%T, %+v: %+v, want ErrFault and nothing else", c.op, mishap, reply)
				}
				if effect := look() != was; effect != mishap.DropReply {
					t.Errorf("%T, %+v: effect %v, want %v", c.op, mishap, effect, mishap.DropReply)
				}
			})
		}
	}
}

// TestFault_LateFinish: the intent of a writer whose finish is on its way too
// long has lapsed, and readers go on without it.
func TestFault_LateFinish(t *testing.T) {
	hook := func(_ string, op store.Op) (m lardertest.Mishap) {
		if _, ok := op.(store.Finish); ok {
			m.Before = time.Minute
		}
		return m
	}
	bubble(t, lardertest.FaultOptions{Hook: hook}, func(t *testing.T, inner *localstore.Store, f *lardertest.Fault) {
		f.Do(t.Context(), []store.Op{store.Intend{Key: "k", ID: "w", For: time.Second, Hold: time.Hour}})
		finish := store.Finish{Key: "k", ID: "w", Version: 5, Body: []byte("new"), Fresh: time.Hour, Life: time.Hour, Hold: time.Hour}
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := f.Do(t.Context(), []store.Op{finish})[0].Status; got != store.Cleared {
				t.Errorf("the late finish: status %d, want Cleared", got)
			}
		})
		lease := store.Lease{Key: "k", ID: "a", For: time.Hour}
		if reply := f.Do(t.Context(), []store.Op{lease})[0]; reply.Status != store.Intended || reply.Wait != time.Second {
			t.Errorf("while the intent stands: %+v, want Intended for a second", reply)
		}
		<-time.After(time.Second)
		if got := f.Do(t.Context(), []store.Op{lease})[0].Status; got != store.Granted {
			t.Errorf("after the lapse: status %d, want Granted", got)
		}
		wg.Wait()
		fill := store.Fill{Key: "k", ID: "a", Kind: store.Value, Version: 4, Fresh: time.Hour, Life: time.Hour}
		if got := f.Do(t.Context(), []store.Op{fill})[0].Status; got != store.Lost {
			t.Errorf("a load from before the finish: status %d, want Lost", got)
		}
	})
}

// histories is a Feed that writes down the resets and each new history.
type histories struct {
	journal
	last string
}

func (h *histories) Beat(_ string, b store.Beat) {
	if b.History != h.last {
		h.last = b.History
		h.add("history")
	}
}

// TestFault_Failover: a replica without the last changes takes over while one
// process is cut off. That learns of it as the others do.
func TestFault_Failover(t *testing.T) {
	bubble(t, lardertest.FaultOptions{}, func(t *testing.T, inner *localstore.Store, cut *lardertest.Fault) {
		whole := lardertest.NewFault(inner, lardertest.FaultOptions{})
		defer whole.Close()
		var a, b histories
		go cut.Watch(t.Context(), &a, time.Second)
		go whole.Watch(t.Context(), &b, time.Second)
		a.want(t, "Reset", "history")
		b.want(t, "Reset", "history")

		replica := inner.Snapshot()
		whole.Do(t.Context(), invalidate("k"))
		a.want(t, "k")
		b.want(t, "k")
		cut.SetOutage(lardertest.Refusing)
		cut.SetWatch(lardertest.WatchLost)
		inner.Rewind(replica)
		<-time.After(time.Minute)
		a.want(t)
		b.want(t, "Reset", "history")
		if stored(t, whole, "k") {
			t.Errorf("the replica has what it lacked")
		}
		cut.SetOutage(lardertest.Up)
		cut.SetWatch(lardertest.WatchUp)
		<-time.After(time.Second)
		a.want(t, "Reset", "history")
		if a.last != b.last {
			t.Errorf("the histories are %q and %q, want one", a.last, b.last)
		}
	})
}
