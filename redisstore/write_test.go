package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

func intendOf(key, id string) store.Intend {
	return store.Intend{Key: key, ID: id, For: time.Hour, Hold: time.Hour}
}

func writeOf(key string, version uint64, body string) store.WriteThrough {
	return store.WriteThrough{Key: key, Version: version, Fresh: time.Hour, Life: time.Hour, Body: []byte(body), Hold: time.Hour}
}

func finishOf(key, id string, version uint64, body string) store.Finish {
	return store.Finish{Key: key, ID: id, Version: version, Fresh: time.Hour, Life: time.Hour, Body: []byte(body), Hold: time.Hour}
}

func TestWrite_StoredForm(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	put(t, s, "k", 7, "body")
	fresh := get(t, s, "k").Record.FreshUntil
	want := func(form string, args ...any) {
		t.Helper()
		if got, want := text(t, o, "GET", dataKey("k")), fmt.Sprintf(form, args...); got != want {
			t.Errorf("stored is %q, want %q", got, want)
		}
	}
	do(t, s, store.Invalidate{Key: "k", Floor: 8, Hold: time.Hour, Soft: true})
	want("LS%020d%014dbody", 8, fresh)
	do(t, s, intendOf("k", "writer"))
	stands := get(t, s, "k").Record.FreshUntil
	want("LQ%020d%014dwriter", 8, stands)
	do(t, s, store.Invalidate{Key: "k", Floor: 9, Hold: time.Hour})
	want("LQ%020d%014dwriter", 9, stands)
	do(t, s, store.Invalidate{Key: "k", Hold: time.Hour})
	want("Lq%020d%014dwriter", 9, stands)
	do(t, s, store.Invalidate{Key: "k", Floor: 10, Hold: time.Hour})
	want("Lq%020d%014dwriter", 10, stands)
	if got := get(t, s, "k").Record; got.Kind != store.Intent || string(got.Body) != "writer" {
		t.Errorf("a spoilt intent is read as %+v", got)
	}
	if got := do(t, s, finishOf("k", "writer", 11, "new")).Status; got != store.Cleared {
		t.Errorf("the finish of a spoilt intent: status %d, want Cleared", got)
	}
	want("LT%020d%014d", 11, 0)
	do(t, s, intendOf("k", "writer"))
	if got := do(t, s, finishOf("k", "writer", 12, "new")).Status; got != store.Done {
		t.Errorf("a finish: status %d, want Done", got)
	}
	want("LV%020d%014dnew", 12, get(t, s, "k").Record.FreshUntil)
	ttl := o.run("PTTL", dataKey("k"))
	if left, _ := ttl.AsInt64(); left <= 0 || left > time.Hour.Milliseconds() {
		t.Errorf("it lives for %d ms, want up to an hour", left)
	}
}

// TestWrite_OutOfMemory: a value that there is no room for leaves a floor, and
// never what it should have replaced.
func TestWrite_OutOfMemory(t *testing.T) {
	for _, form := range []string{"from 7.0 on", "before"} {
		t.Run(form, func(t *testing.T) {
			server := redistest.Start(t)
			addr := server.Addr()
			if form == "before" {
				addr = earlier(t, addr)
			}
			writeExhausted(t, open(t, at(addr)), newOperator(t, server.Addr()))
		})
	}
}

func writeExhausted(t *testing.T, s *redisstore.Store, o operator) {
	for _, key := range []string{"written", "kept", "softened", "intended"} {
		put(t, s, key, 4, "old")
	}
	for _, key := range []string{"finished", "given up"} {
		do(t, s, intendOf(key, "w"))
	}
	do(t, s, store.Lease{Key: "written", ID: "load", For: time.Hour, Force: true})
	o.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
	o.run("CONFIG", "SET", "maxmemory", "1")

	big := strings.Repeat("x", 10_000)
	floor := func(version uint64) store.Record { return store.Record{Kind: store.Tombstone, Version: version} }
	for _, c := range []struct {
		op   store.Op
		want store.Status
		left store.Record
	}{
		{writeOf("written", 5, big), store.Cleared, floor(5)},
		{writeOf("kept", 4, big), store.Kept, store.Record{Kind: store.Value, Version: 4}},
		{writeOf("absent", 5, big), store.Cleared, floor(5)},
		{store.Invalidate{Key: "softened", Floor: 5, Hold: time.Hour, Soft: true}, store.Done, store.Record{Kind: store.Stale, Version: 5}},
		{intendOf("intended", "w"), store.Done, store.Record{Kind: store.Intent, Version: 4}},
		{intendOf("nothing", "w"), store.Done, store.Record{Kind: store.Intent}},
		{finishOf("finished", "w", 5, big), store.Cleared, floor(5)},
		{store.Finish{Key: "given up", ID: "w", Hold: time.Hour}, store.Cleared, floor(0)},
		{finishOf("without an intent", "w", 5, big), store.Cleared, floor(5)},
	} {
		if got := do(t, s, c.op).Status; got != c.want {
			t.Errorf("%T %s: status %d, want %d", c.op, c.op.Target(), got, c.want)
		}
		if got := get(t, s, c.op.Target()).Record; got.Kind != c.left.Kind || got.Version != c.left.Version {
			t.Errorf("%T %s: left %c version %d, want %c version %d",
				c.op, c.op.Target(), got.Kind, got.Version, c.left.Kind, c.left.Version)
		}
	}
	o.run("CONFIG", "SET", "maxmemory", "0")
	fill := store.Fill{Key: "written", ID: "load", Kind: store.Value, Version: 9, Fresh: time.Hour, Life: time.Hour}
	if got := do(t, s, fill).Status; got != store.Lost {
		t.Errorf("a load from before: status %d, want Lost", got)
	}
	if got := do(t, s, finishOf("intended", "w", 5, big)).Status; got != store.Done {
		t.Errorf("a finish when there is room again: status %d, want Done", got)
	}
}

// TestWrite_Refused: a server that takes no writes at all is an error, and not
// a floor.
func TestWrite_Refused(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	put(t, s, "k", 4, "old")
	do(t, s, intendOf("intended", "w"))
	o.run("CONFIG", "SET", "min-replicas-to-write", "1")
	for _, op := range []store.Op{writeOf("k", 5, "new"), finishOf("intended", "w", 5, "new"), intendOf("k", "w")} {
		if err := s.Do(t.Context(), []store.Op{op})[0].Err; err == nil || !strings.Contains(err.Error(), "NOREPLICAS") {
			t.Errorf("%T: error %v, want NOREPLICAS", op, err)
		}
	}
	if got := get(t, s, "k").Record; got.Version != 4 {
		t.Errorf("after the refusal: %+v, want what was there", got)
	}
}

// TestWrite_Garbage: what is no record is absent to writers too.
func TestWrite_Garbage(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	for _, stored := range garbage() {
		for _, op := range []store.Op{
			writeOf("k", 5, "new"),
			finishOf("k", "w", 5, "new"),
			store.Invalidate{Key: "k", Floor: 5, Hold: time.Hour, Soft: true},
		} {
			o.run("SET", dataKey("k"), stored)
			do(t, s, op)
			if got := get(t, s, "k").Record; got.Kind != store.Tombstone || got.Version != 5 {
				t.Errorf("%T over %q leaves %c version %d, want a tombstone of 5", op, stored, got.Kind, got.Version)
			}
		}
		o.run("SET", dataKey("k"), stored)
		do(t, s, intendOf("k", "w"))
		if got := get(t, s, "k").Record; got.Kind != store.Intent || got.Version != 0 {
			t.Errorf("an intent over %q is %c version %d, want version 0", stored, got.Kind, got.Version)
		}
	}
	o.run("DEL", dataKey("list"))
	o.run("RPUSH", dataKey("list"), "a")
	if got := do(t, s, finishOf("list", "w", 5, "new")).Status; got != store.Cleared {
		t.Errorf("over a list: status %d, want Cleared", got)
	}
}

// TestWrite_Announced: all that a writer changes is reported to watchers.
func TestWrite_Announced(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	for i, op := range []store.Op{
		writeOf("k", 2, "new"),
		store.Invalidate{Key: "k", Floor: 3, Hold: time.Hour, Soft: true},
		intendOf("k", "w"),
		store.Invalidate{Key: "k", Floor: 4, Hold: time.Hour},
		finishOf("k", "w", 5, "new"),
		writeOf("other", 2, "new"),
	} {
		feed.waitBeat(t)
		feed.forget()
		do(t, s, op)
		eventually(t, fmt.Sprintf("a report of change %d", i), func() bool { return feed.saw(op.Target()) })
	}
}
