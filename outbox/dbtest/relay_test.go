package dbtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

var relayCases = []testCase{
	{name: "a lower id that is committed later is delivered", run: lateCommit, except: outbox.SQLite}, // one writer at a time
	{name: "what was delivered and not marked is delivered again", run: killedBeforeMark},
	{name: "a process that is killed after delivering has its rows delivered by another", run: processKilled},
	// An SQLite file has one writer. If that is the process that hangs, nobody can replace it.
	{name: "a process that hangs is replaced", run: processStopped, except: outbox.SQLite},
	{name: "a relay that ends marks what was acknowledged", run: endsInOrder},
	{name: "one relay works at a time, another takes over", run: takeover},
	{name: "partitions are worked on side by side", run: partitions},
	{name: "an outage is no fault of the rows", run: outage},
	{name: "a row that is refused again and again is set aside", run: poison},
	{name: "a class that nobody knows is set aside at once", run: unknownClass},
	{name: "rows that cannot be read are set aside", run: unreadable},
	{name: "a target that panics", run: panics},
	{name: "a hint wakes the relay", run: hinted},
	{name: "a relay runs once at a time", run: runsOnce},
}

// lateCommit hands out two ids and commits the higher one first. A reader that
// asks for ids above the last one it saw misses the other for ever.
func lateCommit(t *testing.T, w *world) {
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	slow, fast := w.begin(t), w.begin(t)
	for i, tx := range []outbox.Execer{slow, fast} {
		if err := w.box.Enqueue(t.Context(), tx, larder.Change{Class: "product", Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := fast.Commit(); err != nil {
		t.Fatal(err)
	}
	g.await(t, "product:1")
	last := number(t, w.db, "SELECT MAX(id) FROM larder_outbox")
	if err := slow.Commit(); err != nil {
		t.Fatal(err)
	}
	g.await(t, "product:0")
	id := number(t, w.db, "SELECT id FROM larder_outbox WHERE item = '0'")
	if missed := number(t, w.db, fmt.Sprint("SELECT COUNT(*) FROM larder_outbox WHERE id > ", last)); id >= last || missed != 0 {
		t.Errorf("the late row has id %d, the last one seen before it was %d: a reader of ids above the last would not have missed it", id, last)
	}
}

// killedBeforeMark ends the relay's lease and its connection, as the kernel
// does to a process that is killed, after Deliver and before the mark.
func killedBeforeMark(t *testing.T, w *world) {
	g := newTarget()
	var once sync.Once
	g.onDeliver = func(context.Context) { once.Do(func() { w.cutOff(t) }) }
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	start(t, w.relay(t, g, quick()))
	until(t, "delivered twice and marked", func() bool {
		return len(g.deliveries()) == 2 && w.stats(t).Done == 1
	})
}

// cutOff undoes what a relay that works now has not committed.
func (w *world) cutOff(t *testing.T) {
	t.Helper()
	if w.dialect == outbox.SQLite {
		// Its transaction has not begun; what it does then must not count.
		mustExec(t, w.db, "UPDATE larder_outbox_parts SET epoch = epoch + 1")
		return
	}
	var pids []int64
	query := "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
	if w.dialect == outbox.MySQL {
		query = `SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX`
	}
	until(t, "the relay has a transaction", func() bool {
		pids = nil
		rows, err := w.db.QueryContext(t.Context(), query)
		if err != nil {
			t.Error(err)
			return true
		}
		defer rows.Close()
		for rows.Next() {
			var pid int64
			if err := rows.Scan(&pid); err != nil {
				t.Error(err)
			}
			pids = append(pids, pid)
		}
		return len(pids) > 0
	})
	for _, pid := range pids {
		if w.dialect == outbox.MySQL {
			mustExec(t, w.db, fmt.Sprint("KILL ", pid))
		} else {
			mustExec(t, w.db, fmt.Sprintf("SELECT pg_terminate_backend(%d)", pid))
		}
	}
}

// endsInOrder ends the relay while Deliver works.
func endsInOrder(t *testing.T, w *world) {
	g := newTarget()
	in, out := make(chan bool), make(chan bool)
	g.onDeliver = func(context.Context) { in <- true; <-out }
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	r := w.relay(t, ignoring{g}, quick())
	go func() { ended <- r.Run(ctx) }()
	<-in
	cancel()
	close(out)
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := w.stats(t); got.Done != 1 || got.Pending != 0 {
		t.Errorf("%+v, want the row to be done", got)
	}
	if n := number(t, w.db, "SELECT COUNT(*) FROM larder_outbox_parts WHERE worker <> 0"); n != 0 {
		t.Errorf("%d partitions are still held", n)
	}
}

// ignoring is a target that acknowledges also when the context has ended
// meanwhile.
type ignoring struct{ *target }

func (g ignoring) Deliver(ctx context.Context, changes []larder.Change) []error {
	return g.target.Deliver(context.WithoutCancel(ctx), changes)
}

// takeover runs two relays on one partition, and ends whichever works.
func takeover(t *testing.T, w *world) {
	g := newTarget()
	relays := []*outbox.Relay{w.relay(t, g, quick()), w.relay(t, g, quick())}
	stops := []func(){start(t, relays[0]), start(t, relays[1])}
	counted := func(n uint64) func() bool {
		return func() bool { return relays[0].Counts().Delivered+relays[1].Counts().Delivered == n }
	}
	for i := range 60 {
		w.enqueue(t, larder.Change{Class: "product", Key: fmt.Sprint(i)})
		if i == 30 {
			until(t, "31 rows are done", counted(31))
			worked := 0
			if relays[1].Counts().Delivered > relays[0].Counts().Delivered {
				worked = 1
			}
			if n := relays[1-worked].Counts().Delivered; n != 0 {
				t.Errorf("the relay that stands by has delivered %d rows", n)
			}
			stops[worked]()
		}
	}
	until(t, "60 rows are done", counted(60))
	if a, b := relays[0].Counts(), relays[1].Counts(); min(a.Delivered, b.Delivered) == 0 || len(g.deliveries()) != 60 {
		t.Errorf("delivered %d and %d, %d in all; want both to have had a part of 60", a.Delivered, b.Delivered, len(g.deliveries()))
	}
	if g.most != 1 {
		t.Errorf("%d relays worked at once", g.most)
	}
}

func partitions(t *testing.T, w *world) {
	o := quick()
	o.Partitions = 3
	g := newTarget()
	// All three have to come together.
	var inside atomic.Int32
	together := make(chan bool)
	g.onDeliver = func(ctx context.Context) {
		if inside.Add(1) == 3 {
			close(together)
		}
		select {
		case <-together:
		case <-ctx.Done():
		}
	}
	var want []string
	for i := range 30 {
		c := larder.Change{Class: "product", Key: fmt.Sprint(i)}
		w.enqueue(t, c)
		want = append(want, show(c))
	}
	start(t, w.relay(t, g, o))
	start(t, w.relay(t, g, o))
	g.await(t, want...)
	until(t, "all rows are done", func() bool { return w.stats(t).Done == 30 })
	if len(g.deliveries()) != 30 {
		t.Errorf("%d deliveries, want each of 30 once", len(g.deliveries()))
	}
}

// outage is longer than all tries of a row would take.
func outage(t *testing.T, w *world) {
	g := newTarget()
	o := quick()
	o.MaxTries = 1
	r := w.relay(t, g, o)
	start(t, r)
	w.enqueue(t, larder.Change{Class: "product", Key: "0"})
	g.await(t, "product:0")
	var calls atomic.Int32
	g.set(func(g *target) {
		g.down = true
		g.onDeliver = func(context.Context) { calls.Add(1) }
	})
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	until(t, "four tries", func() bool { return calls.Load() >= 4 })
	if got := w.stats(t); got.Pending != 1 || got.SetAside != 0 || got.Oldest <= 0 {
		t.Errorf("in the outage: %+v, want the row to wait", got)
	}
	g.set(func(g *target) { g.down = false })
	g.only(t, w, "product:0", "product:1")
	if got := r.Counts(); got.SetAside != 0 || got.Rewinds != 0 {
		t.Errorf("%+v, want nothing set aside and no rewind: it is the server it was", got)
	}
}

func poison(t *testing.T, w *world) {
	g := newTarget()
	tries := 0
	g.refuse = func(c larder.Change) error {
		if c.Key == "bad" {
			tries++
			return errors.New("out of \x00 order \xff" + strings.Repeat("ż", 400))
		}
		return nil
	}
	o := quick()
	o.MaxTries = 4
	reported := make(chan outbox.SetAside, 10)
	o.OnSetAside = func(s outbox.SetAside) { reported <- s }
	r := w.relay(t, g, o)
	start(t, r)
	w.enqueue(t, larder.Change{Class: "product", Key: "bad", Version: 5, Tags: []string{"all"}}, larder.Change{Class: "product", Key: "good"})
	s := <-reported
	if s.ID == 0 || s.Class != "product" || s.Key != "bad" || s.Tries != 4 || !strings.HasPrefix(s.Reason, "out of ? order ?żż") || len(s.Reason) > 500 {
		t.Errorf("reported %+v", s)
	}
	until(t, "one is set aside, one done", func() bool { s := w.stats(t); return s.Pending == 0 && s.SetAside == 1 && s.Done == 1 })
	if tries != 4 || r.Counts().SetAside != 1 {
		t.Errorf("%d tries, %+v; want 4, and one row set aside", tries, r.Counts())
	}
	list, err := w.box.SetAside(t.Context(), 10)
	if err != nil || !slices.Equal(list, []outbox.SetAside{s}) {
		t.Errorf("SetAside = %+v, %v; want what was reported", list, err)
	}
	before, _ := g.confirmations("first")
	until(t, "it does not keep others from being trusted", func() bool { n, _ := g.confirmations("first"); return n > before })

	g.set(func(g *target) { g.refuse = nil })
	if n, err := w.box.Retry(t.Context(), s.ID+1_000); n != 0 || err != nil {
		t.Errorf("Retry of another id = %d, %v", n, err)
	}
	if n, err := w.box.Retry(t.Context(), s.ID); n != 1 || err != nil {
		t.Errorf("Retry = %d, %v; want 1", n, err)
	}
	g.await(t, "product:bad@5")
	until(t, "it is done", func() bool { s := w.stats(t); return s.SetAside == 0 && s.Done == 2 })
}

func unknownClass(t *testing.T, w *world) {
	g := newTarget()
	g.refuse = func(c larder.Change) error {
		if c.Class == "ghost" {
			return fmt.Errorf("deliver: %w: ghost", larder.ErrUnknownClass)
		}
		return nil
	}
	r := w.relay(t, g, quick())
	start(t, r)
	w.enqueue(t, larder.Change{Class: "ghost", Key: "1", Tags: []string{"all"}})
	g.await(t, "[all]")
	until(t, "it is set aside", func() bool { return w.stats(t).SetAside == 1 })
	list, err := w.box.SetAside(t.Context(), 1)
	if err != nil || len(list) != 1 || list[0].Tries != 1 {
		t.Errorf("SetAside = %+v, %v; want it after one try", list, err)
	}
	if n, err := w.box.Discard(t.Context()); n != 1 || err != nil {
		t.Errorf("Discard = %d, %v; want 1", n, err)
	}
	if got := w.stats(t); got.SetAside != 0 {
		t.Errorf("%+v, want it gone", got)
	}
}

// unreadable are rows that somebody has written by hand.
func unreadable(t *testing.T, w *world) {
	g := newTarget()
	mustExec(t, w.db,
		`INSERT INTO larder_outbox (class, item, tags) VALUES ('product', '1', 'all')`,
		`INSERT INTO larder_outbox (class, item, tags) VALUES ('product', '2', '["all", null, "", 7]')`,
		`INSERT INTO larder_outbox (class, item, version, tags) VALUES ('product', '3', -1, '["all", null, ""]')`,
		`INSERT INTO larder_outbox (class, tags) VALUES ('product', '["no key"]')`,
		`INSERT INTO larder_outbox (class) VALUES ('')`)
	start(t, w.relay(t, g, quick()))
	g.only(t, w, "product:3", "[all]", "[no key]")
	until(t, "two are set aside", func() bool { s := w.stats(t); return s.SetAside == 2 && s.Pending == 0 })
}

func panics(t *testing.T, w *world) {
	g := newTarget()
	var calls atomic.Int32
	g.onDeliver = func(context.Context) {
		if calls.Add(1) == 1 {
			g.set(func(g *target) { g.working-- })
			panic("in Deliver")
		}
	}
	o := quick()
	o.OnSetAside = func(outbox.SetAside) { panic("in OnSetAside") }
	g.refuse = func(c larder.Change) error {
		if c.Class == "ghost" {
			return larder.ErrUnknownClass
		}
		return nil
	}
	start(t, w.relay(t, g, o))
	w.enqueue(t, larder.Change{Class: "ghost", Key: "1"}, larder.Change{Class: "product", Key: "1"})
	g.only(t, w, "product:1")
}

func hinted(t *testing.T, w *world) {
	g := newTarget()
	o := quick()
	hints := make(chan struct{})
	o.MinPoll, o.MaxPoll, o.Lease, o.Hint = time.Minute, time.Minute, time.Hour, hints
	start(t, w.relay(t, g, o))
	until(t, "it holds the partition and has looked", func() bool {
		return number(t, w.db, "SELECT COUNT(*) FROM larder_outbox_parts WHERE worker <> 0 AND part = 0") == 1
	})
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	for range 2 { // the first may come before it has gone to rest
		hints <- struct{}{}
	}
	g.await(t, "product:1")
	close(hints)
}

func runsOnce(t *testing.T, w *world) {
	r := w.relay(t, newTarget(), quick())
	stop := start(t, r)
	until(t, "it runs", func() bool { return r.Counts().Confirmed > 0 })
	if err := r.Run(t.Context()); err == nil {
		t.Error("a second Run at the same time = nil, want an error")
	}
	stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Errorf("Run after it has ended = %v", err)
	}
}
