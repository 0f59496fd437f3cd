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

var historyCases = []testCase{
	{name: "a new history rewinds once, whoever sees it", run: rewindOnce},
	{name: "relays that see a new history at once rewind once", run: rewindTogether},
	{name: "what is delivered during a rewind is delivered again", run: deliveredDuringRewind},
	{name: "a relay that talks to a deposed server does not work", run: deposed},
	{name: "a relay alone goes on with the server it has", run: alone},
	{name: "a relay that starts in an outage delivers again when it is over", run: startInOutage},
	{name: "a checkpoint is confirmed when all before it is delivered", run: confirmedLate},
	{name: "done rows are deleted", run: pruned},
	{name: "done rows stay while the tier is away", run: keptInOutage},
	{name: "done rows stay while a node of the tier is away", run: keptWhileOneIsAway},
	{name: "done rows stay until they are opened again", run: keptUntilOpened},
	{name: "rows that are set aside are bounded", run: asideBounded},
	{name: "the table stays small under 1,000 rows a second", run: staysSmall},
}

// deliver enqueues n rows and waits until they are done.
func deliver(t *testing.T, w *world, n int) (want []string) {
	t.Helper()
	for i := range n {
		c := larder.Change{Class: "product", Key: fmt.Sprint(i), Version: 1}
		w.enqueue(t, c)
		want = append(want, show(c))
	}
	until(t, "all rows are done", func() bool { s := w.stats(t); return s.Pending == 0 && s.Done >= int64(n) })
	return want
}

// on puts the name of a history behind deliveries.
func on(history string, deliveries []string) (all []string) {
	for _, d := range deliveries {
		all = append(all, d+" "+history)
	}
	return all
}

func rewindOnce(t *testing.T, w *world) {
	g := newTarget()
	relays := []*outbox.Relay{w.relay(t, g, quick()), w.relay(t, g, quick())}
	for _, r := range relays {
		start(t, r)
	}
	first := deliver(t, w, 10)
	for _, history := range []string{"second", "third", strings.Repeat("of a very long name ", 20)} {
		g.set(func(g *target) { g.history = history })
		g.await(t, on(history, first)...)
		until(t, "all is done again", func() bool { s := w.stats(t); return s.Pending == 0 && s.Done == 10 })
		until(t, "and confirmed", func() bool { n, _ := g.confirmations(history); return n > 0 })
	}
	a, b := relays[0].Counts(), relays[1].Counts()
	if len(g.deliveries()) != 40 || a.Rewinds+b.Rewinds != 3 || a.Redelivered+b.Redelivered != 30 {
		t.Errorf("%d deliveries, %+v and %+v; want 40, and three rewinds of ten rows", len(g.deliveries()), a, b)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.confirmed {
		if slices.Equal(c.histories, []string{"second"}) && c.got < 20 {
			t.Errorf("the second history was confirmed after %d deliveries, want 20", c.got)
		}
	}
}

// rewindTogether starts relays when the history is another: each looks at once.
func rewindTogether(t *testing.T, w *world) {
	g := newTarget()
	stop := start(t, w.relay(t, g, quick()))
	first := deliver(t, w, 5)
	stop()
	g.set(func(g *target) { g.history = "second" })
	var relays []*outbox.Relay
	for range 5 {
		relays = append(relays, w.relay(t, g, quick()))
		start(t, relays[len(relays)-1])
	}
	g.await(t, on("second", first)...)
	// Another history makes sure that all have finished with this one.
	g.set(func(g *target) { g.history = "third" })
	g.await(t, on("third", first)...)
	until(t, "all is done again", func() bool { s := w.stats(t); return s.Pending == 0 && s.Done == 5 })
	var rewinds uint64
	for _, r := range relays {
		rewinds += r.Counts().Rewinds
	}
	if rewinds != 2 || len(g.deliveries()) != 15 {
		t.Errorf("%d rewinds and %d deliveries for two new histories, want 2 and 15", rewinds, len(g.deliveries()))
	}
}

// deliveredDuringRewind has a relay deliver to the old server while another
// finds the new one.
func deliveredDuringRewind(t *testing.T, w *world) {
	older, newer := newTarget(), newTarget()
	newer.history = "second"
	var once sync.Once
	in, out := make(chan bool), make(chan bool)
	older.onDeliver = func(context.Context) { once.Do(func() { close(in); <-out }) }
	stop := start(t, w.relay(t, older, quick()))
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	<-in
	start(t, w.relay(t, newer, quick()))
	until(t, "the other has seen the new server", func() bool {
		newer.mu.Lock()
		defer newer.mu.Unlock()
		return newer.asked > 0
	})
	if w.dialect == outbox.SQLite { // elsewhere the rewind waits for the other's transaction
		until(t, "the other has noted it", func() bool { return number(t, w.db, "SELECT COUNT(*) FROM larder_outbox_histories") == 2 })
	}
	close(out)
	older.await(t, "product:1")
	newer.await(t, "product:1 second")
	stop()
}

// deposed has a relay hold the partition whose target is the server before.
func deposed(t *testing.T, w *world) {
	older, newer := newTarget(), newTarget()
	newer.history = "second"
	start(t, w.relay(t, older, quick()))
	first := deliver(t, w, 3)
	start(t, w.relay(t, newer, quick()))
	newer.await(t, on("second", first)...)
	w.enqueue(t, larder.Change{Class: "product", Key: "new"})
	newer.await(t, "product:new second")
	if slices.Contains(older.deliveries(), "product:new") {
		t.Error("the deposed server got a row")
	}
}

// alone ends the relay that has noted another server.
func alone(t *testing.T, w *world) {
	older, newer := newTarget(), newTarget()
	newer.history = "second"
	stop := start(t, w.relay(t, newer, quick()))
	deliver(t, w, 3)
	stop()
	o := quick()
	o.Lease = 100 * time.Millisecond // it gives others twice that long
	g := older
	g.set(func(g *target) { g.history = "second" })
	stop = start(t, w.relay(t, g, o))
	w.enqueue(t, larder.Change{Class: "product", Key: "a"})
	g.await(t, "product:a second")
	stop()
	// A node was taken away for good: nobody will see "second" again.
	mustExec(t, w.db, "INSERT INTO larder_outbox_histories (history, epoch) VALUES ('first', 0)")
	g.set(func(g *target) { g.history = "first" })
	r := w.relay(t, g, o)
	start(t, r)
	w.enqueue(t, larder.Change{Class: "product", Key: "b"})
	g.await(t, "product:b", "product:a")
	if r.Counts().Rewinds != 1 {
		t.Errorf("%+v, want one rewind, because nobody can say what was lost", r.Counts())
	}
}

// startInOutage has one of several servers down for good: Checkpoint fails,
// delivering does not.
func startInOutage(t *testing.T, w *world) {
	g := newTarget()
	o := quick()
	o.Lease = 100 * time.Millisecond
	partly := &partlyDown{target: g}
	partly.partly.Store(true)
	r := w.relay(t, partly, o)
	start(t, r)
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	g.await(t, "product:1")
	if n, _ := g.confirmations("first"); n != 0 {
		t.Errorf("%d confirmations while a server is down", n)
	}
	partly.partly.Store(false)
	until(t, "it is delivered again", func() bool { return len(g.deliveries()) == 2 })
	until(t, "and confirmed", func() bool { n, _ := g.confirmations("first"); return n > 0 })
}

// partlyDown is a tier of which one server does not answer.
type partlyDown struct {
	*target
	partly atomic.Bool
}

func (p *partlyDown) Checkpoint(ctx context.Context) (larder.Checkpoint, error) {
	if p.partly.Load() {
		return larder.Checkpoint{}, errDown
	}
	return p.target.Checkpoint(ctx)
}

func confirmedLate(t *testing.T, w *world) {
	g := newTarget()
	g.refuse = func(c larder.Change) error {
		if c.Key == "slow" {
			return errors.New("not yet")
		}
		return nil
	}
	o := quick()
	o.MaxTries = 1_000
	start(t, w.relay(t, g, o))
	until(t, "an empty table is confirmed", func() bool { n, _ := g.confirmations("first"); return n > 0 })
	w.enqueue(t, larder.Change{Class: "product", Key: "slow"})
	asked := func() (n int) { g.set(func(g *target) { n = g.asked }); return n }
	committed := asked()
	w.enqueue(t, larder.Change{Class: "product", Key: "quick"})
	g.await(t, "product:quick")
	until(t, "some more checkpoints", func() bool { return asked() > committed+10 })
	g.set(func(g *target) { g.refuse = nil })
	after := func() (found []confirmed) {
		g.set(func(g *target) {
			for _, c := range g.confirmed {
				if c.asked > committed {
					found = append(found, c)
				}
			}
		})
		return found
	}
	until(t, "a later checkpoint is confirmed", func() bool { return len(after()) > 0 })
	for _, c := range after() {
		if got := g.deliveries()[:c.got]; !slices.Contains(got, "product:slow") {
			t.Errorf("checkpoint %d, taken after %d, was confirmed when only %q was delivered", c.asked, committed, got)
		}
	}
}

func pruned(t *testing.T, w *world) {
	g := newTarget()
	o := quick()
	o.Keep = time.Second
	start(t, w.relay(t, g, o))
	deliver(t, w, 20)
	until(t, "the table is empty", func() bool { return w.stats(t) == outbox.Stats{} })
}

func keptInOutage(t *testing.T, w *world) {
	g := newTarget()
	o := quick()
	o.Keep = time.Second
	start(t, w.relay(t, g, o))
	first := deliver(t, w, 5)
	g.set(func(g *target) { g.down = true })
	g.askedAgain(t, 7) // with the pauses between them these take 3.5 s
	g.set(func(g *target) { g.down, g.history = false, "second" })
	g.await(t, on("second", first)...)
}

// keptWhileOneIsAway has one of two servers away for much longer than Keep, and
// then another in its place, which may have missed the last that it acknowledged.
func keptWhileOneIsAway(t *testing.T, w *world) {
	g := &twoServers{target: newTarget()}
	g.other.Store("other")
	o := quick()
	o.Keep = time.Second
	start(t, w.relay(t, g, o))
	deliver(t, w, 5)
	g.other.Store("")
	g.askedAgain(t, 150) // one each 20 ms
	g.other.Store("its successor")
	until(t, "all is delivered again", func() bool { return len(g.deliveries()) == 10 })
	until(t, "the table is empty", func() bool { return w.stats(t) == outbox.Stats{} })
}

// twoServers is a tier with another server beside that of target.
type twoServers struct {
	*target
	other atomic.Value // its history, "" while it does not answer
}

func (g *twoServers) Checkpoint(context.Context) (larder.Checkpoint, error) {
	var histories map[string]int64
	g.set(func(g *target) { g.asked++; histories = map[string]int64{g.history: 1} })
	if other := g.other.Load().(string); other != "" {
		histories[other] = 1
	}
	return larder.NewCheckpoint(histories), nil
}

func (g *twoServers) Confirm(context.Context, larder.Checkpoint) error { return nil }

// keptUntilOpened has the target with another history, while the database fails to
// begin an epoch with it.
func keptUntilOpened(t *testing.T, w *world) {
	g := newTarget()
	o := quick()
	o.Keep = time.Second
	start(t, w.relay(t, g, o))
	first := deliver(t, w, 5)
	mustExec(t, w.db, "ALTER TABLE larder_outbox_histories RENAME TO elsewhere")
	g.set(func(g *target) { g.history = "second" })
	g.askedAgain(t, 7) // with the pauses between them these take 3.5 s
	mustExec(t, w.db, "ALTER TABLE elsewhere RENAME TO larder_outbox_histories")
	g.await(t, on("second", first)...)
}

func asideBounded(t *testing.T, w *world) {
	changes := make([]larder.Change, 10_030)
	for i := range changes {
		changes[i] = larder.Change{Class: "product", Key: fmt.Sprint(i)}
	}
	w.enqueue(t, changes...)
	mustExec(t, w.db, "UPDATE larder_outbox SET state = 2, at_ms = 1")
	start(t, w.relay(t, newTarget(), quick()))
	until(t, "the oldest are deleted", func() bool { return w.stats(t).SetAside == 10_000 })
	if oldest, err := w.box.SetAside(t.Context(), 1); err != nil || oldest[0].Key != "30" {
		t.Errorf("the oldest that is left is %v, %v; want that of key 30", oldest, err)
	}
}

// staysSmall counts, it does not measure time: with a second to keep, the table
// must not hold what five seconds have brought.
func staysSmall(t *testing.T, w *world) {
	const rows = 5_000
	o := quick()
	o.Keep = time.Second
	r := w.relay(t, newTarget(), o)
	start(t, r)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	most := int64(0)
	for i := 0; i < rows; i += 20 {
		changes := make([]larder.Change, 20)
		for j := range changes {
			changes[j] = larder.Change{Class: "product", Key: fmt.Sprint(i + j), Version: 1, Tags: []string{"products"}}
		}
		w.enqueue(t, changes...)
		s := w.stats(t)
		most = max(most, s.Pending+s.Done)
		<-tick.C
	}
	until(t, "all is delivered and deleted", func() bool { return w.stats(t) == outbox.Stats{} })
	if got := r.Counts().Delivered; got != rows {
		t.Errorf("%d rows delivered, want %d", got, rows)
	}
	t.Logf("%d rows at most", most)
	if most > rows*4/5 {
		t.Errorf("the table had %d of %d rows at once", most, rows)
	}
}
