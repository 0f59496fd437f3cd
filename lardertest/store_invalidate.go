package lardertest

import (
	"math"
	"sync"

	"github.com/larderdev/larder/store"
)

func invalidateCases() []storeCase {
	return []storeCase{
		{"of an absent key leaves a tombstone", invalidateAbsent},
		{"of a value below the floor leaves a tombstone", invalidateOlder},
		{"keeps a value or negative at its floor or above", invalidateKeeps},
		{"without a floor takes every value, and keeps its version as the floor", invalidateUnversioned},
		{"ends every load and every mark", invalidateEnds},
		{"ends the load also when it keeps the value", invalidateEndsWhenKept},
		{"never lowers a floor", invalidateFloor},
		{"compares versions of every size", invalidateVersions},
		{"never shortens the life of a tombstone", invalidateNeverShortens},
		{"may lengthen the life of a tombstone", invalidateLengthens},
		{"ends with its hold", invalidateHold},
		{"may be repeated and reordered", invalidateReordered},
		{"never loses to a fill that runs beside it", invalidateRace},
	}
}

func invalidateAbsent(t *trial) {
	for _, floor := range []uint64{0, 5, math.MaxUint64} {
		key := t.key()
		t.want(store.Invalidate{Key: key, Floor: floor, Hold: long}, store.Done)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: floor})
	}
}

func invalidateOlder(t *trial) {
	key := t.key()
	t.put(key, 4, "old")
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
}

func invalidateKeeps(t *trial) {
	for _, kind := range []store.Kind{store.Value, store.Negative} {
		for _, floor := range []uint64{1, 4, 5} {
			key := t.key()
			fill := fillOf(key, "a", 5, "new")
			fill.Kind = kind
			t.lease(key, "a")
			t.want(fill, store.Done)
			t.want(store.Invalidate{Key: key, Floor: floor, Hold: long}, store.Kept)
			t.wantStored(key, store.Record{Kind: kind, Version: 5, Body: []byte("new")})
		}
	}
}

// invalidateUnversioned: the version of a key never falls, so that the floor
// of a tombstone over a value is not below that value.
func invalidateUnversioned(t *trial) {
	for _, version := range []uint64{0, 7} {
		key := t.key()
		t.put(key, version, "old")
		t.want(store.Invalidate{Key: key, Hold: long}, store.Done)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: version})
		t.put(key, version, "new")
	}
}

func invalidateEnds(t *trial) {
	held, marked := t.key(), t.key()
	t.lease(held, "a")
	t.lease(marked, "a")
	t.want(store.Release{Key: marked, ID: "a", Mark: long}, store.Done)
	for _, key := range []string{held, marked} {
		t.want(store.Invalidate{Key: key, Hold: long}, store.Done)
		t.want(fillOf(key, "a", 9, "read before"), store.Lost)
		t.wantFree(key)
	}
}

func invalidateEndsWhenKept(t *trial) {
	key := t.key()
	t.put(key, 5, "new")
	t.lease(key, "a")
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Kept)
	t.want(fillOf(key, "a", 9, "read before"), store.Lost)
	t.wantFree(key)
}

func invalidateFloor(t *trial) {
	key := t.key()
	for _, c := range []struct{ floor, want uint64 }{{5, 5}, {3, 5}, {0, 5}, {8, 8}, {5, 8}} {
		t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long}, store.Done)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: c.want})
	}
}

func invalidateVersions(t *trial) {
	for _, c := range []struct {
		stored, floor uint64
		want          store.Status
	}{
		{9, 10, store.Done},
		{10, 9, store.Kept},
		{1 << 53, 1<<53 + 1, store.Done},
		{1<<53 + 1, 1 << 53, store.Kept},
		{math.MaxUint64 - 1, math.MaxUint64, store.Done},
		{math.MaxUint64, math.MaxUint64, store.Kept},
	} {
		key := t.key()
		t.put(key, c.stored, "body")
		t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long}, c.want)
	}
}

func invalidateNeverShortens(t *trial) {
	key := t.key()
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done)
	t.want(store.Invalidate{Key: key, Floor: 6, Hold: short}, store.Done)
	t.outlive(2 * short)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 6})
}

func invalidateLengthens(t *trial) {
	key := t.key()
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: 10 * short}, store.Done)
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done)
	t.outlive(11 * short)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
}

func invalidateHold(t *trial) {
	key := t.key()
	t.put(key, 5, "a value that would have lived longer")
	took := t.eventually("a tombstone ends", func() func() bool {
		t.want(store.Invalidate{Key: key, Floor: 6, Hold: short}, store.Done)
		return func() bool { return t.get(key).Status == store.Absent }
	}())
	if took < short-coarse {
		t.Errorf("a tombstone for %v ended after %v", short, took)
	}
}

func invalidateReordered(t *trial) {
	for _, floors := range [][]uint64{{3, 5, 7}, {3, 7, 5}, {5, 3, 7}, {5, 7, 3}, {7, 3, 5}, {7, 5, 3}, {7, 7, 3}} {
		empty, old, middle, new := t.key(), t.key(), t.key(), t.key()
		t.put(old, 2, "old")
		t.put(middle, 5, "middle")
		t.put(new, 7, "new")
		for _, key := range []string{empty, old, middle, new} {
			for _, floor := range floors {
				t.do(store.Invalidate{Key: key, Floor: floor, Hold: long})
			}
		}
		for _, key := range []string{empty, old, middle} {
			t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 7})
		}
		t.wantStored(new, store.Record{Kind: store.Value, Version: 7, Body: []byte("new")})
	}
}

// invalidateRace lets a load of the old version run against its invalidation.
func invalidateRace(t *trial) {
	for range 100 {
		key := t.key()
		var wg sync.WaitGroup
		wg.Go(func() {
			t.store.Do(t.Context(), []store.Op{
				store.Lease{Key: key, ID: "a", For: long},
				fillOf(key, "a", 1, "old"),
			})
		})
		wg.Go(func() {
			t.store.Do(t.Context(), []store.Op{store.Invalidate{Key: key, Floor: 2, Hold: long}})
		})
		wg.Wait()
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 2})
	}
}

func discardCases() []storeCase {
	return []storeCase{
		{"removes the record whose body is equal", discardEqual},
		{"keeps a record whose body is not", discardOther},
		{"keeps what is absent", discardAbsent},
		{"keeps a tombstone", discardTombstone},
		{"leaves the lease", discardLease},
	}
}

func discardEqual(t *trial) {
	for _, body := range []string{"body", "", "\x00\r\n\xff"} {
		key := t.key()
		t.put(key, 1<<60, body)
		t.want(store.Discard{Key: key, Body: []byte(body)}, store.Done)
		t.wantAbsent(key)
		t.put(key, 1, "lower: nothing of the discarded record is left")
	}
}

func discardOther(t *trial) {
	key := t.key()
	t.put(key, 1, "body")
	for _, body := range []string{"", "bod", "body ", "Body"} {
		t.want(store.Discard{Key: key, Body: []byte(body)}, store.Kept)
	}
	t.wantStored(key, store.Record{Kind: store.Value, Version: 1, Body: []byte("body")})
}

func discardAbsent(t *trial) {
	t.want(store.Discard{Key: t.key()}, store.Kept)
	t.want(store.Discard{Key: t.key(), Body: []byte("body")}, store.Kept)
}

// discardTombstone: a floor must not go with a corrupt body that is empty.
func discardTombstone(t *trial) {
	key := t.key()
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done)
	t.want(store.Discard{Key: key}, store.Kept)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
}

func discardLease(t *trial) {
	key := t.key()
	t.put(key, 1, "body")
	t.lease(key, "a")
	t.want(store.Discard{Key: key, Body: []byte("body")}, store.Done)
	t.want(fillOf(key, "a", 1, "again"), store.Done)
}
