// Package localstore is the shared tier inside one process: for tests, for
// programs that run as a single process, and as the reference that says what
// [store.Store] means.
//
// # Model
//
// One mutex guards a map of entries. An entry holds both slots of a key, data
// and lease, and lives while one of them does; a tag is an entry too, and so is
// the sequence of the tags. Entries stand in the order of their last use; the
// least recently used are evicted when there are too many or they are too big.
//
//	Get, Do ──> entries ──change──> one queue per Watch ──> its Feed
//
// Several caches that share one Store are a fleet: they see each other's
// leases and invalidations just as processes that share one Redis do.
//
// # Invariants
//
//   - A change is in the queue of every Watch before the call that made it
//     returns. That makes a heartbeat simple: empty the queue, then beat.
//   - Nothing here runs in the background. A slot whose life is over counts
//     towards the bounds until somebody touches it or it is evicted, and only
//     then its end is reported.
//   - Time comes from [time.Now] alone, so that a Store made in a
//     [testing/synctest] bubble lives in the bubble's time.
package localstore

import (
	"container/list"
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

const (
	defaultEntries = 100_000
	defaultBytes   = 256 << 20
)

// node is the name of the only part of this tier.
const node = "local"

// Options configures a [Store]. The zero value works.
type Options struct {
	// MaxEntries bounds the number of keys held, tags and their sequence among
	// them. The least recently used are evicted first, together with their
	// leases.
	//
	// Default: 0 or less means 100,000.
	MaxEntries int

	// MaxBytes bounds the memory held, in bytes: keys, bodies, and 256 bytes
	// for the rest of each entry. A record bigger than this is dropped as soon
	// as it is stored.
	//
	// Default: 0 or less means 256 MiB.
	MaxBytes int64
}

// Store is an in-process [store.Store]. Make one with [New]. All its methods
// may be called concurrently.
type Store struct {
	maxEntries int
	maxBytes   int64
	done       chan struct{} // closed by Close

	mu      sync.Mutex // guards the rest
	closed  bool
	history string // see [store.Beat]
	entries map[string]*entry
	recent  *list.List // of *entry, the most recently used in front
	bytes   int64
	watches map[*watch]struct{}
}

var _ store.Store = (*Store)(nil)

// New returns an empty Store.
func New(opts Options) *Store {
	s := &Store{
		maxEntries: opts.MaxEntries,
		maxBytes:   opts.MaxBytes,
		done:       make(chan struct{}),
		history:    rand.Text(),
		entries:    make(map[string]*entry),
		recent:     list.New(),
		watches:    make(map[*watch]struct{}),
	}
	if s.maxEntries <= 0 {
		s.maxEntries = defaultEntries
	}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultBytes
	}
	return s
}

// Get implements [store.Store]. It never waits; its errors are the context's,
// [store.ErrClosed], and one for the key of a tag.
func (s *Store) Get(ctx context.Context, keys []string) []store.Reply {
	replies := make([]store.Reply, len(keys))
	for i, key := range keys {
		if tagsOnly(key) && key != store.Sequence {
			replies[i] = store.Reply{Err: errTagKey}
			continue
		}
		replies[i] = s.one(ctx, key, (*Store).get)
	}
	return replies
}

// Do implements [store.Store]. It never waits; its errors are the context's,
// [store.ErrClosed], and those for an operation that this package does not
// know, a value under a key of the tags, and a tag without a name.
func (s *Store) Do(ctx context.Context, ops []store.Op) []store.Reply {
	replies := make([]store.Reply, len(ops))
	for i, op := range ops {
		replies[i] = s.one(ctx, op.Target(), func(s *Store, e *entry, now time.Time) store.Reply {
			if tagsOnly(e.key) {
				return s.runTags(op, e, now)
			}
			return s.run(op, e, now)
		})
	}
	return replies
}

// one lets act work on key's entry. The lock is taken anew for every key of a
// batch: a batch that were atomic here would hide mistakes that a real tier
// shows.
func (s *Store) one(ctx context.Context, key string, act func(*Store, *entry, time.Time) store.Reply) store.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.Reply{Err: store.ErrClosed}
	}
	if err := ctx.Err(); err != nil {
		return store.Reply{Err: err}
	}
	now := time.Now()
	e := s.open(key, now)
	defer s.settle(e)
	return act(s, e, now)
}

// run does one operation on the entry of the key that it is for.
func (s *Store) run(op store.Op, e *entry, now time.Time) store.Reply {
	switch op := op.(type) {
	case store.Lease:
		return s.lease(op, e, now)
	case store.Fill:
		return s.fill(op, e, now)
	case store.Renew:
		return s.renew(op, e, now)
	case store.Release:
		return s.release(op, e, now)
	case store.Invalidate:
		return s.invalidate(op, e, now)
	case store.Discard:
		return s.discard(op, e)
	case store.WriteThrough:
		return s.writeThrough(op, e, now)
	case store.Raise:
		return s.lift(op, e)
	case store.Intend:
		return s.intend(op, e, now)
	case store.Finish:
		return s.finish(op, e, now)
	}
	return unknown(op)
}

func unknown(op store.Op) store.Reply {
	return store.Reply{Err: fmt.Errorf("localstore: unknown operation %T", op)}
}

// Node implements [store.Store]: the tier has one part, called "local".
func (s *Store) Node(string) string { return node }

// Flush drops everything, leases and tags too, and has every Watch report a
// Reset. It does what FLUSHALL does to a Redis: the history stays, see
// [Store.Rewind] for the loss of one.
func (s *Store) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	for w := range s.watches {
		w.miss()
	}
}

// Close implements [store.Store]. Every Watch reports a last Reset and returns
// soon after; Close does not wait for that.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.done)
		s.drop()
	}
	return nil
}

// drop forgets all entries. The caller holds the lock.
func (s *Store) drop() {
	clear(s.entries)
	s.recent.Init()
	s.bytes = 0
}
