// Package redisstore is the shared tier on Redis 6.2 or later and on Valkey:
// one server, one behind Sentinels, or a cluster.
//
// # Model
//
// Both slots of a key are keys of the server, in one slot of a cluster:
//
//	larder:d:{product:42}   data    a header, then the body     under the tracked prefix
//	larder:l:{product:42}   lease   'I' and the load's id, or 'F' for a failed load
//
// All tags, and their sequence, lie in another slot, under the tracked prefix
// too:
//
//	larder:d:{@}            the sequence: a header, then the epoch
//	larder:d:{@}summer      the tag summer: number, epoch, hard and soft identity
//
// A hit is a plain GET or MGET, the sequence being one key more. Everything else
// is a Lua script, on the two keys of an entry or on the sequence and tags, and
// the scripts of a batch are one pipeline. A Watch has a connection of its own,
// on which the server announces every change below the prefix:
//
//	TRACKING ON → Reset → TIME → (pushes) → Beat → TIME → … → lost → Reset
//
// # Invariants
//
//   - No call waits for longer than its context, whatever the server does.
//     Connections are made in the background only; while there is none, calls
//     fail at once with [ErrUnavailable].
//   - No request is sent twice, except to a server that said that it has not
//     run it.
//   - A Beat is reported only when everything that the server wrote to the
//     connection before its answer has been reported. The server appends its
//     announcements before it sends the replies of the same turn, so that an
//     acknowledged change is in front of every later answer.
//   - Reading tags announces nothing, except that they are made or, about once
//     in their life, made to live longer: else all would drop what they have
//     read of them whenever one reads. Tags live for twice the Life asked for.
//   - What would make a stale value stay is never refused for want of memory: an
//     invalidation, an intent and tags that move take what they need, a
//     committed value that there is no room for leaves a floor in its place.
//   - Nothing is sent from the callback that receives the announcements: it
//     runs where the answers are read.
//   - No password is in an error.
//
// # Failovers
//
// Servers replicate without waiting for it: a failover may lose what was
// acknowledged. Apart from that, a server that has stepped down is read for a
// while by those who have not noticed, and may know less than its successor:
//
//   - One server that is made a replica: for 100 ms and a round trip. It is
//     asked for its role that often.
//   - A primary behind Sentinels: until the first of them announces that it has
//     promoted another, or for a second more where the announcement is lost. A
//     connection is kept to each Sentinel of the options, and the latest
//     failover counts, whichever knows of it.
//   - A primary of a cluster: until it hears of its successor, from when on it
//     redirects. One that is cut off hears nothing, and stops answering after
//     cluster-node-timeout; do not set cluster-allow-reads-when-down.
//
// # For the operator
//
// SWAPDB is not announced by any server: do not use it on a database of
// Larder's. FLUSHALL and FLUSHDB are, and cost a cold start.
//
// A user with no more rights than needed is made by this, where larder is the
// namespace; in a cluster add +cluster and +asking:
//
//	ACL SETUSER larder on >password resetkeys ~larder:* -@all +hello +ping +time
//	  +info +select +client +get +mget +getrange +set +del +pttl +pexpire +eval
//	  +evalsha +script|load
//
// While a slot of a cluster moves, operations on keys of it that have moved, or
// that it does not hold, are refused (TRYAGAIN, [store.ErrRefused]) until the
// move is over; those on several tags are, if it is the tags' slot. Reads go on.
//
// A Beat's History is the server's run_id and master_replid: another one after
// a restart, and after a failover. A server that tells neither in its INFO, as
// some hosted ones do not, has the same one always.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

// Store is a shared tier on Redis or Valkey. Make one with [Open]. All its
// methods may be called concurrently.
type Store struct {
	cfg    config
	keys   keyspace
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	closed atomic.Bool

	// One server:
	name      string // of the only node; nobody in a cluster
	link      *link
	sentinels *sentinels // nil without them
	followed  chan struct{}

	// Many:
	cluster *cluster // nil for one
}

var _ store.Store = (*Store)(nil)

// Open connects to the server. ctx and DialTimeout bound how long it waits for
// the first connection.
//
// A server that cannot be reached is no error: a service must be able to start
// without its cache. The Store goes on trying, with pauses of 5 ms growing to
// a second, and until it succeeds calls fail with [ErrUnavailable]. Errors are
// wrong options, all of them together; a server that is [ErrUnsupported]; and
// a login that the server refuses.
func Open(ctx context.Context, opts Options) (*Store, error) {
	cfg, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, keys: newKeyspace(cfg.Namespace), name: cfg.addrs[0]}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// start begins to connect, and waits for the first attempt until ctx ends. It
// returns the error of an attempt that makes further ones vain.
func (s *Store) start(ctx context.Context) error {
	if s.cfg.Cluster {
		s.name = nobody
		s.cluster = startCluster(s.ctx, s.cfg, s.keys, s.login())
		return s.cluster.ready(ctx)
	}
	s.follow()
	s.link = startLink(s.ctx, s.connect)
	select {
	case <-s.link.tried:
	case <-ctx.Done():
		return nil
	}
	if _, err := s.link.get(); err != nil && permanent(err) {
		return err
	}
	return nil
}

// follow starts to follow the Sentinels, if there are any.
func (s *Store) follow() {
	s.followed = make(chan struct{})
	if s.cfg.SentinelMaster == "" {
		close(s.followed)
		return
	}
	s.name = s.cfg.SentinelMaster
	s.sentinels = newSentinels(s.cfg)
	go func() {
		defer close(s.followed)
		s.sentinels.follow(s.ctx)
	}()
}

// connect makes a connection for requests.
func (s *Store) connect(ctx context.Context) (*dataSession, error) {
	sess, err := s.dialPrimary(ctx, nil)
	if err != nil {
		return nil, err
	}
	return newDataSession(ctx, sess, s.keys, false, s.cfg.DialTimeout), nil
}

// dialPrimary connects to the server that is the primary now.
func (s *Store) dialPrimary(ctx context.Context, onPush func([]rueidis.RedisMessage)) (*session, error) {
	var sess *session
	var err error
	if s.sentinels != nil {
		sess, err = s.sentinels.dial(ctx, s.login(), onPush)
	} else {
		sess, err = dial(ctx, s.cfg.addrs[0], s.login(), onPush)
	}
	if err != nil {
		return nil, err
	}
	if err := sess.hello.primary(false); err != nil {
		sess.close()
		return nil, fmt.Errorf("%s: %w", sess.addr, err)
	}
	return sess, nil
}

// login is how to connect to a server that holds data.
func (s *Store) login() login {
	return login{
		username:   s.cfg.Username,
		password:   s.cfg.Password,
		db:         s.cfg.DB,
		tls:        s.cfg.TLS,
		timeout:    s.cfg.DialTimeout,
		flushDelay: s.cfg.FlushDelay,
	}
}

// primary refuses a server that is not the primary of what is wanted. A
// replica may become one: that is no reason to give up.
func (h hello) primary(cluster bool) error {
	switch {
	case h.mode == "sentinel":
		return fmt.Errorf("%w: it is a Sentinel, set SentinelMaster", ErrUnsupported)
	case h.mode == "cluster" && !cluster:
		return fmt.Errorf("%w: it is part of a cluster, set Cluster", ErrUnsupported)
	case h.mode != "cluster" && cluster:
		return fmt.Errorf("%w: it is not part of a cluster, do not set Cluster", ErrUnsupported)
	case h.role == "replica" || h.role == "slave":
		return errReplica
	}
	return nil
}

var errReplica = errors.New("the server is a replica")

// Get implements [store.Store]. One key is a GET, more are an MGET for each
// 512 keys, all sent together. Where an intent is found, another round trip
// tells whether it has lapsed. To an MGET a key of another type of Redis's,
// a list say, is absent; a GET calls it garbled.
//
// Errors are the context's, [ErrUnavailable], [store.ErrClosed], answers of the
// server such as "LOADING", [store.ErrRefused] while a slot of a cluster moves,
// and that the key is a tag's.
func (s *Store) Get(ctx context.Context, keys []string) []store.Reply {
	replies := make([]store.Reply, len(keys))
	switch err := ctx.Err(); {
	case err != nil:
		fail(replies, err)
	case s.cluster != nil:
		s.cluster.get(ctx, keys, replies)
	case len(keys) > 0:
		if sess := s.session(replies); sess != nil {
			sess.get(ctx, keys, replies)
		}
	}
	for i, key := range keys {
		if key != store.Sequence && strings.HasPrefix(key, store.Sequence) {
			replies[i] = store.Reply{Err: errReserved}
		}
	}
	return s.finish(replies)
}

// Do implements [store.Store]. Errors are those of [Store.Get];
// [store.ErrRefused] for a Lease or a Fill when memory is short ("OOM"), which
// nothing else is refused for; and that an operation makes no sense: it is
// unknown, a tag has no name, a nonce is empty, or a key is a tag's. A server
// that is set up not to take changes while it cannot keep or copy them
// ("MISCONF", "NOREPLICAS") refuses all.
func (s *Store) Do(ctx context.Context, ops []store.Op) []store.Reply {
	replies := make([]store.Reply, len(ops))
	switch err := ctx.Err(); {
	case err != nil:
		fail(replies, err)
	case s.cluster != nil:
		s.cluster.do(ctx, ops, replies)
	case len(ops) > 0:
		if sess := s.session(replies); sess != nil {
			sess.run(ctx, ops, replies, false)
		}
	}
	return s.finish(replies)
}

// session returns the connection to the only server. If there is none it
// returns nil and puts the reason into the replies.
func (s *Store) session(replies []store.Reply) *dataSession {
	sess, err := s.link.get()
	if err != nil {
		fail(replies, err)
		return nil
	}
	return sess
}

// fail is an error for everything.
func fail(replies []store.Reply, err error) {
	for i := range replies {
		replies[i].Err = err
	}
}

// finish says that the store is closed where that is why there is no answer.
func (s *Store) finish(replies []store.Reply) []store.Reply {
	if !s.closed.Load() {
		return replies
	}
	for i := range replies {
		if errors.Is(replies[i].Err, ErrUnavailable) {
			replies[i].Err = store.ErrClosed
		}
	}
	return replies
}

// nobody is the name of the node of keys whose slot no primary is known to
// hold. It is no address: that these cannot be reached says nothing about any
// node.
const nobody = "nobody"

// Node implements [store.Store]. One server is called by its address, one
// behind Sentinels by the name that they know. In a cluster it is the address
// of the primary that holds the key's slot, and "nobody" if none is known to.
func (s *Store) Node(key string) string {
	if s.cluster != nil {
		if owner := s.cluster.owner(key); owner != nil {
			return owner.addr
		}
	}
	return s.name
}

// Watch implements [store.Store]. It returns when ctx ends or the store is
// closed, after a last Reset.
//
// The connection is given up when the server answers no heartbeat for three
// periods, 100 ms at least, or says that it is a replica now. It is then made
// anew after pauses of 5 ms growing to a second. A period below a millisecond
// counts as a millisecond.
//
// In a cluster there is a connection to each primary. When slots move, all
// nodes that win or lose one are reset.
func (s *Store) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	period = max(period, time.Millisecond)
	if s.cluster != nil {
		s.cluster.watch(ctx, feed, period)
		return
	}
	w := &watcher{node: s.name, keys: s.keys, feed: feed, period: period, dial: s.dialPrimary}
	w.run(ctx)
}

// Close implements [store.Store]. Calls under way fail; every Watch returns
// soon after, but Close does not wait for that.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.cancel()
	if s.cluster != nil {
		<-s.cluster.ended
		return nil
	}
	<-s.link.ended
	<-s.followed
	return nil
}
