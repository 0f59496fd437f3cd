package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// TestFake_OrderWhileSlotArrives: a slot's last step falls between two
// operations of a batch on one key: the first is sent on with ASK, the second
// with MOVED. They go together.
func TestFake_OrderWhileSlotArrives(t *testing.T) {
	const rounds = 40
	var from, to string
	var calls atomic.Int64
	var mu sync.Mutex
	var floors []string
	from = play(t, func(args []string) string {
		if args[0] == "EVALSHA" {
			return fmt.Sprintf("-%s 0 %s\r\n", []string{"ASK", "MOVED"}[(calls.Add(1)-1)%2], to)
		}
		return clusterNodeOf(7, slotsAt{0, 8191, from}, slotsAt{8192, slotCount - 1, to})(args)
	})
	to = play(t, func(args []string) string {
		if args[0] == "EVALSHA" {
			mu.Lock()
			defer mu.Unlock()
			floors = append(floors, args[5])
			return ":1\r\n"
		}
		return clusterNodeOf(7, slotsAt{0, 8191, from}, slotsAt{8192, slotCount - 1, to})(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{from}, Cluster: true})
	key := keyOn(t, s, from)
	for range rounds {
		for _, reply := range s.Do(t.Context(), []store.Op{
			store.Invalidate{Key: key, Floor: 1, Hold: time.Hour},
			store.Invalidate{Key: key, Floor: 2, Hold: time.Hour},
		}) {
			if reply.Err != nil {
				t.Fatal(reply.Err)
			}
		}
		if !slices.IsSorted(floors) || len(floors) != 2 {
			t.Fatalf("the operations with the floors 1 and 2 were run as %q", floors)
		}
		floors = nil
	}
}

// TestFake_SlotOfNobody: that nobody holds a slot says nothing about the nodes
// that hold others.
func TestFake_SlotOfNobody(t *testing.T) {
	var known string
	known = play(t, func(args []string) string {
		if args[0] == "GET" {
			return "_\r\n"
		}
		return clusterNodeOf(7, slotsAt{0, 8191, known})(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{known}, Cluster: true})
	nodes := make(map[string]int)
	for i := range 100 {
		key := fmt.Sprint("k", i)
		err := s.Get(t.Context(), []string{key})[0].Err
		if err != nil && (!errors.Is(err, redisstore.ErrUnavailable) || s.Node(key) == known) {
			t.Errorf("%s of %s: %v", key, s.Node(key), err)
		}
		nodes[s.Node(key)]++
	}
	if len(nodes) != 2 {
		t.Errorf("keys by node: %v, want two names", nodes)
	}
}

// TestFake_StrangerAmongMany: that requests are sent on to nodes that hold
// slots takes no place away from one that holds none.
func TestFake_StrangerAmongMany(t *testing.T) {
	const many = 20
	var known, stranger string
	var calls atomic.Int64
	owner := func(i int) string { return fmt.Sprint("127.0.0.1:", 1+i) } // nobody is there
	slots := func() (all []slotsAt) {
		for i := range many {
			all = append(all, slotsAt{i, i, owner(i)})
		}
		return append(all, slotsAt{many, slotCount - 1, known})
	}
	known = play(t, func(args []string) string {
		if args[0] != "GET" {
			return clusterNodeOf(7, slots()...)(args)
		}
		if i := int(calls.Add(1) - 1); i < many {
			return "-MOVED 0 " + owner(i) + "\r\n"
		}
		return "-ASK 0 " + stranger + "\r\n"
	})
	stranger = play(t, func(args []string) string {
		if args[0] == "GET" {
			return "_\r\n"
		}
		return clusterNode(7, known)(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{known}, Cluster: true})
	key := keyOn(t, s, known)
	for range many {
		s.Get(t.Context(), []string{key})
	}
	start := time.Now()
	eventually(t, "an answer of the stranger", func() bool { return s.Get(t.Context(), []string{key})[0].Err == nil })
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v, as if others had to leave first", took)
	}
}

// TestFake_AnsweredAfterTheMove: a request is under way to a node that loses
// its last slot meanwhile. It is answered all the same.
func TestFake_AnsweredAfterTheMove(t *testing.T) {
	var from, to string
	var epoch atomic.Int64
	epoch.Store(7)
	node := func(get func() string) string {
		return play(t, func(args []string) string {
			switch {
			case args[0] == "GET":
				return get()
			case epoch.Load() == 7:
				return clusterNodeOf(7, slotsAt{0, slotCount - 1, from})(args)
			}
			return clusterNodeOf(8, slotsAt{0, slotCount - 1, to})(args)
		})
	}
	arrived, release := make(chan struct{}), make(chan struct{})
	from = node(func() string {
		close(arrived)
		<-release
		return "_\r\n"
	})
	to = node(func() string { return "_\r\n" })
	s := open(t, redisstore.Options{Addrs: []string{from}, Cluster: true, DialTimeout: 200 * time.Millisecond})
	answer := make(chan store.Reply, 1)
	go func() { answer <- s.Get(t.Context(), []string{"k"})[0] }()
	<-arrived
	epoch.Store(8)
	eventually(t, "the move is noticed", func() bool { return s.Node("k") == to })
	close(release)
	if reply := <-answer; reply.Err != nil {
		t.Errorf("the request that was under way: %v", reply.Err)
	}
}
