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
	losses  bool // the shared tier is flushed, and too small for all keys
	rewinds bool // it forgets what it has acknowledged last
	gates   bool // Options.Outbox
	mutant  string
}

// calm reports whether nothing may be seen that a later read does not see:
// docs/decisions/005 says what an outage does to that.
func (p *writesPlan) calm() bool { return !p.cuts && !p.losses && !p.rewinds && !p.kills }

// bubbleClass is a class of the fleet. Each has rows of its own.
type bubbleClass struct {
	name        string
	policy      larder.Policy
	unversioned bool
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
)

var bubbleClasses = [...]bubbleClass{
	throughClass: {name: "through", policy: larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough}},
	asideClass:   {name: "aside", policy: larder.Policy{TTL: 1500 * time.Millisecond}},
	bareClass:    {name: "bare", policy: larder.Policy{TTL: time.Hour, Tiers: larder.Shared}, unversioned: true},
	strictClass:  {name: "strict", policy: larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Strict: true, Tiers: larder.Shared}},
	markedClass:  {name: "marked", policy: larder.Policy{TTL: 2 * time.Second, Pattern: larder.WriteThrough, Strict: true}},
	taggedClass:  {name: "tagged", policy: larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough, Tags: []string{itemsTag, "item-{key}"}, Rebuild: 1}},
	softClass:    {name: "soft", policy: larder.Policy{TTL: time.Hour}},
}

const bubbleRows = rowsOfClass * len(bubbleClasses)

func classOf(id int) int { return id / rowsOfClass }

func (c *bubbleClass) sharedOnly() bool { return c.policy.Tiers == larder.Shared }

// writesBubble is a fleet in fake time whose processes change what they cache.
type writesBubble struct {
	bubbleDice
	t     *testing.T
	plan  writesPlan
	db    *database
	store *cluster
	start time.Time
	over  atomic.Bool
	verdicts

	lastDelivered atomic.Uint64
	rewound       time.Time // guarded by the books

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
	b.db = newDatabase(&b.bubbleDice, bubbleRows, plan.replica)
	entries := 0
	if plan.losses {
		entries = bubbleRows/2 - 2
	}
	b.store = newCluster(2, entries, plan.mutant)
	return b
}

// blind reports whether a rewind was so lately that processes may not have
// noticed. Its caller holds the books.
func (b *writesBubble) blind() bool {
	return !b.rewound.IsZero() && time.Since(b.rewound) < bubbleStaleness
}

// join starts a process.
func (b *writesBubble) join() *member {
	m := &member{gate: &gate{Store: b.store}}
	l, err := larder.Open(b.t.Context(), larder.WithMutant(larder.Options{
		Policies:     b.policies(),
		Shared:       &lossy{faulty: &faulty{gate: m.gate, b: &b.bubbleDice}, fleet: b},
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
	if class == taggedClass {
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
	for class := range bubbleClasses {
		b.work.Go(func() { b.readers(m, class) })
	}
	for range 4 {
		b.work.Go(func() { b.writers(m) })
	}
}

func (b *writesBubble) idle(m *member) bool { return b.over.Load() || m.dead.Load() }

func (b *writesBubble) readers(m *member, class int) {
	for turn := 0; !b.idle(m); turn++ {
		key := b.roll(rowsOfClass)
		switch {
		case bubbleClasses[class].sharedOnly():
			b.read(m, class, key, true)
		// A strict read heals memory, so that half of the keys see none.
		case turn%3 == 0 && key%2 == 0:
			b.read(m, class, key, true, larder.Strict())
		case turn%8 == 1:
			b.readAll(m, class)
		default:
			b.read(m, class, key, false)
		}
		b.pause(2 * time.Millisecond)
	}
}

func (b *writesBubble) read(m *member, class, key int, strict bool, opts ...larder.GetOption) {
	id := class*rowsOfClass + key
	began := b.begin(m, id, strict)
	var r larder.Report
	got, err := m.caches[class].Get(b.t.Context(), key, append(opts, larder.Into(&r))...)
	if !m.dead.Load() {
		b.judge(id, began, got, r.Stale > 0, err)
	}
}

// readAll reads all keys of a class at once, as memory allows.
func (b *writesBubble) readAll(m *member, class int) {
	keys := make([]int, rowsOfClass)
	began := make([]reading, rowsOfClass)
	for key := range keys {
		keys[key] = key
		began[key] = b.begin(m, class*rowsOfClass+key, false)
	}
	got, err := m.caches[class].GetMany(b.t.Context(), keys)
	if m.dead.Load() {
		return
	}
	for _, key := range keys {
		one := err
		p, ok := got[key]
		if !ok && err == nil {
			one = larder.ErrNotFound
		}
		b.judge(class*rowsOfClass+key, began[key], p, false, one)
	}
}

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
	b.store.Close()
}

// lastWords changes every row once more behind the caches' back, so that nothing
// but the outbox tells them.
func (b *writesBubble) lastWords() {
	var words sync.WaitGroup
	for id := range bubbleRows {
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
	for id, want := range b.db.newest() {
		for _, m := range b.members {
			b.compare(m, id, want)
		}
	}
}

// touch has every process look at every row, so that what was invalidated softly
// is loaded.
func (b *writesBubble) touch() {
	for _, m := range b.members {
		for id := range bubbleRows {
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
	if r.Tier() != larder.Shared {
		b.stuck++
		b.note("row %d is not kept in the shared tier any more", id)
	}
}

func TestBubbleWrites_Calm(t *testing.T) {
	writeBubbles(t, 8, writesPlan{replica: true})
}

func TestBubbleWrites_Outages(t *testing.T) {
	writeBubbles(t, 8, writesPlan{replica: true, cuts: true, kills: true})
}

func TestBubbleWrites_Losses(t *testing.T) {
	writeBubbles(t, 8, writesPlan{losses: true, cuts: true, gates: true})
}

func TestBubbleWrites_Failovers(t *testing.T) {
	writeBubbles(t, 8, writesPlan{rewinds: true, cuts: true, kills: true, gates: true})
}

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
				b.run(5 * time.Second)
				b.report(t, &plan)
				total += b.reads()
				unjudged += b.unjudged
			})
		})
	}
	t.Logf("%d reads judged, %d not", total, unjudged)
}
