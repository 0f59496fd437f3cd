package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/larderdev/larder"
)

// What tags cost those who read: a class with two tags against the same class
// without.

var twoTags = []string{"everything", "one-{key}"}

func taggedMemoryHit(ctx context.Context) (row, error) {
	l, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"tagged": {TTL: time.Hour, Tags: twoTags}, "bare": {TTL: time.Hour}},
		Logger:   silent,
	})
	if err != nil {
		return row{}, err
	}
	defer l.Close()
	loader := larder.Loader[int, wide]{Load: func(context.Context, int) (wide, error) { return wide{}, nil }}
	c, bare, err := pair(l, loader)
	if err != nil {
		return row{}, err
	}
	for id := range keys {
		if err := loadBoth(ctx, c, bare, id); err != nil {
			return row{}, err
		}
	}
	hit := func(c *larder.Cache[int, wide]) func(n int) error {
		return func(n int) error {
			for i := range n {
				c.Get(ctx, i%keys)
			}
			return nil
		}
	}
	ours, theirs, ratio, err := interleave(hit(c), hit(bare))
	if err != nil {
		return row{}, err
	}
	allocs := testing.AllocsPerRun(1000, func() { c.Get(ctx, 1) })
	return row{
		what:   fmt.Sprintf("memory hit, 2 tags, %.0f allocs", allocs),
		larder: fmt.Sprintf("%.0f ns", ours), bare: fmt.Sprintf("%.0f ns no tags", theirs),
		ratio: ratio, bar: "0 allocs", kept: allocs == 0,
	}, nil
}

func taggedSharedHit(ctx context.Context) (row, error) {
	b, err := newBare(ctx, 0)
	if err != nil {
		return row{}, err
	}
	if err := b.open(ctx, map[string]larder.Policy{
		"tagged": {TTL: time.Hour, Tiers: larder.Shared, Tags: twoTags}, "bare": {TTL: time.Hour, Tiers: larder.Shared},
	}); err != nil {
		return row{}, err
	}
	defer b.close()
	c, bare, err := pair(b.l, larder.Loader[int, product]{
		Load: func(_ context.Context, id int) (product, error) {
			b.loads.Add(1)
			return newProduct(id), nil
		},
	})
	if err != nil {
		return row{}, err
	}
	for id := range keys {
		if err := loadBoth(ctx, c, bare, id); err != nil {
			return row{}, err
		}
	}
	loads := b.loads.Load()
	hit := func(c *larder.Cache[int, product]) func(n int) error {
		return parallel(func(i int) error {
			_, err := c.Get(ctx, i%keys)
			return err
		})
	}
	ours, theirs, ratio, err := interleave(hit(c), hit(bare))
	if err != nil {
		return row{}, err
	}
	r := row{
		what:   "shared hit, 1 KB, 2 tags",
		larder: perSecond(ours), bare: perSecond(theirs) + " none",
		ratio: 1 / ratio, bar: noBar,
	}
	if n := b.loads.Load() - loads; n > 0 {
		err = fmt.Errorf("%d of the hits were loads", n)
	}
	return r, err
}

func pair[V any](l *larder.Larder, loader larder.Loader[int, V]) (tagged, bare *larder.Cache[int, V], err error) {
	if tagged, err = larder.NewCache(l, "tagged", loader); err != nil {
		return nil, nil, err
	}
	bare, err = larder.NewCache(l, "bare", loader)
	return tagged, bare, err
}

// loadBoth reads a key twice of each cache: then it is where hits find it.
func loadBoth[V any](ctx context.Context, tagged, bare *larder.Cache[int, V], id int) error {
	for range 2 {
		for _, c := range []*larder.Cache[int, V]{tagged, bare} {
			if _, err := c.Get(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}
