package larder_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// split is a tier of two nodes: one for the tags, one for the rest.
type split struct {
	keys, tags *localstore.Store
}

func (s *split) of(key string) *localstore.Store {
	if strings.HasPrefix(key, store.Sequence) {
		return s.tags
	}
	return s.keys
}

func (s *split) Get(ctx context.Context, keys []string) []store.Reply {
	replies := make([]store.Reply, len(keys))
	for i, key := range keys {
		replies[i] = s.of(key).Get(ctx, []string{key})[0]
	}
	return replies
}

func (s *split) Do(ctx context.Context, ops []store.Op) []store.Reply {
	replies := make([]store.Reply, len(ops))
	for i, op := range ops {
		replies[i] = s.of(op.Target()).Do(ctx, []store.Op{op})[0]
	}
	return replies
}

func (s *split) Node(key string) string {
	if s.of(key) == s.tags {
		return "tags"
	}
	return "keys"
}

func (s *split) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	var wg sync.WaitGroup
	wg.Go(func() { s.keys.Watch(ctx, named{feed, "keys"}, period) })
	wg.Go(func() { s.tags.Watch(ctx, named{feed, "tags"}, period) })
	wg.Wait()
}

func (s *split) Close() error { return errors.Join(s.keys.Close(), s.tags.Close()) }

type named struct {
	store.Feed
	node string
}

func (f named) Reset(string)                    { f.Feed.Reset(f.node) }
func (f named) Beat(_ string, b store.Beat)     { f.Feed.Beat(f.node, b) }
func (f named) Changed(_ string, keys []string) { f.Feed.Changed(f.node, keys) }

// Values with tags are not trusted while the tags' node is not.
func TestOutbox_TagsOfAnotherHistoryAreNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &split{keys: local(t), tags: local(t)}
		o := newShelf(1)
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"product": taggedPolicy}, Shared: s, Logger: quiet, Outbox: true,
		})
		must(t, err)
		t.Cleanup(func() { l.Close() })
		c, err := larder.NewCache(l, "product", o.loader())
		must(t, err)
		time.Sleep(time.Second)
		confirm(t, l)
		time.Sleep(time.Second)
		for range 3 {
			wantVersion(t, c, 1, 1)
			synctest.Wait()
		}
		before := s.tags.Snapshot()
		o.put(1, "tea")
		must(t, errors.Join(l.Deliver(t.Context(), []larder.Change{{Tags: []string{"products"}}})...))
		s.tags.Rewind(before) // a failover that forgets it
		time.Sleep(500 * time.Millisecond)
		wantVersion(t, c, 1, 2)
		wantVersion(t, c, 1, 2, larder.Strict())
	})
}
