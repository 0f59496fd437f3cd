package larder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/internal/clock"
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/store"
)

// Options configures a [Larder].
type Options struct {
	// Policies holds the policy of each class, by its name.
	Policies map[string]Policy
	// Shared is the shared tier: redisstore.Open for Redis and Valkey,
	// localstore.New for tests. The caller closes it after the Larder.
	//
	// Default: nil, each process caches for itself: classes of all Tiers are
	// then kept in memory.
	Shared store.Store
	// MaxStaleness bounds how long memory may serve a value that another
	// process has invalidated, under any network fault (P2).
	//
	// Default: 1 s. At least 10 ms.
	MaxStaleness time.Duration
	// SharedTimeout is the longest that a caller waits for one answer of the
	// shared tier.
	//
	// Default: 50 ms.
	SharedTimeout time.Duration
	// Lease is how long a load may be silent before another process takes
	// over. It is renewed while the load runs.
	//
	// Default: 500 ms.
	Lease time.Duration
	// Hold is how long an invalidated key is marked. It must be longer than
	// the origin's replicas lag behind.
	//
	// Default: 10 s.
	Hold time.Duration
	// Outbox says that a relay of an outbox delivers what was committed, and
	// confirms it; see [Larder.Confirm]. At the start and after an outage, a
	// node of the shared tier is then trusted only once a relay has confirmed
	// that nothing committed before is still undelivered: until then its keys
	// are read from the primary. Without a relay that runs they stay there. All
	// of Policies must have the same outbox: what another database has yet to
	// deliver its relay does not know.
	Outbox bool
	// OnInvalidate is called after keys or tags were invalidated, by this
	// process or by what it has delivered: after the shared tier has
	// acknowledged that, and this process's memory has forgotten them. Its error
	// is joined to that of the call. It may be called concurrently.
	OnInvalidate func(ctx context.Context, inv Invalidation) error
	// Keys encrypt values of classes with Encrypt: AES keys of 16, 24 or 32
	// bytes. The first encrypts, all of them decrypt: to change a key, put the
	// new one second in all processes, then first, then take the old one out.
	// See [KeysFromEnv].
	Keys [][]byte
	// Hooks are called as things happen.
	Hooks Hooks
	// Logger is told of circuits that open and close, and of values that
	// cannot be encoded. It is told no key and no value.
	//
	// Default: slog.Default().
	Logger *slog.Logger
	// Node names this process in Stats.
	//
	// Default: a random name.
	Node string

	secrets *envelope.Secrets // of Keys

	// mutant takes a clause out of the protocol, so that tests can show that
	// the checker notices.
	mutant mutant
}

// mutant switches parts of the protocol off.
type mutant struct {
	processLease bool // the id of a lease is the process's, not the load's
	noTaint      bool // a flight notes its stamp at the end, not at the start
	noHeartbeat  bool // memory is served without a heartbeat
	lateTags     bool // a load takes its tags as they are when the origin has been read
}

// Larder holds what the caches of a process share. Its methods may be called
// concurrently.
type Larder struct {
	opts  Options
	clock *clock.Clock
	store store.Store // nil: no shared tier
	id    string      // of this process, random
	loads atomic.Uint64

	alone    *session // the one that never breaks, without a store
	over     session  // one that has
	sessions sessions
	stamps   *stamps
	waiters  waiters
	circuits circuits
	pending  *pending
	tags     *tagBook
	gates    gates
	secrets  *envelope.Secrets
	limits   limits

	policies map[string]Policy
	mu       sync.Mutex
	classes  map[string]*class
	closed   atomic.Bool // set under mu, so that nothing begins that Close does not wait for

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	writes sync.WaitGroup // Invalidates under way
}

// class is what a cache shares with the rest of its Larder.
type class struct {
	name   string
	policy Policy
	budget budget
	stats  counters
	keep   keeper
}

// Open returns a Larder. It reports every mistake in opts at once. ctx is
// used for its values; the Larder lives until [Larder.Close]. It opens even
// while the shared tier is unreachable: reads then go to the origin.
func Open(ctx context.Context, opts Options) (*Larder, error) {
	if err := opts.normalize(); err != nil {
		return nil, fmt.Errorf("larder: %w", err)
	}
	l := &Larder{
		opts:     opts,
		clock:    clock.New(),
		store:    opts.Shared,
		id:       rand.Text(),
		alone:    &session{},
		stamps:   &stamps{seed: maphash.MakeSeed()},
		policies: opts.Policies,
		classes:  map[string]*class{},
	}
	if l.opts.Node == "" {
		l.opts.Node = l.id[:8]
	}
	l.alone.until.Store(math.MaxInt64)
	l.sessions.l = l
	l.limits.timeout = opts.SharedTimeout
	l.sessions.of.Store(&map[string]*session{})
	l.waiters.of = map[string]map[chan struct{}]struct{}{}
	l.circuits = circuits{l: l, state: map[string]*circuit{}}
	l.tags = &tagBook{l: l, life: opts.tagLife(), of: map[string]tagCopy{}}
	l.pending = &pending{l: l, wake: make(chan struct{}, 1), keys: map[string]waiting{}}
	l.secrets = opts.secrets
	l.gates.l, l.gates.wake, l.gates.met = l, make(chan struct{}, 1), make(chan struct{})
	l.gates.of.Store(&map[string]*gate{})
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	l.tasks.Go(l.sample)
	if l.store != nil {
		l.tasks.Go(func() { l.store.Watch(l.ctx, l.feed(), l.opts.MaxStaleness/4) })
		l.tasks.Go(func() { l.pending.run(l.ctx) })
		if opts.Outbox {
			l.tasks.Go(func() { l.gates.run(l.ctx) })
		}
	}
	return l, nil
}

// tagLife is how long a tag outlives its latest use: longer than any value that
// may carry it.
func (o *Options) tagLife() time.Duration {
	life := o.Hold
	for _, p := range o.Policies {
		life = max(life, p.TTL+p.window(), p.NegativeTTL)
	}
	return min(life, math.MaxInt64-o.Hold) + o.Hold
}

func (o *Options) normalize() error {
	var errs []error
	for _, d := range []struct {
		name     string
		value    *time.Duration
		fallback time.Duration
		least    time.Duration
	}{
		{"MaxStaleness", &o.MaxStaleness, time.Second, 10 * time.Millisecond},
		{"SharedTimeout", &o.SharedTimeout, 50 * time.Millisecond, time.Millisecond},
		{"Lease", &o.Lease, 500 * time.Millisecond, time.Millisecond},
		{"Hold", &o.Hold, 10 * time.Second, time.Millisecond},
	} {
		orDefault(d.value, d.fallback)
		*d.value = min(*d.value, longest)
		if *d.value < d.least {
			errs = append(errs, fmt.Errorf("%s is %v, want %v or more", d.name, *d.value, d.least))
		}
	}
	policies, err := normalizePolicies(o.Policies)
	if len(o.Policies) == 0 {
		err = errors.New("no Policies: say how at least one class is cached")
	}
	o.Policies = policies
	if v := reflect.ValueOf(o.Shared); v.Kind() == reflect.Pointer && v.IsNil() {
		errs = append(errs, fmt.Errorf("Shared is a nil %T: look at the error of what should have opened it", o.Shared))
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return errors.Join(append(errs, err, o.checkKeys())...)
}

// Close ends the Larder: it waits for Invalidates under way, tries once more to
// deliver pending invalidations, ends loads in flight and waits for its
// goroutines. It returns a [PendingError] when invalidations are lost with it.
// Calls after the first do nothing.
func (l *Larder) Close() error {
	l.mu.Lock()
	again := l.closed.Swap(true)
	l.mu.Unlock()
	if again {
		l.tasks.Wait()
		return nil
	}
	l.writes.Wait()
	if l.store != nil && l.pending.count.Load() > 0 {
		l.pending.deliver(l.ctx)
	}
	l.alone.until.Store(0)
	l.cancel()
	l.tasks.Wait()
	l.limits.stop()
	l.eachClass(func(cl *class) { cl.keep.close() })
	if n := l.pending.count.Load(); n > 0 {
		return &PendingError{Class: "at Close", Dropped: int(n), Err: l.pending.why()}
	}
	return nil
}

// beginWrite lets Close wait for an Invalidate, until writes.Done. It reports
// false once the Larder is closed.
func (l *Larder) beginWrite() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	l.writes.Add(1)
	return true
}

// Stats returns the counters of all classes that have a cache.
func (l *Larder) Stats() Stats {
	s := Stats{Node: l.opts.Node, Classes: map[string]ClassStats{}}
	l.eachClass(func(cl *class) { s.Classes[cl.name] = cl.stats.snapshot(cl.policy.Target) })
	return s
}

func (l *Larder) eachClass(f func(*class)) {
	l.mu.Lock()
	classes := make([]*class, 0, len(l.classes))
	for _, cl := range l.classes {
		classes = append(classes, cl)
	}
	l.mu.Unlock()
	for _, cl := range classes {
		f(cl)
	}
}

// sample notes the counters each second, for the windows of the miss rate.
func (l *Larder) sample() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
			l.eachClass(func(cl *class) { cl.stats.windows.sample(cl.stats.answered(), cl.stats.missed()) })
		}
	}
}

// newLease returns the id of a new load. It is unique to the load: with one
// per process, of two loads around an invalidation the older one could fill.
func (l *Larder) newLease() string {
	if l.opts.mutant.processLease {
		return l.id
	}
	return fmt.Sprintf("%s.%d", l.id, l.loads.Add(1))
}

func (l *Larder) feed() store.Feed {
	if l.opts.mutant.noHeartbeat {
		return deafFeed{&l.sessions}
	}
	return &l.sessions
}

// deafFeed is the mutant that never lets a session lapse.
type deafFeed struct{ *sessions }

func (f deafFeed) Beat(node string, b store.Beat) {
	f.sessions.Beat(node, b)
	f.current(node).until.Store(math.MaxInt64)
}

// requestKeys and requestBytes bound one request to the shared tier, so that a
// big batch does not run into the time-out as a whole.
const (
	requestKeys  = 500
	requestBytes = 1 << 20
)

// do runs ops, each part of them under the tier's own time-out, and tells the
// circuits. The caller's cancellation does not end it: what was started here
// others wait for.
func (l *Larder) do(ctx context.Context, ops []store.Op) []store.Reply {
	ctx = context.WithoutCancel(ctx)
	if len(ops) == 1 {
		return l.part(ctx, ops)
	}
	replies := make([]store.Reply, 0, len(ops))
	for len(ops) > 0 {
		n, size := 0, 0
		for n < len(ops) && n < requestKeys && size < requestBytes {
			size += bodySize(ops[n])
			n++
		}
		some := l.part(ctx, ops[:n])
		replies, ops = append(replies, some...), ops[n:]
		if why := allFailed(some); why != nil { // the rest would wait as long, each part again
			for range ops {
				replies = append(replies, store.Reply{Err: why})
			}
			break
		}
	}
	return replies
}

// bodySize is the size of what op stores.
func bodySize(op store.Op) int {
	switch op := op.(type) {
	case store.Fill:
		return len(op.Body)
	case store.WriteThrough:
		return len(op.Body)
	case store.Finish:
		return len(op.Body)
	}
	return 0
}

func (l *Larder) part(ctx context.Context, ops []store.Op) []store.Reply {
	replies := l.store.Do(l.limit(ctx), ops)
	l.tellAll(replies, func(i int) string { return ops[i].Target() })
	return replies
}

// get reads data slots, in parts like do. Its caller tells the circuits.
func (l *Larder) get(ctx context.Context, keys []string) []store.Reply {
	if len(keys) <= requestKeys {
		return l.store.Get(l.limit(ctx), keys)
	}
	replies := make([]store.Reply, 0, len(keys))
	for len(keys) > 0 {
		n := min(len(keys), requestKeys)
		some := l.store.Get(l.limit(ctx), keys[:n])
		replies, keys = append(replies, some...), keys[n:]
		if why := allFailed(some); why != nil {
			for range keys {
				replies = append(replies, store.Reply{Err: why})
			}
			break
		}
	}
	return replies
}

// allFailed returns the error of the first reply if all have one. A refusal is
// an answer, and came without a wait.
func allFailed(replies []store.Reply) error {
	for i := range replies {
		if err := replies[i].Err; err == nil || errors.Is(err, store.ErrRefused) {
			return nil
		}
	}
	return replies[0].Err
}

// tellAll feeds the outcome of one request to the circuits: once for each node,
// however many keys it was for.
func (l *Larder) tellAll(replies []store.Reply, key func(i int) string) {
	var failed map[string]bool
	for i := range replies {
		err := replies[i].Err
		if errors.Is(err, store.ErrRefused) {
			continue // neither sick nor proven well
		}
		if err != nil {
			node := l.store.Node(key(i))
			if failed[node] {
				continue
			}
			if failed == nil {
				failed = map[string]bool{}
			}
			failed[node] = true
		}
		l.tell(key(i), err)
	}
}

// tell feeds the outcome of one request to its node's circuit.
func (l *Larder) tell(text string, err error) {
	switch {
	case err == nil && l.circuits.troubled.Load():
		l.circuits.succeeded(l.store.Node(text))
	case err != nil && !errors.Is(err, context.Canceled):
		l.circuits.failed(l.store.Node(text), err)
	}
}
