package lardertest

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func leaseCases() []storeCase {
	return []storeCase{
		{"of an absent key is granted, with nothing beneath", leaseAbsent},
		{"that another load holds is busy for the time left", leaseBusy},
		{"is held by one load, not by whoever knows its name", leaseTwice},
		{"is granted to one of many that ask at once", leaseRace},
		{"of a fresh value or negative is found, and not taken", leaseFresh},
		{"of a fresh value is found while another load holds it", leaseFreshWhileHeld},
		{"wants the version asked for", leaseMinVersion},
		{"by force is granted over a fresh value", leaseForce},
		{"of a stale value is granted, with the value beneath", leaseStale},
		{"of a tombstone is granted, with the floor beneath", leaseTombstone},
		{"fails while the mark of a failed load stands, by force too", leaseMarked},
		{"ends by itself", leaseEnds},
		{"of every part of a second ends", leaseShortest},
	}
}

func leaseAbsent(t *trial) {
	reply := t.want(store.Lease{Key: t.key(), ID: "a", For: long}, store.Granted)
	t.wantRecord(reply.Record, store.Record{})
}

func leaseBusy(t *trial) {
	key := t.key()
	t.lease(key, "a")
	for _, force := range []bool{false, true} {
		reply := t.want(store.Lease{Key: key, ID: "b", For: long, Force: force}, store.Busy)
		if reply.Wait <= long-time.Minute || reply.Wait > long+coarse {
			t.Errorf("Wait is %v, want nearly %v", reply.Wait, long)
		}
	}
	t.want(fillOf(key, "b", 1, "b"), store.Lost)
}

func leaseTwice(t *trial) {
	key := t.key()
	t.lease(key, "a")
	t.want(store.Lease{Key: key, ID: "a", For: long}, store.Busy)
}

func leaseRace(t *trial) {
	for range 20 {
		key := t.key()
		statuses := make([]store.Status, 8)
		var wg sync.WaitGroup
		for i := range statuses {
			wg.Go(func() {
				op := store.Lease{Key: key, ID: fmt.Sprint(i), For: long}
				statuses[i] = t.store.Do(t.Context(), []store.Op{op})[0].Status
			})
		}
		wg.Wait()
		granted := 0
		for _, status := range statuses {
			if status == store.Granted {
				granted++
			} else if status != store.Busy {
				t.Errorf("%s, want Granted or Busy", name(status))
			}
		}
		if granted != 1 {
			t.Fatalf("granted to %d of %d loads, want 1", granted, len(statuses))
		}
	}
}

func leaseFresh(t *trial) {
	for _, kind := range []store.Kind{store.Value, store.Negative} {
		key := t.key()
		fill := fillOf(key, "a", 3, "body")
		fill.Kind = kind
		t.lease(key, "a")
		t.want(fill, store.Done)
		reply := t.want(store.Lease{Key: key, ID: "b", For: long}, store.Found)
		t.wantRecord(reply.Record, store.Record{Kind: kind, Version: 3, Body: []byte("body")})
		t.wantFree(key)
	}
}

func leaseFreshWhileHeld(t *trial) {
	key := t.key()
	t.put(key, 3, "body")
	t.lease(key, "a")
	t.want(store.Lease{Key: key, ID: "b", For: long}, store.Found)
	t.wantHeld(key)
}

func leaseMinVersion(t *trial) {
	for _, c := range []struct {
		stored, min uint64
		want        store.Status
	}{
		{7, 0, store.Found},
		{7, 6, store.Found},
		{7, 7, store.Found},
		{7, 8, store.Granted},
		{7, 10, store.Granted},
		{10, 7, store.Found},
		{1 << 53, 1<<53 + 1, store.Granted},
		{1<<53 + 1, 1<<53 + 1, store.Found},
		{math.MaxUint64 - 1, math.MaxUint64, store.Granted},
	} {
		key := t.key()
		t.put(key, c.stored, "body")
		reply := t.want(store.Lease{Key: key, ID: "a", For: long, MinVersion: c.min}, c.want)
		t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: c.stored, Body: []byte("body")})
	}
}

func leaseForce(t *trial) {
	key := t.key()
	t.put(key, 7, "body")
	reply := t.lease(key, "a")
	t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: 7, Body: []byte("body")})
	t.wantHeld(key)
}

func leaseStale(t *trial) {
	key := t.key()
	t.lease(key, "a")
	fill := fillOf(key, "a", 7, "body")
	fill.Fresh = short
	t.want(fill, store.Done)
	var reply store.Reply
	t.eventually("a value gets stale", func() bool {
		reply = t.do(store.Lease{Key: key, ID: "b", For: long})
		return reply.Status != store.Found
	})
	if reply.Status != store.Granted {
		t.Errorf("lease of a stale value: %s, want Granted", name(reply.Status))
	}
	t.wantRecord(reply.Record, store.Record{Kind: store.Value, Version: 7, Body: []byte("body")})
	t.wantStored(key, store.Record{Kind: store.Value, Version: 7, Body: []byte("body")})
}

func leaseTombstone(t *trial) {
	key := t.key()
	t.want(store.Invalidate{Key: key, Floor: 9, Hold: long}, store.Done)
	reply := t.want(store.Lease{Key: key, ID: "a", For: long, MinVersion: 9}, store.Granted)
	t.wantRecord(reply.Record, store.Record{Kind: store.Tombstone, Version: 9})
}

func leaseMarked(t *trial) {
	key := t.key()
	t.lease(key, "a")
	t.want(store.Release{Key: key, ID: "a", Mark: long}, store.Done)
	for _, force := range []bool{false, true} {
		reply := t.want(store.Lease{Key: key, ID: "b", For: long, Force: force}, store.Failed)
		if reply.Wait <= long-time.Minute || reply.Wait > long+coarse {
			t.Errorf("Wait is %v, want nearly %v", reply.Wait, long)
		}
	}
}

func leaseEnds(t *trial) {
	key := t.key()
	start := time.Now()
	t.want(store.Lease{Key: key, ID: "a", For: short}, store.Granted)
	t.eventually("a lease ends", func() bool {
		reply := t.do(store.Lease{Key: key, ID: "b", For: long})
		if reply.Status == store.Busy && (reply.Wait <= 0 || reply.Wait > short+coarse) {
			t.Errorf("Wait is %v, want more than 0 and at most %v", reply.Wait, short)
		}
		return reply.Status == store.Granted
	})
	if took := time.Since(start); took < short-coarse {
		t.Errorf("a lease for %v ended after %v", short, took)
	}
	t.want(fillOf(key, "a", 1, "late"), store.Lost)
	t.want(fillOf(key, "b", 1, "in time"), store.Done)
}

func leaseShortest(t *trial) {
	key := t.key()
	for _, d := range []time.Duration{1, time.Microsecond, time.Millisecond, time.Millisecond + 1} {
		var reply store.Reply
		t.eventually("a short lease ends", func() bool {
			reply = t.do(store.Lease{Key: key, ID: "a", For: d})
			return reply.Status == store.Granted
		})
	}
}
