package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder"
)

// outageRun is what 32 readers of 1,000 keys saw while the server was away.
type outageRun struct {
	p99, worst time.Duration
	failed     int64
	gets       int
	recovered  time.Duration // until a Get was a hit in the shared tier again
}

// outage breaks the server with hurt for three seconds and mends it.
func outage(ctx context.Context, hurt, mend func(*bed) error) (outageRun, error) {
	b, err := newBed(ctx)
	if err != nil {
		return outageRun{}, err
	}
	defer b.close()
	l, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"page": {TTL: time.Hour}},
		Shared:   b.trips, Logger: silent,
	})
	if err != nil {
		return outageRun{}, err
	}
	defer l.Close()
	c, err := larder.NewCache(l, "page", larder.Loader[int, int]{Load: func(_ context.Context, id int) (int, error) {
		<-time.After(5 * time.Millisecond)
		return id, nil
	}})
	if err != nil {
		return outageRun{}, err
	}
	for id := range keys {
		if _, err := c.Get(ctx, id); err != nil {
			return outageRun{}, err
		}
	}
	if err := hurt(b); err != nil {
		return outageRun{}, err
	}
	r := hammer(ctx, c, 3*time.Second)
	if err := mend(b); err != nil {
		return r, err
	}
	mended := time.Now()
	for time.Since(mended) < 10*time.Second {
		var report larder.Report
		id := rand.IntN(keys)
		c.Get(ctx, id)
		if _, err := c.Get(ctx, id, larder.Strict(), larder.Into(&report)); err == nil && report.Tier() == larder.Shared {
			r.recovered = time.Since(mended)
			return r, nil
		}
	}
	return r, errors.New("the shared tier was not used again within 10 s")
}

// hammer reads for a while and judges every answer.
func hammer(ctx context.Context, c *larder.Cache[int, int], length time.Duration) (r outageRun) {
	var mu sync.Mutex
	var all []time.Duration
	var failed atomic.Int64
	end := time.Now().Add(length)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			var mine []time.Duration
			for time.Now().Before(end) {
				id, began := rand.IntN(keys), time.Now()
				if v, err := c.Get(ctx, id); err != nil || v != id {
					failed.Add(1)
				}
				mine = append(mine, time.Since(began))
				<-time.After(time.Millisecond)
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	slices.Sort(all)
	return outageRun{p99: all[len(all)*99/100], worst: all[len(all)-1], failed: failed.Load(), gets: len(all)}
}

func (r outageRun) row(what string) row {
	return row{
		what:   what,
		larder: fmt.Sprintf("p99 %d ms", r.p99.Milliseconds()),
		bare:   fmt.Sprintf("%d/%d errors", r.failed, r.gets),
		ratio:  r.recovered.Seconds(), bar: "≤ 2 s",
		kept: r.failed == 0 && r.p99 < 150*time.Millisecond && r.recovered <= 2*time.Second,
	}
}

func stopped(ctx context.Context) (row, error) {
	r, err := outage(ctx, func(b *bed) error { return b.server.Pause() }, func(b *bed) error { return b.server.Resume() })
	return r.row("server SIGSTOPped; recovery"), err
}

func killed(ctx context.Context) (row, error) {
	r, err := outage(ctx, func(b *bed) error { b.server.Kill(); return nil }, func(b *bed) error { return b.server.Restart(ctx) })
	return r.row("server killed; recovery"), err
}

// unknownIDs asks once for each of a million ids that do not exist.
func unknownIDs(ctx context.Context) (row, error) {
	b, err := newBed(ctx)
	if err != nil {
		return row{}, err
	}
	defer b.close()
	l, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"ghost": {TTL: time.Hour, NegativeTTL: time.Hour}},
		Shared:   b.trips, SharedTimeout: time.Second, Logger: silent,
	})
	if err != nil {
		return row{}, err
	}
	defer l.Close()
	var asked atomic.Int64
	c, err := larder.NewCache(l, "ghost", larder.Loader[int, int]{LoadMany: func(_ context.Context, ids []int) (map[int]int, error) {
		asked.Add(int64(len(ids)))
		return nil, nil
	}})
	if err != nil {
		return row{}, err
	}
	const ids, page = 1_000_000, 500
	before := heap()
	for from := 0; from < ids; from += page {
		batch := make([]int, page)
		for i := range batch {
			batch[i] = from + i
		}
		if _, err := c.GetMany(ctx, batch); err != nil {
			return row{}, err
		}
		if from%100_000 == 0 { // once more: they are remembered
			if _, err := c.GetMany(ctx, batch); err != nil {
				return row{}, err
			}
		}
	}
	grown := (heap() - before) >> 20
	return row{
		what:   "1,000,000 unknown ids, heap MB",
		larder: fmt.Sprintf("%d asked", asked.Load()), bare: "",
		ratio: float64(grown), bar: "≤ 64", kept: grown <= 64 && asked.Load() <= ids,
	}, nil
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
