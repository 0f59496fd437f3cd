package larder_test

import (
	"slices"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

var _ = synctest.Wait // whoever sleeps here does so in a bubble's time

// message is a row of the outbox.
type message struct {
	id      uint64
	row     int
	version uint64
	change  larder.Change
	held    bool      // a relay has it locked
	done    time.Time // zero: it is to be delivered
}

// outboxTable is the outbox of a bubble's database, whose books guard it.
type outboxTable struct {
	ids       uint64
	messages  []message // in the order of COMMIT
	histories map[string]bool
	epoch     int // counts the rewinds
}

// draw returns an id, long before the message may be there.
func (b *outboxTable) draw() uint64 {
	b.ids++
	return b.ids
}

func (b *outboxTable) add(m message) { b.messages = append(b.messages, m) }

// find returns the message with an id.
func (b *outboxTable) find(id uint64) *message {
	return &b.messages[slices.IndexFunc(b.messages, func(m message) bool { return m.id == id })]
}

// note opens what was done lately if a history is new: it may be forgotten
// there.
func (b *outboxTable) note(histories []string) {
	if b.histories == nil {
		b.histories = map[string]bool{}
	}
	rewind := false
	for _, h := range histories {
		rewind = rewind || !b.histories[h]
		b.histories[h] = true
	}
	if !rewind {
		return
	}
	b.epoch++
	for i := range b.messages {
		if m := &b.messages[i]; time.Since(m.done) < 30*time.Second {
			m.done = time.Time{}
		}
	}
}

// take locks up to n messages that nobody else has locked and that are not
// delivered, and have higher ids than after.
func (b *outboxTable) take(n int, after uint64) (taken []message) {
	for i := range b.messages {
		m := &b.messages[i]
		if len(taken) < n && m.done.IsZero() && !m.held && m.id > after {
			m.held = true
			taken = append(taken, *m)
		}
	}
	return taken
}

// release unlocks what was taken. What is in done is delivered, unless a rewind
// came after epoch: it went to a history that is gone.
func (b *outboxTable) release(taken []message, done map[uint64]bool, epoch int) {
	for _, t := range taken {
		m := b.find(t.id)
		m.held = false
		if done[t.id] && epoch == b.epoch {
			m.done = time.Now()
		}
	}
}

// drained reports whether everything up to an id is delivered.
func (b *outboxTable) drained(upTo uint64) bool {
	return !slices.ContainsFunc(b.messages, func(m message) bool { return m.id <= upTo && m.done.IsZero() })
}

// highest returns the highest id that is there.
func (b *outboxTable) highest() (id uint64) {
	for i := range b.messages {
		id = max(id, b.messages[i].id)
	}
	return id
}

// books lets f work on the outbox, as one transaction.
func (db *database) table(f func(b *outboxTable)) {
	db.books.Lock()
	defer db.books.Unlock()
	f(&db.box)
}

// relay carries the outbox to a process's tiers until it is killed, which may
// happen at any step, or until stop.
type relay struct {
	b         *writesBubble
	m         *member
	last      uint64 // of the mutant that reads by id
	confirmed time.Time
}

func (r *relay) run(stop <-chan struct{}) {
	for r.round() && !r.m.dead.Load() {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// round does what a relay does again and again; false if it dies of it.
func (r *relay) round() (alive bool) {
	cp, unknown := r.m.l.Checkpoint(r.b.t.Context())
	var highest uint64
	r.b.db.table(func(t *outboxTable) {
		if unknown == nil {
			t.note(cp.Histories())
		}
		highest = t.highest()
	})
	for {
		n, alive := r.deliver()
		if !alive {
			return false
		}
		if n == 0 {
			break
		}
	}
	drained := false
	r.b.db.table(func(t *outboxTable) { drained = t.drained(highest) })
	if unknown == nil && drained && time.Since(r.confirmed) > 100*time.Millisecond {
		if r.m.l.Confirm(r.b.t.Context(), cp) == nil {
			r.confirmed = time.Now()
		}
	}
	return true
}

// deliver carries a few messages, and returns how many it has got rid of.
func (r *relay) deliver() (delivered int, alive bool) {
	b, after := r.b, uint64(0)
	if b.plan.mutant == "id > last" {
		after = r.last
	}
	var taken []message
	epoch := 0
	b.db.table(func(t *outboxTable) { taken, epoch = t.take(10, after), t.epoch })
	if len(taken) == 0 {
		return 0, true
	}
	done := map[uint64]bool{}
	for _, m := range taken {
		done[m.id] = b.plan.mutant == "deletes before delivering"
	}
	defer func() { b.db.table(func(t *outboxTable) { t.release(taken, done, epoch) }) }()
	b.pause(time.Millisecond)
	if b.roll(30) == 0 {
		return 0, false
	}
	changes := make([]larder.Change, len(taken))
	for i, m := range taken {
		changes[i] = m.change
		r.last = max(r.last, m.id)
	}
	errs := r.m.l.Deliver(b.t.Context(), changes)
	dies := b.roll(30) == 0 // before it can say what it has done
	for i, err := range errs {
		if err != nil {
			continue
		}
		m := taken[i]
		delivered++
		b.db.acknowledge(acknowledgement{by: r.m.id, rows: map[int]version{m.row: {product: product{Version: m.version}}}})
		done[m.id] = done[m.id] || !dies
	}
	return delivered, !dies
}

// relays keeps a relay running in one process after another until stop.
func (b *writesBubble) relays(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		r := &relay{b: b, m: b.somebody(), last: b.lastDelivered.Load()}
		r.run(stop)
		b.lastDelivered.Store(max(b.lastDelivered.Load(), r.last))
		b.pause(200 * time.Millisecond)
	}
}
