package redisstore_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// clusterNode answers for a node that believes all slots to be at owner.
func clusterNode(epoch int, owner string) func(args []string) string {
	return clusterNodeOf(epoch, slotsAt{0, slotCount - 1, owner})
}

// slotsAt is a range of slots and where they are.
type slotsAt struct {
	first, last int
	addr        string
}

// clusterNodeOf answers for a node that believes in the given ranges.
func clusterNodeOf(epoch int, ranges ...slotsAt) func(args []string) string {
	slots := fmt.Sprintf("*%d\r\n", len(ranges))
	for _, r := range ranges {
		host, port, _ := net.SplitHostPort(r.addr)
		slots += fmt.Sprintf("*3\r\n:%d\r\n:%d\r\n*3\r\n%s:%s\r\n%s", r.first, r.last, bulk(host), port, bulk("id"))
	}
	return func(args []string) string {
		switch strings.Join(args[:min(len(args), 2)], " ") {
		case "HELLO", "HELLO 3":
			return helloOf("7.0.15", "cluster")
		case "CLUSTER INFO":
			return bulk(fmt.Sprintf("cluster_state:ok\r\ncluster_current_epoch:%d\r\n", epoch))
		case "CLUSTER SLOTS":
			return slots
		}
		return "+OK\r\n"
	}
}

// TestFake_NodeThatWasCutOff believes in an earlier state of its cluster. It
// may be asked, and must not be believed.
func TestFake_NodeThatWasCutOff(t *testing.T) {
	const elsewhere = "127.0.0.1:1"
	var knowing string
	var dead atomic.Bool
	knowing = play(t, func(args []string) string {
		if dead.Load() {
			return ""
		}
		return clusterNode(7, knowing)(args)
	})
	var epoch, asked atomic.Int64
	epoch.Store(6)
	behind := play(t, func(args []string) string {
		if len(args) > 1 && args[1] == "SLOTS" {
			asked.Add(1)
		}
		return clusterNode(int(epoch.Load()), elsewhere)(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{knowing, behind}, Cluster: true})
	dead.Store(true)
	s.Get(t.Context(), []string{"k"})
	eventually(t, "the other is asked", func() bool { return asked.Load() > 2 })
	if got := s.Node("k"); got != knowing {
		t.Errorf("by the word of one that was cut off: Node is %q, want %q", got, knowing)
	}
	epoch.Store(8)
	eventually(t, "it has heard of a newer state", func() bool { return s.Node("k") == elsewhere })
}

// TestFake_MovedIsElsewhere: the store does not know yet that a slot has moved,
// and reads it by the word of the former owner. Nobody reports the new owner's
// changes under the former one's name.
func TestFake_MovedIsElsewhere(t *testing.T) {
	for _, word := range []string{"MOVED", "ASK"} {
		var former, owner string
		node := func(answer func() string) string {
			return play(t, func(args []string) string {
				if args[0] == "GET" || args[0] == "EVALSHA" {
					return answer()
				}
				return clusterNodeOf(7, slotsAt{0, 8191, former}, slotsAt{8192, slotCount - 1, owner})(args)
			})
		}
		former = node(func() string { return fmt.Sprintf("-%s 0 %s\r\n", word, owner) })
		owner = node(func() string { return "_\r\n" })
		s := open(t, redisstore.Options{Addrs: []string{former}, Cluster: true})
		moved, settled := keyOn(t, s, former), keyOn(t, s, owner)
		if got := get(t, s, moved); !got.Elsewhere || got.Node != owner {
			t.Errorf("%s: %+v, want it to be from elsewhere, %s", word, got, owner)
		}
		replies := s.Get(t.Context(), []string{moved, settled})
		if !replies[0].Elsewhere || replies[1].Elsewhere {
			t.Errorf("%s: %+v, want the first alone to be from elsewhere", word, replies)
		}
	}
}

// TestFake_SeedWithoutCluster: one of the addresses is that of a node that is in
// no cluster yet. It knows nothing, however well it is.
func TestFake_SeedWithoutCluster(t *testing.T) {
	var known string
	lonely := play(t, clusterNodeOf(9))
	known = play(t, func(args []string) string {
		if args[0] == "GET" {
			return "_\r\n"
		}
		return clusterNode(7, known)(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{lonely, known}, Cluster: true})
	if got := get(t, s, "k"); got.Status != store.Absent || s.Node("k") != known {
		t.Errorf("%+v of %s, want Absent of %s", got, s.Node("k"), known)
	}

	s = open(t, redisstore.Options{Addrs: []string{lonely}, Cluster: true})
	err := s.Get(t.Context(), []string{"k"})[0].Err
	if !errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("alone: %v, want ErrUnavailable", err)
	}
}

// TestFake_ClusterMadeAnew: the operator has reset the nodes and made another
// cluster of them, whose epochs begin again.
func TestFake_ClusterMadeAnew(t *testing.T) {
	const elsewhere = "127.0.0.1:1"
	var old string
	var again atomic.Bool
	old = play(t, func(args []string) string {
		if again.Load() {
			return clusterNode(2, elsewhere)(args)
		}
		return clusterNode(7, old)(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{old}, Cluster: true})
	if got := s.Node("k"); got != old {
		t.Fatalf("Node is %q, want %q", got, old)
	}
	again.Store(true)
	eventually(t, "the new cluster is believed", func() bool { return s.Node("k") == elsewhere })
}

// TestFake_RedirectedToStranger: a node sends requests to one that has just
// joined and holds no slot. They are refused, which is no fault of anybody's
// health, and answered as soon as the stranger is connected.
func TestFake_RedirectedToStranger(t *testing.T) {
	for _, word := range []string{"MOVED", "ASK"} {
		var known, stranger string
		node := func(answer func() string) string {
			return play(t, func(args []string) string {
				if args[0] == "GET" {
					return answer()
				}
				return clusterNode(7, known)(args)
			})
		}
		known = node(func() string { return fmt.Sprintf("-%s 0 %s\r\n", word, stranger) })
		stranger = node(func() string { return "_\r\n" })
		s := open(t, redisstore.Options{Addrs: []string{known}, Cluster: true})
		err := s.Get(t.Context(), []string{"k"})[0].Err
		if !errors.Is(err, store.ErrRefused) || errors.Is(err, redisstore.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrRefused alone", word, err)
		}
		eventually(t, "an answer of the stranger", func() bool {
			reply := s.Get(t.Context(), []string{"k"})[0]
			return reply.Err == nil && reply.Elsewhere
		})
		if got := s.Node("k"); got != known {
			t.Errorf("%s: Node is %q, want that of the slot's owner, %q", word, got, known)
		}
	}
}

// TestFake_StrangerKnowsLittle: a node that has just joined has not heard of all
// slots yet. Those that hold some are asked.
func TestFake_StrangerKnowsLittle(t *testing.T) {
	var looks atomic.Int64
	var known, stranger string
	known = play(t, func(args []string) string {
		switch {
		case args[0] == "GET":
			return "-ASK 0 " + stranger + "\r\n"
		case len(args) > 1 && args[1] == "SLOTS":
			looks.Add(1)
		}
		return clusterNode(7, known)(args)
	})
	stranger = play(t, func(args []string) string {
		if args[0] == "GET" {
			return "_\r\n"
		}
		return clusterNodeOf(7, slotsAt{0, 0, known})(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{known}, Cluster: true})
	before := looks.Load()
	eventually(t, "many looks", func() bool {
		if err := s.Get(t.Context(), []string{"k"})[0].Err; err != nil && !errors.Is(err, store.ErrRefused) {
			t.Fatalf("the owner is not known any more: %v", err)
		}
		return looks.Load() > before+8
	})
}

// TestFake_RedirectedToTheDead: that the node to which a slot moves is down
// says nothing about the one that it comes from.
func TestFake_RedirectedToTheDead(t *testing.T) {
	const dead = "127.0.0.1:1"
	var known string
	known = play(t, func(args []string) string {
		if args[0] == "GET" {
			return "-ASK 0 " + dead + "\r\n"
		}
		return clusterNodeOf(7, slotsAt{0, 8191, known}, slotsAt{8192, slotCount - 1, dead})(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{known}, Cluster: true})
	if err := s.Get(t.Context(), []string{keyOn(t, s, known)})[0].Err; !errors.Is(err, store.ErrRefused) {
		t.Errorf("asked for at a dead node: %v, want ErrRefused", err)
	}
	if err := s.Get(t.Context(), []string{keyOn(t, s, dead)})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) || errors.Is(err, store.ErrRefused) {
		t.Errorf("on the dead node itself: %v, want ErrUnavailable alone", err)
	}
}

// TestFake_RedirectedForEver: nodes that send requests to each other.
func TestFake_RedirectedForEver(t *testing.T) {
	var one, other string
	node := func(to *string) string {
		return play(t, func(args []string) string {
			if args[0] == "GET" {
				return "-MOVED 0 " + *to + "\r\n"
			}
			return clusterNodeOf(7, slotsAt{0, 8191, one}, slotsAt{8192, slotCount - 1, other})(args)
		})
	}
	one, other = node(&other), node(&one)
	s := open(t, redisstore.Options{Addrs: []string{one}, Cluster: true})
	if err := s.Get(t.Context(), []string{"k"})[0].Err; !errors.Is(err, store.ErrRefused) || errors.Is(err, redisstore.ErrUnavailable) {
		t.Errorf("error %v, want ErrRefused alone", err)
	}
}

// TestFake_StrangersAreBounded: a node that sends each request to another
// address does not make us connect to all of them.
func TestFake_StrangersAreBounded(t *testing.T) {
	const most = 16
	var next, dials, looks atomic.Int64
	var known string
	stranger := func() string {
		return play(t, func(args []string) string {
			switch {
			case args[0] == "SCRIPT" && strings.Contains(args[2], "-- id, kind, version"): // that of Fill
				dials.Add(1)
			case len(args) > 1 && args[1] == "SLOTS":
				looks.Add(1)
			}
			return clusterNode(7, known)(args)
		})
	}
	strangers := make([]string, 2*most)
	for i := range strangers {
		strangers[i] = stranger()
	}
	known = play(t, func(args []string) string {
		switch {
		case args[0] == "GET":
			return "-ASK 0 " + strangers[int(next.Add(1))%len(strangers)] + "\r\n"
		case len(args) > 1 && args[1] == "SLOTS":
			looks.Add(1)
		}
		return clusterNode(7, known)(args)
	})
	s := open(t, redisstore.Options{Addrs: []string{known}, Cluster: true})
	eventually(t, "connections to strangers", func() bool {
		s.Get(t.Context(), []string{"k"})
		return dials.Load() >= most
	})
	before := looks.Load()
	eventually(t, "more looks at the cluster", func() bool {
		s.Get(t.Context(), []string{"k"})
		return looks.Load() > before+5
	})
	if got := dials.Load(); got > most {
		t.Errorf("%d strangers are connected, want %d at most", got, most)
	}
}
