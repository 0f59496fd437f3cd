package lardertest

import (
	"math"
	"time"

	"github.com/larderdev/larder/store"
)

func intendCases() []storeCase {
	return []storeCase{
		{"leaves an intent over anything, with the version that was there", intendOver},
		{"ends every load and every mark", intendEnds},
		{"refuses leases for as long as the intent stands, by force too", intendRefuses},
		{"takes the place of another writer's", intendOther},
		{"may be repeated, and counts from then", intendAgain},
		{"keeps ids of every byte", intendIDs},
		{"lapses by the store's clock", intendFreshUntil},
		{"lapses into a tombstone, to readers and loads", intendLapses},
		{"lapses into a tombstone, to every operation", intendLapsed},
		{"ends with its hold", intendHold},
		{"stands as long as it was to, though its hold is shorter", intendShortHold},
		{"never shortens the life of a floor", intendNeverShortens},
		{"is kept by a discard", intendDiscard},
		{"is raised by an invalidation, soft or not, and never lowered", intendRaised},
		{"is raised by a write-through of somebody else", intendRaisedByWrite},
		{"lives for the hold of an invalidation that it meets", intendInvalidatedHold},
		{"is spoilt by an invalidation without a floor, and stands", intendSpoilt},
	}
}

func raiseCases() []storeCase {
	return []storeCase{
		{"lifts an intent that stands, and never lowers it", raiseLifts},
		{"without a floor has the intent's finish leave no value", raiseSpoils},
		{"is lost where no intent stands, and changes nothing", raiseLost},
	}
}

func raiseLifts(t *trial) {
	key := t.key()
	t.want(intendOf(key, "w"), store.Done)
	for _, step := range []struct{ floor, want uint64 }{{7, 7}, {5, 7}, {math.MaxUint64, math.MaxUint64}} {
		t.want(store.Raise{Key: key, Floor: step.floor}, store.Done)
		t.wantIntent(key, "w", step.want)
	}
	t.want(store.Finish{Key: key, ID: "w", Version: 8, Fresh: long, Life: long, Hold: long, Body: []byte("old")}, store.Cleared)
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: math.MaxUint64})
}

func raiseSpoils(t *trial) {
	key := t.key()
	t.want(intendOf(key, "w"), store.Done)
	t.want(store.Raise{Key: key}, store.Done)
	t.wantIntent(key, "w", 0)
	t.want(store.Finish{Key: key, ID: "w", Version: 8, Fresh: long, Life: long, Hold: long, Body: []byte("old")}, store.Cleared)
}

func raiseLost(t *trial) {
	absent, value, floored := t.key(), t.key(), t.key()
	t.put(value, 5, "body")
	t.want(store.Invalidate{Key: floored, Floor: 5, Hold: long}, store.Done)
	for _, key := range []string{absent, value, floored, t.lapsed()} {
		before := t.get(key)
		for _, floor := range []uint64{0, 9} {
			t.want(store.Raise{Key: key, Floor: floor}, store.Lost)
		}
		if before.Status == store.Found {
			t.wantStored(key, before.Record)
		} else {
			t.wantAbsent(key)
		}
	}
	lease := t.key()
	t.want(store.Lease{Key: lease, ID: "load", For: long}, store.Granted)
	t.want(store.Raise{Key: lease, Floor: 9}, store.Lost)
	t.wantHeld(lease)
}

// intendOf is an intent that does not lapse.
func intendOf(key, id string) store.Intend {
	return store.Intend{Key: key, ID: id, For: long, Hold: long}
}

// wantIntent checks that an intent stands, and that no lease is granted.
func (t *trial) wantIntent(key, id string, version uint64) {
	t.Helper()
	want := store.Record{Kind: store.Intent, Version: version, Body: []byte(id)}
	t.wantStored(key, want)
	reply := t.want(store.Lease{Key: key, ID: "somebody else", For: long}, store.Intended)
	t.wantRecord(reply.Record, want)
}

// lapsed returns a key whose intent of "w" at version 5 has lapsed, and lives
// on as a tombstone.
func (t *trial) lapsed() (key string) {
	t.Helper()
	key = t.key()
	t.want(store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done)
	t.want(store.Intend{Key: key, ID: "w", For: time.Millisecond, Hold: long}, store.Done)
	t.eventually("an intent lapses", func() bool { return t.get(key).Record.Kind != store.Intent })
	return key
}

func intendOver(t *trial) {
	for _, version := range []uint64{0, 5, 1<<53 + 1, math.MaxUint64} {
		value, negative, stale, floored := t.key(), t.key(), t.key(), t.key()
		t.put(value, version, "body")
		t.putKind(negative, store.Negative, version, "")
		t.putStale(stale, version, "body")
		t.want(store.Invalidate{Key: floored, Floor: version, Hold: long}, store.Done)
		for _, key := range []string{value, negative, stale, floored} {
			t.want(intendOf(key, "w"), store.Done)
			t.wantIntent(key, "w", version)
		}
	}
	absent := t.key()
	t.want(intendOf(absent, "w"), store.Done)
	t.wantIntent(absent, "w", 0)
}

func intendEnds(t *trial) {
	held, marked := t.key(), t.key()
	t.lease(held, "a")
	t.putMark(marked, "a")
	for _, key := range []string{held, marked} {
		t.want(intendOf(key, "w"), store.Done)
		t.want(fillOf(key, "a", 9, "read before"), store.Lost)
		t.want(store.Renew{Key: key, ID: "a", For: long}, store.Lost)
		t.want(store.Release{Key: key, ID: "a", Mark: long}, store.Lost)
		t.wantIntent(key, "w", 0)
		t.want(store.Finish{Key: key, ID: "w", Hold: long}, store.Cleared)
		t.wantFree(key)
	}
}

func intendRefuses(t *trial) {
	key := t.key()
	t.put(key, 5, "fresh")
	t.want(intendOf(key, "w"), store.Done)
	for _, force := range []bool{false, true} {
		reply := t.want(store.Lease{Key: key, ID: "a", For: long, Force: force}, store.Intended)
		t.wantRecord(reply.Record, store.Record{Kind: store.Intent, Version: 5, Body: []byte("w")})
		if reply.Wait <= long-time.Minute || reply.Wait > long+coarse {
			t.Errorf("Wait is %v, want nearly %v", reply.Wait, long)
		}
		t.want(fillOf(key, "a", 9, "without a lease"), store.Lost)
	}
	t.want(store.Finish{Key: key, ID: "w", Hold: long}, store.Cleared)
	t.wantFree(key) // none of the leases that were refused is held
}

func intendOther(t *trial) {
	key := t.key()
	t.want(intendOf(key, "first"), store.Done)
	t.want(store.Invalidate{Key: key, Floor: 3, Hold: long}, store.Done)
	t.want(intendOf(key, "second"), store.Done)
	t.wantIntent(key, "second", 3)
	t.want(finishOf(key, "first", 4, "first"), store.Cleared)
	t.wantIntent(key, "second", 4)
	t.want(finishOf(key, "second", 5, "second"), store.Done)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 5, Body: []byte("second")})
}

func intendAgain(t *trial) {
	key := t.key()
	t.want(store.Intend{Key: key, ID: "w", For: short, Hold: short}, store.Done)
	t.want(intendOf(key, "w"), store.Done)
	t.outlive(2 * short)
	t.wantIntent(key, "w", 0)
}

func intendIDs(t *trial) {
	for _, id := range []string{"", " ", "\x00", "\r\n", "!", "é", "\xff\xfe", "00000000000000000000"} {
		key := t.key()
		t.want(intendOf(key, id), store.Done)
		t.wantIntent(key, id, 0)
		t.want(finishOf(key, id+"x", 0, "of nobody"), store.Cleared) // spoils it
		t.wantIntent(key, id, 0)
		t.want(intendOf(key, id), store.Done)
		t.want(finishOf(key, id, 5, "body"), store.Done)
		t.wantStored(key, store.Record{Kind: store.Value, Version: 5, Body: []byte("body")})
	}
}

func intendFreshUntil(t *trial) {
	key := t.key()
	feed := t.watch()
	before := feed.beatAfter(t, time.Now()).now
	t.want(store.Intend{Key: key, ID: "w", For: 30 * time.Second, Hold: long}, store.Done)
	after := feed.beatAfter(t, time.Now()).now
	t.wantMoment("FreshUntil", t.get(key).Record.FreshUntil, before+30_000, after+30_000)
}

func intendLapses(t *trial) {
	key := t.key()
	t.put(key, 5, "body")
	start := time.Now()
	t.want(store.Intend{Key: key, ID: "w", For: short, Hold: long}, store.Done)
	t.eventually("an intent lapses", func() bool {
		reply := t.do(store.Lease{Key: key, ID: "a", For: long})
		if reply.Status == store.Intended && (reply.Wait <= 0 || reply.Wait > short+coarse) {
			t.Errorf("Wait is %v, want more than 0 and at most %v", reply.Wait, short)
		}
		if reply.Status == store.Granted {
			t.wantRecord(reply.Record, store.Record{Kind: store.Tombstone, Version: 5})
		}
		return reply.Status == store.Granted
	})
	if took := time.Since(start); took < short-coarse {
		t.Errorf("an intent for %v lapsed after %v", short, took)
	}
	t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	if reply := t.want(fillOf(key, "a", 4, "from a replica"), store.Below); reply.Record.Version != 5 {
		t.Errorf("Below %d, want 5", reply.Record.Version)
	}
	t.put(key, 5, "again")
}

// intendLapsed: a writer that died leaves no more than a floor.
func intendLapsed(t *trial) {
	for _, c := range []struct {
		op   store.Op // its key is set below
		want store.Status
		left store.Record
	}{
		{store.Invalidate{Floor: 4, Hold: long}, store.Done, store.Record{Kind: store.Tombstone, Version: 5}},
		{store.Invalidate{Floor: 6, Hold: long, Soft: true}, store.Done, store.Record{Kind: store.Tombstone, Version: 6}},
		{writeOf("", 7, "body"), store.Cleared, store.Record{Kind: store.Tombstone, Version: 7}},
		{finishOf("", "w", 7, "body"), store.Cleared, store.Record{Kind: store.Tombstone, Version: 7}},
		{finishOf("", "w", 4, "body"), store.Cleared, store.Record{Kind: store.Tombstone, Version: 5}},
		{finishOf("", "other", 7, "body"), store.Cleared, store.Record{Kind: store.Tombstone, Version: 7}},
		{store.Finish{ID: "w", Hold: long}, store.Cleared, store.Record{Kind: store.Tombstone, Version: 5}},
		{store.Discard{Body: []byte("w")}, store.Kept, store.Record{Kind: store.Tombstone, Version: 5}},
		{store.Discard{}, store.Kept, store.Record{Kind: store.Tombstone, Version: 5}},
		{intendOf("", "again"), store.Done, store.Record{Kind: store.Intent, Version: 5, Body: []byte("again")}},
	} {
		key := t.lapsed()
		t.want(withKey(c.op, key), c.want)
		t.wantStored(key, c.left)
	}
	key := t.lapsed()
	t.put(key, 5, "loaded")
	t.want(finishOf(key, "w", 6, "late"), store.Done) // over a value: nothing newer was evicted
	t.wantStored(key, store.Record{Kind: store.Value, Version: 6, Body: []byte("late")})
}

func intendHold(t *trial) {
	key := t.key()
	t.put(key, 5, "a value that would have lived longer")
	start := time.Now()
	t.want(store.Intend{Key: key, ID: "w", For: time.Millisecond, Hold: short}, store.Done)
	t.eventually("an intent ends", func() bool { return t.get(key).Status == store.Absent })
	if took := time.Since(start); took < short-coarse {
		t.Errorf("an intent with a hold of %v ended after %v", short, took)
	}
}

func intendShortHold(t *trial) {
	key := t.key()
	t.want(store.Intend{Key: key, ID: "w", For: long, Hold: time.Millisecond}, store.Done)
	t.outlive(short)
	t.wantIntent(key, "w", 0)
}

func intendNeverShortens(t *trial) {
	floored, stale, intended := t.key(), t.key(), t.key()
	t.want(store.Invalidate{Key: floored, Floor: 5, Hold: long}, store.Done)
	t.putStale(stale, 5, "body")
	t.put(intended, 5, "body")
	t.want(intendOf(intended, "first"), store.Done)
	for _, key := range []string{floored, stale, intended} {
		t.want(store.Intend{Key: key, ID: "w", For: time.Millisecond, Hold: time.Millisecond}, store.Done)
	}
	t.outlive(short)
	for _, key := range []string{floored, stale, intended} {
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 5})
	}
}

func intendDiscard(t *trial) {
	for _, id := range []string{"w", ""} {
		key := t.key()
		t.want(intendOf(key, id), store.Done)
		t.want(store.Discard{Key: key, Body: []byte(id)}, store.Kept)
		t.wantIntent(key, id, 0)
	}
}

func intendRaised(t *trial) {
	for _, soft := range []bool{false, true} {
		key := t.key()
		t.put(key, 4, "body")
		t.want(intendOf(key, "w"), store.Done)
		before := t.get(key).Record.FreshUntil
		for _, c := range []struct{ floor, want uint64 }{{3, 4}, {4, 4}, {7, 7}, {5, 7}} {
			t.want(store.Invalidate{Key: key, Floor: c.floor, Hold: long, Soft: soft}, store.Done)
			t.wantIntent(key, "w", c.want)
		}
		if got := t.get(key).Record.FreshUntil; got != before {
			t.Errorf("FreshUntil is %d, want %d as before", got, before)
		}
		t.want(finishOf(key, "w", 6, "below what was invalidated"), store.Cleared)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 7})
	}
}

func intendRaisedByWrite(t *trial) {
	key := t.key()
	t.put(key, 4, "body")
	t.want(intendOf(key, "w"), store.Done)
	for _, c := range []struct{ version, want uint64 }{{5, 5}, {4, 5}, {7, 7}} {
		t.want(writeOf(key, c.version, "of another"), store.Cleared)
		t.wantIntent(key, "w", c.want)
	}
	t.want(finishOf(key, "w", 7, "body"), store.Done)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 7, Body: []byte("body")})
}

func intendInvalidatedHold(t *trial) {
	for _, soft := range []bool{false, true} {
		key := t.key()
		t.want(store.Intend{Key: key, ID: "w", For: short, Hold: short}, store.Done)
		t.want(store.Invalidate{Key: key, Floor: 7, Hold: long, Soft: soft}, store.Done)
		t.outlive(2 * short)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 7})
	}
}

// intendSpoilt: what was changed may be newer than what the writer has, and
// there is no version that says so.
func intendSpoilt(t *trial) {
	for _, soft := range []bool{false, true} {
		key := t.key()
		t.put(key, 4, "body")
		t.want(intendOf(key, "w"), store.Done)
		t.want(store.Invalidate{Key: key, Hold: long, Soft: soft}, store.Done)
		t.wantIntent(key, "w", 4)
		t.want(store.Invalidate{Key: key, Floor: 5, Hold: long, Soft: soft}, store.Done)
		t.wantIntent(key, "w", 5)
		t.want(finishOf(key, "w", 9, "body"), store.Cleared)
		t.wantStored(key, store.Record{Kind: store.Tombstone, Version: 9})
		t.wantFree(key)
	}
	key := t.key()
	t.want(intendOf(key, "w"), store.Done)
	t.want(store.Invalidate{Key: key, Hold: long}, store.Done)
	t.want(intendOf(key, "next"), store.Done)
	t.want(finishOf(key, "next", 2, "committed after the change"), store.Done)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 2, Body: []byte("committed after the change")})
}
