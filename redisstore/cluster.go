package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/store"
)

const (
	// lookEvery is how often the topology is looked at, and lookPause the
	// shortest time between two looks when a node says that it has changed.
	lookEvery = time.Second
	lookPause = 50 * time.Millisecond
	// maxRedirects is how often an operation follows a slot that moves.
	maxRedirects = 3
	// maxGuests is how many nodes without slots are connected, and guestFor
	// how long after they were last of use.
	maxGuests = 16
	guestFor  = 10 * time.Second
)

// cluster finds the primaries of a Redis Cluster and keeps a link to each. Its
// goroutine lives from start until the context given to that ends.
//
// rueidis has a cluster client too. It connects in a caller's time, and does
// not tell when a slot moves, which memory tiers must know.
type cluster struct {
	cfg     config
	keys    keyspace
	login   login
	current atomic.Pointer[topology] // never nil
	epochs  epochs                   // the goroutine's own
	kick    chan struct{}            // holds a token while a look is wanted
	failure atomic.Pointer[error]    // of the last look, nil if it went well
	guests  guests
	tried   chan struct{} // closed after the first look
	ended   chan struct{} // closed when the goroutine is over
}

// startCluster begins to look for the primaries and returns at once.
func startCluster(ctx context.Context, cfg config, keys keyspace, l login) *cluster {
	c := &cluster{
		cfg:   cfg,
		keys:  keys,
		login: l,
		kick:  make(chan struct{}, 1),
		tried: make(chan struct{}),
		ended: make(chan struct{}),
	}
	c.current.Store(&topology{replaced: make(chan struct{})})
	go c.run(ctx)
	return c
}

func (c *cluster) run(ctx context.Context) {
	defer close(c.ended)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for first := true; ; first = false {
		err := c.look(ctx)
		c.failure.Store(&err)
		if first {
			close(c.tried)
		}
		pause.Reset(lookPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		select {
		case <-ticker.C:
		case <-c.kick:
		case <-ctx.Done():
			for _, s := range c.current.Load().shards {
				<-s.link.ended
			}
			return
		}
	}
}

// lookSoon asks for a look at the topology.
func (c *cluster) lookSoon() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// look asks nodes about the topology until one knows: first those that are
// connected and hold slots, in any order, then the addresses of the options. A
// guest may not have heard of all the others yet.
func (c *cluster) look(ctx context.Context) error {
	shards := c.current.Load().holders()
	rand.Shuffle(len(shards), func(i, j int) { shards[i], shards[j] = shards[j], shards[i] })
	var errs []error
	var behind claim // the best of those that know less than is known
	for _, s := range shards {
		sess, err := s.link.get()
		if err == nil {
			err = c.lookFrom(ctx, sess.session, &behind)
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	for _, addr := range c.cfg.addrs {
		sess, err := c.dial(ctx, addr, nil)
		if err == nil {
			err = c.lookFrom(ctx, sess, &behind)
			sess.close()
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if behind.state.ok && c.epochs.concede(behind.state.epoch) {
		c.apply(ctx, behind.spans)
		return nil
	}
	return errors.Join(errs...)
}

// errBehind is the error of a node that knows less than another knew.
var errBehind = errors.New("the node has missed what happened to its cluster")

// lookFrom takes the topology from one node. One that was cut off may still
// believe in what was: what it says is not taken. It becomes behind, if it is
// better than what that is.
func (c *cluster) lookFrom(ctx context.Context, sess *session, behind *claim) error {
	says, err := look(ctx, sess, c.cfg.DialTimeout)
	if err != nil {
		return err
	}
	if !c.epochs.accept(says.state.epoch) {
		if says.state.ok && (!behind.state.ok || says.state.epoch > behind.state.epoch) {
			*behind = says
		}
		return fmt.Errorf("%s: %w", sess.addr, errBehind)
	}
	c.apply(ctx, says.spans)
	return nil
}

// apply makes a new topology current, if it is new: links to primaries and
// guests that have joined are started, those to others are ended.
func (c *cluster) apply(ctx context.Context, spans []span) {
	old := c.current.Load()
	next := &topology{
		shards:   make(map[string]*shard),
		guests:   make(map[string]bool),
		replaced: make(chan struct{}),
	}
	join := func(addr string) *shard {
		s := next.shards[addr]
		if s == nil {
			if s = old.shards[addr]; s == nil {
				s = c.join(ctx, addr)
			}
			next.shards[addr] = s
		}
		return s
	}
	for _, span := range spans {
		s := join(span.addr)
		for i := span.first; i <= span.last; i++ {
			next.owners[i] = s
		}
	}
	for _, s := range old.holders() {
		if next.shards[s.addr] == nil {
			c.guests.invite(s.addr) // what is under way to it is still answered
		}
	}
	for _, addr := range c.guests.present() {
		if next.shards[addr] == nil {
			next.guests[addr] = true
			join(addr)
		}
	}
	if next.same(old) {
		return
	}
	c.current.Store(next)
	close(old.replaced)
	for addr, s := range old.shards {
		if next.shards[addr] == nil {
			s.cancel()
		}
	}
}

// join starts a link to a primary.
func (c *cluster) join(ctx context.Context, addr string) *shard {
	ctx, cancel := context.WithCancel(ctx)
	return &shard{addr: addr, cancel: cancel, link: startLink(ctx, func(ctx context.Context) (*dataSession, error) {
		sess, err := c.dialPrimary(ctx, addr, nil)
		if err != nil {
			c.lookSoon() // it may not be the primary any more
			return nil, err
		}
		return newDataSession(ctx, sess, c.keys, true, c.cfg.DialTimeout), nil
	})}
}

// dial connects to a node, whatever its role.
func (c *cluster) dial(ctx context.Context, addr string, onPush func([]rueidis.RedisMessage)) (*session, error) {
	sess, err := dial(ctx, addr, c.login, onPush)
	if err != nil {
		return nil, err
	}
	if err := sess.hello.primary(true); err != nil && !errors.Is(err, errReplica) {
		sess.close()
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	return sess, nil
}

// dialPrimary connects to a node that must be a primary.
func (c *cluster) dialPrimary(ctx context.Context, addr string, onPush func([]rueidis.RedisMessage)) (*session, error) {
	sess, err := c.dial(ctx, addr, onPush)
	if err != nil {
		return nil, err
	}
	if err := sess.hello.primary(true); err != nil {
		sess.close()
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	return sess, nil
}

// ready waits until every primary has been tried once, or ctx ends. It returns
// the error of an attempt that makes further ones vain.
func (c *cluster) ready(ctx context.Context) error {
	select {
	case <-c.tried:
	case <-ctx.Done():
		return nil
	}
	if err := *c.failure.Load(); err != nil && permanent(err) {
		return err
	}
	for _, s := range c.current.Load().shards {
		select {
		case <-s.link.tried:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// owner returns the primary that holds key, or nil if none is known to.
func (c *cluster) owner(key string) *shard { return c.current.Load().owners[slot(key)] }

// watch reports the changes of all primaries until ctx ends: it has a watcher
// for each, and a goroutine of its own for each watcher.
func (c *cluster) watch(ctx context.Context, feed store.Feed, period time.Duration) {
	type tail struct {
		*watcher
		cancel context.CancelFunc
	}
	tails := make(map[string]tail)
	var wg sync.WaitGroup
	defer wg.Wait()
	last := &topology{}
	for {
		now := c.current.Load()
		for addr := range now.shards {
			if _, ok := tails[addr]; ok {
				continue
			}
			ctx, cancel := context.WithCancel(ctx)
			t := tail{c.watcher(addr, feed, period), cancel}
			tails[addr] = t
			wg.Go(func() { t.run(ctx) })
		}
		// Node names the new owners by now, so that whatever was read under
		// the name of an old one goes.
		for addr := range now.moved(last) {
			tails[addr].reset()
		}
		for addr, t := range tails {
			if now.shards[addr] == nil {
				t.cancel()
				delete(tails, addr)
			}
		}
		last = now
		select {
		case <-now.replaced:
		case <-ctx.Done():
			for _, t := range tails {
				t.cancel()
			}
			return
		}
	}
}

// watcher makes the watcher of one primary.
func (c *cluster) watcher(addr string, feed store.Feed, period time.Duration) *watcher {
	return &watcher{
		node:   addr,
		keys:   c.keys,
		feed:   feed,
		period: period,
		member: true,
		dial: func(ctx context.Context, onPush func([]rueidis.RedisMessage)) (*session, error) {
			return c.dialPrimary(ctx, addr, onPush)
		},
	}
}
