package localstore

import (
	"context"
	"time"

	"github.com/larderdev/larder/store"
)

const (
	// maxQueue bounds the keys that wait for a slow Feed.
	maxQueue = 8192
	// minPeriod is the shortest time between two heartbeats.
	minPeriod = time.Millisecond
)

// watch is the queue of one Watch. Store.mu guards its fields.
type watch struct {
	wake   chan struct{} // holds a token while there may be something to report
	missed bool          // report a Reset, before keys
	keys   []string
}

// changed queues a change of key's data for every Watch.
func (s *Store) changed(key string) {
	for w := range s.watches {
		w.add(key)
	}
}

// add queues one key. A queue that is full gives up its keys for a Reset,
// which says more than any of them.
func (w *watch) add(key string) {
	switch n := len(w.keys); {
	case n > 0 && w.keys[n-1] == key: // one report stands for both
		return
	case n >= maxQueue:
		w.miss()
		return
	}
	w.keys = append(w.keys, key)
	w.ring()
}

// miss replaces all that waits by a Reset.
func (w *watch) miss() {
	w.missed, w.keys = true, nil
	w.ring()
}

func (w *watch) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Watch implements [store.Store]. It runs in the caller's goroutine and
// returns when ctx ends or the store is closed. A feed that is slow makes
// nobody else wait: beyond 8192 keys its queue is replaced by one Reset. A
// period below a millisecond counts as a millisecond.
func (s *Store) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	w := s.subscribe()
	defer s.unsubscribe(w)
	if ctx.Err() != nil {
		return
	}
	feed.Reset(node)
	s.beat(w, feed)
	ticker := time.NewTicker(max(period, minPeriod))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			feed.Reset(node)
			return
		case <-w.wake:
			s.report(w, feed)
		case <-ticker.C:
			s.beat(w, feed)
		}
	}
}

func (s *Store) subscribe() *watch {
	w := &watch{wake: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches[w] = struct{}{}
	return w
}

func (s *Store) unsubscribe(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watches, w)
}

// beat reports all that is queued and then a heartbeat. Whatever was
// acknowledged before the heartbeat left was queued by then.
func (s *Store) beat(w *watch, feed store.Feed) {
	sent := time.Now()
	if history, open := s.report(w, feed); open {
		feed.Beat(node, store.Beat{Sent: sent, Now: time.Now().UnixMilli(), History: history})
	}
}

// report empties the queue, and returns the history that what was queued
// belongs to, and whether the store is open. The feed is called without the
// lock.
func (s *Store) report(w *watch, feed store.Feed) (history string, open bool) {
	s.mu.Lock()
	history, open = s.history, !s.closed
	missed, keys := w.missed, w.keys
	w.missed, w.keys = false, nil
	s.mu.Unlock()
	if missed {
		feed.Reset(node)
	}
	if len(keys) > 0 {
		feed.Changed(node, keys)
	}
	return history, open
}
