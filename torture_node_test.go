package larder_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/ledgertest"
	"github.com/larderdev/larder/redisstore"
)

// tortureEnv makes this test binary one process of a torture run: its value
// is the path of the ledger.
const (
	tortureEnv       = "LARDER_TORTURE_LEDGER"
	tortureRedisEnv  = "LARDER_TORTURE_REDIS"
	tortureNodeEnv   = "LARDER_TORTURE_NODE"
	tortureMutantEnv = "LARDER_TORTURE_MUTANT"
	tortureBoundEnv  = "LARDER_TORTURE_MAX_STALENESS"
	lateTags         = "tags read after the load" // the mutant that only tags show
)

func TestMain(m *testing.M) {
	if path := os.Getenv(tortureEnv); path != "" {
		if err := tortureNode(path); err != nil {
			fmt.Fprintln(os.Stderr, "torture:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

type tortured struct {
	ledger *ledger
	number int
	strict *larder.Cache[int, uint64] // without memory
	warm   *larder.Cache[int, uint64] // the same rows, with memory
	tagged *larder.Cache[int, uint64] // the same rows, invalidated by tags only
	l      *larder.Larder
	tags   bool // tagged is used
}

// tortureNode reads and writes until it is killed.
func tortureNode(path string) error {
	led, err := ledgertest.Open[ledger](path)
	if err != nil {
		return err
	}
	s, err := redisstore.Open(context.Background(), redisstore.Options{Addrs: []string{os.Getenv(tortureRedisEnv)}})
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(os.Getenv(tortureNodeEnv))
	if err != nil {
		return err
	}
	bound, err := time.ParseDuration(os.Getenv(tortureBoundEnv))
	if err != nil {
		return err
	}
	l, err := larder.Open(context.Background(), larder.WithMutant(larder.Options{
		Policies: map[string]larder.Policy{
			"strict": {TTL: time.Minute, Tiers: larder.Shared},
			"warm":   {TTL: time.Minute},
			"tagged": {TTL: time.Minute, Tiers: larder.Shared, Tags: []string{"row-{key}"}},
		},
		Shared:       s,
		MaxStaleness: bound,
		Logger:       quiet,
	}, os.Getenv(tortureMutantEnv)))
	if err != nil {
		return err
	}
	mutant := os.Getenv(tortureMutantEnv)
	n := &tortured{ledger: led, number: number, l: l, tags: mutant == "" || mutant == lateTags}
	if n.strict, err = larder.NewCache(l, "strict", n.loader()); err != nil {
		return err
	}
	if n.warm, err = larder.NewCache(l, "warm", n.loader()); err != nil {
		return err
	}
	if n.tagged, err = larder.NewCache(l, "tagged", n.loader()); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(n.write)
	}
	for range 8 {
		wg.Go(n.read)
	}
	wg.Wait()
	return nil
}

// loader reads the origin at once and answers later, as a database does.
func (n *tortured) loader() larder.Loader[int, uint64] {
	return larder.Loader[int, uint64]{Load: func(_ context.Context, key int) (uint64, error) {
		n.ledger.loads.Add(1)
		v := n.ledger.keys[key].origin.Load()
		pause := time.Duration(200+rand.IntN(1300)) * time.Microsecond
		if rand.IntN(100) == 0 {
			pause = 20 * time.Millisecond
		}
		<-time.After(pause)
		return v, nil
	}}
}

// pick chooses a key: half of the traffic is on a tenth of them.
func pick() int {
	if rand.IntN(2) == 0 {
		return rand.IntN(tortureKeys / 10)
	}
	return rand.IntN(tortureKeys)
}

func (n *tortured) write() {
	ctx := context.Background()
	for {
		key := pick()
		v := n.ledger.keys[key].origin.Add(1) // COMMIT
		n.ledger.writes.Add(1)
		err := n.strict.Invalidate(ctx, key)
		if err == nil {
			err = n.warm.Invalidate(ctx, key)
		}
		if err == nil && n.tags {
			err = n.l.InvalidateTags(ctx, fmt.Sprint("row-", key))
		}
		if err == nil {
			n.ledger.keys[key].told.Acknowledge(v)
		} else {
			n.ledger.pending.Add(1)
		}
		<-time.After(time.Duration(1+rand.IntN(8)) * time.Millisecond)
	}
}

func (n *tortured) read() {
	ctx := context.Background()
	for i := 0; ; i++ {
		key := pick()
		k := &n.ledger.keys[key]
		n.ledger.nodeReads[n.number].Add(1)
		began := time.Now()
		acked, seen := k.told.Acked.Load(), k.seen.Load()
		var got uint64
		var err error
		// A strict read heals memory, so that half of the keys see none.
		switch turn := i % 4; {
		case turn == 0:
			if got, err = n.strict.Get(ctx, key); err == nil {
				n.ledger.strict(key, acked, seen, got)
			}
		case turn == 2 && n.tags:
			if got, err = n.tagged.Get(ctx, key); err == nil {
				n.ledger.strict(key, acked, 0, got)
			}
		case turn == 1 && key%2 == 0:
			if got, err = n.warm.Get(ctx, key, larder.Strict()); err == nil && got < acked {
				n.ledger.stale.Add(1)
			}
			n.ledger.strictReads.Add(1)
		default:
			if got, err = n.warm.Get(ctx, key); err == nil {
				n.ledger.memory(key, acked, got, began)
			}
		}
		if err != nil {
			n.ledger.failures.Add(1)
		}
		if i%64 == 0 {
			<-time.After(time.Millisecond)
		}
	}
}
