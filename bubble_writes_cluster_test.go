package larder_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// cluster is a shared tier of several nodes, which fail one by one. The tags
// lie on one of them.
type cluster struct {
	nodes []*localstore.Store
	front []store.Store // the nodes, or mutants of them
}

func newCluster(size, entries int, mutant string) *cluster {
	c := &cluster{}
	for range size {
		s := localstore.New(localstore.Options{MaxEntries: entries})
		c.nodes = append(c.nodes, s)
		c.front = append(c.front, mutantStore(s, mutant))
	}
	return c
}

// place is the number of a key's node.
func (c *cluster) place(key string) int {
	if _, tag := store.TagOf(key); tag || key == store.Sequence {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % uint32(len(c.nodes)))
}

func (c *cluster) Node(key string) string { return fmt.Sprint("node ", c.place(key)) }

func (c *cluster) Get(ctx context.Context, keys []string) []store.Reply {
	return spread(c, keys, func(key string) string { return key }, func(s store.Store, some []string) []store.Reply {
		return s.Get(ctx, some)
	})
}

func (c *cluster) Do(ctx context.Context, ops []store.Op) []store.Reply {
	return spread(c, ops, store.Op.Target, func(s store.Store, some []store.Op) []store.Reply {
		return s.Do(ctx, some)
	})
}

// spread asks each node for its part of all.
func spread[T any](c *cluster, all []T, key func(T) string, ask func(store.Store, []T) []store.Reply) []store.Reply {
	replies := make([]store.Reply, len(all))
	for n, s := range c.front {
		var some []T
		var places []int
		for i, one := range all {
			if c.place(key(one)) == n {
				some, places = append(some, one), append(places, i)
			}
		}
		if len(some) == 0 {
			continue
		}
		for i, r := range ask(s, some) {
			replies[places[i]] = r
		}
	}
	return replies
}

func (c *cluster) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	var all sync.WaitGroup
	for n, s := range c.front {
		all.Go(func() { s.Watch(ctx, nodeFeed{feed, fmt.Sprint("node ", n)}, period) })
	}
	all.Wait()
}

func (c *cluster) Close() error {
	for _, s := range c.nodes {
		s.Close()
	}
	return nil
}

// nodeFeed names the node that reports.
type nodeFeed struct {
	store.Feed
	node string
}

func (f nodeFeed) Reset(string)                       { f.Feed.Reset(f.node) }
func (f nodeFeed) Beat(_ string, b store.Beat)        { f.Feed.Beat(f.node, b) }
func (f nodeFeed) Changed(_ string, changed []string) { f.Feed.Changed(f.node, changed) }
