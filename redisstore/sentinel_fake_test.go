package redisstore_test

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// fakeSentinel answers as a Sentinel that knows of one primary, "shop".
type fakeSentinel struct {
	primary func() (addr string, epoch int)
	asked   atomic.Int64
}

func (f *fakeSentinel) answer(args []string) string {
	switch args[0] {
	case "HELLO":
		return helloOf("7.0.15", "sentinel")
	case "SUBSCRIBE":
		var confirmed string
		for i, channel := range args[1:] {
			confirmed += ">3\r\n" + bulk("subscribe") + bulk(channel) + fmt.Sprintf(":%d\r\n", i+1)
		}
		return confirmed
	case "SENTINEL":
		addr, epoch := f.primary()
		if args[1] == "MASTER" {
			return "%1\r\n" + bulk("config-epoch") + bulk(fmt.Sprint(epoch))
		}
		f.asked.Add(1)
		host, port, _ := net.SplitHostPort(addr)
		return "*2\r\n" + bulk(host) + bulk(port)
	}
	return "+OK\r\n"
}

// TestFake_SentinelsPromoteAnother while the old primary is well and takes
// everything that is sent to it.
func TestFake_SentinelsPromoteAnother(t *testing.T) {
	old, promoted := redistest.Start(t), redistest.Start(t)
	var primary atomic.Pointer[string]
	set := func(addr string) { primary.Store(&addr) }
	set(old.Addr())
	sentinel := play(t, (&fakeSentinel{primary: func() (string, int) { return *primary.Load(), 0 }}).answer)
	s := open(t, redisstore.Options{Addrs: []string{sentinel}, SentinelMaster: "shop"})
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	resets, _ := feed.counts()
	set(promoted.Addr())
	feed.waitResets(t, resets)
	eventually(t, "an answer of the new primary", func() bool {
		reply := s.Get(t.Context(), []string{"k"})[0]
		return reply.Err == nil && reply.Status == store.Absent
	})
	feed.waitBeat(t)
	newOperator(t, promoted.Addr()).run("SET", dataKey("seen"), "x")
	eventually(t, "a report of the new primary", func() bool { return feed.saw("seen") })
}

// TestFake_SentinelsAnnounce: what a Sentinel announces counts at once, not
// when it is asked the next time.
func TestFake_SentinelsAnnounce(t *testing.T) {
	const limit = 500 * time.Millisecond
	for _, channel := range []string{"+switch-master", "+promoted-slave"} {
		old, promoted := redistest.Start(t), redistest.Start(t)
		var switched atomic.Bool
		f := &fakeSentinel{primary: func() (string, int) {
			if switched.Load() {
				return promoted.Addr(), 1
			}
			return old.Addr(), 0
		}}
		addr, push := playPushing(t, f.answer)
		s := open(t, redisstore.Options{Addrs: []string{addr}, SentinelMaster: "shop"})
		put(t, s, "k", 1, "body")
		asked := f.asked.Load()
		eventually(t, "the Sentinel is asked again", func() bool { return f.asked.Load() > asked })
		switched.Store(true)
		start := time.Now()
		push(">3\r\n" + bulk("message") + bulk(channel) + bulk("shop and more"))
		eventually(t, "an answer of the new primary", func() bool {
			reply := s.Get(t.Context(), []string{"k"})[0]
			return reply.Err == nil && reply.Status == store.Absent
		})
		if took := time.Since(start); took > limit {
			t.Errorf("%s: the old primary was read for %v, want %v at most", channel, took, limit)
		}
	}
}

// TestFake_SentinelBehind: one Sentinel has not heard yet that the others have
// promoted another server.
func TestFake_SentinelBehind(t *testing.T) {
	old, promoted := redistest.Start(t), redistest.Start(t)
	newOperator(t, promoted.Addr()).run("SET", dataKey("k"), "seen")
	behind := &fakeSentinel{primary: func() (string, int) { return old.Addr(), 7 }}
	ahead := &fakeSentinel{primary: func() (string, int) { return promoted.Addr(), 8 }}
	s := open(t, redisstore.Options{
		Addrs:          []string{play(t, behind.answer), play(t, ahead.answer)},
		SentinelMaster: "shop",
	})
	reads := func() bool {
		reply := s.Get(t.Context(), []string{"k"})[0]
		return reply.Err == nil && reply.Status == store.Garbled
	}
	eventually(t, "an answer of the promoted one", reads)
	before := behind.asked.Load()
	eventually(t, "the one that is behind is asked again", func() bool { return behind.asked.Load() > before+1 })
	if !reads() {
		t.Errorf("the one that is behind is believed")
	}
}
