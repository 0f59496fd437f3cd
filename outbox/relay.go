package outbox

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// RelayOptions configures a [Relay]. The zero value works.
type RelayOptions struct {
	// Partitions is in how many parts the rows are worked on at once, each by
	// one relay at a time. All relays of an outbox have the same. One delivers
	// some ten thousand rows a second; more help when delivering is slow.
	//
	// Default: 1. At most 64.
	Partitions int
	// Batch is how many rows are delivered at once.
	//
	// Default: 500. At most 5,000.
	Batch int
	// MinPoll and MaxPoll bound the pause between two looks into a table in
	// which nothing waits. After a change it is MinPoll, and grows from there.
	//
	// Default: 5 ms and 20 ms. At least 1 ms.
	MinPoll, MaxPoll time.Duration
	// Hint wakes the relay when something is received from it, and saves up to
	// MaxPoll. It may be late, spurious and lost: send to it, for example,
	// what LISTEN reports.
	//
	// Default: none.
	Hint <-chan struct{}
	// Lease is how long a relay that died keeps others from its partitions. One
	// that ends in order gives them up at once.
	//
	// Default: 2 s. At least 100 ms.
	Lease time.Duration
	// DeliverTimeout bounds a call of the target. What was not acknowledged
	// then is delivered again. On PostgreSQL and MySQL a relay that hangs while
	// it delivers keeps its partition for twice as long, and a second.
	//
	// Default: 2 s. At most 1 min.
	DeliverTimeout time.Duration
	// ConfirmEvery is how often the shared tier is asked for its histories, and
	// told that all is delivered.
	//
	// Default: 250 ms. At least 10 ms.
	ConfirmEvery time.Duration
	// Keep is how long delivered rows stay, to be delivered again to a server
	// that takes the place of another. It must be longer than such a server
	// may lag behind.
	//
	// Default: 30 s. At least 1 s, at most 1 h.
	Keep time.Duration
	// MaxTries is how often a row is tried that the target refuses although
	// all its nodes answer. Then the row is set aside. The pauses between the
	// tries double from 50 ms to 10 s.
	//
	// Default: 10, which takes 23 s.
	MaxTries int
	// OnSetAside is called with every row that is set aside, after it was: those
	// that were refused too often, and those of a class that the target does
	// not know. It must not block.
	//
	// Default: nil.
	OnSetAside func(SetAside)
	// Logger is told of rows that are set aside, of rewinds, and of a database
	// or a target that fails. It is told no key and no tag.
	//
	// Default: slog.Default().
	Logger *slog.Logger
}

func (o *RelayOptions) normalize() error {
	var errs []error
	if o.MinPoll == 0 && o.MaxPoll > 0 {
		o.MinPoll = min(5*time.Millisecond, o.MaxPoll)
	}
	for _, n := range []struct {
		name          string
		value         *int
		standard, max int
	}{
		{"Partitions", &o.Partitions, 1, 64},
		{"Batch", &o.Batch, 500, 5_000},
		{"MaxTries", &o.MaxTries, 10, 1_000},
	} {
		if *n.value == 0 {
			*n.value = n.standard
		}
		if *n.value < 1 || *n.value > n.max {
			errs = append(errs, fmt.Errorf("%s is %d, want 1 to %d", n.name, *n.value, n.max))
		}
	}
	for _, d := range []struct {
		name               string
		value              *time.Duration
		standard, min, max time.Duration
	}{
		{"MaxPoll", &o.MaxPoll, max(20*time.Millisecond, o.MinPoll), time.Millisecond, time.Minute},
		{"MinPoll", &o.MinPoll, 5 * time.Millisecond, time.Millisecond, time.Minute},
		{"Lease", &o.Lease, 2 * time.Second, 100 * time.Millisecond, time.Hour},
		{"DeliverTimeout", &o.DeliverTimeout, 2 * time.Second, time.Millisecond, time.Minute},
		{"ConfirmEvery", &o.ConfirmEvery, 250 * time.Millisecond, 10 * time.Millisecond, time.Minute},
		{"Keep", &o.Keep, 30 * time.Second, time.Second, maxKeep},
	} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		if *d.value < d.min || *d.value > d.max {
			errs = append(errs, fmt.Errorf("%s is %v, want %v to %v", d.name, *d.value, d.min, d.max))
		}
	}
	if o.MinPoll > o.MaxPoll {
		errs = append(errs, fmt.Errorf("MinPoll is %v, above MaxPoll, which is %v", o.MinPoll, o.MaxPoll))
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return errors.Join(errs...)
}

// Relay delivers the rows of a [Box] to a [Target]. Any number of relays may
// run, in any number of processes; those that find nothing to do stand by. Its
// methods may be called concurrently.
type Relay struct {
	box    *Box
	target guarded
	opts   RelayOptions
	log    *reporter

	running atomic.Bool
	worker  int64 // the name of this run in the database
	// epoch is the one whose histories the target knows, if fit is set.
	epoch atomic.Int64
	fit   atomic.Bool
	// held are the partitions that this relay works on, a bit each.
	held   atomic.Uint64
	wakes  []chan struct{} // one per partition
	notice chan struct{}   // wakes the keeper

	counts counts
}

// Relay returns a relay, which does nothing before [Relay.Run]. All mistakes in
// o are reported at once.
func (b *Box) Relay(target Target, o RelayOptions) (*Relay, error) {
	err := o.normalize()
	if target == nil {
		err = errors.Join(errors.New("the target is nil"), err)
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	r := &Relay{box: b, target: guarded{target}, opts: o, log: newReporter(o.Logger), notice: make(chan struct{}, 1)}
	for range o.Partitions {
		r.wakes = append(r.wakes, make(chan struct{}, 1))
	}
	return r, nil
}

// Run delivers until ctx ends, and then returns nil. It goes on while the
// database or the target fails, and says so to the Logger. The only error is
// that the relay runs already.
func (r *Relay) Run(ctx context.Context) error {
	if !r.running.CompareAndSwap(false, true) {
		return errors.New("outbox: the relay runs already")
	}
	defer r.running.Store(false)
	r.worker = randomID()
	r.fit.Store(false)
	r.held.Store(0)
	var tasks sync.WaitGroup
	for part := range r.opts.Partitions {
		tasks.Go(func() { (&worker{relay: r, part: part}).run(ctx) })
	}
	tasks.Go(func() { (&keeper{relay: r}).run(ctx) })
	if r.opts.Hint != nil {
		tasks.Go(func() { r.listen(ctx) })
	}
	tasks.Wait()
	return nil
}

// randomID is a positive number that nobody else has.
func randomID() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return int64(binary.LittleEndian.Uint64(b[:])>>1) | 1
}

// listen passes hints on until ctx ends or there are no more.
func (r *Relay) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-r.opts.Hint:
			if !ok {
				return
			}
			r.wakeAll()
		}
	}
}

func (r *Relay) wakeAll() {
	for _, wake := range r.wakes {
		poke(wake)
	}
}

// hold notes whether this relay works on a partition.
func (r *Relay) hold(part int, held bool) {
	if held {
		r.held.Or(1 << part)
	} else {
		r.held.And(^(uint64(1) << part))
	}
}

// holds tells whether this relay works on a partition.
func (r *Relay) holds(part int) bool { return r.held.Load()&(1<<part) != 0 }

// poke puts a token into a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// rest waits for d, a token in wake or the end of ctx. It tells whether there
// was a token.
func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) (woken bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
		return true
	case <-timer.C:
	}
	return false
}
