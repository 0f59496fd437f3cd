package larder_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// bubble is a fleet in fake time, with a seeded schedule of faults: every
// message is delayed, some are lost, processes are cut off, the shared tier
// is flushed. It judges each read as the torture run does.
type bubble struct {
	bubbleDice
	t     *testing.T
	start time.Time
	over  atomic.Bool
	keys  [5]bubbleKey
	// lone: one reader in each process, keys that are written twice in short
	// order, and more slow answers.
	lone bool

	reads, memoryReads, stale, backwards, failed int
	worst                                        time.Duration
}

// bubbleDice are rolled for all that a schedule decides, and guard its books.
type bubbleDice struct {
	mu   sync.Mutex
	dice *rand.Rand
}

func (b *bubbleDice) seed(n uint64) { b.dice = rand.New(rand.NewPCG(n, 0)) }

func (b *bubbleDice) roll(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dice.IntN(n)
}

// pause is a while of up to most, in fake time.
func (b *bubbleDice) pause(most time.Duration) { time.Sleep(time.Duration(b.roll(int(most)))) }

type bubbleKey struct {
	origin, acked, seen uint64
	acks                map[uint64]time.Time
}

func newBubble(t *testing.T, seed uint64) *bubble {
	b := &bubble{t: t, start: time.Now(), lone: seed%2 == 1}
	b.seed(seed)
	for i := range b.keys {
		b.keys[i].acks = map[uint64]time.Time{}
	}
	return b
}

// load reads the row at once and answers later.
func (b *bubble) load(_ context.Context, key int) (uint64, error) {
	b.mu.Lock()
	v := b.keys[key].origin
	b.mu.Unlock()
	b.pause(3 * time.Millisecond)
	if b.roll(50) == 0 {
		time.Sleep(30 * time.Millisecond)
	}
	return v, nil
}

// faulty is one process's way to the shared tier: a gate with delays.
type faulty struct {
	*gate
	b    *bubbleDice
	slow int // of so many answers to Get one is
}

func (f *faulty) Get(ctx context.Context, keys []string) []store.Reply {
	f.b.pause(400 * time.Microsecond)
	r := f.gate.Get(ctx, keys)
	f.b.pause(400 * time.Microsecond)
	if f.b.roll(f.slow) == 0 { // the answer is overtaken by pushes, and by other loads
		f.b.pause(40 * time.Millisecond)
	}
	return r
}

func (f *faulty) Do(ctx context.Context, ops []store.Op) []store.Reply {
	f.b.pause(400 * time.Microsecond)
	r := f.gate.Do(ctx, ops)
	f.b.pause(400 * time.Microsecond)
	if f.b.roll(500) == 0 { // it took effect, and nobody hears of it
		return hang(ctx, len(ops))
	}
	return r
}

func (f *faulty) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	f.gate.Watch(ctx, slowFeed{feed, f.b}, period)
}

// slowFeed holds every push back for a while, in order.
type slowFeed struct {
	store.Feed
	b *bubbleDice
}

func (f slowFeed) Changed(node string, keys []string) {
	f.b.pause(600 * time.Microsecond)
	f.Feed.Changed(node, keys)
}

func (b *bubble) node(s store.Store, mutant string) (*gate, [2]*larder.Cache[int, uint64], func()) {
	f := &faulty{gate: &gate{Store: s}, b: &b.bubbleDice, slow: 50}
	if b.lone {
		f.slow = 5
	}
	l, err := larder.Open(b.t.Context(), larder.WithMutant(larder.Options{
		Policies: map[string]larder.Policy{
			"strict": {TTL: 10 * time.Second, Tiers: larder.Shared},
			"warm":   {TTL: 10 * time.Second},
		},
		Shared:       f,
		Lease:        20 * time.Millisecond,
		MaxStaleness: 200 * time.Millisecond,
		Logger:       quiet,
	}, mutant))
	if err != nil {
		b.t.Fatal(err)
	}
	var caches [2]*larder.Cache[int, uint64]
	for i, class := range []string{"strict", "warm"} {
		caches[i], err = larder.NewCache(l, class, larder.Loader[int, uint64]{Load: b.load})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return f.gate, caches, func() { l.Close() }
}

func (b *bubble) write(caches [2]*larder.Cache[int, uint64]) {
	for key, first := 0, false; !b.over.Load(); {
		if first = !first || !b.lone; first {
			key = b.roll(len(b.keys))
		}
		b.mu.Lock()
		b.keys[key].origin++
		v := b.keys[key].origin
		b.mu.Unlock()
		err := caches[0].Invalidate(b.t.Context(), key)
		if err == nil {
			err = caches[1].Invalidate(b.t.Context(), key)
		}
		if err == nil {
			b.mu.Lock()
			b.keys[key].acked = max(b.keys[key].acked, v)
			b.keys[key].acks[v] = time.Now()
			b.mu.Unlock()
		}
		b.rest(first)
	}
}

// rest is between two writes of one writer. In a lone schedule the second of a
// pair overtakes answers that the first has made processes ask for, and neither
// another reader nor a later write soon heals what a process wrongly keeps.
func (b *bubble) rest(first bool) {
	switch {
	case b.lone && first:
		b.pause(60 * time.Millisecond)
	case b.lone:
		b.pause(time.Second)
	default:
		b.pause(60 * time.Millisecond)
		if b.roll(8) == 0 {
			time.Sleep(time.Second)
		}
	}
}

func (b *bubble) read(caches [2]*larder.Cache[int, uint64]) {
	for i := 0; !b.over.Load(); i++ {
		key := b.roll(len(b.keys))
		b.mu.Lock()
		k, began := b.keys[key], time.Now()
		b.mu.Unlock()
		var got uint64
		var err error
		// A strict read heals memory, so that half of the keys see none.
		switch turn := i % 3; {
		case turn == 0:
			got, err = caches[0].Get(b.t.Context(), key)
			b.judge(key, k, got, err)
		case turn == 1 && key%2 == 0:
			got, err = caches[1].Get(b.t.Context(), key, larder.Strict())
			b.judge(key, bubbleKey{acked: k.acked}, got, err)
		default:
			got, err = caches[1].Get(b.t.Context(), key)
			b.judgeMemory(key, k.acked, got, began, err)
		}
		b.pause(2 * time.Millisecond)
	}
}

func (b *bubble) judge(key int, k bubbleKey, got uint64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	switch {
	case err != nil:
		b.failed++
	case got < k.acked:
		b.stale++
	case got < k.seen:
		b.backwards++
	}
	if k.acks != nil && err == nil {
		b.keys[key].seen = max(b.keys[key].seen, got)
	}
}

func (b *bubble) judgeMemory(key int, acked, got uint64, began time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memoryReads++
	if err != nil {
		b.failed++
		return
	}
	for v := got + 1; v <= acked; v++ {
		if at, ok := b.keys[key].acks[v]; ok {
			b.worst = max(b.worst, began.Sub(at))
			return
		}
	}
}

// run lets a fleet of three live for a while.
func (b *bubble) run(length time.Duration, mutant string, faults bool) {
	s := localstore.New(localstore.Options{})
	var wg sync.WaitGroup
	var gates []*gate
	var closers []func()
	for range 3 {
		g, caches, end := b.node(s, mutant)
		gates, closers = append(gates, g), append(closers, end)
		for range 2 {
			wg.Go(func() { b.write(caches) })
		}
		for i := range 4 {
			if i == 0 || !b.lone {
				wg.Go(func() { b.read(caches) })
			}
		}
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		b.pause(300 * time.Millisecond)
		if !faults {
			continue
		}
		switch g := gates[b.roll(len(gates))]; b.roll(3) {
		case 0:
			s.Flush()
		case 1:
			g.hangs.Store(true)
			b.pause(time.Second)
			g.hangs.Store(false)
		}
	}
	b.over.Store(true)
	wg.Wait()
	for _, end := range closers {
		end()
	}
	s.Close()
}

const bubbleStaleness = 200 * time.Millisecond

func TestBubble_FleetWithoutFaultsIsLinearizable(t *testing.T) { bubbles(t, 10, false) }

func TestBubble_FleetUnderFaults(t *testing.T) { bubbles(t, 20, true) }

func bubbles(t *testing.T, seeds int, faults bool) {
	total := 0
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, uint64(seed))
				b.run(10*time.Second, "", faults)
				total += b.reads + b.memoryReads
				if b.stale != 0 {
					t.Errorf("%d of %d strict reads were stale, want 0 (P1)", b.stale, b.reads)
				}
				if b.worst > bubbleStaleness {
					t.Errorf("memory was %v behind, want %v at most (P2)", b.worst, bubbleStaleness)
				}
				// While a process is cut off it reads the origin, where it may
				// see what nobody has acknowledged yet.
				if !faults && b.backwards != 0 {
					t.Errorf("%d of %d strict reads went backwards, want 0 (P1)", b.backwards, b.reads)
				}
				if b.failed != 0 {
					t.Errorf("%d reads failed while the origin answered", b.failed)
				}
			})
		})
	}
	t.Logf("%d reads judged", total)
}

func TestBubble_CatchesEachMutant(t *testing.T) {
	for _, mutant := range []string{"lease per process", "no taint", "no heartbeat"} {
		t.Run(mutant, func(t *testing.T) {
			for seed := range uint64(80) {
				caught := false
				synctest.Test(t, func(t *testing.T) {
					b := newBubble(t, seed)
					b.run(10*time.Second, mutant, true)
					caught = b.stale+b.backwards > 0 && mutant == "lease per process" || b.worst > bubbleStaleness
				})
				if caught {
					t.Logf("caught with seed %d", seed)
					return
				}
			}
			t.Error("80 schedules did not catch it")
		})
	}
}
