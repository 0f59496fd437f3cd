package lardertest

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func writeCases() []storeCase {
	return []storeCase{
		{"takes the place of a value of a lower version", writeOlder},
		{"keeps a value or negative of its version or a higher one", writeKeeps},
		{"over nothing leaves a tombstone", writeAbsent},
		{"over a tombstone, a negative or a stale record leaves a tombstone", writeNoValue},
		{"without a version stores nothing", writeUnversioned},
		{"ends every load and every mark, whatever else it does", writeEnds},
		{"compares versions of every size", writeVersions},
		{"keeps bodies of every byte, and none", writeBodies},
		{"is fresh by the store's clock", writeFresh},
		{"lives for its life", writeLives},
		{"lives no shorter than what it replaces", writeOutlives},
		{"leaves a tombstone for its hold", writeHold},
		{"of many writers at once ends at the highest version", writeRace},
		{"never shows an older value once it is acknowledged", writeStress},
	}
}

// writeOf is a write-through that stays fresh.
func writeOf(key string, version uint64, body string) store.WriteThrough {
	return store.WriteThrough{Key: key, Version: version, Fresh: long, Life: long, Body: []byte(body), Hold: long}
}

func writeOlder(t *trial) {
	for _, stored := range []uint64{0, 1, 4} {
		key := t.key()
		t.put(key, stored, "old")
		t.want(writeOf(key, 5, "new"), store.Done)
		t.wantStored(key, store.Record{Kind: store.Value, Version: 5, Body: []byte("new")})
		reply := t.want(store.Lease{Key: key, ID: "a", For: long, MinVersion: 5}, store.Found)
		t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: 5, Body: []byte("new")})
	}
}

func writeKeeps(t *trial) {
	for _, kind := range []store.Kind{store.Value, store.Negative} {
		for _, version := range []uint64{1, 4, 5} {
			key := t.key()
			t.putKind(key, kind, 5, "stored")
			t.want(writeOf(key, version, "late"), store.Kept)
			t.wantStored(key, store.Record{Kind: kind, Version: 5, Body: []byte("stored")})
		}
	}
}

func writeAbsent(t *trial) {
	key := t.key()
	t.want(writeOf(key, 5, "body"), store.Cleared)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	t.lease(key, "a")
	t.want(fillOf(key, "a", 4, "older"), store.Below)
	t.put(key, 5, "body")
}

// writeNoValue: none of these shows that nothing newer was there.
func writeNoValue(t *trial) {
	for _, stored := range []uint64{3, 5, 8} {
		floored, stale := t.key(), t.key()
		t.want(store.Invalidate{Key: floored, Floor: stored, Hold: long}, store.Done)
		t.putStale(stale, stored, "stale")
		for _, key := range []string{floored, stale} {
			t.want(writeOf(key, 5, "body"), store.Cleared)
			t.wantStored(key, store.Record{Kind: store.Tombstone, Version: max(stored, 5)})
		}
	}
	for _, stored := range []uint64{0, 4} {
		negative := t.key()
		t.putKind(negative, store.Negative, stored, "")
		t.want(writeOf(negative, 5, "body"), store.Cleared)
		t.wantStored(negative, store.Record{Kind: store.Tombstone, Version: 5})
	}
}

func writeUnversioned(t *trial) {
	for _, stored := range []uint64{0, 7} {
		key := t.key()
		t.put(key, stored, "stored")
		t.want(writeOf(key, 0, "who knows"), store.Cleared)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: stored})
	}
}

func writeEnds(t *trial) {
	for _, c := range []struct {
		stored uint64
		want   store.Status
	}{{0, store.Cleared}, {4, store.Done}, {5, store.Kept}} {
		held, marked := t.key(), t.key()
		for _, key := range []string{held, marked} {
			if c.stored > 0 {
				t.put(key, c.stored, "stored")
			}
		}
		t.lease(held, "a")
		t.putMark(marked, "a")
		for _, key := range []string{held, marked} {
			t.want(writeOf(key, 5, "body"), c.want)
			t.want(fillOf(key, "a", 9, "read before"), store.Lost)
			t.wantFree(key)
		}
	}
}

func writeVersions(t *trial) {
	for _, c := range []struct {
		stored, version uint64
		want            store.Status
	}{
		{9, 10, store.Done},
		{10, 9, store.Kept},
		{1 << 53, 1<<53 + 1, store.Done},
		{1<<53 + 1, 1 << 53, store.Kept},
		{1<<63 - 1, 1 << 63, store.Done},
		{math.MaxUint64 - 1, math.MaxUint64, store.Done},
		{math.MaxUint64, math.MaxUint64 - 1, store.Kept},
	} {
		key := t.key()
		t.put(key, c.stored, "stored")
		t.want(writeOf(key, c.version, "new"), c.want)
		if got, want := t.get(key).Record.Version, max(c.stored, c.version); got != want {
			t.Errorf("version %d over %d: %d is stored, want %d", c.version, c.stored, got, want)
		}
	}
}

func writeBodies(t *trial) {
	for _, body := range []string{"", "\x00", "\r\n", "Q", "\xff\xfe", "nil", string(make([]byte, 100_000))} {
		key := t.key()
		t.put(key, 1, "old")
		t.want(writeOf(key, 2, body), store.Done)
		t.wantStored(key, store.Record{Kind: store.Value, Version: 2, Body: []byte(body)})
	}
	key := t.key()
	t.put(key, 1, "old")
	op := writeOf(key, 2, "")
	op.Body = nil
	t.want(op, store.Done)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 2})
}

func writeFresh(t *trial) {
	key := t.key()
	feed := t.watch()
	t.put(key, 1, "old")
	before := feed.beatAfter(t, time.Now()).now
	op := writeOf(key, 2, "new")
	op.Fresh = 30 * time.Second
	t.want(op, store.Done)
	after := feed.beatAfter(t, time.Now()).now
	t.wantMoment("FreshUntil", t.get(key).Record.FreshUntil, before+30_000, after+30_000)
}

func writeLives(t *trial) {
	var key string
	var start time.Time
	op := writeOf("", 2, "new")
	op.Life = 3 * short
	// The value below must still be there, and be gone before the new one.
	t.eventually("a write over a value", func() bool {
		key = t.key()
		t.lease(key, "a")
		fill := fillOf(key, "a", 1, "old")
		fill.Life = 2 * short
		t.want(fill, store.Done)
		op.Key, start = key, time.Now()
		return t.do(op).Status == store.Done
	})
	t.eventually("a value ends", func() bool { return t.get(key).Status == store.Absent })
	if took := time.Since(start); took < op.Life-coarse {
		t.Errorf("a value for %v ended after %v", op.Life, took)
	}
}

func writeOutlives(t *trial) {
	key := t.key()
	t.put(key, 1, "old")
	op := writeOf(key, 2, "new")
	op.Fresh, op.Life, op.Hold = time.Millisecond, time.Millisecond, time.Millisecond
	t.want(op, store.Done)
	t.outlive(short)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 2, Body: []byte("new")})
	if reply := t.want(store.Lease{Key: key, ID: "a", For: long}, store.Granted); reply.Record.Kind != store.Value {
		t.Errorf("a stale value is leased with %c beneath, want V", letter(reply.Record.Kind))
	}
}

func writeHold(t *trial) {
	goes, stays := t.key(), t.key()
	op := writeOf(goes, 5, "body")
	op.Hold = short
	took := t.eventually("a tombstone ends", func() func() bool {
		t.want(op, store.Cleared)
		return func() bool { return t.get(goes).Status == store.Absent }
	}())
	if took < short-coarse {
		t.Errorf("a tombstone for %v ended after %v", short, took)
	}
	t.want(store.Invalidate{Key: stays, Floor: 4, Hold: long}, store.Done)
	op.Key = stays
	t.want(op, store.Cleared)
	t.outlive(2 * short)
	t.wantStored(stays, store.Record{Kind: store.Tombstone, Version: 5})
}

func writeRace(t *trial) {
	for range 20 {
		key := t.key()
		t.put(key, 1, "old")
		var wg sync.WaitGroup
		for version := uint64(2); version < 10; version++ {
			wg.Go(func() { t.try(writeOf(key, version, fmt.Sprint(version))) })
		}
		wg.Wait()
		t.wantStored(key, store.Record{Kind: store.Value, Version: 9, Body: []byte("9")})
	}
}
