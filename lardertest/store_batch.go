package lardertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func getCases() []storeCase {
	return []storeCase{
		{"of no keys has no replies", getNothing},
		{"answers key by key, in order, also twice", getSeveral},
		{"returns stale values and tombstones too", getStale},
		{"takes any bytes as a key", getOddKeys},
		{"tells keys apart", getSimilarKeys},
		{"reads a thousand keys", getThousand},
		{"leaves the slice of keys alone", getSlice},
		{"after the end of its context has its error", getEnded},
	}
}

func getNothing(t *trial) {
	for _, keys := range [][]string{nil, {}} {
		if replies := t.store.Get(t.Context(), keys); len(replies) != 0 {
			t.Errorf("%d replies, want 0", len(replies))
		}
	}
}

func getSeveral(t *trial) {
	a, b, none := t.key(), t.key(), t.key()
	t.put(a, 1, "a")
	t.want(store.Invalidate{Key: b, Floor: 2, Hold: long}, store.Done)
	keys := []string{b, none, a, a, none, b}
	replies := t.store.Get(t.Context(), keys)
	if len(replies) != len(keys) {
		t.Fatalf("%d replies to %d keys", len(replies), len(keys))
	}
	for i, key := range keys {
		if got := t.get(key); replies[i].Status != got.Status || replies[i].Err != nil {
			t.Errorf("key %d: %s, want %s", i, name(replies[i].Status), name(got.Status))
		} else {
			t.wantRecord(replies[i].Record, got.Record)
		}
	}
}

func getStale(t *trial) {
	key := t.key()
	t.lease(key, "a")
	fill := fillOf(key, "a", 1, "body")
	fill.Fresh = time.Millisecond
	t.want(fill, store.Done)
	t.outlive(short)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 1, Body: []byte("body")})
}

// oddKeys are keys that a store might stumble over.
func (t *trial) oddKeys() []string {
	keys := []string{
		" ", "\x00", "\n", "\r\n", "\"'\\", "{", "}", "{}", "}{", "{{", "}}", "{a}", "a{b}c", "*", "?", "[a]", "é世界", "\xff\xfe",
		":", "%s%d", strings.Repeat("long", 1000), "ends with }", "ends with {",
	}
	for i, key := range keys {
		keys[i] = t.key() + key
	}
	// Some that begin oddly. They are the only ones that others may use too.
	for _, key := range []string{"{", "}", "{}", "}{", " ", "\x00", "\n"} {
		keys = append(keys, key+t.key())
	}
	return keys
}

func getOddKeys(t *trial) {
	keys := t.oddKeys()
	for i, key := range keys {
		t.put(key, uint64(i), fmt.Sprint(i))
	}
	for i, reply := range t.store.Get(t.Context(), keys) {
		if reply.Err != nil || reply.Status != store.Found {
			t.Errorf("key %.60q: %s, %v", keys[i], name(reply.Status), reply.Err)
			continue
		}
		t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: uint64(i), Body: []byte(fmt.Sprint(i))})
	}
}

func getSimilarKeys(t *trial) {
	key := t.key()
	t.put(key, 1, "body")
	t.put("{"+key, 1, "body")
	for _, other := range []string{
		key + " ", " " + key, key + "\x00", strings.ToUpper(key), key[:len(key)-1], key + "}", "}" + key, "{{" + key, "{}" + key, "",
	} {
		t.wantAbsent(other)
	}
}

func getThousand(t *trial) {
	const n = 1000
	keys, leases, fills := make([]string, n), make([]store.Op, n), make([]store.Op, n)
	for i := range keys {
		keys[i] = t.key()
		leases[i] = store.Lease{Key: keys[i], ID: "a", For: long}
		fills[i] = fillOf(keys[i], "a", uint64(i), fmt.Sprint(i))
	}
	t.wantAll(t.store.Do(t.Context(), leases), store.Granted)
	t.wantAll(t.store.Do(t.Context(), fills), store.Done)
	replies := t.store.Get(t.Context(), keys)
	t.wantAll(replies, store.Found)
	for i, reply := range replies {
		t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: uint64(i), Body: []byte(fmt.Sprint(i))})
	}
}

// wantAll checks that all replies have one status.
func (t *trial) wantAll(replies []store.Reply, want store.Status) {
	t.Helper()
	for i, reply := range replies {
		if reply.Err != nil || reply.Status != want {
			t.Fatalf("reply %d of %d: %s, %v, want %s", i, len(replies), name(reply.Status), reply.Err, name(want))
		}
	}
}

func getSlice(t *trial) {
	keys := []string{t.key(), t.key(), t.key()}
	before := slices.Clone(keys)
	t.store.Get(t.Context(), keys)
	if !slices.Equal(keys, before) {
		t.Errorf("Get has changed the keys from %q to %q", before, keys)
	}
}

func getEnded(t *trial) {
	key := t.key()
	t.put(key, 1, "body")
	for _, reply := range t.store.Get(ended(), []string{key, key}) {
		t.wantError(reply, context.Canceled)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, reply := range t.store.Get(late, []string{key}) {
		t.wantError(reply, context.DeadlineExceeded)
	}
}

// wantError checks that a reply is an error and nothing else.
func (t *trial) wantError(reply store.Reply, want error) {
	t.Helper()
	if !errors.Is(reply.Err, want) {
		t.Errorf("error is %v, want %v", reply.Err, want)
	}
	if reply.Status != 0 || reply.Wait != 0 || reply.Record.Kind != 0 {
		t.Errorf("a reply with an error has other fields: %+v", reply)
	}
}

func batchCases() []storeCase {
	return []storeCase{
		{"of no operations has no replies", batchNothing},
		{"of an operation that it does not know has an error, for that one alone", batchUnknown},
		{"runs operations on one key in order", batchOrder},
		{"runs different operations together", batchMixed},
		{"leaves the slice of operations alone", batchSlice},
		{"after the end of its context has its error and no effect", batchEnded},
		{"runs many batches at once", batchConcurrent},
	}
}

func batchNothing(t *trial) {
	for _, ops := range [][]store.Op{nil, {}} {
		if replies := t.store.Do(t.Context(), ops); len(replies) != 0 {
			t.Errorf("%d replies, want 0", len(replies))
		}
	}
}

// foreignOp is an operation of a later version of package store.
type foreignOp struct{ key string }

// Target implements [store.Op].
func (o foreignOp) Target() string { return o.key }

func batchUnknown(t *trial) {
	key := t.key()
	replies := t.store.Do(t.Context(), []store.Op{
		store.Lease{Key: key, ID: "a", For: long},
		foreignOp{key},
		fillOf(key, "a", 1, "body"),
	})
	if replies[1].Err == nil {
		t.Errorf("an unknown operation has no error")
	}
	t.wantAll([]store.Reply{replies[0]}, store.Granted)
	t.wantAll([]store.Reply{replies[2]}, store.Done)
	if replies := t.store.Do(t.Context(), []store.Op{foreignOp{key}}); replies[0].Err == nil {
		t.Errorf("an unknown operation alone has no error")
	}
}

func batchOrder(t *trial) {
	key := t.key()
	steps := []struct {
		op   store.Op
		want store.Status
	}{
		{store.Lease{Key: key, ID: "a", For: long}, store.Granted},
		{store.Lease{Key: key, ID: "b", For: long}, store.Busy},
		{store.Renew{Key: key, ID: "a", For: long}, store.Done},
		{fillOf(key, "a", 3, "three"), store.Done},
		{fillOf(key, "a", 4, "four"), store.Lost},
		{store.Lease{Key: key, ID: "b", For: long}, store.Found},
		{store.Invalidate{Key: key, Floor: 3, Hold: long}, store.Kept},
		{store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done},
		{store.Lease{Key: key, ID: "b", For: long}, store.Granted},
		{fillOf(key, "b", 4, "four"), store.Below},
		{store.Lease{Key: key, ID: "c", For: long}, store.Granted},
		{fillOf(key, "c", 5, "five"), store.Done},
		{store.Discard{Key: key, Body: []byte("five")}, store.Done},
		{store.Lease{Key: key, ID: "d", For: long}, store.Granted},
		{store.Release{Key: key, ID: "d", Mark: long}, store.Done},
		{store.Lease{Key: key, ID: "e", For: long}, store.Failed},
		{store.Invalidate{Key: key, Floor: 6, Hold: long}, store.Done},
	}
	ops := make([]store.Op, len(steps))
	for i, step := range steps {
		ops[i] = step.op
	}
	for i, reply := range t.store.Do(t.Context(), ops) {
		if reply.Err != nil || reply.Status != steps[i].want {
			t.Errorf("step %d, %T: %s, %v, want %s", i, ops[i], name(reply.Status), reply.Err, name(steps[i].want))
		}
	}
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 6})
}

func batchMixed(t *trial) {
	held, full, none := t.key(), t.key(), t.key()
	t.lease(held, "a")
	t.put(full, 2, "body")
	replies := t.store.Do(t.Context(), []store.Op{
		store.Lease{Key: none, ID: "b", For: long},
		store.Invalidate{Key: full, Floor: 2, Hold: long},
		fillOf(held, "a", 1, "filled"),
		store.Discard{Key: full, Body: []byte("other")},
		store.Release{Key: none, ID: "x"},
		store.Renew{Key: none, ID: "b", For: long},
	})
	want := []store.Status{store.Granted, store.Kept, store.Done, store.Kept, store.Lost, store.Done}
	for i, reply := range replies {
		t.wantAll([]store.Reply{reply}, want[i])
	}
}

func batchSlice(t *trial) {
	key := t.key()
	ops := []store.Op{
		store.Lease{Key: key, ID: "a", For: long},
		store.Release{Key: key, ID: "a"},
		store.Invalidate{Key: key, Hold: long},
	}
	before := slices.Clone(ops)
	t.store.Do(t.Context(), ops)
	if !slices.Equal(ops, before) {
		t.Errorf("Do has changed the operations from %v to %v", before, ops)
	}
}

func batchEnded(t *trial) {
	key := t.key()
	t.put(key, 1, "body")
	for _, reply := range t.store.Do(ended(), []store.Op{
		store.Invalidate{Key: key, Hold: long},
		store.Lease{Key: key, ID: "a", For: long, Force: true},
	}) {
		t.wantError(reply, context.Canceled)
	}
	t.wantStored(key, store.Record{Kind: store.Value, Version: 1, Body: []byte("body")})
	t.wantFree(key)
}

// batchConcurrent has many callers at once, each of whom must get the answers
// to what it asked.
func batchConcurrent(t *trial) {
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 20 {
				key, body := fmt.Sprintf("%s:%d:%d", t.prefix, w, i), fmt.Sprint(w*1000+i)
				t.store.Do(t.Context(), []store.Op{store.Lease{Key: key, ID: "a", For: long}, fillOf(key, "a", 1, body)})
				reply := t.store.Get(t.Context(), []string{key, key})[1]
				if got := string(reply.Record.Body); got != body || reply.Err != nil {
					t.Errorf("body is %q, %v, want %q", got, reply.Err, body)
				}
			}
		})
	}
	wg.Wait()
}
