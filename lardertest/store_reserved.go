package lardertest

import (
	"time"

	"github.com/larderdev/larder/store"
)

func reservedCases() []storeCase {
	return []storeCase{
		{"are refused to values, and keep what they hold", reservedRefused},
		{"are refused to values, whether there is such a tag or not", reservedAbsent},
		{"are not read, but for the sequence's", reservedGet},
		{"are not missed among others of a batch", reservedBatch},
		{"lie in one part of the tier", reservedNode},
	}
}

// valueOps are the operations on values, for one key.
func valueOps(key string) []store.Op {
	return []store.Op{
		store.Lease{Key: key, ID: "a", For: long, Force: true},
		fillOf(key, "a", 5, "body"),
		store.Renew{Key: key, ID: "a", For: long},
		store.Release{Key: key, ID: "a"},
		store.Invalidate{Key: key, Floor: 9, Hold: time.Millisecond},
		store.Invalidate{Key: key, Hold: time.Millisecond, Soft: true},
		writeOf(key, 5, "body"),
		intendOf(key, "w"),
		finishOf(key, "w", 5, "body"),
		store.Discard{Key: key},
	}
}

// wantRefused checks that no operation on a value may have a key.
func (t *trial) wantRefused(key string) {
	t.Helper()
	for _, op := range valueOps(key) {
		if reply := t.store.Do(t.Context(), []store.Op{op})[0]; reply.Err == nil {
			t.Errorf("%s: %s, want an error", describe(op), name(reply.Status))
		}
	}
}

func reservedRefused(t *trial) {
	tag := t.key()
	names := []string{tag, tag + "}", "@" + tag}
	before := t.readTags(names...)
	t.wantRefused(store.Sequence)
	for _, name := range names {
		t.wantRefused(store.TagKey(name))
	}
	after := t.readTags(names...)
	for i := range names {
		if !sameTag(after.Tags[i], before.Tags[i]) {
			t.Errorf("tag %q was %+v and is %+v", names[i], before.Tags[i], after.Tags[i])
		}
	}
	t.wantRecord(t.sequence(), before.Record)
}

func reservedAbsent(t *trial) {
	for _, key := range []string{"@x", "@x}", "@", "@@", "@{x}", store.TagKey(t.key())} {
		t.wantRefused(key)
	}
}

func reservedGet(t *trial) {
	tag, key := t.key(), t.key()
	t.readTags(tag)
	t.put(key, 5, "body")
	replies := t.store.Get(t.Context(), []string{key, store.TagKey(tag), store.Sequence, store.TagKey(key)})
	t.wantAll(replies[0:1], store.Found)
	t.wantAll(replies[2:3], store.Found)
	for _, i := range []int{1, 3} {
		if replies[i].Err == nil {
			t.Errorf("the key of a tag is %s, %+v, want an error", name(replies[i].Status), replies[i].Record)
		}
	}
}

func reservedBatch(t *trial) {
	key := t.key()
	replies := t.store.Do(t.Context(), []store.Op{
		store.Lease{Key: key, ID: "a", For: long},
		store.Lease{Key: store.TagKey(key), ID: "a", For: long},
		fillOf(key, "a", 5, "body"),
	})
	t.wantAll(replies[0:1], store.Granted)
	t.wantAll(replies[2:3], store.Done)
	if replies[1].Err == nil {
		t.Errorf("the key of a tag is leased: %s", name(replies[1].Status))
	}
}

func reservedNode(t *trial) {
	want := t.store.Node(store.Sequence)
	for _, tag := range append(t.oddNames(), "a", "b", "c", "d", "e", "f") {
		if got := t.store.Node(store.TagKey(tag)); got != want {
			t.Errorf("tag %.60q lies in %q, the sequence in %q", tag, got, want)
		}
	}
}
