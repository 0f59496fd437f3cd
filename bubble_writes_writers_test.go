package larder_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

var _ = synctest.Wait // whoever sleeps here does so in a bubble's time

// writers changes rows from one process until it is over.
func (b *writesBubble) writers(m *member) {
	for !b.idle(m) {
		id := b.hot()
		switch dice := b.roll(100); {
		case dice < 55:
			b.update(m, []int{id})
		case dice < 65:
			b.update(m, []int{id, id ^ 1})
		case dice < 84:
			b.db.run(b.transaction(id)) // by somebody who knows nothing of caches
		default:
			b.announce(m, id)
		}
		b.pause(30 * time.Millisecond)
		if b.roll(10) == 0 {
			b.pause(time.Second)
		}
	}
}

// hot is a row: mostly one that is everybody's for a moment.
func (b *writesBubble) hot() int {
	rows := b.plan.rows()
	if b.roll(4) == 0 {
		return rows[b.roll(len(rows))]
	}
	return rows[int(time.Since(b.start)/(50*time.Millisecond))*7919%len(rows)]
}

func (b *writesBubble) transaction(ids ...int) transaction {
	class := &bubbleClasses[classOf(ids[0])]
	return transaction{rows: ids, change: func(p product) larder.Change {
		c := larder.Change{Class: class.name, Key: strconv.Itoa(p.ID % rowsOfClass), Version: p.Version}
		if class.unversioned {
			c.Version = 0
		}
		return c
	}}
}

// update changes rows through the cache.
func (b *writesBubble) update(m *member, ids []int) {
	x := b.transaction(ids...)
	x.mortal = true
	var written map[int]version
	write := func(ctx context.Context) (err error) {
		b.intend(ctx, &x)
		written, err = b.db.run(x)
		return err
	}
	c, key := m.caches[classOf(ids[0])], ids[0]%rowsOfClass
	ctx := b.t.Context()
	if b.roll(20) == 0 { // it ends while the write runs, which does not care
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 2*time.Millisecond)
		defer cancel()
	}
	var err error
	if len(ids) == 1 {
		_, err = c.Update(ctx, key, func(ctx context.Context) (product, error) {
			if err := write(ctx); err != nil {
				return product{}, err
			}
			if v := written[ids[0]]; !v.gone {
				return v.product, nil
			}
			return product{}, larder.ErrNotFound
		})
	} else {
		_, err = c.UpdateMany(ctx, []int{key, key ^ 1}, func(ctx context.Context) (map[int]product, error) {
			return present(&written, write(ctx))
		})
	}
	b.written(m, written, err)
}

// present returns the rows of *written that are there, by their keys.
func present(written *map[int]version, err error) (map[int]product, error) {
	rows := map[int]product{}
	for id, v := range *written {
		if !v.gone {
			rows[id%rowsOfClass] = v.product
		}
	}
	return rows, err
}

// intend has a transaction of a class that is Strict say so at the right moment.
func (b *writesBubble) intend(ctx context.Context, x *transaction) {
	if !bubbleClasses[classOf(x.rows[0])].policy.Strict {
		return
	}
	x.counts = !b.plan.losses && !b.plan.flushes && !b.plan.rewinds // else the intent may get lost
	if b.plan.mutant == "intent before the lock" {
		larder.Intend(ctx)
	}
	x.locked = func() error { return larder.Intend(ctx) }
}

// written notes what an Update has acknowledged.
func (b *writesBubble) written(m *member, rows map[int]version, err error) {
	var pending *larder.PendingError
	switch here := errors.As(err, &pending); {
	case m.dead.Load() || errors.Is(err, errRolledBack) || errors.Is(err, errDied):
	case err == nil || here || errors.Is(err, larder.ErrNotFound):
		b.db.acknowledge(acknowledgement{rows: rows, by: m.id, here: here})
	case len(rows) > 0:
		b.t.Errorf("an Update has failed after COMMIT: %v", err)
	}
}

// announce changes a row, and says so afterwards.
func (b *writesBubble) announce(m *member, id int) {
	if _, err := b.db.run(b.transaction(id)); err != nil {
		return
	}
	ctx, a := b.t.Context(), acknowledgement{by: m.id}
	all := b.db.newest()
	a.rows = map[int]version{id: all[id]}
	var err error
	switch classOf(id) {
	case taggedClass, shelfClass:
		a.tag = []string{itemsTag, itemTag(id), "category-tea", "category-mugs"}[b.roll(4)]
		for other := range bubbleRows {
			if bubbleClasses[classOf(other)].tagged {
				a.rows[other] = all[other]
			}
		}
		if a.soft = b.roll(4) == 0; a.soft {
			err = m.l.SoftInvalidateTags(ctx, a.tag)
			break
		}
		err = m.l.InvalidateTags(ctx, a.tag)
	case softClass:
		if a.soft = b.roll(2) == 0; a.soft {
			err = m.caches[softClass].SoftInvalidate(ctx, id%rowsOfClass)
			break
		}
		fallthrough
	default:
		err = m.caches[classOf(id)].Invalidate(ctx, id%rowsOfClass)
	}
	var pending *larder.PendingError
	a.here = errors.As(err, &pending)
	switch {
	case m.dead.Load() || a.here && a.soft:
	case err == nil || a.here:
		b.db.acknowledge(a)
	default:
		b.t.Errorf("an invalidation: %v", err)
	}
}

// trouble makes a fleet's life hard for a while.
func (b *writesBubble) trouble(length time.Duration) {
	kinds := []func(){func() {}}
	if b.plan.flushes {
		kinds = append(kinds, func() { b.node().Flush() })
	}
	if b.plan.cuts {
		kinds = append(kinds, func() { b.cut(b.somebody()) }, func() { b.cut(slices.Clone(b.members)...) })
	}
	if b.plan.kills {
		kinds = append(kinds, func() { b.replace(b.somebody()) })
	}
	if b.plan.rewinds {
		kinds = append(kinds, func() { b.rewind(); b.pause(time.Second) })
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		b.pause(300 * time.Millisecond)
		kinds[b.roll(len(kinds))]()
	}
}

// lossy is one process's way to a shared tier that may lose what goes either way,
// or bring it late.
type lossy struct {
	*faulty
	fleet *writesBubble
}

func (s *lossy) Do(ctx context.Context, ops []store.Op) []store.Reply {
	s.b.pause(400 * time.Microsecond)
	fate := 3
	if s.fleet.plan.cuts {
		fate = s.b.roll(riskOf(ops))
	}
	switch fate {
	case 0: // it is lost
		return hang(ctx, len(ops))
	case 1: // it comes when nobody waits for it any more
		s.fleet.late.Go(func() {
			s.b.pause(300 * time.Millisecond)
			s.fleet.store.Do(context.Background(), ops)
		})
		return hang(ctx, len(ops))
	}
	r := s.gate.Do(ctx, ops)
	s.b.pause(400 * time.Microsecond)
	if fate == 2 { // it took effect, and nobody hears of it
		return hang(ctx, len(ops))
	}
	return r
}

// riskOf says of how many messages like ops one has each kind of bad luck.
func riskOf(ops []store.Op) int {
	switch ops[0].(type) {
	case store.WriteThrough, store.Finish, store.Invalidate, store.MoveTags:
		return 60
	}
	return 500
}

// cut takes processes off the shared tier for a while, which may forget something
// meanwhile.
func (b *writesBubble) cut(members ...*member) {
	for _, m := range members {
		m.gate.hangs.Store(true)
	}
	b.pause(800 * time.Millisecond)
	if b.plan.rewinds && b.roll(2) == 0 {
		b.rewind()
		b.pause(800 * time.Millisecond)
		b.forgets()
	}
	for _, m := range members {
		m.gate.hangs.Store(false)
	}
}

// forgets notes that processes have yet to notice that a node has forgotten
// something.
func (b *writesBubble) forgets() {
	b.db.books.Lock()
	defer b.db.books.Unlock()
	b.rewound = time.Now()
}

// replace kills a process, and starts another.
func (b *writesBubble) replace(m *member) {
	m.dead.Store(true)
	m.gate.hangs.Store(true)
	next := b.join()
	b.roster.Lock()
	b.members = slices.DeleteFunc(b.members, func(other *member) bool { return other == m })
	b.roster.Unlock()
	b.pause(100 * time.Millisecond)
	b.employ(next)
}

// node is one of the shared tier.
func (b *writesBubble) node() *localstore.Store { return b.store.nodes[b.roll(len(b.store.nodes))] }

// rewind has a replica of a node of the shared tier take its place that lacks
// what came last.
func (b *writesBubble) rewind() {
	node := b.node()
	lagging := node.Snapshot()
	b.pause(300 * time.Millisecond)
	b.forgets()
	node.Rewind(lagging)
}
