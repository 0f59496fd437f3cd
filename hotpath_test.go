package larder_test

import (
	"context"
	"testing"
	"time"

	"github.com/larderdev/larder"
)

type wide struct{ A [25]int64 }

// memoryCache returns a cache of a class with these tags, whose key 1 is in
// memory.
func memoryCache(tb testing.TB, tags ...string) *larder.Cache[int, wide] {
	tb.Helper()
	l := open(tb, nil, "wide", larder.Policy{TTL: time.Hour, Tags: tags})
	c, err := larder.NewCache(l, "wide", larder.Loader[int, wide]{Load: func(context.Context, int) (wide, error) { return wide{}, nil }})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := c.Get(tb.Context(), 1); err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestGet_MemoryHitAllocatesNothing(t *testing.T) {
	c, ctx := memoryCache(t), t.Context()
	if n := testing.AllocsPerRun(1000, func() { c.Get(ctx, 1) }); n != 0 {
		t.Errorf("a memory hit makes %v allocations, want 0", n)
	}
}

func TestGet_TaggedMemoryHitAllocatesNothing(t *testing.T) {
	c, ctx := memoryCache(t, "everything", "wide-{key}"), t.Context()
	var report larder.Report
	if _, err := c.Get(ctx, 1, larder.Into(&report)); err != nil || report.Tier() != larder.Memory {
		t.Fatalf("it is no memory hit but from %v, %v", report.Tier(), err)
	}
	if n := testing.AllocsPerRun(1000, func() { c.Get(ctx, 1) }); n != 0 {
		t.Errorf("a memory hit with two tags makes %v allocations, want 0", n)
	}
}

func BenchmarkGet_MemoryHit(b *testing.B) {
	c, ctx := memoryCache(b), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(ctx, 1); err != nil {
			b.Fatal(err)
		}
	}
}
