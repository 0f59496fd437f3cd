package larder_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// Commands may go through again before the first heartbeat does.
func TestOutbox_ASilentTierIsNotTrustedBeforeItsHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		g := &gate{Store: s}
		relay, _ := node(t, s, o, hour)
		_, c := guarded(t, g, o)
		time.Sleep(time.Second)
		confirm(t, relay)
		time.Sleep(time.Second)
		mustGet(t, c, 1, 1)
		g.hangs.Store(true)
		time.Sleep(3 * time.Second)
		o.write(1) // its invalidation waits in the outbox
		g.hangs.Store(false)
		mustGet(t, c, 1, 2)
		mustGet(t, c, 1, 2, larder.Strict())
	})
}

// The tags of a value may lie on another node than the value.
func TestOutbox_TagsOfANodeThatForgetsAreNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newCluster(2, 0, ""), newShelf(1)
		defer s.Close()
		if s.place("product:1") == s.place(store.Sequence) {
			t.Fatal("the value lies on the node of the tags")
		}
		relay, _ := o.node(t, s, taggedPolicy)
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"product": taggedPolicy}, Shared: s, Logger: quiet, Outbox: true,
		})
		must(t, err)
		defer l.Close()
		c, err := larder.NewCache(l, "product", o.loader())
		must(t, err)
		time.Sleep(time.Second)
		confirm(t, relay)
		time.Sleep(time.Second)
		for range 3 {
			wantVersion(t, c, 1, 1)
		}
		tags := s.nodes[s.place(store.Sequence)]
		lagging := tags.Snapshot()
		o.put(1, "tea")
		must(t, l.InvalidateTags(t.Context(), "products"))
		tags.Rewind(lagging)
		time.Sleep(time.Second)
		wantVersion(t, c, 1, 2, larder.Strict())
		wantVersion(t, c, 1, 2)
	})
}

// The answer of the values' node may come when that of the tags has forgotten
// what made it wrong, and is asked for the tags only then.
func TestOutbox_TagsThatAreForgottenDuringAGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newCluster(2, 0, ""), newShelf(1)
		defer s.Close()
		if s.place("product:1") == s.place(store.Sequence) {
			t.Fatal("the value lies on the node of the tags")
		}
		relay, writer := o.node(t, s, taggedPolicy)
		tags, armed := s.nodes[s.place(store.Sequence)], false
		var lagging localstore.Snapshot
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"product": taggedPolicy}, Logger: quiet, Outbox: true,
			Shared: &altered{Store: s, get: func(*store.Reply) {
				if armed {
					armed = false
					tags.Rewind(lagging)
					time.Sleep(time.Millisecond)
				}
			}},
		})
		must(t, err)
		defer l.Close()
		c, err := larder.NewCache(l, "product", o.loader())
		must(t, err)
		time.Sleep(time.Second)
		confirm(t, relay)
		time.Sleep(time.Second)
		wantVersion(t, writer, 1, 1)
		wantVersion(t, c, 1, 1) // memory keeps it from the second time on
		lagging = tags.Snapshot()
		o.put(1, "tea") // its own invalidation waits in the outbox
		must(t, relay.InvalidateTags(t.Context(), "products"))
		synctest.Wait() // the push has arrived
		armed = true
		wantVersion(t, c, 1, 2)
		time.Sleep(2 * time.Second)
		wantVersion(t, c, 1, 2)
	})
}

// newcomer is a tier one node of which sends no heartbeats, as one that has just
// taken the place of another.
type newcomer struct {
	store.Store
	key string // one of that node's
}

func (s newcomer) Node(key string) string {
	if key == s.key {
		return "new"
	}
	return s.Store.Node(key)
}

func TestOutbox_ANodeThatWasNeverHeardOfIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1, 2)
		relay, warm := node(t, s, o, hour)
		mustGet(t, warm, 1, 1)
		mustGet(t, warm, 2, 1)
		_, c := guarded(t, newcomer{s, "user:1"}, o)
		time.Sleep(time.Second)
		confirm(t, relay)
		time.Sleep(time.Second)
		o.write(1) // their invalidations wait in the outbox
		o.write(2)
		mustGet(t, c, 1, 2)
		mustGet(t, c, 2, 1)
	})
}

// A sequence that has gone back gives numbers out twice: by them alone a tag that
// was invalidated under the second would seem older than a view under the first.
func TestTags_ASequenceThatGoesBackDuringALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newCluster(2, 0, ""), newShelf(1)
		defer s.Close()
		l, c := o.node(t, s, taggedPolicy)
		wantVersion(t, c, 1, 1)
		tags := s.nodes[s.place(store.Sequence)]
		lagging := tags.Snapshot()
		for range 10 {
			must(t, l.InvalidateTags(t.Context(), "another"))
		}
		must(t, c.Invalidate(t.Context(), 1))
		var once sync.Once
		o.load = func(int) {
			once.Do(func() { // the old row is read, and not yet returned
				tags.Rewind(lagging)
				time.Sleep(time.Millisecond)
				o.put(1, "tea")
				must(t, l.InvalidateTags(t.Context(), "category-tea"))
			})
		}
		c.Get(t.Context(), 1)
		wantVersion(t, c, 1, 2, larder.Strict())
	})
}
