package larder_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

// writesPlan says what befalls a fleet with writers.
type writesPlan struct {
	replica bool // loads read a replica that lags
	cuts    bool // processes, or all of them, are cut off; replies are lost or late
	kills   bool // processes are killed, and others take their place
	losses  bool // the shared tier is too small for all keys
	flushes bool // it is flushed
	rewinds bool // it forgets what it has acknowledged last
	gates   bool // Options.Outbox
	mutant  string
	only    []int // the classes that are read and written; nil: all
}

// classes are those that are read and written.
func (p *writesPlan) classes() []int {
	if p.only != nil {
		return p.only
	}
	all := make([]int, len(bubbleClasses))
	for i := range all {
		all[i] = i
	}
	return all
}

// rows are those of the classes.
func (p *writesPlan) rows() (rows []int) {
	for _, class := range p.classes() {
		for key := range rowsOfClass {
			rows = append(rows, class*rowsOfClass+key)
		}
	}
	return rows
}

// calm reports whether nothing may be seen that a later read does not see:
// docs/decisions/005 says what an outage does to that.
func (p *writesPlan) calm() bool { return !p.cuts && !p.losses && !p.flushes && !p.rewinds && !p.kills }

// bubbleClass is a class of the fleet. Each has rows of its own.
type bubbleClass struct {
	name        string
	policy      larder.Policy
	unversioned bool
	tagged      bool // values have a tag that changes
}

const (
	rowsOfClass = 2
	itemsTag    = "items"
)

func itemTag(id int) string { return fmt.Sprint("item-", id%rowsOfClass) }

// The classes, by their place.
const (
	throughClass = iota
	asideClass
	bareClass
	strictClass
	markedClass
	taggedClass
	softClass
	shelfClass
)

var bubbleClasses = [...]bubbleClass{
	throughClass: {name: "through", policy: larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough}},
	asideClass:   {name: "aside", policy: larder.Policy{TTL: 1500 * time.Millisecond, StaleWhileRevalidate: time.Second}},
	bareClass:    {name: "bare", policy: larder.Policy{TTL: time.Hour, Tiers: larder.Shared}, unversioned: true},
	strictClass:  {name: "strict", policy: larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: true, Tiers: larder.Shared}},
	markedClass:  {name: "marked", policy: larder.Policy{TTL: 2 * time.Second, Pattern: larder.WriteThrough, Strict: true}},
	taggedClass:  {name: "tagged", policy: larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Tags: []string{itemsTag, "item-{key}"}, Rebuild: 1}, tagged: true},
	softClass:    {name: "soft", policy: larder.Policy{TTL: time.Hour}},
	shelfClass:   {name: "shelf", policy: larder.Policy{TTL: time.Hour, Tiers: larder.Memory, Tags: []string{itemsTag, "item-{key}"}}, tagged: true},
}

const bubbleRows = rowsOfClass * len(bubbleClasses)

func classOf(id int) int { return id / rowsOfClass }

func (c *bubbleClass) sharedOnly() bool { return c.policy.Tiers == larder.Shared }

// writesBubble is a fleet in fake time whose processes change what they cache.
type writesBubble struct {
	bubbleDice
	t       *testing.T
	plan    writesPlan
	db      *database
	store   *cluster
	start   time.Time
	over    atomic.Bool
	sleepy  bool // it takes long before another relay takes over
	curious bool // Refresh and MinVersion are frequent
	verdicts

	lastDelivered atomic.Uint64 // for the mutant that reads by id
	rewound       time.Time     // guarded by the books

	roster  sync.Mutex
	members []*member // those that live
	all     []*member
	work    sync.WaitGroup
	late    sync.WaitGroup // what is on its way to the store
}

// member is a process of the fleet.
type member struct {
	id     int
	l      *larder.Larder
	gate   *gate
	caches [len(bubbleClasses)]*larder.Cache[int, product]
	dead   atomic.Bool
}

func newWritesBubble(t *testing.T, seed uint64, plan writesPlan) *writesBubble {
	b := &writesBubble{t: t, plan: plan, start: time.Now()}
	b.seed(seed)
	b.curious = seed/2%2 == 0
	b.sleepy = plan.rewinds && seed%2 == 0
	b.db = newDatabase(&b.bubbleDice, bubbleRows, plan.replica)
	entries := 0
	if plan.losses {
		entries = len(plan.rows())/2 - 2
	}
	b.store = newCluster(2, entries, plan.mutant)
	return b
}

// noticing is how long after a node has forgotten something reads are not judged:
// a heartbeat and its way.
const noticing = 75 * time.Millisecond

// blind reports whether a read began before processes had noticed a rewind, which
// it may have met however late it ends: a batch waits for its slowest key. Its
// caller holds the books.
func (b *writesBubble) blind(began reading) bool {
	return !b.rewound.IsZero() && began.at.Sub(b.rewound) < noticing
}

// join starts a process.
func (b *writesBubble) join() *member {
	m := &member{gate: &gate{Store: b.store}}
	l, err := larder.Open(b.t.Context(), larder.WithMutant(larder.Options{
		Policies:     b.policies(),
		Shared:       &lossy{faulty: &faulty{gate: m.gate, b: &b.bubbleDice, slow: 50}, fleet: b},
		Lease:        20 * time.Millisecond,
		Hold:         500 * time.Millisecond,
		MaxStaleness: bubbleStaleness,
		Outbox:       b.plan.gates,
		Logger:       quiet,
	}, flagOf(b.plan.mutant)))
	if err != nil {
		b.t.Fatal(err)
	}
	m.l = l
	for i := range bubbleClasses {
		m.caches[i] = b.cache(l, i)
	}
	b.roster.Lock()
	defer b.roster.Unlock()
	m.id = len(b.all)
	b.all = append(b.all, m)
	b.members = append(b.members, m)
	return m
}

func (b *writesBubble) policies() map[string]larder.Policy {
	all := map[string]larder.Policy{}
	for _, c := range bubbleClasses {
		if b.plan.mutant == "no intent" {
			c.policy.Strict = false
		}
		all[c.name] = c.policy
	}
	return all
}

func (b *writesBubble) cache(l *larder.Larder, class int) *larder.Cache[int, product] {
	loader := larder.Loader[int, product]{
		Load: func(ctx context.Context, key int) (product, error) {
			return b.db.load(ctx, class*rowsOfClass+key)
		},
		Version: func(p product) uint64 { return p.Version },
	}
	if bubbleClasses[class].unversioned {
		loader.Version = nil
	}
	if bubbleClasses[class].tagged {
		loader.Tags = func(_ int, p product) []string { return []string{"category-" + p.Category} }
	}
	c, err := larder.NewCache(l, bubbleClasses[class].name, loader)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// somebody is a process that lives.
func (b *writesBubble) somebody() *member {
	n := b.roll(1 << 20)
	b.roster.Lock()
	defer b.roster.Unlock()
	return b.members[n%len(b.members)]
}

// employ gives a process its readers and writers.
func (b *writesBubble) employ(m *member) {
	for _, class := range b.plan.classes() {
		for range 2 { // who find each other's loads
			b.work.Go(func() { b.readers(m, class) })
		}
	}
	for range 4 {
		b.work.Go(func() { b.writers(m) })
	}
}

func (b *writesBubble) idle(m *member) bool { return b.over.Load() || m.dead.Load() }

// run lets a fleet live for a while, and then come to rest.
func (b *writesBubble) run(length time.Duration) {
	stop := make(chan struct{})
	var relays sync.WaitGroup
	for range 3 {
		b.join()
	}
	for range 2 {
		relays.Go(func() { b.relays(stop) })
	}
	time.Sleep(time.Second) // the tier is trusted
	for _, m := range b.members {
		b.employ(m)
	}
	b.trouble(length)
	b.over.Store(true)
	b.lastWords()
	b.rest()
	close(stop)
	relays.Wait()
	close(b.db.over)
	b.work.Wait()
	for _, m := range b.all {
		m.l.Close()
	}
	b.late.Wait()
	time.Sleep(time.Second) // loaders whose load was ended
	b.store.Close()
}

// lastWords changes every row once more behind the caches' back, so that nothing
// but the outbox tells them.
func (b *writesBubble) lastWords() {
	var words sync.WaitGroup
	for _, id := range b.plan.rows() {
		words.Go(func() {
			b.pause(20 * time.Millisecond)
			b.db.run(b.transaction(id))
		})
	}
	words.Wait()
}

// rest waits until everything is delivered, and looks whether all tiers have
// followed the database.
func (b *writesBubble) rest() {
	time.Sleep(time.Second) // what was under way
	drained := false
	for end := time.Now().Add(5 * time.Second); !drained && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		b.db.table(func(t *outboxTable) { drained = t.drained(t.highest()) })
	}
	b.undrained = !drained
	b.touch()
	time.Sleep(6 * time.Second) // intents whose writers have died lapse
	b.touch()
	time.Sleep(time.Second)
	newest := b.db.newest()
	for _, id := range b.plan.rows() {
		for _, m := range b.members {
			b.compare(m, id, newest[id])
		}
	}
}

// touch has every process look at every row, so that what was invalidated softly
// is loaded.
func (b *writesBubble) touch() {
	for _, m := range b.members {
		for _, id := range b.plan.rows() {
			m.caches[classOf(id)].Get(b.t.Context(), id%rowsOfClass)
		}
	}
}

// compare looks for a row in each tier.
func (b *writesBubble) compare(m *member, id int, want version) {
	c := m.caches[classOf(id)]
	var r larder.Report
	for _, opts := range [][]larder.GetOption{{}, {larder.Strict()}, {larder.Strict(), larder.Into(&r)}} {
		got, err := c.Get(b.t.Context(), id%rowsOfClass, opts...)
		if right := want.gone && errors.Is(err, larder.ErrNotFound) || !want.gone && err == nil && got.Version == want.Version; !right {
			b.stuck++
			b.note("row %d is stuck at version %d, %v; the database has %d, gone: %v", id, got.Version, err, want.Version, want.gone)
			return
		}
	}
	if kept := !b.plan.losses && bubbleClasses[classOf(id)].policy.Tiers != larder.Memory; kept && r.Tier() != larder.Shared {
		b.stuck++
		b.note("row %d is not kept in the shared tier any more", id)
	}
}

func TestBubbleWrites_Calm(t *testing.T) {
	writeBubbles(t, 6, writesPlan{replica: true})
}

func TestBubbleWrites_Outages(t *testing.T) {
	writeBubbles(t, 6, writesPlan{replica: true, cuts: true, kills: true})
}

func TestBubbleWrites_Flushes(t *testing.T) {
	writeBubbles(t, 6, writesPlan{replica: true, flushes: true, kills: true})
}

func TestBubbleWrites_Losses(t *testing.T) {
	writeBubbles(t, 6, writesPlan{losses: true, flushes: true, cuts: true, gates: true})
}

func TestBubbleWrites_Failovers(t *testing.T) {
	writeBubbles(t, 6, writesPlan{replica: true, rewinds: true, cuts: true, kills: true, gates: true})
}

// bubbleLength is how long a fleet lives before it comes to rest, in its time.
const bubbleLength = 3 * time.Second

// bubbleSeedsEnv sets how many schedules each plan is run with, for runs by hand.
const bubbleSeedsEnv = "LARDER_BUBBLE_SEEDS"

func writeBubbles(t *testing.T, seeds int, plan writesPlan) {
	if s := os.Getenv(bubbleSeedsEnv); s != "" {
		var err error
		if seeds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	total, unjudged := 0, 0
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newWritesBubble(t, uint64(seed), plan)
				b.run(bubbleLength)
				b.report(t, &plan)
				total += b.reads()
				unjudged += b.unjudged
			})
		})
	}
	t.Logf("%d reads judged, %d not", total, unjudged)
}
