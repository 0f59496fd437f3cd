package lardertest

import (
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder/store"
)

// newsCases are those of Watch for what writers and tags do.
func newsCases() []storeCase {
	return []storeCase{
		{"reports soft invalidations", newsSoft},
		{"reports writes through", newsWrite},
		{"reports intents, and those that are raised", newsIntend},
		{"reports the ends of intents", newsFinish},
		{"reports the end of a lapsed intent's tombstone as it is noticed", newsEnd},
		{"reports tags that are made, under their names as they are", newsTagsMade},
		{"reports tags that are invalidated, and the sequence", newsTagsMoved},
		{"reports many tags", newsTagsMany},
		{"names the same history in all heartbeats of a node, to every Watch", newsHistory},
		{"reports a flush of tags", newsFlush},
	}
}

// wantNews runs an operation that must be reported under some keys.
func (f *feedLog) wantNews(t *trial, op store.Op, want store.Status, keys ...string) {
	t.Helper()
	from := f.length()
	t.want(op, want)
	f.wantReported(t, fmt.Sprintf("%T %s", op, describe(op)), from, keys...)
}

func newsSoft(t *trial) {
	feed := t.watch()
	key := t.key()
	t.put(key, 4, "body")
	feed.wantNews(t, store.Invalidate{Key: key, Floor: 5, Hold: long, Soft: true}, store.Done, key)
	feed.wantNews(t, store.Invalidate{Key: key, Floor: 6, Hold: long, Soft: true}, store.Done, key)
}

func newsWrite(t *trial) {
	feed := t.watch()
	key, absent := t.key(), t.key()
	t.put(key, 4, "body")
	feed.wantNews(t, writeOf(key, 5, "new"), store.Done, key)
	feed.wantNews(t, writeOf(absent, 5, "new"), store.Cleared, absent)
}

func newsIntend(t *trial) {
	feed := t.watch()
	key, absent := t.key(), t.key()
	t.put(key, 4, "body")
	feed.wantNews(t, intendOf(key, "w"), store.Done, key)
	feed.wantNews(t, intendOf(absent, "w"), store.Done, absent)
	feed.wantNews(t, intendOf(key, "another"), store.Done, key)
	feed.wantNews(t, store.Invalidate{Key: key, Floor: 5, Hold: long}, store.Done, key)
	feed.wantNews(t, writeOf(key, 6, "of another"), store.Cleared, key)
}

func newsFinish(t *trial) {
	feed := t.watch()
	stored, cleared, over := t.key(), t.key(), t.key()
	t.want(intendOf(stored, "w"), store.Done)
	t.want(intendOf(cleared, "w"), store.Done)
	t.put(over, 4, "body")
	feed.wantNews(t, finishOf(stored, "w", 5, "new"), store.Done, stored)
	feed.wantNews(t, store.Finish{Key: cleared, ID: "w", Hold: long}, store.Cleared, cleared)
	feed.wantNews(t, finishOf(over, "w", 5, "new"), store.Done, over)
	feed.wantNews(t, store.Finish{Key: over, ID: "w", Version: 6, Hold: long}, store.Cleared, over)
}

func newsEnd(t *trial) {
	feed := t.watch()
	key := t.key()
	feed.wantNews(t, store.Intend{Key: key, ID: "w", For: time.Millisecond, Hold: short}, store.Done, key)
	from := feed.length()
	t.eventually("a tombstone ends", func() bool { return t.get(key).Status == store.Absent })
	feed.wantReported(t, "an end of life", from, key)
}

func newsTagsMade(t *trial) {
	feed := t.watch()
	for _, tag := range t.oddNames() {
		feed.wantNews(t, store.ReadTags{Tags: []string{tag}, Nonce: t.nonce(), Life: long}, store.Done, store.TagKey(tag))
	}
	if t.noSequence() {
		feed.wantNews(t, store.ReadTags{Nonce: t.nonce(), Life: long}, store.Done, store.Sequence)
	}
}

func newsTagsMoved(t *trial) {
	feed := t.watch()
	a, b, absent := t.key(), t.key(), t.key()
	for _, soft := range []bool{true, false} {
		t.readTags(a, b)
		op := store.MoveTags{Tags: []string{a, absent, b}, Nonce: t.nonce(), Life: long, Soft: soft}
		feed.wantNews(t, op, store.Done, store.Sequence, store.TagKey(a), store.TagKey(b))
	}
	feed.wantNews(t, store.MoveTags{Nonce: t.nonce(), Life: long}, store.Done, store.Sequence)
}

func newsTagsMany(t *trial) {
	feed := t.watch()
	tags, keys := make([]string, 300), make([]string, 300)
	for i := range tags {
		tags[i] = t.key()
		keys[i] = store.TagKey(tags[i])
	}
	feed.wantNews(t, store.ReadTags{Tags: tags, Nonce: t.nonce(), Life: long}, store.Done, keys...)
	feed.wantNews(t, store.MoveTags{Tags: tags, Nonce: t.nonce(), Life: long}, store.Done, keys...)
}

// newsHistory: a relay delivers anew what it has delivered to another history.
func newsHistory(t *trial) {
	histories := make(map[string]string)
	for range 3 {
		feed := t.watch()
		for range 5 {
			feed.beatAfter(t, time.Now())
		}
		reports, _ := feed.since(0)
		for _, r := range reports {
			if r.kind != "Beat" {
				continue
			}
			if r.history == "" {
				t.Fatalf("a heartbeat of node %q names no history", r.node)
			}
			if before, seen := histories[r.node]; seen && before != r.history {
				t.Fatalf("the history of node %q was %q and is %q", r.node, before, r.history)
			}
			histories[r.node] = r.history
		}
	}
}

func newsFlush(t *trial) {
	flusher, ok := t.store.(Flusher)
	if !ok {
		t.Log("this store cannot be flushed: nothing to check")
		return
	}
	tag := t.key()
	before := t.readTags(tag)
	feed := t.watch()
	from := feed.length()
	flusher.Flush()
	flushed := time.Now()
	node := t.store.Node(store.Sequence)
	reports := feed.wait(t, "a heartbeat", from, func(r report) bool {
		return r.kind == "Beat" && r.node == node && r.sent.After(flushed)
	})
	if !slices.ContainsFunc(reports, func(r report) bool { return r.kind == "Reset" && r.node == node }) {
		t.Errorf("no Reset before the first heartbeat after a flush")
	}
	t.wantAbsent(store.Sequence)
	after := t.readTags(tag)
	t.wantNew(before.Tags[0], after.Tags[0])
	if string(after.Record.Body) == string(before.Record.Body) {
		t.Errorf("the epoch is %q again", after.Record.Body)
	}
}
