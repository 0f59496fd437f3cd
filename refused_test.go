package larder_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// altered changes what a tier replies.
type altered struct {
	store.Store
	get, do func(*store.Reply)
}

func (a *altered) Get(ctx context.Context, keys []string) []store.Reply {
	return alter(a.Store.Get(ctx, keys), a.get)
}

func (a *altered) Do(ctx context.Context, ops []store.Op) []store.Reply {
	return alter(a.Store.Do(ctx, ops), a.do)
}

func alter(replies []store.Reply, f func(*store.Reply)) []store.Reply {
	for i := range replies {
		if f != nil {
			f(&replies[i])
		}
	}
	return replies
}

// A tier that is short of memory goes on answering reads: its circuit must not
// open for what it refuses.
func TestCircuit_RefusalsSayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuses, opened atomic.Bool
		full := func(r *store.Reply) {
			if refuses.Load() {
				*r = store.Reply{Err: fmt.Errorf("a full tier: %w", store.ErrRefused)}
			}
		}
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"user": {TTL: hour.TTL, Tiers: larder.Shared}},
			Shared:   &altered{Store: local(t), do: full}, Logger: quiet,
			Hooks: larder.Hooks{Circuit: func(string, bool, error) { opened.Store(true) }},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		o := newOrigin()
		c, err := larder.NewCache(l, "user", o.loader())
		if err != nil {
			t.Fatal(err)
		}
		o.write(100)
		mustGet(t, c, 100, 1)
		refuses.Store(true)
		for id := range 10 {
			o.write(id)
			var r larder.Report
			mustGet(t, c, id, 1, larder.Into(&r))
			if r.Origin != 1 || r.Stored != 0 {
				t.Errorf("report %+v, want an answer of the origin that is not stored", r)
			}
		}
		for range 10 {
			var pending *larder.PendingError
			if err := c.Invalidate(t.Context(), 1); !errors.As(err, &pending) {
				t.Errorf("Invalidate = %v, want a PendingError", err)
			}
		}
		var r larder.Report
		mustGet(t, c, 100, 1, larder.Into(&r))
		if opened.Load() || r.Shared != 1 {
			t.Errorf("the circuit opened: %v; report %+v, want an answer of the tier", opened.Load(), r)
		}
	})
}

// A record from another node than the watch knows its key by is not kept in
// memory, since nobody would notice that its changes are missed.
func TestGet_WhatWasReadElsewhereStaysOutOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var moving atomic.Bool
		moving.Store(true)
		elsewhere := func(r *store.Reply) { r.Elsewhere = moving.Load() }
		_, c := node(t, &altered{Store: local(t), get: elsewhere, do: elsewhere}, newOrigin(1), hour)
		for range 5 {
			mustGet(t, c, 1, 1)
			synctest.Wait()
		}
		var r larder.Report
		mustGet(t, c, 1, 1, larder.Into(&r))
		if r.Tier() != larder.Shared {
			t.Errorf("answered by %v, want the shared tier", r.Tier())
		}
		moving.Store(false)
		mustGet(t, c, 1, 1)
		mustGet(t, c, 1, 1, larder.Into(&r))
		if r.Tier() != larder.Memory {
			t.Errorf("answered by %v once nothing moves, want memory", r.Tier())
		}
	})
}
