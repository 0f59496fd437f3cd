package torture

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/ledgertest"
	"github.com/larderdev/larder/outbox"
	"github.com/larderdev/larder/redisstore"
)

// Each node has so many goroutines that write and read.
const (
	writersOfNode = 2
	readersOfNode = 3
)

// node is one process of the fleet that reads and writes.
type node struct {
	config
	ledger           *ledger
	primary, replica *sql.DB
	box              *outbox.Box
	l                *larder.Larder
	classes          []class
	caches           []*larder.Cache[int, row]
	local            atomic.Uint64 // outages that only this process has seen
	seen             [maxClasses][keysOf]sight
	pendingAt        atomic.Int64 // when a write became pending last
	complaints       atomic.Int64
}

// openLarder opens what every role needs.
func (c *config) openLarder() (*larder.Larder, error) {
	s, err := redisstore.Open(context.Background(), c.Redis.options())
	if err != nil {
		return nil, err
	}
	return larder.Open(context.Background(), larder.Options{
		Policies: policies(c.TTL), Shared: s, Outbox: c.Outbox, Logger: slog.New(slog.DiscardHandler),
	})
}

// newNode opens all that a process of the fleet needs.
func newNode(c config) (*node, error) {
	n := &node{config: c, classes: classes()}
	var err error
	if n.ledger, err = ledgertest.Open[ledger](c.Ledger); err != nil {
		return nil, err
	}
	n.ledger.node[c.Number].starts.Add(1)
	if n.primary, err = connect(c.Primary); err != nil {
		return nil, err
	}
	if n.replica, err = connect(c.Replica); err != nil {
		return nil, err
	}
	if n.box, err = newOutbox(n.primary); err != nil {
		return nil, err
	}
	if n.l, err = c.openLarder(); err != nil {
		return nil, err
	}
	for i := range n.classes {
		cache, err := larder.NewCache(n.l, n.classes[i].name, n.loader(i))
		if err != nil {
			return nil, err
		}
		n.caches = append(n.caches, cache)
	}
	return n, nil
}

// runNode reads and writes until it is killed.
func runNode(c config) error {
	n, err := newNode(c)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(n.sample)
	for range writersOfNode {
		wg.Go(n.write)
	}
	for range readersOfNode {
		wg.Go(n.read)
	}
	wg.Wait()
	return nil
}

// loader reads the replica unless it must not, and answers a little later.
func (n *node) loader(class int) larder.Loader[int, row] {
	spec := &n.classes[class]
	loader := larder.Loader[int, row]{Load: func(ctx context.Context, key int) (row, error) {
		db := larder.Route(ctx, n.primary, n.replica)
		n.ledger.class[class].loads.Add(1)
		if db == n.replica {
			n.ledger.class[class].replicaLoads.Add(1)
		}
		r, err := readRow(ctx, db, id(class, key))
		pause := time.Duration(200+rand.IntN(1300)) * time.Microsecond
		if rand.IntN(100) == 0 {
			pause = lag
		}
		<-time.After(pause)
		return r, err
	}}
	if spec.versioned {
		loader.Version = func(r row) uint64 { return r.Version }
	}
	if spec.tagged && !spec.byKey() {
		loader.Tags = func(key int, r row) []string { return []string{spec.tag(key, r.Owner)} }
	}
	return loader
}

// pick chooses a key: half of the traffic is on a tenth of them.
func pick() int {
	if rand.IntN(2) == 0 {
		return rand.IntN(keysOf / 10)
	}
	return rand.IntN(keysOf)
}

// write writes until the end, while writes are allowed.
func (n *node) write() {
	for {
		<-time.After(time.Duration(30+rand.IntN(60)) * time.Millisecond)
		if n.ledger.phase.Load() != running {
			continue
		}
		class := rand.IntN(len(n.classes))
		keys := []int{pick()}
		if rand.IntN(8) == 0 {
			keys = append(keys, keysOf/2+rand.IntN(keysOf/4), 3*keysOf/4+rand.IntN(keysOf/4))
		}
		n.writeOnce(class, keys)
	}
}

// writeOnce writes and judges what the cache said of it.
func (n *node) writeOnce(class int, keys []int) {
	ctx := context.Background()
	spec, led := &n.classes[class], &n.ledger.class[class]
	led.writes.Add(1)
	w := &write{node: n, class: class, keys: sorted(keys)}
	var err error
	switch {
	case spec.triggered && n.Outbox && rand.IntN(2) == 0:
		// As by a person with a database client: nobody is told but the outbox.
		if err = w.commit(ctx); err == nil {
			return
		}
	case spec.tagged:
		if err = w.commit(ctx); err == nil {
			err = n.l.InvalidateTags(ctx, w.tags...)
		}
	case len(w.keys) == 1:
		_, err = n.caches[class].Update(ctx, w.keys[0], func(ctx context.Context) (row, error) {
			err := w.commit(ctx)
			return w.rows[w.keys[0]], err
		})
	default:
		_, err = n.caches[class].UpdateMany(ctx, w.keys, func(ctx context.Context) (map[int]row, error) {
			err := w.commit(ctx)
			return w.rows, err
		})
	}
	switch {
	case err == nil:
		for key, r := range w.rows {
			led.keys[key].told[spec.told(w.before[key])].Acknowledge(r.Version)
		}
	case w.committed: // a PendingError: until it is delivered this process reads the primary
		led.pending.Add(1)
		n.pendingAt.Store(time.Now().UnixNano())
	default:
		led.refused.Add(1)
	}
}

// write is one transaction of a writer.
type write struct {
	*node
	class     int
	keys      []int // in ascending order
	rows      map[int]row
	before    map[int]int // the owners before, by key
	tags      []string
	committed bool
}

// commit writes the rows and their outbox rows. Sometimes it dies.
func (w *write) commit(ctx context.Context) (err error) {
	spec, losses := &w.classes[w.class], w.ledger.losses.Load()
	w.rows, w.before, w.tags = map[int]row{}, map[int]int{}, nil
	tx, err := w.primary.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = rollBack(tx) // the first error says more
		}
	}()
	for _, key := range w.keys {
		if err := w.update(ctx, tx, spec, key); err != nil {
			return err
		}
	}
	if err := larder.Intend(ctx); err != nil {
		return err
	}
	if w.unlucky(w.Deaths / 4) {
		w.die() // with an intent, and without a commit
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	w.committed = true
	for key, r := range w.rows {
		w.ledger.commit(&w.ledger.class[w.class].keys[key], r.Version, losses)
	}
	if w.unlucky(w.Deaths) {
		w.ledger.class[w.class].deaths.Add(1)
		w.die()
	}
	return nil
}

// update writes one row and its outbox row.
func (w *write) update(ctx context.Context, tx *sql.Tx, spec *class, key int) error {
	var owner int
	var next row
	table, row := place(id(w.class, key))
	if err := tx.QueryRowContext(ctx, "SELECT owner FROM "+table+" WHERE id = $1 FOR UPDATE", row).Scan(&owner); err != nil {
		return err
	}
	version := "version + 1"
	if spec.triggered {
		version = "version" // the trigger advances it
	}
	err := tx.QueryRowContext(ctx, "UPDATE "+table+" SET version = "+version+", owner = $2 WHERE id = $1 RETURNING version, owner",
		row, rand.IntN(owners)).Scan(&next.Version, &next.Owner)
	if err != nil {
		return err
	}
	w.rows[key], w.before[key] = next, owner
	w.tags = append(w.tags, spec.tag(key, owner))
	if !w.Outbox || spec.triggered {
		return nil
	}
	return w.box.Enqueue(ctx, tx, spec.change(key, owner, next))
}

func (w *write) unlucky(part float64) bool { return rand.Float64() < part }

// die ends the process as SIGKILL does, and does not return.
func (w *write) die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// now is the epoch of this process: no outage has begun or ended in between
// when two of them are equal and calm.
func (n *node) now() uint64 { return n.ledger.epoch.Load()<<32 | n.local.Load()&0xffffffff }

func calm(epoch uint64) bool { return epoch>>32%2 == 0 }

const (
	// outageNoticed is how long after it an outage is noticed, at most.
	outageNoticed = 25 * time.Millisecond
	// pendingFor is how long after an outage writes may still be pending.
	pendingFor = 2 * time.Second
)

// sample notices when the shared tier has not answered for this process, or was
// not trusted, and audits when it is told to.
func (n *node) sample() {
	var last uint64
	audited := false
	for {
		<-time.After(10 * time.Millisecond)
		down := uint64(0)
		for _, c := range n.l.Stats().Classes {
			down += c.Misses.TierDown + c.FillErrors
		}
		if down != last {
			n.ledger.node[n.Number].downAt.Store(time.Now().UnixNano())
		}
		if down != last || time.Since(time.Unix(0, n.pendingAt.Load())) < pendingFor {
			n.local.Add(1)
		}
		last = down
		if n.ledger.phase.Load() == auditing && !audited {
			audited = true
			n.audit()
			n.ledger.node[n.Number].audited.Store(auditing)
		}
	}
}

// complain prints what went wrong, a few times.
func (n *node) complain(format string, args ...any) {
	if n.complaints.Add(1) <= 8 {
		fmt.Fprintf(os.Stderr, "%s node %d: %s; last fault: %s, %v ago\n", time.Now().Format("05.000"), n.Number,
			fmt.Sprintf(format, args...), faultNames[n.ledger.fault.Load()], time.Since(time.Unix(0, n.ledger.at.Load())).Round(time.Millisecond))
	}
}
