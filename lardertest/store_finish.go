package lardertest

import (
	"fmt"
	"math"
	"time"

	"github.com/larderdev/larder/store"
)

func finishCases() []storeCase {
	return []storeCase{
		{"makes its intent the value", finishStores},
		{"makes its intent a tombstone if the version is below the floor", finishBelow},
		{"without a value makes its intent a tombstone, with the highest version", finishNothing},
		{"keeps bodies of every byte, and an empty one is a value", finishBodies},
		{"without an intent of its writer writes through", finishWritesThrough},
		{"without a value and an intent of its writer invalidates", finishInvalidates},
		{"of another writer leaves the intent and raises it", finishOther},
		{"without a value or a version, of another writer, spoils the intent", finishOtherUnversioned},
		{"ends every load and every mark, whatever else it does", finishEnds},
		{"may be repeated", finishTwice},
		{"is fresh by the store's clock", finishFresh},
		{"lives for its life", finishLives},
		{"lives no shorter than the intent", finishOutlives},
		{"leaves a tombstone for its hold, and no shorter than the intent", finishHold},
		{"shows no older value from the commit on", finishStress},
	}
}

// finishOf is a finish that stays fresh.
func finishOf(key, id string, version uint64, body string) store.Finish {
	return store.Finish{Key: key, ID: id, Version: version, Fresh: long, Life: long, Body: []byte(body), Hold: long}
}

// withKey gives an operation its key.
func withKey(op store.Op, key string) store.Op {
	switch op := op.(type) {
	case store.Lease:
		op.Key = key
		return op
	case store.Fill:
		op.Key = key
		return op
	case store.Renew:
		op.Key = key
		return op
	case store.Release:
		op.Key = key
		return op
	case store.Invalidate:
		op.Key = key
		return op
	case store.Discard:
		op.Key = key
		return op
	case store.WriteThrough:
		op.Key = key
		return op
	case store.Intend:
		op.Key = key
		return op
	case store.Finish:
		op.Key = key
		return op
	}
	panic(fmt.Sprintf("lardertest: %T has no key", op))
}

func finishStores(t *trial) {
	for _, c := range []struct{ floor, version uint64 }{
		{0, 0}, {0, 1}, {4, 4}, {4, 5}, {9, 10}, {1 << 53, 1<<53 + 1}, {math.MaxUint64, math.MaxUint64},
	} {
		key := t.key()
		t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long}, store.Done)
		t.want(intendOf(key, "w"), store.Done)
		t.want(finishOf(key, "w", c.version, "body"), store.Done)
		reply := t.want(store.Lease{Key: key, ID: "a", For: long, MinVersion: c.version}, store.Found)
		t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: c.version, Body: []byte("body")})
	}
}

func finishBelow(t *trial) {
	for _, c := range []struct{ floor, version uint64 }{
		{5, 4}, {5, 0}, {10, 9}, {1<<53 + 1, 1 << 53}, {math.MaxUint64, math.MaxUint64 - 1},
	} {
		key := t.key()
		t.want(intendOf(key, "w"), store.Done)
		t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long}, store.Done)
		t.want(finishOf(key, "w", c.version, "older"), store.Cleared)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: c.floor})
		t.wantFree(key)
	}
}

func finishNothing(t *trial) {
	for _, c := range []struct{ floor, version, want uint64 }{{0, 0, 0}, {5, 0, 5}, {5, 4, 5}, {5, 9, 9}} {
		key := t.key()
		t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long}, store.Done)
		t.want(intendOf(key, "w"), store.Done)
		t.want(store.Finish{Key: key, ID: "w", Version: c.version, Hold: long}, store.Cleared)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: c.want})
		t.wantFree(key)
	}
}

func finishBodies(t *trial) {
	for _, body := range []string{"", "\x00", "\r\n", "Q", "\xff\xfe", "nil", string(make([]byte, 100_000))} {
		own, over := t.key(), t.key()
		t.want(intendOf(own, "w"), store.Done)
		t.put(over, 1, "old")
		for _, key := range []string{own, over} {
			t.want(finishOf(key, "w", 2, body), store.Done)
			t.wantStored(key, store.Record{Kind: store.Value, Version: 2, Body: []byte(body)})
		}
	}
}

// finishWritesThrough: the intent may have been evicted, or lapsed and been
// replaced.
func finishWritesThrough(t *trial) {
	for _, c := range []struct {
		stored, version uint64
		want            store.Status
		left            store.Record
	}{
		{4, 5, store.Done, store.Record{Kind: store.Value, Version: 5, Body: []byte("new")}},
		{5, 5, store.Kept, store.Record{Kind: store.Value, Version: 5, Body: []byte("stored")}},
		{6, 5, store.Kept, store.Record{Kind: store.Value, Version: 6, Body: []byte("stored")}},
		{6, 0, store.Cleared, store.Record{Kind: store.Tombstone, Version: 6}},
		{0, 0, store.Cleared, store.Record{Kind: store.Tombstone}},
	} {
		key := t.key()
		t.put(key, c.stored, "stored")
		t.want(finishOf(key, "w", c.version, "new"), c.want)
		t.wantStored(key, c.left)
	}
	absent, floored, negative, stale := t.key(), t.key(), t.key(), t.key()
	t.want(store.Invalidate{Key: floored, Floor: 4, Hold: long}, store.Done)
	t.putKind(negative, store.Negative, 4, "")
	t.putStale(stale, 4, "stored")
	for _, key := range []string{absent, floored, negative, stale} {
		t.want(finishOf(key, "w", 5, "new"), store.Cleared)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	}
}

func finishInvalidates(t *trial) {
	for _, c := range []struct {
		version uint64
		want    store.Status
		left    store.Record
	}{
		{4, store.Kept, store.Record{Kind: store.Value, Version: 5, Body: []byte("stored")}},
		{5, store.Kept, store.Record{Kind: store.Value, Version: 5, Body: []byte("stored")}},
		{6, store.Cleared, store.Record{Kind: store.Tombstone, Version: 6}},
		{0, store.Cleared, store.Record{Kind: store.Tombstone, Version: 5}},
	} {
		key := t.key()
		t.put(key, 5, "stored")
		t.want(store.Finish{Key: key, ID: "w", Version: c.version, Hold: long}, c.want)
		t.wantStored(key, c.left)
	}
	absent := t.key()
	t.want(store.Finish{Key: absent, ID: "w", Version: 5, Hold: long}, store.Cleared)
	t.wantStored(absent, store.Record{Kind: store.Tombstone, Version: 5})
}

func finishOther(t *trial) {
	key := t.key()
	t.want(intendOf(key, "w"), store.Done)
	for i, op := range []store.Finish{
		finishOf(key, "other", 4, "body"),
		{Key: key, ID: "other", Version: 5, Hold: long},
		finishOf(key, "", 6, "body"),
		finishOf(key, "W", 7, "body"),
		finishOf(key, "ww", 8, "body"),
	} {
		t.want(op, store.Cleared)
		t.wantIntent(key, "w", uint64(4+i))
	}
	t.want(finishOf(key, "w", 8, "body"), store.Done)
}

func finishOtherUnversioned(t *trial) {
	key := t.key()
	t.want(intendOf(key, "w"), store.Done)
	t.want(store.Finish{Key: key, ID: "other", Hold: long}, store.Cleared)
	t.wantIntent(key, "w", 0)
	t.want(finishOf(key, "w", 8, "body"), store.Cleared)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 8})
}

func finishEnds(t *trial) {
	for _, c := range []struct {
		stored uint64
		op     store.Finish
		want   store.Status
	}{
		{0, finishOf("", "w", 5, "body"), store.Cleared},
		{4, finishOf("", "w", 5, "body"), store.Done},
		{5, finishOf("", "w", 5, "body"), store.Kept},
		{5, store.Finish{ID: "w", Version: 5, Hold: long}, store.Kept},
		{5, store.Finish{ID: "w", Hold: long}, store.Cleared},
	} {
		held, marked := t.key(), t.key()
		for _, key := range []string{held, marked} {
			if c.stored > 0 {
				t.put(key, c.stored, "stored")
			}
		}
		t.lease(held, "a")
		t.putMark(marked, "a")
		for _, key := range []string{held, marked} {
			t.want(withKey(c.op, key), c.want)
			t.want(fillOf(key, "a", 9, "read before"), store.Lost)
			t.wantFree(key)
		}
	}
}

func finishTwice(t *trial) {
	stored, cleared := t.key(), t.key()
	t.want(intendOf(stored, "w"), store.Done)
	t.want(intendOf(cleared, "w"), store.Done)
	t.want(finishOf(stored, "w", 5, "body"), store.Done)
	t.want(store.Finish{Key: cleared, ID: "w", Hold: long}, store.Cleared)
	t.want(finishOf(stored, "w", 5, "body"), store.Kept)
	t.want(store.Finish{Key: cleared, ID: "w", Hold: long}, store.Cleared)
	t.wantStored(stored, store.Record{Kind: store.Value, Version: 5, Body: []byte("body")})
	t.wantStored(cleared, store.Record{Kind: store.Tombstone})
}

func finishFresh(t *trial) {
	key := t.key()
	feed := t.watch()
	t.want(intendOf(key, "w"), store.Done)
	before := feed.beatAfter(t, time.Now()).now
	op := finishOf(key, "w", 5, "body")
	op.Fresh = 30 * time.Second
	t.want(op, store.Done)
	after := feed.beatAfter(t, time.Now()).now
	t.wantMoment("FreshUntil", t.get(key).Record.FreshUntil, before+30_000, after+30_000)
}

func finishLives(t *trial) {
	var key string
	var start time.Time
	// The intent must not have lapsed, and be to end before the value.
	t.eventually("a finish in time", func() bool {
		key = t.key()
		t.want(store.Intend{Key: key, ID: "w", For: 2 * short, Hold: 2 * short}, store.Done)
		op := finishOf(key, "w", 5, "body")
		op.Life, start = 3*short, time.Now()
		return t.do(op).Status == store.Done
	})
	t.eventually("a value ends", func() bool { return t.get(key).Status == store.Absent })
	if took := time.Since(start); took < 3*short-coarse {
		t.Errorf("a value for %v ended after %v", 3*short, took)
	}
}

func finishOutlives(t *trial) {
	key := t.key()
	t.want(intendOf(key, "w"), store.Done)
	op := finishOf(key, "w", 5, "body")
	op.Life, op.Hold = time.Millisecond, time.Millisecond
	t.want(op, store.Done)
	t.outlive(short)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 5, Body: []byte("body")})
}

func finishHold(t *trial) {
	goes, stays, longer := t.key(), t.key(), t.key()
	t.want(store.Intend{Key: goes, ID: "w", For: time.Millisecond, Hold: time.Millisecond}, store.Done)
	start := time.Now()
	t.want(store.Finish{Key: goes, ID: "w", Version: 5, Hold: short}, store.Cleared)
	t.want(intendOf(stays, "w"), store.Done)
	t.want(store.Finish{Key: stays, ID: "w", Version: 5, Hold: time.Millisecond}, store.Cleared)
	t.want(store.Intend{Key: longer, ID: "w", For: short, Hold: short}, store.Done)
	t.want(store.Finish{Key: longer, ID: "w", Version: 5, Hold: long}, store.Cleared)
	t.eventually("a tombstone ends", func() bool { return t.get(goes).Status == store.Absent })
	if took := time.Since(start); took < short-coarse {
		t.Errorf("a tombstone for %v ended after %v", short, took)
	}
	t.outlive(2 * short)
	for _, key := range []string{stays, longer} {
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	}
}
