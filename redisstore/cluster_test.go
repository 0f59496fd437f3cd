package redisstore_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// slotCount is how many slots a cluster has.
const slotCount = 16384

// member is one server of a cluster.
type member struct {
	*redistest.Member
	operator
}

// fleet is a cluster: primaries that share the slots evenly, and replicas.
type fleet struct {
	primaries, replicas []*member
}

// startFleet runs a cluster. The first primaries have a replica each.
func startFleet(t *testing.T, primaries, replicas int) *fleet {
	t.Helper()
	c, f := redistest.StartCluster(t, primaries, replicas), &fleet{}
	for _, m := range c.Primaries {
		f.primaries = append(f.primaries, operated(t, m))
	}
	for _, m := range c.Replicas {
		f.replicas = append(f.replicas, operated(t, m))
	}
	return f
}

// operated is a server that takes commands.
func operated(t *testing.T, m *redistest.Member) *member {
	t.Helper()
	return &member{m, newOperator(t, m.Addr())}
}

// join lets a new server, which is number of them, join the cluster.
func (f *fleet) join(t *testing.T, number int) *member {
	t.Helper()
	m := redistest.StartMember(t, number)
	m.Meet(f.primaries[0].Member)
	f.primaries = append(f.primaries, operated(t, m))
	whole := redistest.Cluster{}
	for _, m := range f.primaries {
		whole.Primaries = append(whole.Primaries, m.Member)
	}
	whole.Settle(t)
	return f.primaries[len(f.primaries)-1]
}

// options are those of a store that knows one server of the cluster.
func (f *fleet) options() redisstore.Options {
	return redisstore.Options{Addrs: []string{f.primaries[0].Addr()}, Cluster: true}
}

// keyOn returns a key whose slot a primary holds, by the store's opinion.
func keyOn(t *testing.T, s store.Store, addr string) string {
	t.Helper()
	for i := range 10_000 {
		if key := fmt.Sprint("k", i); s.Node(key) == addr {
			return key
		}
	}
	t.Fatalf("no key is on %s", addr)
	return ""
}

// slotOf asks a server for the slot of a key.
func slotOf(m *member, key string) string {
	m.operator.t.Helper()
	answer := m.run("CLUSTER", "KEYSLOT", dataKey(key))
	n, _ := answer.AsInt64()
	return fmt.Sprint(n)
}

// clusterFlusher flushes all primaries.
type clusterFlusher struct {
	*redisstore.Store
	fleet *fleet
}

func (c clusterFlusher) Flush() {
	for _, m := range c.fleet.primaries {
		m.run("FLUSHALL")
	}
}

func TestCluster_Conformance(t *testing.T) {
	f := startFleet(t, 3, 0)
	lardertest.TestStore(t, func(t *testing.T) store.Store {
		return clusterFlusher{open(t, f.options()), f}
	})
}

func TestCluster_NodesAreAddresses(t *testing.T) {
	f := startFleet(t, 3, 0)
	s := open(t, f.options())
	for _, m := range f.primaries {
		key := keyOn(t, s, m.Addr())
		put(t, s, key, 1, "body")
		there := m.run("EXISTS", dataKey(key)) // MOVED would fail the test
		if n, _ := there.AsInt64(); n != 1 {
			t.Errorf("%s is not on %s", key, m.Addr())
		}
	}
}

// TestCluster_SlotMoves moves a slot with two keys, step by step.
func TestCluster_SlotMoves(t *testing.T) {
	f := startFleet(t, 2, 0)
	from, to := f.primaries[0], f.primaries[1]
	s := open(t, f.options())
	feed := watch(t, s, 20*time.Millisecond)
	key := keyOn(t, s, from.Addr())
	slot := slotOf(from, key)
	put(t, s, key, 1, "body")
	// Another key of the slot: what follows the first '}' does not count.
	other := key + "}"
	to.run("CLUSTER", "SETSLOT", slot, "IMPORTING", from.ID)
	from.run("CLUSTER", "SETSLOT", slot, "MIGRATING", to.ID)

	// Half way: what is here is served here, what is not is asked for there.
	if got := get(t, s, key); got.Status != store.Found || got.Elsewhere {
		t.Errorf("before it moves: %+v, want it Found here", got)
	}
	if got := get(t, s, other); got.Status != store.Absent {
		t.Errorf("absent: status %d, want Absent", got.Status)
	}
	host, port, _ := net.SplitHostPort(to.Addr())
	from.run("MIGRATE", host, port, dataKey(key), "0", "5000")
	if got := get(t, s, key); got.Status != store.Found || !got.Elsewhere {
		t.Errorf("after it has moved: %+v, want it Found elsewhere", got)
	}
	replies := s.Get(t.Context(), []string{other, key, other})
	for i, want := range []store.Status{store.Absent, store.Found, store.Absent} {
		if replies[i].Err != nil || replies[i].Status != want {
			t.Errorf("batch, reply %d: status %d, %v, want %d", i, replies[i].Status, replies[i].Err, want)
		}
	}

	resets, _ := feed.counts()
	to.run("CLUSTER", "SETSLOT", slot, "NODE", to.ID)
	from.run("CLUSTER", "SETSLOT", slot, "NODE", to.ID)
	if got := do(t, s, store.Invalidate{Key: key, Floor: 2, Hold: time.Hour}).Status; got != store.Done {
		t.Errorf("after the move: status %d, want Done", got)
	}
	eventually(t, "the store knows the new owner", func() bool { return s.Node(key) == to.Addr() })
	feed.waitResets(t, resets+1) // of the one and of the other
	feed.forget()
	eventually(t, "a report of the new owner", func() bool {
		put(t, s, key, 3, "body")
		return feed.saw(key)
	})
}

// TestCluster_SlotMovesToNewcomer: a node has joined and holds no slot yet.
func TestCluster_SlotMovesToNewcomer(t *testing.T) {
	f := startFleet(t, 2, 0)
	s := open(t, f.options())
	watch(t, s, 20*time.Millisecond)
	from, to := f.primaries[0], f.join(t, 2)
	key := keyOn(t, s, from.Addr())
	slot := slotOf(from, key)
	put(t, s, key, 1, "body")
	to.run("CLUSTER", "SETSLOT", slot, "IMPORTING", from.ID)
	from.run("CLUSTER", "SETSLOT", slot, "MIGRATING", to.ID)
	host, port, _ := net.SplitHostPort(to.Addr())
	from.run("MIGRATE", host, port, dataKey(key), "0", "5000")
	if err := s.Get(t.Context(), []string{key})[0].Err; !errors.Is(err, store.ErrRefused) {
		t.Errorf("before the newcomer is connected: %v, want ErrRefused", err)
	}
	eventually(t, "an answer of the newcomer", func() bool { return s.Get(t.Context(), []string{key})[0].Err == nil })
	if got := get(t, s, key); got.Status != store.Found || !got.Elsewhere {
		t.Errorf("%+v, want it Found elsewhere", got)
	}
	if got := get(t, s, keyOn(t, s, f.primaries[1].Addr())); got.Status != store.Absent || got.Elsewhere {
		t.Errorf("on the third node: %+v, want Absent there", got)
	}
}

// TestCluster_Failover kills a primary that has a replica.
func TestCluster_Failover(t *testing.T) {
	f := startFleet(t, 3, 1)
	dead, heir := f.primaries[0], f.replicas[0]
	// The dead one is not the only address known.
	opts := f.options()
	opts.Addrs = []string{dead.Addr(), f.primaries[1].Addr()}
	s := open(t, opts)
	feed := watch(t, s, 20*time.Millisecond)
	key, safe := keyOn(t, s, dead.Addr()), keyOn(t, s, f.primaries[1].Addr())
	put(t, s, key, 1, "body")
	put(t, s, safe, 1, "body")
	resets, _ := feed.counts()
	dead.Kill()
	feed.waitResets(t, resets)
	if got := get(t, s, safe); got.Status != store.Found {
		t.Errorf("on another node: status %d, want Found", got.Status)
	}
	if err := s.Get(t.Context(), []string{key})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("on the dead node: %v, want ErrUnavailable", err)
	}
	eventually(t, "the replica takes over", func() bool {
		return s.Get(t.Context(), []string{key})[0].Err == nil && s.Node(key) == heir.Addr()
	})
	// Changes made before the Watch has reached it are covered by its Reset.
	feed.forget()
	eventually(t, "a report of the new primary", func() bool {
		put(t, s, key, 2, "body")
		return feed.saw(key)
	})
}

// TestCluster_CutOff: a primary whose cluster is gone still answers TIME, and
// announces nothing that others have been told. It must not beat.
func TestCluster_CutOff(t *testing.T) {
	f := startFleet(t, 3, 0)
	s := open(t, f.options())
	feed := watch(t, s, 20*time.Millisecond)
	f.primaries[1].Pause()
	f.primaries[2].Pause()
	feed.waitSilence(t)
	f.primaries[1].Resume()
	f.primaries[2].Resume()
	feed.waitBeat(t)
}

func TestCluster_WrongKind(t *testing.T) {
	alone := redistest.Start(t)
	_, err := redisstore.Open(t.Context(), redisstore.Options{Addrs: []string{alone.Addr()}, Cluster: true})
	if !errors.Is(err, redisstore.ErrUnsupported) || !strings.Contains(err.Error(), "do not set Cluster") {
		t.Errorf("a server alone: %v, want ErrUnsupported", err)
	}
}

func TestCluster_DownAtStart(t *testing.T) {
	f := startFleet(t, 1, 0)
	f.primaries[0].Pause()
	opts := f.options()
	opts.DialTimeout = 100 * time.Millisecond
	s := open(t, opts)
	if err := s.Get(t.Context(), []string{"k"})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("Get: %v, want ErrUnavailable", err)
	}
	feed := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(t.Context(), feed, 20*time.Millisecond)
	}()
	f.primaries[0].Resume()
	eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })
	feed.waitBeat(t)
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	<-done
}
