package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/redisproc"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
	"github.com/redis/rueidis"
)

// product is about 1 KB of JSON.
type product struct {
	ID          int      `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Cents       int      `json:"price_cents"`
}

func newProduct(id int) product {
	return product{
		ID: id, Name: "shirt", Cents: 1999,
		Description: strings.Repeat("A shirt of good cotton, made to last. ", 23),
		Tags:        []string{"cotton", "shirt", "summer", "men", "women"},
	}
}

const (
	keys       = 1000
	goroutines = 64
)

// bed is a server, a store on it that counts round trips, and a cache.
type bed struct {
	server *redisproc.Server
	link   *link // nil: nothing is between the two
	trips  *counted
	l      *larder.Larder
	cache  *larder.Cache[int, product]
	loads  atomic.Int64
}

// counted counts the calls of a store: each is one round trip, since there is
// one node.
type counted struct {
	store.Store
	calls atomic.Int64
}

func (c *counted) Get(ctx context.Context, keys []string) []store.Reply {
	c.calls.Add(1)
	return c.Store.Get(ctx, keys)
}

func (c *counted) Do(ctx context.Context, ops []store.Op) []store.Reply {
	c.calls.Add(1)
	return c.Store.Do(ctx, ops)
}

func newBed(ctx context.Context) (*bed, error) {
	b, err := newBare(ctx, 0)
	if err != nil {
		return nil, err
	}
	if err := b.open(ctx, map[string]larder.Policy{"product": {TTL: time.Hour, Tiers: larder.Shared}}); err != nil {
		return nil, err
	}
	b.cache, err = larder.NewCache(b.l, "product", larder.Loader[int, product]{
		LoadMany: func(_ context.Context, ids []int) (map[int]product, error) {
			b.loads.Add(1)
			out := map[int]product{}
			for _, id := range ids {
				out[id] = newProduct(id)
			}
			return out, nil
		},
	})
	return b, err
}

// newBare makes a bed without a Larder. away is how long the network between
// the server and its clients takes, in each direction.
func newBare(ctx context.Context, away time.Duration) (*bed, error) {
	server, err := redisproc.Run(ctx, redisproc.Options{})
	if err != nil {
		return nil, err
	}
	b := &bed{server: server}
	if away > 0 {
		if b.link, err = newLink(server.Addr(), away); err != nil {
			return nil, errors.Join(err, server.Stop())
		}
	}
	s, err := redisstore.Open(ctx, redisstore.Options{Addrs: []string{b.addr()}})
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	b.trips = &counted{Store: s}
	return b, nil
}

// open gives the bed its Larder. If that fails the bed is closed.
func (b *bed) open(ctx context.Context, policies map[string]larder.Policy) (err error) {
	b.l, err = larder.Open(ctx, larder.Options{
		// A machine that is busy for a second must not end the bench.
		Policies: policies, Shared: b.trips, SharedTimeout: 5 * time.Second, Logger: silent,
	})
	if err != nil {
		return errors.Join(err, b.close())
	}
	return nil
}

func (b *bed) close() error {
	if b.l != nil {
		b.l.Close()
	}
	b.trips.Close()
	var err error
	if b.link != nil {
		err = b.link.close()
	}
	return errors.Join(err, b.server.Stop())
}

// addr is where the server is for clients.
func (b *bed) addr() string {
	if b.link != nil {
		return b.link.addr()
	}
	return b.server.Addr()
}

// warm returns ids that are in the shared tier.
func (b *bed) warm(ctx context.Context, from, to int) ([]int, error) {
	var ids []int
	for id := from; id < to; id++ {
		ids = append(ids, id)
	}
	for range 20 { // until the store is connected
		if _, err := b.cache.GetMany(ctx, ids); err != nil {
			return nil, err
		}
		loads := b.loads.Load()
		if _, err := b.cache.GetMany(ctx, ids); err != nil {
			return nil, err
		}
		if b.loads.Load() == loads {
			return ids, nil
		}
		<-time.After(100 * time.Millisecond)
	}
	return nil, errors.New("the shared tier does not keep what is loaded")
}

// sharedHit compares a hit in the shared tier with a bare GET and decode, both
// as they come.
func sharedHit(ctx context.Context) (row, error) {
	return sharedAgainst(ctx, "GET", "≥ 0.9", rueidis.ClientOption{})
}

// sharedHitTuned compares with a client on one connection whose requests wait
// for one another as ours do: the nearest to what Larder does below.
func sharedHitTuned(ctx context.Context) (row, error) {
	return sharedAgainst(ctx, "tuned", noBar, rueidis.ClientOption{PipelineMultiplex: -1, MaxFlushDelay: 20 * time.Microsecond})
}

func sharedAgainst(ctx context.Context, name, bar string, o rueidis.ClientOption) (row, error) {
	b, err := newBed(ctx)
	if err != nil {
		return row{}, err
	}
	defer b.close()
	if _, err := b.warm(ctx, 0, keys); err != nil {
		return row{}, err
	}
	o.InitAddress, o.DisableCache = []string{b.server.Addr()}, true
	client, err := rueidis.NewClient(o)
	if err != nil {
		return row{}, err
	}
	defer client.Close()
	for id := range keys {
		body, err := json.Marshal(newProduct(id))
		if err != nil {
			return row{}, err
		}
		if err := client.Do(ctx, client.B().Set().Key(fmt.Sprint("bare:", id)).Value(string(body)).Build()).Error(); err != nil {
			return row{}, err
		}
	}
	ours, theirs, ratio, err := interleave(parallel(func(i int) error {
		_, err := b.cache.Get(ctx, i%keys)
		return err
	}), parallel(func(i int) error {
		body, err := client.Do(ctx, client.B().Get().Key(fmt.Sprint("bare:", i%keys)).Build()).AsBytes()
		if err != nil {
			return err
		}
		var p product
		return json.Unmarshal(body, &p)
	}))
	if err != nil {
		return row{}, err
	}
	return row{
		what:   fmt.Sprintf("shared hit, 1 KB, %d goroutines", goroutines),
		larder: perSecond(ours), bare: perSecond(theirs) + " " + name,
		ratio: 1 / ratio, bar: bar, kept: 1/ratio >= 0.9,
	}, nil
}

func perSecond(ns float64) string { return fmt.Sprintf("%.0f k/s", 1e6/ns) }

// parallel runs f in 64 goroutines, whatever the number of cores.
func parallel(f func(i int) error) func(n int) error {
	return func(n int) error {
		var next atomic.Int64
		done := make(chan error, goroutines)
		for range goroutines {
			go func() {
				for {
					i := next.Add(1)
					if i > int64(n) {
						done <- nil
						return
					}
					if err := f(int(i)); err != nil {
						done <- err
						return
					}
				}
			}()
		}
		var first error
		for range goroutines {
			if err := <-done; err != nil {
				first = err
			}
		}
		return first
	}
}

// batchHit counts the round trips of a page of 50 that is in the shared tier.
func batchHit(ctx context.Context) (row, error) {
	return batch(ctx, "batch of 50, all shared", 1, func(b *bed) ([]int, error) { return b.warm(ctx, 0, 50) })
}

// batchMiss counts those of a page of 50 of which nothing is cached.
func batchMiss(ctx context.Context) (row, error) {
	return batch(ctx, "batch of 50, none cached", 3, func(b *bed) ([]int, error) {
		if _, err := b.warm(ctx, 0, 50); err != nil {
			return nil, err
		}
		var ids []int
		for id := 1000; id < 1050; id++ {
			ids = append(ids, id)
		}
		return ids, nil
	})
}

func batch(ctx context.Context, what string, most int64, prepare func(*bed) ([]int, error)) (row, error) {
	b, err := newBed(ctx)
	if err != nil {
		return row{}, err
	}
	defer b.close()
	ids, err := prepare(b)
	if err != nil {
		return row{}, err
	}
	trips, loads := b.trips.calls.Load(), b.loads.Load()
	if _, err := b.cache.GetMany(ctx, ids); err != nil {
		return row{}, err
	}
	trips, loads = b.trips.calls.Load()-trips, b.loads.Load()-loads
	return row{
		what:   what,
		larder: fmt.Sprintf("%d trips", trips), bare: fmt.Sprintf("%d LoadMany", loads),
		ratio: float64(trips), bar: fmt.Sprintf("≤ %d", most), kept: trips <= most && loads <= 1,
	}, nil
}
