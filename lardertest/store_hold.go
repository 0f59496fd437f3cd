package lardertest

import (
	"time"

	"github.com/larderdev/larder/store"
)

func renewCases() []storeCase {
	return []storeCase{
		{"makes the lease last from now", renewLasts},
		{"may shorten a lease", renewShortens},
		{"of another load's lease, or of none, is lost", renewLost},
	}
}

func renewLasts(t *trial) {
	key := t.key()
	t.want(store.Lease{Key: key, ID: "a", For: 5 * time.Second}, store.Granted)
	t.want(store.Renew{Key: key, ID: "a", For: long}, store.Done)
	reply := t.want(store.Lease{Key: key, ID: "b", For: long}, store.Busy)
	if reply.Wait <= long-time.Minute || reply.Wait > long+coarse {
		t.Errorf("Wait is %v, want nearly %v", reply.Wait, long)
	}
	t.want(fillOf(key, "a", 1, "body"), store.Done)
}

func renewShortens(t *trial) {
	key := t.key()
	t.lease(key, "a")
	t.want(store.Renew{Key: key, ID: "a", For: short}, store.Done)
	t.eventually("a lease ends", func() bool {
		return t.do(store.Lease{Key: key, ID: "b", For: long}).Status == store.Granted
	})
}

func renewLost(t *trial) {
	none, other, marked := t.key(), t.key(), t.key()
	t.lease(other, "b")
	t.lease(marked, "a")
	t.want(store.Release{Key: marked, ID: "a", Mark: long}, store.Done)
	for _, key := range []string{none, other, marked} {
		for _, id := range []string{"a", ""} {
			t.want(store.Renew{Key: key, ID: id, For: long}, store.Lost)
		}
	}
	t.wantFree(none)
	t.want(fillOf(other, "b", 1, "body"), store.Done)
	t.want(store.Lease{Key: marked, ID: "b", For: long}, store.Failed)
}

func releaseCases() []storeCase {
	return []storeCase{
		{"gives up the lease and leaves the data", releaseFrees},
		{"leaves the mark of a failed load, which ends by itself", releaseMarks},
		{"of another load's lease, or of none, is lost", releaseLost},
	}
}

func releaseFrees(t *trial) {
	key := t.key()
	t.put(key, 4, "body")
	t.lease(key, "a")
	t.want(store.Release{Key: key, ID: "a"}, store.Done)
	t.wantStored(key, store.Record{Kind: store.Value, Version: 4, Body: []byte("body")})
	t.wantFree(key)
}

func releaseMarks(t *trial) {
	key := t.key()
	t.lease(key, "a")
	start := time.Now()
	t.want(store.Release{Key: key, ID: "a", Mark: short}, store.Done)
	t.eventually("a mark ends", func() bool {
		reply := t.do(store.Lease{Key: key, ID: "b", For: long})
		if reply.Status == store.Failed && (reply.Wait <= 0 || reply.Wait > short+coarse) {
			t.Errorf("Wait is %v, want more than 0 and at most %v", reply.Wait, short)
		}
		return reply.Status == store.Granted
	})
	if took := time.Since(start); took < short-coarse {
		t.Errorf("a mark for %v ended after %v", short, took)
	}
}

func releaseLost(t *trial) {
	none, other, marked := t.key(), t.key(), t.key()
	t.lease(other, "b")
	t.lease(marked, "a")
	t.want(store.Release{Key: marked, ID: "a", Mark: long}, store.Done)
	for _, key := range []string{none, other, marked} {
		for _, id := range []string{"a", ""} {
			t.want(store.Release{Key: key, ID: id}, store.Lost)
			t.want(store.Release{Key: key, ID: id, Mark: long}, store.Lost)
		}
	}
	t.wantFree(none)
	t.want(fillOf(other, "b", 1, "body"), store.Done)
	t.want(store.Lease{Key: marked, ID: "b", For: long}, store.Failed)
}
