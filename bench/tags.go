package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/redisstore"
	"github.com/redis/rueidis"
)

const (
	tagged     = 1_000_000 // entries
	taggedPage = 500
	// tagKeys are the keys of all tags and of their sequence.
	tagKeys = "larder:d:{@}*"
)

// catalogue is a bed whose entries all carry one tag. Their values are the
// edition of the origin that they were read from.
type catalogue struct {
	*bed
	client  rueidis.Client
	entries *larder.Cache[int, int64]
	edition atomic.Int64
}

func newCatalogue(ctx context.Context) (*catalogue, error) {
	b, err := newBare(ctx, 0)
	if err != nil {
		return nil, err
	}
	c := &catalogue{bed: b}
	if err := b.open(ctx, catalogued); err != nil {
		return nil, err
	}
	c.entries, err = c.cache(b.l)
	if err == nil {
		c.client, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{b.server.Addr()}, DisableCache: true})
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

var catalogued = map[string]larder.Policy{"item": {TTL: time.Hour, Tags: []string{"catalogue"}}}

func (c *catalogue) cache(l *larder.Larder) (*larder.Cache[int, int64], error) {
	return larder.NewCache(l, "item", larder.Loader[int, int64]{
		LoadMany: func(_ context.Context, ids []int) (map[int]int64, error) {
			out := make(map[int]int64, len(ids))
			for _, id := range ids {
				out[id] = c.edition.Load()
			}
			return out, nil
		},
	})
}

func (c *catalogue) close() error {
	if c.client != nil {
		c.client.Close()
	}
	return c.bed.close()
}

// read reads all entries, and returns how many are of an edition before want.
func (c *catalogue) read(ctx context.Context, from *larder.Cache[int, int64], step int, want int64) (older int64, err error) {
	pages := make(chan []int)
	var wg sync.WaitGroup
	var old atomic.Int64
	var failed atomic.Pointer[error]
	for range 4 {
		wg.Go(func() {
			for ids := range pages {
				values, err := from.GetMany(ctx, ids)
				if err == nil && len(values) != len(ids) {
					err = fmt.Errorf("%d of %d entries", len(values), len(ids))
				}
				if err != nil {
					failed.Store(&err)
				}
				for _, edition := range values {
					if edition < want {
						old.Add(1)
					}
				}
			}
		})
	}
	var page []int
	for id := 0; id < tagged && failed.Load() == nil; id += step {
		if page = append(page, id); len(page) == taggedPage {
			pages <- page
			page = nil
		}
	}
	close(pages)
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return old.Load(), nil
}

// beside returns the keys of the server that are no entries, by their names,
// and how many keys there are in all. They must be those of tags and of their
// sequence, and hold a string each: no sets of members.
func (c *catalogue) beside(ctx context.Context) (names []string, all int64, err error) {
	if all, err = c.client.Do(ctx, c.client.B().Dbsize().Build()).AsInt64(); err != nil {
		return nil, 0, err
	}
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		page, err := c.client.Do(ctx, c.client.B().Scan().Cursor(cursor).Count(10_000).Build()).AsScanEntry()
		if err != nil {
			return nil, 0, err
		}
		for _, name := range page.Elements {
			if !strings.HasPrefix(name, "larder:d:{item:") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		cursor = page.Cursor
	}
	for _, name := range names {
		kind, err := c.client.Do(ctx, c.client.B().Type().Key(name).Build()).ToString()
		if err != nil {
			return nil, 0, err
		}
		if kind != "string" || !strings.HasPrefix(name, strings.TrimSuffix(tagKeys, "*")) {
			return nil, 0, fmt.Errorf("beside the entries there is %s, a %s", name, kind)
		}
	}
	return names, all, nil
}

// evict deletes the keys of all tags, as a server may that is short of memory.
func (c *catalogue) evict(ctx context.Context) error {
	names, err := c.client.Do(ctx, c.client.B().Keys().Pattern(tagKeys).Build()).AsStrSlice()
	if err != nil {
		return err
	}
	n, err := c.client.Do(ctx, c.client.B().Del().Key(names...).Build()).AsInt64()
	if err == nil && n == 0 {
		err = errors.New("there was no tag to evict")
	}
	return err
}

// tagOfMillion invalidates a tag that a million entries carry, and then evicts
// all tags.
func tagOfMillion(ctx context.Context) ([]row, error) {
	c, err := newCatalogue(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if _, err := c.read(ctx, c.entries, 1, 0); err != nil {
		return nil, err
	}
	before, entries, err := c.beside(ctx)
	if err != nil {
		return nil, err
	}
	if n := entries - int64(len(before)); n != tagged {
		return nil, fmt.Errorf("the server has %d entries, want %d", n, tagged)
	}
	c.edition.Add(1)
	var took []time.Duration
	for range 101 {
		began := time.Now()
		if err := c.l.InvalidateTags(ctx, "catalogue"); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	after, left, err := c.beside(ctx)
	if err != nil {
		return nil, err
	}
	old, err := c.readEvicted(ctx)
	if err != nil {
		return nil, err
	}
	median, most := took[len(took)/2], max(len(before), len(after))
	return []row{
		{
			what:   "1,000,000 entries' tag moved, ms",
			larder: fmt.Sprintf("%d times, median", len(took)), bare: fmt.Sprintf("worst %.2f ms", millis(took[len(took)-1])),
			ratio: millis(median), bar: "< 1", kept: median < time.Millisecond,
		},
		{
			what:   "keys beside the entries, 1 tag",
			larder: fmt.Sprintf("%d, then %d", len(before), len(after)), bare: fmt.Sprintf("%d keys", left),
			ratio: float64(most), bar: "≤ 2", kept: most <= 2 && left <= entries, // the tag and the sequence
		},
		{
			what:   "old entries served, tags evicted",
			larder: fmt.Sprintf("%d here", old[0]), bare: fmt.Sprintf("%d elsewhere", old[1]),
			ratio: float64(old[0] + old[1]), bar: "0", kept: old == [2]int64{},
		},
	}, nil
}

// readEvicted evicts all tags, and counts the entries of before the last
// invalidation that are served then: by this process, which has copies of the
// tags, and by one that has just started.
func (c *catalogue) readEvicted(ctx context.Context) (old [2]int64, err error) {
	s, err := redisstore.Open(ctx, redisstore.Options{Addrs: []string{c.server.Addr()}})
	if err != nil {
		return old, err
	}
	defer s.Close()
	l, err := larder.Open(ctx, larder.Options{Policies: catalogued, Shared: s, SharedTimeout: time.Second, Logger: silent})
	if err != nil {
		return old, err
	}
	defer l.Close()
	elsewhere, err := c.cache(l)
	if err != nil {
		return old, err
	}
	const step = 20 // of other entries each
	for i, from := range []*larder.Cache[int, int64]{c.entries, elsewhere} {
		if err := c.evict(ctx); err != nil {
			return old, err
		}
		if old[i], err = c.read(ctx, from, step-i, c.edition.Load()); err != nil {
			return old, err
		}
	}
	return old, nil
}
