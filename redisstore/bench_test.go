package redisstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// benchKeys is how many keys there are to read, each with 256 bytes.
const benchKeys = 1000

// BenchmarkGet compares a hit with what it costs without this package, on the
// same server. Run both sides several times and compare with benchstat.
func BenchmarkGet(b *testing.B) {
	server := redistest.Start(b)
	s := open(b, at(server.Addr()))
	bare := newBare(b, server.Addr())
	names := fillBench(b, s)
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	bench := func(name string, parallel int, get func(i int) error) {
		b.Run(name, func(b *testing.B) {
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				i := int(next.Add(7919))
				for ; pb.Next(); i++ {
					if err := get(i % benchKeys); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	for _, callers := range []int{2, 64, 512} {
		bench(fmt.Sprintf("rueidis/callers=%d", callers), callers/2, func(i int) error {
			_, err := bare.Do(ctx, bare.B().Get().Key(dataKey(names[i])).Build()).AsBytes()
			return err
		})
		bench(fmt.Sprintf("larder/callers=%d", callers), callers/2, func(i int) error {
			return s.Get(ctx, names[i:i+1])[0].Err
		})
	}
}

// BenchmarkGet50 reads fifty keys at a time.
func BenchmarkGet50(b *testing.B) {
	server := redistest.Start(b)
	s := open(b, at(server.Addr()))
	bare := newBare(b, server.Addr())
	names := fillBench(b, s)
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.Run("rueidis", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			keys := make([]string, 50)
			for j := range keys {
				keys[j] = dataKey(names[(i+j)%benchKeys])
			}
			if _, err := bare.Do(ctx, bare.B().Mget().Key(keys...).Build()).ToArray(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("larder", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			start := i % (benchKeys - 50)
			if err := s.Get(ctx, names[start:start+50])[49].Err; err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMiss is what a load adds: lease, fill and the invalidation that
// makes the next one necessary.
func BenchmarkMiss(b *testing.B) {
	server := redistest.Start(b)
	s := open(b, at(server.Addr()))
	body := make([]byte, 256)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprint(i % benchKeys)
		for _, op := range []store.Op{
			store.Invalidate{Key: key, Hold: time.Hour},
			store.Lease{Key: key, ID: "a", For: time.Hour},
			store.Fill{Key: key, ID: "a", Kind: store.Value, Fresh: time.Hour, Life: time.Hour, Body: body},
		} {
			if err := s.Do(b.Context(), []store.Op{op})[0].Err; err != nil {
				b.Fatal(err)
			}
		}
	}
}

// newBare is rueidis with the settings that were measured to be the best.
func newBare(b *testing.B, addr string) rueidis.Client {
	b.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:       []string{addr},
		ForceSingleClient: true,
		DisableCache:      true,
		PipelineMultiplex: -1,
		AlwaysPipelining:  true,
		MaxFlushDelay:     20 * time.Microsecond,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}

func fillBench(b *testing.B, s *redisstore.Store) (names []string) {
	b.Helper()
	for i := range benchKeys {
		names = append(names, fmt.Sprintf("product:%d", i))
		put(b, s, names[i], 1, string(make([]byte, 256)))
	}
	return names
}
