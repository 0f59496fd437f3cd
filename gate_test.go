package larder_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
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
		confirmed(t, relay)
		mustGet(t, c, 1, 1)
		g.hangs.Store(true)
		time.Sleep(3 * time.Second)
		o.write(1) // its invalidation waits in the outbox
		g.hangs.Store(false)
		mustGet(t, c, 1, 2)
		mustGet(t, c, 1, 2, larder.Strict())
	})
}

// guardedProducts opens a process for products that trusts the shared tier only once a
// relay has confirmed, and has the relay confirm.
func guardedProducts(t *testing.T, s store.Store, loader larder.Loader[int, product], relay *larder.Larder) (*larder.Larder, *larder.Cache[int, product]) {
	t.Helper()
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{"product": taggedPolicy}, Shared: s, Logger: quiet, Outbox: true,
	})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	c, err := larder.NewCache(l, "product", loader)
	must(t, err)
	confirmed(t, relay)
	return l, c
}

// The tags of a value may lie on another node than the value.
func TestOutbox_TagsOfANodeThatForgetsAreNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newCluster(2, 0, ""), newShelf(1)
		t.Cleanup(func() { s.Close() })
		if s.place("product:1") == s.place(store.Sequence) {
			t.Fatal("the value lies on the node of the tags")
		}
		relay, _ := o.node(t, s, taggedPolicy)
		l, c := guardedProducts(t, s, o.loader(), relay)
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
		t.Cleanup(func() { s.Close() })
		if s.place("product:1") == s.place(store.Sequence) {
			t.Fatal("the value lies on the node of the tags")
		}
		relay, writer := o.node(t, s, taggedPolicy)
		tags, armed := s.nodes[s.place(store.Sequence)], false
		var lagging localstore.Snapshot
		_, c := guardedProducts(t, &altered{Store: s, get: func(*store.Reply) {
			if armed {
				armed = false
				tags.Rewind(lagging)
				time.Sleep(time.Millisecond)
			}
		}}, o.loader(), relay)
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
		confirmed(t, relay)
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
		t.Cleanup(func() { s.Close() })
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

// early is a tier that calls before, once it is set, before the next request of a
// kind reaches it.
type early struct {
	store.Store
	get, do func()
}

func (e *early) Get(ctx context.Context, keys []string) []store.Reply {
	once(&e.get)
	return e.Store.Get(ctx, keys)
}

func (e *early) Do(ctx context.Context, ops []store.Op) []store.Reply {
	once(&e.do)
	return e.Store.Do(ctx, ops)
}

func once(f *func()) {
	if g := *f; g != nil {
		*f = nil
		g()
	}
}

// A node is trusted when it is asked, and another has taken its place when it
// answers: with a value, or with one that the lease finds.
func TestOutbox_ANodeThatIsReplacedDuringAGetIsNotBelieved(t *testing.T) {
	for _, lease := range []bool{false, true} {
		t.Run(fmt.Sprintf("lease=%v", lease), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newOrigin(1)
				e := &early{Store: s}
				relay, warm := node(t, s, o, hour)
				_, c := guarded(t, e, o)
				confirmed(t, relay)
				mustGet(t, warm, 1, 1)
				lagging := s.Snapshot()
				o.write(1)
				must(t, warm.Invalidate(t.Context(), 1))
				replaced := func() {
					s.Rewind(lagging)
					time.Sleep(time.Millisecond)
				}
				if lease {
					e.do = replaced
				} else {
					e.get = replaced
				}
				mustGet(t, c, 1, 2, larder.Strict())
				if e.get != nil || e.do != nil {
					t.Error("nothing was replaced during the Get")
				}
			})
		})
	}
}

// The lease on a value whose tag was invalidated comes with the state of the tags,
// from a node that has just forgotten that.
func TestOutbox_TagsThatAreForgottenBeforeTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newCluster(2, 0, ""), newShelf(1)
		t.Cleanup(func() { s.Close() })
		e := &early{Store: s}
		relay, _ := o.node(t, s, taggedPolicy)
		loader := o.loader()
		loader.Tags = nil // all tags come with the lease
		_, c := guardedProducts(t, e, loader, relay)
		wantVersion(t, c, 1, 1)
		tags := s.nodes[s.place(store.Sequence)]
		lagging := tags.Snapshot()
		o.put(1, "tea")
		must(t, relay.InvalidateTags(t.Context(), "products"))
		synctest.Wait()
		e.do = func() { // the first asks for the tags
			e.do = func() {
				tags.Rewind(lagging)
				time.Sleep(time.Millisecond)
			}
		}
		wantVersion(t, c, 1, 2, larder.Strict())
		if e.do != nil {
			t.Error("nothing was replaced during the Get")
		}
	})
}

// unnoticed is a tier of which nothing is heard while silent is set.
type unnoticed struct {
	store.Store
	silent atomic.Bool
}

func (d *unnoticed) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	d.Store.Watch(ctx, unnoticedFeed{&gatedFeed{Feed: feed, hangs: &d.silent}}, period)
}

type unnoticedFeed struct{ *gatedFeed }

func (f unnoticedFeed) Reset(node string) {
	if !f.hangs.Load() {
		f.gatedFeed.Reset(node)
	}
}

// The tags' node is replaced before it is asked for them, and nobody has said so
// when its answer is here, long after its last heartbeat.
func TestOutbox_TagsOfANodeThatHasFallenSilentAreNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := newCluster(2, 0, ""), newShelf(1)
		t.Cleanup(func() { s.Close() })
		node := &unnoticed{Store: s}
		e := &early{Store: node}
		relay, writer := o.node(t, s, taggedPolicy)
		_, c := guardedProducts(t, &altered{Store: e, do: func(*store.Reply) {
			if node.silent.Load() {
				time.Sleep(2100 * time.Millisecond)
				node.silent.Store(false)
			}
		}}, o.loader(), relay)
		wantVersion(t, writer, 1, 1)
		wantVersion(t, c, 1, 1)
		tags := s.nodes[s.place(store.Sequence)]
		lagging := tags.Snapshot()
		o.put(1, "tea")
		must(t, relay.InvalidateTags(t.Context(), "products"))
		synctest.Wait()
		e.do = func() {
			node.silent.Store(true)
			tags.Rewind(lagging)
		}
		wantVersion(t, c, 1, 2, larder.Strict())
		if e.do != nil {
			t.Error("nothing was replaced during the Get")
		}
	})
}

// Who is sent on to another node believes it as much as that one is trusted.
func TestOutbox_ANodeElsewhereIsBelievedOnceItIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		other := "a newcomer"
		elsewhere := func(r *store.Reply) { r.Elsewhere, r.Node = true, other }
		relay, warm := node(t, s, o, hour)
		mustGet(t, warm, 1, 1)
		_, c := guarded(t, &altered{Store: s, get: elsewhere, do: elsewhere}, o)
		confirmed(t, relay)
		for _, want := range []larder.Tier{larder.Origin, larder.Shared} {
			var r larder.Report
			mustGet(t, c, 1, 1, larder.Into(&r))
			if r.Tier() != want {
				t.Errorf("sent on to %q: answered by %v, want %v", other, r.Tier(), want)
			}
			other = s.Node("user:1")
		}
	})
}

// The same holds for the sequence, and for the tags that are asked for after it.
func TestOutbox_TagsElsewhereAreBelievedOnceTheirNodeIsTrusted(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%v", late), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, o := local(t), newShelf(1)
				other := "a newcomer"
				elsewhere := func(r *store.Reply) {
					if late == (r.Tags != nil) && (late || r.Record.Kind == store.Identity) {
						r.Elsewhere, r.Node = true, other
					}
				}
				relay, writer := o.node(t, s, taggedPolicy)
				wantVersion(t, writer, 1, 1)
				_, c := guardedProducts(t, &altered{Store: s, get: elsewhere, do: elsewhere}, o.loader(), relay)
				for _, want := range []larder.Tier{larder.Origin, larder.Shared} {
					var r larder.Report
					wantVersion(t, c, 1, 1, larder.Into(&r))
					if r.Tier() != want {
						t.Errorf("sent on to %q: answered by %v, want %v", other, r.Tier(), want)
					}
					other = s.Node(store.Sequence)
				}
			})
		})
	}
}
