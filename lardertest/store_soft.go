package lardertest

import (
	"time"

	"github.com/larderdev/larder/store"
)

func softCases() []storeCase {
	return []storeCase{
		{"makes a value below the floor stale, and leaves it as it is otherwise", softValue},
		{"keeps a value or negative at its floor or above", softKeeps},
		{"without a floor takes every value, and keeps its version as the floor", softUnversioned},
		{"leaves a tombstone where there is no value", softNoValue},
		{"of a stale record raises its floor and never lowers it", softAgain},
		{"ends every load and every mark", softEnds},
		{"leaves the value its life", softLife},
		{"has a value live for its hold", softHold},
		{"makes a record that is leased, with it beneath", softLease},
		{"makes a record that a fill replaces, but none below its floor", softFill},
		{"makes a record that an invalidation takes, and not its floor", softThenHard},
		{"makes a record that a discard removes", softDiscard},
		{"may be mixed with invalidations that are not, in any order", softReordered},
	}
}

// soften invalidates softly.
func (t *trial) soften(key string, floor uint64, want store.Status) {
	t.Helper()
	t.want(store.Invalidate{Key: key, Floor: floor, Hold: long, Soft: true}, want)
}

// putStale leaves a stale record.
func (t *trial) putStale(key string, version uint64, body string) {
	t.Helper()
	t.put(key, version, body)
	t.soften(key, 0, store.Done)
}

func softValue(t *trial) {
	key := t.key()
	t.put(key, 4, "body")
	before := t.get(key).Record.FreshUntil
	for range 2 {
		t.soften(key, 5, store.Done)
		t.wantStored(key, store.Record{Kind: store.Stale, Version: 5, Body: []byte("body")})
		if got := t.get(key).Record.FreshUntil; got != before {
			t.Errorf("FreshUntil is %d, want %d as before", got, before)
		}
	}
}

func softKeeps(t *trial) {
	for _, kind := range []store.Kind{store.Value, store.Negative} {
		for _, floor := range []uint64{1, 5} {
			key := t.key()
			t.putKind(key, kind, 5, "body")
			t.lease(key, "a")
			t.soften(key, floor, store.Kept)
			t.wantStored(key, store.Record{Kind: kind, Version: 5, Body: []byte("body")})
			t.want(fillOf(key, "a", 9, "read before"), store.Lost)
		}
	}
}

func softUnversioned(t *trial) {
	for _, version := range []uint64{0, 7, 1<<53 + 1} {
		key := t.key()
		t.put(key, version, "body")
		t.soften(key, 0, store.Done)
		t.wantStored(key, store.Record{Kind: store.Stale, Version: version, Body: []byte("body")})
	}
}

// softNoValue: there is nothing to serve while the value is loaded.
func softNoValue(t *trial) {
	absent, negative, floored := t.key(), t.key(), t.key()
	t.putKind(negative, store.Negative, 4, "body")
	t.want(store.Invalidate{Key: floored, Floor: 4, Hold: long}, store.Done)
	for _, key := range []string{absent, negative, floored} {
		t.soften(key, 5, store.Done)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	}
}

func softAgain(t *trial) {
	key := t.key()
	t.put(key, 4, "body")
	for _, c := range []struct{ floor, want uint64 }{{5, 5}, {3, 5}, {0, 5}, {8, 8}, {8, 8}, {7, 8}} {
		t.soften(key, c.floor, store.Done)
		t.wantStored(key, store.Record{Kind: store.Stale, Version: c.want, Body: []byte("body")})
	}
}

func softEnds(t *trial) {
	for _, stale := range []bool{false, true} {
		held, marked := t.key(), t.key()
		for _, key := range []string{held, marked} {
			t.put(key, 4, "body")
			if stale {
				t.soften(key, 4, store.Kept)
				t.soften(key, 0, store.Done)
			}
		}
		t.lease(held, "a")
		t.putMark(marked, "a")
		for _, key := range []string{held, marked} {
			t.soften(key, 5, store.Done)
			t.want(fillOf(key, "a", 9, "read before"), store.Lost)
			t.wantFree(key)
		}
	}
}

// softLife: the hold of the invalidation neither cuts a value's life short nor
// lets it live for ever.
func softLife(t *trial) {
	stays, goes := t.key(), t.key()
	t.put(stays, 4, "body")
	t.lease(goes, "a")
	fill := fillOf(goes, "a", 4, "body")
	fill.Life = 3 * short
	start := time.Now()
	t.want(fill, store.Done)
	for _, key := range []string{stays, goes} {
		t.do(store.Invalidate{Key: key, Floor: 5, Hold: time.Millisecond, Soft: true})
	}
	t.eventually("a stale value ends", func() bool { return t.get(goes).Status == store.Absent })
	if took := time.Since(start); took < fill.Life-coarse {
		t.Errorf("a value for %v, then made stale, ended after %v", fill.Life, took)
	}
	t.wantStored(stays, store.Record{Kind: store.Stale, Version: 5, Body: []byte("body")})
}

func softHold(t *trial) {
	for _, times := range []int{1, 2} {
		key := t.key()
		t.lease(key, "a")
		fill := fillOf(key, "a", 4, "body")
		fill.Life = 10 * short
		t.want(fill, store.Done)
		for range times - 1 {
			t.want(store.Invalidate{Key: key, Floor: 5, Hold: short, Soft: true}, store.Done)
		}
		t.want(store.Invalidate{Key: key, Floor: 6, Hold: long, Soft: true}, store.Done)
		t.outlive(11 * short)
		t.wantStored(key, store.Record{Kind: store.Stale, Version: 6, Body: []byte("body")})
	}
}

func softLease(t *trial) {
	key := t.key()
	t.put(key, 4, "body")
	t.soften(key, 5, store.Done)
	reply := t.want(store.Lease{Key: key, ID: "a", For: long}, store.Granted)
	t.wantRecord(reply.Record, store.Record{Kind: store.Stale, Version: 5, Body: []byte("body")})
	t.want(store.Lease{Key: key, ID: "b", For: long}, store.Busy)
}

func softFill(t *trial) {
	key := t.key()
	t.put(key, 4, "old")
	t.soften(key, 6, store.Done)
	t.lease(key, "a")
	if reply := t.want(fillOf(key, "a", 5, "from a replica"), store.Below); reply.Record.Version != 6 {
		t.Errorf("Below %d, want 6", reply.Record.Version)
	}
	t.wantStored(key, store.Record{Kind: store.Stale, Version: 6, Body: []byte("old")})
	t.put(key, 6, "new")
	t.wantStored(key, store.Record{Kind: store.Value, Version: 6, Body: []byte("new")})
	t.want(store.Lease{Key: key, ID: "b", For: long, MinVersion: 6}, store.Found)
}

func softThenHard(t *trial) {
	for _, c := range []struct{ floor, want uint64 }{{0, 5}, {3, 5}, {5, 5}, {8, 8}} {
		key := t.key()
		t.put(key, 4, "body")
		t.soften(key, 5, store.Done)
		t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long}, store.Done)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: c.want})
	}
	key := t.key()
	t.putStale(key, 5, "body")
	t.want(store.Invalidate{Key: key, Floor: 6, Hold: short}, store.Done)
	t.outlive(2 * short)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 6})
}

func softDiscard(t *trial) {
	key := t.key()
	t.putStale(key, 1<<60, "body")
	t.want(store.Discard{Key: key, Body: []byte("other")}, store.Kept)
	t.want(store.Discard{Key: key, Body: []byte("body")}, store.Done)
	t.wantAbsent(key)
}

func softReordered(t *trial) {
	ops := []store.Invalidate{{Floor: 3, Soft: true}, {Floor: 5}, {Floor: 7, Soft: true}}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {1, 1, 2, 2, 0, 0}} {
		empty, old, new := t.key(), t.key(), t.key()
		t.put(old, 2, "old")
		t.put(new, 7, "new")
		for _, key := range []string{empty, old, new} {
			for _, i := range order {
				op := ops[i]
				op.Key, op.Hold = key, long
				t.do(op)
			}
		}
		for _, key := range []string{empty, old} {
			t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 7})
		}
		t.wantStored(new, store.Record{Kind: store.Value, Version: 7, Body: []byte("new")})
	}
}
