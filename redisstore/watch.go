package redisstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

const (
	// missedBeats is how many periods a heartbeat may stay unanswered.
	missedBeats = 3
	// minSilence is the shortest silence that ends a connection: a pause of
	// the garbage collector or of a scheduler is none.
	minSilence = 100 * time.Millisecond
)

// watcher reports the changes of one node, over one connection after the
// other.
type watcher struct {
	node   string
	keys   keyspace
	feed   store.Feed
	period time.Duration
	member bool // the node is part of a cluster
	dial   func(context.Context, func([]rueidis.RedisMessage)) (*session, error)

	mu sync.Mutex // held while the feed is called for the node
}

// reset reports that changes may have been missed.
func (w *watcher) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.feed.Reset(w.node)
}

// run keeps a tracking connection until ctx ends.
func (w *watcher) run(ctx context.Context) {
	var wait backoff
	for {
		t := &tracker{watcher: w}
		if sess, err := w.dial(ctx, t.push); err == nil {
			if t.start(ctx, sess) {
				wait.reset()
				t.beats(ctx, sess)
			}
			sess.cut()
			t.end()
			sess.close()
		}
		if !wait.pause(ctx) {
			return
		}
	}
}

// tracker reports what comes over one connection. The pushes come from the
// goroutine that reads it, the rest from that of the watcher.
//
//	waiting ──TRACKING ON, Reset──> live ──connection lost, Reset──> over
type tracker struct {
	*watcher
	live bool // guarded by mu
}

// start has the server announce changes, and drops what was read before. It
// reports false if the server does not.
func (t *tracker) start(ctx context.Context, sess *session) bool {
	ctx, cancel := context.WithTimeout(ctx, t.silence())
	defer cancel()
	on := sess.client.B().ClientTracking().On().Prefix().Prefix(t.keys.data).Bcast().Build()
	if sess.do(ctx, on).Error() != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live = true
	t.feed.Reset(t.node)
	return true
}

// end drops what was read. Nothing is reported after it.
func (t *tracker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live {
		t.live = false
		t.feed.Reset(t.node)
	}
}

// push takes one announcement. A nil one says that the database was flushed or
// that the connection is lost.
func (t *tracker) push(names []rueidis.RedisMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.live {
		return
	}
	if names == nil {
		t.feed.Reset(t.node)
		return
	}
	keys := make([]string, 0, len(names))
	for i := range names {
		name, err := names[i].ToString()
		if err != nil {
			continue
		}
		if key, ok := t.keys.key(name); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		t.feed.Changed(t.node, keys)
	}
}

// beats sends heartbeats until the connection is lost, the server is silent
// for too long or ctx ends.
func (t *tracker) beats(ctx context.Context, sess *session) {
	ticker := time.NewTicker(t.period)
	defer ticker.Stop()
	for t.beat(ctx, sess) {
		select {
		case <-ticker.C:
		case <-sess.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// beat sends one heartbeat and reports its answer. TIME goes through the same
// connection as the announcements, and so comes after all that were made
// before it. The server is also asked whether it is still the primary: one
// that has been made a replica goes on announcing, but late.
func (t *tracker) beat(ctx context.Context, sess *session) bool {
	ctx, cancel := context.WithTimeout(ctx, t.silence())
	defer cancel()
	cmds := []rueidis.Completed{
		sess.client.B().Hello().Build(),
		sess.client.B().Info().Section("replication").Build(),
	}
	if t.member {
		cmds = append(cmds, sess.client.B().ClusterInfo().Build())
	}
	cmds = append(cmds, sess.client.B().Time().Build())
	sent := time.Now()
	answers := sess.doAll(ctx, cmds)
	b, err := t.judge(answers)
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live {
		b.Sent = sent
		b.History = sess.runID + " " + b.History
		t.feed.Beat(t.node, b)
	}
	return t.live
}

// judge reads the answers to a heartbeat.
func (w *watcher) judge(answers []rueidis.RedisResult) (b store.Beat, err error) {
	h, err := readHello(answers[0])
	if err != nil {
		return b, err
	}
	if err := h.primary(w.member); err != nil {
		return b, err
	}
	if b.History, err = readInfo(answers[1], "master_replid"); err != nil {
		return b, err
	}
	if w.member {
		state, err := readClusterInfo(answers[2])
		if err != nil {
			return b, err
		}
		if !state.ok {
			return b, errClusterDown
		}
	}
	b.Now, err = serverTime(answers[len(answers)-1])
	return b, err
}

// silence is how long the server may take to answer.
func (w *watcher) silence() time.Duration { return max(missedBeats*w.period, minSilence) }

// serverTime reads the answer to TIME, in Unix milliseconds.
func serverTime(r rueidis.RedisResult) (int64, error) {
	parts, err := r.ToArray()
	if err != nil {
		return 0, err
	}
	if len(parts) != 2 {
		return 0, fmt.Errorf("TIME has %d parts", len(parts))
	}
	seconds, err := parts[0].AsInt64()
	if err != nil {
		return 0, err
	}
	micros, err := parts[1].AsInt64()
	return seconds*1000 + micros/1000, err
}
