package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/maypok86/otter/v2"
)

const rounds = 9 // interleaved; the median counts

// wide is a value of 200 bytes.
type wide struct{ A [25]int64 }

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// memoryHit compares a hit in memory with otter's own Get of the same value.
func memoryHit(ctx context.Context) (row, error) {
	return memoryAgainst(ctx, "otter", &otter.Options[int, wide]{MaximumSize: 10_000})
}

// memoryHitExpiring compares with an otter whose entries expire, as Larder's
// do: it reads the clock too.
func memoryHitExpiring(ctx context.Context) (row, error) {
	return memoryAgainst(ctx, "with TTL", &otter.Options[int, wide]{
		MaximumSize: 10_000, ExpiryCalculator: otter.ExpiryWriting[int, wide](time.Hour),
	})
}

func memoryAgainst(ctx context.Context, name string, o *otter.Options[int, wide]) (row, error) {
	l, err := larder.Open(ctx, larder.Options{Policies: map[string]larder.Policy{"wide": {TTL: time.Hour}}, Logger: silent})
	if err != nil {
		return row{}, err
	}
	defer l.Close()
	c, err := larder.NewCache(l, "wide", larder.Loader[int, wide]{Load: func(context.Context, int) (wide, error) { return wide{}, nil }})
	if err != nil {
		return row{}, err
	}
	bare, err := otter.New(o)
	if err != nil {
		return row{}, err
	}
	const keys = 1000
	for k := range keys {
		bare.Set(k, wide{})
		if _, err := c.Get(ctx, k); err != nil {
			return row{}, err
		}
	}
	ours, theirs, ratio, err := interleave(func(n int) error {
		for i := range n {
			c.Get(ctx, i%keys)
		}
		return nil
	}, func(n int) error {
		for i := range n {
			bare.GetIfPresent(i % keys)
		}
		return nil
	})
	if err != nil {
		return row{}, err
	}
	allocs := testing.AllocsPerRun(1000, func() { c.Get(ctx, 1) })
	return row{
		what:   fmt.Sprintf("memory hit, 200 B, %.0f allocs", allocs),
		larder: fmt.Sprintf("%.0f ns", ours), bare: fmt.Sprintf("%.0f ns %s", theirs, name),
		ratio: ratio, bar: "≤ 1.3", kept: ratio <= 1.3 && allocs == 0,
	}, nil
}

// interleave measures two loops in turn and returns the medians of both, in
// nanoseconds per turn, and of their ratio.
func interleave(a, b func(n int) error) (medianA, medianB, ratio float64, err error) {
	times, ratios, err := compare(a, b)
	if err != nil {
		return 0, 0, 0, err
	}
	return times[0], times[1], ratios[0], nil
}

// compare measures loops in turn, each called with the number of turns, and
// returns the median of each, in nanoseconds per turn, and of its ratio to the
// last.
func compare(all ...func(n int) error) (times, ratios []float64, err error) {
	samples := make([][]float64, len(all))
	for range rounds {
		for i, loop := range all {
			r := testing.Benchmark(func(b *testing.B) {
				if e := loop(b.N); e != nil {
					err = e
				}
			})
			if err != nil {
				return nil, nil, err
			}
			samples[i] = append(samples[i], float64(r.T.Nanoseconds())/float64(r.N))
		}
	}
	last := samples[len(all)-1]
	for _, mine := range samples {
		of := make([]float64, rounds)
		for i := range of {
			of[i] = mine[i] / last[i]
		}
		ratios = append(ratios, median(of))
		times = append(times, median(slices.Clone(mine)))
	}
	return times, ratios, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
