package lardertest

import (
	"math"
	"time"

	"github.com/larderdev/larder/store"
)

func fillCases() []storeCase {
	return []storeCase{
		{"stores the record and gives up the lease", fillStores},
		{"without a lease is lost and changes nothing", fillAbsent},
		{"by another load is lost and leaves the lease", fillOther},
		{"after an invalidation is lost", fillInvalidated},
		{"after a release is lost", fillReleased},
		{"below the floor is refused and gives up the lease", fillBelowFloor},
		{"below a value's version is refused and leaves the value", fillBelowValue},
		{"at the floor, or at the value's version, is accepted", fillEqual},
		{"keeps versions of every size", fillVersions},
		{"keeps bodies of every size", fillBodies},
		{"keeps bodies of every byte", fillBytes},
		{"is fresh by the store's clock", fillFreshUntil},
		{"lives for its life, fresh or not", fillEnds},
		{"lives no shorter than what it replaces", fillOutlives},
	}
}

func fillStores(t *trial) {
	for _, kind := range []store.Kind{store.Value, store.Negative} {
		key := t.key()
		t.lease(key, "a")
		fill := fillOf(key, "a", 5, "body")
		fill.Kind = kind
		t.want(fill, store.Done)
		t.wantStored(key, store.Record{Kind: kind, Version: 5, Body: []byte("body")})
		t.wantFree(key)
	}
}

func fillAbsent(t *trial) {
	empty, full, floored := t.key(), t.key(), t.key()
	t.put(full, 1, "old")
	t.want(store.Invalidate{Key: floored, Floor: 4, Hold: long}, store.Done)
	for _, key := range []string{empty, full, floored} {
		t.want(fillOf(key, "a", 9, "new"), store.Lost)
	}
	t.wantAbsent(empty)
	t.wantStored(full, store.Record{Kind: store.Value, Version: 1, Body: []byte("old")})
	t.wantStored(floored, store.Record{Kind: store.Tombstone, Version: 4})
}

func fillOther(t *trial) {
	key := t.key()
	t.lease(key, "a")
	for _, id := range []string{"b", "", "A", "a ", "aa", "\x00a"} {
		t.want(fillOf(key, id, 9, "new"), store.Lost)
	}
	t.wantAbsent(key)
	t.want(fillOf(key, "a", 1, "mine"), store.Done)
}

func fillInvalidated(t *trial) {
	key := t.key()
	t.lease(key, "a")
	t.want(store.Invalidate{Key: key, Hold: long}, store.Done)
	t.want(fillOf(key, "a", 9, "read before"), store.Lost)
	t.wantStored(key, store.Record{Kind: store.Tombstone})
}

func fillReleased(t *trial) {
	for _, mark := range []time.Duration{0, long} {
		key := t.key()
		t.lease(key, "a")
		t.want(store.Release{Key: key, ID: "a", Mark: mark}, store.Done)
		t.want(fillOf(key, "a", 9, "late"), store.Lost)
		t.wantAbsent(key)
	}
}

func fillBelowFloor(t *trial) {
	key := t.key()
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done)
	for _, version := range []uint64{0, 4} {
		t.lease(key, "a")
		reply := t.want(fillOf(key, "a", version, "from a replica"), store.Below)
		if reply.Record.Version != 5 {
			t.Errorf("Below %d, want 5", reply.Record.Version)
		}
		t.want(store.Renew{Key: key, ID: "a", For: long}, store.Lost)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	}
	t.lease(key, "b")
	t.want(fillOf(key, "b", 5, "from the primary"), store.Done)
}

func fillBelowValue(t *trial) {
	for _, c := range []struct{ stored, offered uint64 }{
		{7, 6}, {7, 0}, {10, 9}, {1<<53 + 1, 1 << 53}, {math.MaxUint64, math.MaxUint64 - 1}, {100, 99},
	} {
		key := t.key()
		t.put(key, c.stored, "stored")
		t.lease(key, "a")
		reply := t.want(fillOf(key, "a", c.offered, "older"), store.Below)
		if reply.Record.Version != c.stored {
			t.Errorf("version %d below %d, want %d", c.offered, reply.Record.Version, c.stored)
		}
		t.wantStored(key, store.Record{Kind: store.Value, Version: c.stored, Body: []byte("stored")})
		t.wantFree(key)
	}
}

func fillEqual(t *trial) {
	for _, version := range []uint64{0, 1, 1<<53 + 1, math.MaxUint64} {
		key := t.key()
		t.want(store.Invalidate{Key: key, Floor: version, Hold: long}, store.Done)
		for _, body := range []string{"first", "second"} {
			t.put(key, version, body)
			t.wantStored(key, store.Record{Kind: store.Value, Version: version, Body: []byte(body)})
		}
	}
}

func fillVersions(t *trial) {
	key := t.key()
	for _, version := range []uint64{
		0, 1, 9, 10, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, 1 << 63, math.MaxUint64 - 1, math.MaxUint64,
	} {
		t.put(key, version, "body")
		t.wantStored(key, store.Record{Kind: store.Value, Version: version, Body: []byte("body")})
	}
}

func fillBodies(t *trial) {
	for _, size := range []int{0, 1, 9, 10, 99, 100, 999, 1000, 1001, 4096, 65_536, 100_000, 1_000_000} {
		key := t.key()
		body := make([]byte, size)
		for i := range body {
			body[i] = byte(i * 7)
		}
		t.lease(key, "a")
		t.want(fillOf(key, "a", 1, string(body)), store.Done)
		t.wantStored(key, store.Record{Kind: store.Value, Version: 1, Body: body})
	}
}

func fillBytes(t *trial) {
	for _, body := range []string{
		"\x00", "\r\n", "$3\r\nfoo\r\n", "V", "T00000000000000000000", "\xff\xfe", "nil", "-ERR", "é", " ", "%d%s",
	} {
		key := t.key()
		t.put(key, 1, body)
		t.wantStored(key, store.Record{Kind: store.Value, Version: 1, Body: []byte(body)})
	}
}

// fillFreshUntil compares with the clock that comes with the heartbeats.
func fillFreshUntil(t *trial) {
	key := t.key()
	feed := t.watch()
	before := feed.beatAfter(t, time.Now()).now
	t.lease(key, "a")
	fill := fillOf(key, "a", 1, "body")
	fill.Fresh = 30 * time.Second
	t.want(fill, store.Done)
	after := feed.beatAfter(t, time.Now()).now
	// Clocks that count milliseconds may round either way.
	got, from, to := t.get(key).Record.FreshUntil, before+30_000-1, after+30_000+1
	if got < from || got > to {
		t.Errorf("FreshUntil is %d, want %d to %d", got, from, to)
	}
}

func fillOutlives(t *trial) {
	key := t.key()
	t.want(store.Invalidate{Key: key, Floor: 4, Hold: long}, store.Done)
	for _, version := range []uint64{4, 5} { // the second replaces what has replaced it
		t.lease(key, "a")
		fill := fillOf(key, "a", version, "new")
		fill.Fresh, fill.Life = time.Millisecond, time.Millisecond
		t.want(fill, store.Done)
	}
	t.outlive(short)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 5, Body: []byte("new")})
}

func fillEnds(t *trial) {
	for _, fresh := range []time.Duration{time.Millisecond, long} {
		key := t.key()
		t.lease(key, "a")
		fill := fillOf(key, "a", 8, "body")
		fill.Fresh, fill.Life = fresh, short
		start := time.Now()
		t.want(fill, store.Done)
		t.eventually("a value ends", func() bool { return t.get(key).Status == store.Absent })
		if took := time.Since(start); took < short-coarse {
			t.Errorf("a value for %v ended after %v", short, took)
		}
		reply := t.want(store.Lease{Key: key, ID: "b", For: long}, store.Granted)
		t.wantRecord(reply.Record, store.Record{})
		t.want(fillOf(key, "b", 1, "older, but nothing is left to compare with"), store.Done)
	}
}
