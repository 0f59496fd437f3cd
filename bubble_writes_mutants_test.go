package larder_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// mutants are clauses of the protocol that are taken out, with what may befall a
// fleet that is to notice.
var mutants = map[string]writesPlan{
	"no floor":                   {replica: true, only: []int{throughClass, asideClass}},
	"write-through over nothing": {losses: true, flushes: true, cuts: true, only: []int{throughClass, strictClass, markedClass, taggedClass}},
	"intent before the lock":     {replica: true, only: []int{strictClass}},
	"no intent":                  {replica: true, only: []int{strictClass}},
	"no recheck":                 {replica: true, only: []int{strictClass}},
	"deletes before delivering":  {replica: true, cuts: true},
	"no gates":                   {rewinds: true},
	"no rewind":                  {rewinds: true, gates: true},
	"confirms too early":         {rewinds: true, gates: true, cuts: true},
	"id > last":                  {replica: true},
	"tags read after the load":   {replica: true, only: []int{taggedClass}},
}

// flagOf is the name of a mutant in larder itself. The others are made of stores,
// writers and relays.
func flagOf(mutant string) string {
	switch mutant {
	case "tags read after the load":
		return mutant
	}
	return ""
}

func TestBubbleWrites_CatchesEachMutant(t *testing.T) {
	for _, mutant := range slices.Sorted(maps.Keys(mutants)) {
		plan := mutants[mutant]
		t.Run(mutant, func(t *testing.T) {
			plan.mutant = mutant
			for seed := range uint64(120) {
				first := ""
				synctest.Test(t, func(t *testing.T) {
					b := newWritesBubble(t, seed, plan)
					b.run(bubbleLength)
					if b.wrong(&plan) {
						first = b.first
					}
				})
				if first != "" {
					t.Logf("caught with seed %d: %s", seed, first)
					return
				}
			}
			t.Error("120 schedules did not catch it")
		})
	}
}

// mutantStore is s, or one that does not do what its operations promise.
func mutantStore(s *localstore.Store, mutant string) store.Store {
	switch mutant {
	case "no floor":
		return &broken{Store: s, do: doWithoutFloor}
	case "no recheck":
		return &broken{Store: s, do: doWithoutRaise}
	case "write-through over nothing":
		return &broken{Store: s, do: doOverNothing}
	}
	return s
}

// broken does each operation in a way of its own, one at a time.
type broken struct {
	store.Store
	mu sync.Mutex
	do func(s store.Store, op store.Op) store.Reply
}

func (m *broken) Do(ctx context.Context, ops []store.Op) []store.Reply {
	replies := make([]store.Reply, len(ops))
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, op := range ops {
		if err := ctx.Err(); err != nil {
			replies[i].Err = err
			continue
		}
		replies[i] = m.do(m.Store, op)
	}
	return replies
}

func one(s store.Store, op store.Op) store.Reply {
	return s.Do(context.Background(), []store.Op{op})[0]
}

// wipe takes away what is stored under key, with its version.
func wipe(s store.Store, key string) {
	if r := s.Get(context.Background(), []string{key})[0]; r.Status == store.Found {
		one(s, store.Discard{Key: key, Body: r.Record.Body})
	}
}

// doOverNothing puts what is written through where nothing is stored, or what is
// stored is older.
func doOverNothing(s store.Store, op store.Op) store.Reply {
	var w store.WriteThrough
	switch op := op.(type) {
	case store.WriteThrough:
		w = op
	case store.Finish:
		if op.Body != nil {
			w = store.WriteThrough{Key: op.Key, Version: op.Version, Fresh: op.Fresh, Life: op.Life, Body: op.Body}
		}
	}
	if w.Body == nil {
		return one(s, op)
	}
	was := s.Get(context.Background(), []string{w.Key})[0]
	r := one(s, op)
	if r.Status == store.Cleared && was.Status == store.Absent {
		put(s, w)
		r.Status = store.Done
	}
	return r
}

// doWithoutRaise takes every intent that a reader has met for one that stands, and
// does not tell it what was read.
func doWithoutRaise(s store.Store, op store.Op) store.Reply {
	if _, ok := op.(store.Raise); ok {
		return store.Reply{Status: store.Done}
	}
	return one(s, op)
}

// doWithoutFloor compares no versions: what comes last stays.
func doWithoutFloor(s store.Store, op store.Op) store.Reply {
	switch op := op.(type) {
	case store.Fill:
		if one(s, store.Renew{Key: op.Key, ID: op.ID, For: time.Second}).Status != store.Done {
			return store.Reply{Status: store.Lost}
		}
		wipe(s, op.Key)
		return one(s, op)
	case store.Invalidate:
		wipe(s, op.Key)
		op.Floor = 0
		return one(s, op)
	case store.WriteThrough:
		if r := s.Get(context.Background(), []string{op.Key})[0]; r.Record.Kind == store.Value {
			wipe(s, op.Key)
			put(s, op)
			return store.Reply{Status: store.Done}
		}
		return one(s, op)
	}
	return one(s, op)
}

// put stores what w has, whatever is there.
func put(s store.Store, w store.WriteThrough) {
	wipe(s, w.Key)
	id := fmt.Sprint("put ", w.Version)
	one(s, store.Invalidate{Key: w.Key, Hold: time.Millisecond})
	one(s, store.Lease{Key: w.Key, ID: id, For: time.Second, Force: true})
	one(s, store.Fill{
		Key: w.Key, ID: id, Kind: store.Value, Version: w.Version, Fresh: w.Fresh, Life: w.Life, Body: w.Body,
	})
}
