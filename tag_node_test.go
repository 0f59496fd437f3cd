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

// A sequence that was set back by a failover does not hide what was invalidated
// since.
func TestTags_ASequenceThatGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &split{keys: local(t), tags: local(t)}
		o := newShelf(1)
		l, c := o.node(t, s, hour)
		must(t, l.InvalidateTags(t.Context(), "other"))
		before := s.tags.Snapshot()
		must(t, l.InvalidateTags(t.Context(), "other")) // will be forgotten
		var once sync.Once
		o.load = func(int) {
			once.Do(func() { // the old row is read
				o.put(1, "tea")
				s.tags.Rewind(before)
				synctest.Wait()
				must(t, l.InvalidateTags(t.Context(), "category-tea"))
			})
		}
		c.Get(t.Context(), 1)
		synctest.Wait()
		wantVersion(t, c, 1, 2, larder.Strict())
		wantVersion(t, c, 1, 2)
	})
}

// The same for what an Update puts into the tier.
func TestUpdate_ASequenceThatGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1)
		l := open(t, s, "product", larder.Policy{TTL: time.Hour, Pattern: larder.WriteThrough})
		loader := o.loader()
		loader.Version = func(p product) uint64 { return p.Version }
		c, err := larder.NewCache(l, "product", loader)
		must(t, err)
		synctest.Wait()
		wantVersion(t, c, 1, 1)
		must(t, l.InvalidateTags(t.Context(), "other"))
		before, loads := s.Snapshot(), o.loads.Load()
		must(t, l.InvalidateTags(t.Context(), "other")) // will be forgotten
		_, err = c.Update(t.Context(), 1, func(context.Context) (product, error) {
			o.put(1, "tea")
			s.Rewind(before)
			synctest.Wait()
			must(t, l.InvalidateTags(t.Context(), "category-tea"))
			return product{ID: 1, Category: "tea", Version: 2}, nil
		})
		must(t, err)
		wantVersion(t, c, 1, 2)
		if o.loads.Load() == loads {
			t.Error("what was read before the tag was invalidated is served")
		}
	})
}
