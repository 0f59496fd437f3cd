package lardertest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func watchCases() []storeCase {
	return []storeCase{
		{"begins with Reset, then beats", watchBegins},
		{"beats every period, with the store's clock", watchBeats},
		{"reports fills", watchFill},
		{"reports invalidations", watchInvalidate},
		{"reports discards", watchDiscard},
		{"reports a fill refused as below, so that waiters try again", watchBelow},
		{"reports ends of life as they are noticed", watchEnd},
		{"reports keys as they are", watchKeys},
		{"reports batches", watchBatch},
		{"reports changes in their order", watchOrder},
		{"reports to every Watch", watchSeveral},
		{"names the nodes as Node does", watchNode},
		{"reports every change acknowledged before a heartbeat left, before it", watchStress},
		{"reports a flush", watchFlush},
		{"returns at once when its context has ended", watchEnded},
	}
}

func watchBegins(t *trial) {
	feed := t.watch()
	seen := make(map[string]bool)
	reports, _ := feed.since(0)
	for _, r := range reports {
		if !seen[r.node] && r.kind != "Reset" {
			t.Errorf("the first report of node %q is %s, want Reset", r.node, r.kind)
		}
		seen[r.node] = true
	}
}

func watchBeats(t *trial) {
	start := time.Now()
	feed := t.watch()
	last := feed.beatAfter(t, start)
	for range 10 {
		beat := feed.beatAfter(t, last.sent.Add(1))
		// Equal to itself without its monotonic reading: it has none.
		if beat.sent == beat.sent.Round(0) {
			t.Fatalf("sent has no monotonic reading")
		}
		if beat.node != last.node {
			continue // each node has a clock of its own
		}
		byUs, byStore := beat.sent.Sub(last.sent), time.Duration(beat.now-last.now)*time.Millisecond
		if d := byStore - byUs; d < -time.Second || d > time.Second {
			t.Errorf("between two heartbeats %v have passed here, %v by the store's clock", byUs, byStore)
		}
		last = beat
	}
}

func watchFill(t *trial) {
	feed := t.watch()
	for _, kind := range []store.Kind{store.Value, store.Negative} {
		key := t.key()
		t.lease(key, "a")
		from := feed.length()
		fill := fillOf(key, "a", 1, "body")
		fill.Kind = kind
		t.want(fill, store.Done)
		feed.wantReported(t, "a fill", from, key)
	}
}

func watchInvalidate(t *trial) {
	feed := t.watch()
	absent, full := t.key(), t.key()
	t.put(full, 1, "body")
	for _, key := range []string{absent, full} {
		from := feed.length()
		t.want(store.Invalidate{Key: key, Floor: 2, Hold: long}, store.Done)
		feed.wantReported(t, "an invalidation", from, key)
	}
}

func watchDiscard(t *trial) {
	feed := t.watch()
	key := t.key()
	t.put(key, 1, "body")
	from := feed.length()
	t.want(store.Discard{Key: key, Body: []byte("body")}, store.Done)
	feed.wantReported(t, "a discard", from, key)
}

func watchBelow(t *trial) {
	feed := t.watch()
	floored, full := t.key(), t.key()
	t.want(store.Invalidate{Key: floored, Floor: 5, Hold: long}, store.Done)
	t.put(full, 5, "body")
	for _, key := range []string{floored, full} {
		t.lease(key, "a")
		from := feed.length()
		t.want(fillOf(key, "a", 4, "older"), store.Below)
		feed.wantReported(t, "a fill refused as below", from, key)
	}
}

func watchEnd(t *trial) {
	feed := t.watch()
	key := t.key()
	t.lease(key, "a")
	fill := fillOf(key, "a", 1, "body")
	fill.Life = short
	t.want(fill, store.Done)
	feed.wantReported(t, "a fill", 0, key)
	from := feed.length()
	t.eventually("a value ends", func() bool { return t.get(key).Status == store.Absent })
	// The end may have been noticed before we did, but not before the life
	// was over, and so after the report of the fill.
	feed.wantReported(t, "an end of life", from, key)
}

func watchKeys(t *trial) {
	feed := t.watch()
	for _, key := range t.oddKeys() {
		from := feed.length()
		t.want(store.Invalidate{Key: key, Hold: long}, store.Done)
		feed.wantReported(t, fmt.Sprintf("an invalidation of %.60q", key), from, key)
	}
}

func watchBatch(t *trial) {
	feed := t.watch()
	keys, ops := make([]string, 300), make([]store.Op, 300)
	for i := range ops {
		keys[i] = t.key()
		ops[i] = store.Invalidate{Key: keys[i], Hold: long}
	}
	from := feed.length()
	t.wantAll(t.store.Do(t.Context(), ops), store.Done)
	feed.wantReported(t, "an invalidation of many", from, keys...)
}

func watchOrder(t *trial) {
	feed := t.watch()
	from := feed.length()
	keys := make([]string, 50)
	for i := range keys {
		keys[i] = t.key()
		t.want(store.Invalidate{Key: keys[i], Hold: long}, store.Done)
	}
	feed.wantReported(t, "an invalidation", from, keys[len(keys)-1])
	reports, _ := feed.since(from)
	last := make(map[string]int) // the latest report that was first for a key of the node
	for _, key := range keys {
		node := t.store.Node(key)
		at := slices.IndexFunc(reports, func(r report) bool { return r.covers(node, key) })
		if at < last[node] {
			t.Errorf("a change is reported before one that was made earlier")
		}
		last[node] = at
	}
}

func watchSeveral(t *trial) {
	feeds := []*feedLog{t.watch(), t.watch(), t.watch()}
	key := t.key()
	from := []int{feeds[0].length(), feeds[1].length(), feeds[2].length()}
	t.want(store.Invalidate{Key: key, Hold: long}, store.Done)
	for i, feed := range feeds {
		feed.wantReported(t, fmt.Sprintf("an invalidation, to Watch %d", i), from[i], key)
	}
}

func watchNode(t *trial) {
	feed := t.watch()
	for range 20 {
		key := t.key()
		node := t.store.Node(key)
		if again := t.store.Node(key); again != node {
			t.Errorf("Node says %q and then %q", node, again)
		}
		feed.wait(t, "a heartbeat of the node that Node named", 0, func(r report) bool {
			return r.kind == "Beat" && r.node == node
		})
	}
}

// acknowledgement is a change and when its maker was told of it.
type acknowledgement struct {
	key string
	at  time.Time
}

// watchStress has several writers make changes as fast as they can, while
// heartbeats leave as often as they may.
func watchStress(t *trial) {
	const writers, writes, batch = 4, 100, 4
	feed := t.watch()
	written := make([][]acknowledgement, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range writes {
				ops := make([]store.Op, 0, batch)
				for j := range batch {
					ops = append(ops, store.Invalidate{Key: fmt.Sprintf("%s:stress:%d:%d:%d", t.prefix, w, i, j), Hold: long})
				}
				t.store.Do(t.Context(), ops)
				now := time.Now()
				for _, op := range ops {
					written[w] = append(written[w], acknowledgement{op.Target(), now})
				}
			}
		})
	}
	wg.Wait()
	feed.beatAfter(t, time.Now())
	reports, _ := feed.since(0)
	t.judge(reports, slices.Concat(written...))
}

// judge looks for changes that were reported after a heartbeat that left after
// they were acknowledged.
func (t *trial) judge(reports []report, written []acknowledgement) {
	t.Helper()
	first := make(map[string]int) // where a key is reported first
	for i, r := range reports {
		for _, key := range r.keys {
			if _, seen := first[key]; !seen {
				first[key] = i
			}
		}
	}
	for _, w := range written {
		node := t.store.Node(w.key)
		at, seen := first[w.key]
		if !seen {
			at = len(reports)
		}
		for _, r := range reports[:at] {
			if r.kind == "Beat" && r.node == node && r.sent.After(w.at) && !resetAgain(reports[:at], node) {
				t.Fatalf("a change was acknowledged %v before a heartbeat left that was reported before it", r.sent.Sub(w.at))
			}
		}
	}
}

// resetAgain reports whether a node was reset after the first report, which
// excuses changes that were not reported.
func resetAgain(reports []report, node string) bool {
	return slices.ContainsFunc(reports[1:], func(r report) bool { return r.kind == "Reset" && r.node == node })
}

func watchFlush(t *trial) {
	flusher, ok := t.store.(Flusher)
	if !ok {
		t.Log("this store cannot be flushed: nothing to check")
		return
	}
	feed := t.watch()
	full, held := t.key(), t.key()
	t.put(full, 1, "body")
	t.lease(held, "a")
	from := feed.length()
	flusher.Flush()
	flushed := time.Now()
	node := t.store.Node(full)
	reports := feed.wait(t, "a heartbeat", from, func(r report) bool {
		return r.kind == "Beat" && r.node == node && r.sent.After(flushed)
	})
	if !slices.ContainsFunc(reports, func(r report) bool { return r.kind == "Reset" && r.node == node }) {
		t.Errorf("no Reset before the first heartbeat after a flush")
	}
	t.wantAbsent(full)
	t.want(fillOf(held, "a", 1, "read before"), store.Lost)
}

func watchEnded(t *trial) {
	feed := &feedLog{t: t, more: make(chan struct{})}
	t.store.Watch(ended(), feed, period)
	reports, _ := feed.since(0)
	if i := slices.IndexFunc(reports, func(r report) bool { return r.kind == "Beat" }); i >= 0 {
		t.Errorf("a heartbeat, though the context had ended before")
	}
}
