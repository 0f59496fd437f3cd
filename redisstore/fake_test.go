package redisstore_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// play runs a server that answers each command with what the handler says, in
// RESP. Nothing is a hang-up.
func play(t *testing.T, handler func(args []string) string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go playTo(conn, handler)
		}
	}()
	return l.Addr().String()
}

func playTo(conn net.Conn, handler func(args []string) string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		args, err := readCommand(r)
		if err != nil {
			return
		}
		reply := handler(args)
		if reply == "" {
			return
		}
		if _, err := io.WriteString(conn, reply); err != nil {
			return
		}
	}
}

// readCommand reads one command as a server does.
func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readLength(r)
	if err != nil {
		return nil, err
	}
	args := make([]string, n)
	for i := range args {
		size, err := readLength(r)
		if err != nil {
			return nil, err
		}
		arg := make([]byte, size+2)
		if _, err := io.ReadFull(r, arg); err != nil {
			return nil, err
		}
		args[i] = string(arg[:size])
	}
	return args, nil
}

func readLength(r *bufio.Reader) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// helloOf is a primary's answer to HELLO.
func helloOf(version, mode string) string {
	return fmt.Sprintf("%%5\r\n+server\r\n+redis\r\n+version\r\n+%s\r\n+proto\r\n:3\r\n+mode\r\n+%s\r\n+role\r\n+master\r\n", version, mode)
}

// bulk is a string as servers send it.
func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// greeting answers HELLO as given and the rest with OK.
func greeting(hello string) func([]string) string {
	return func(args []string) string {
		if args[0] == "HELLO" && (len(args) < 2 || args[1] != "2") {
			return hello
		}
		return "+OK\r\n"
	}
}

// TestFake_ScriptComesBackInTheMidst: the server has forgotten a script when
// the first of three operations comes, and somebody else has brought it back
// when the second does.
func TestFake_ScriptComesBackInTheMidst(t *testing.T) {
	var calls, full atomic.Int64
	s := open(t, at(play(t, func(args []string) string {
		switch args[0] {
		case "HELLO":
			return helloOf("7.0.15", "standalone")
		case "EVALSHA":
			if n := calls.Add(1); n == 1 || n == 3 {
				return "-NOSCRIPT No matching script. Please use EVAL.\r\n"
			}
			return ":1\r\n"
		case "EVAL":
			full.Add(1)
			return ":1\r\n"
		}
		return "+OK\r\n"
	})))
	replies := s.Do(t.Context(), []store.Op{
		store.Invalidate{Key: "twice", Floor: 1, Hold: time.Hour}, // must not run after the next
		store.Invalidate{Key: "twice", Floor: 2, Hold: time.Hour},
		store.Invalidate{Key: "once", Floor: 1, Hold: time.Hour},
	})
	if replies[0].Err == nil || replies[1].Err != nil || replies[2].Err != nil {
		t.Errorf("replies %+v, want an error of the first alone", replies)
	}
	if got := full.Load(); got != 1 {
		t.Errorf("%d operations were sent in full, want 1", got)
	}
}

// TestFake_NonsenseAnswers: a server, or something between, answers what no
// server would. That is an error of the call, and no panic.
func TestFake_NonsenseAnswers(t *testing.T) {
	for _, answer := range []string{
		"+OK\r\n", ":5\r\n", "*0\r\n", "*1\r\n:99\r\n", "*1\r\n+x\r\n", "*2\r\n:2\r\n:7\r\n", "*2\r\n:4\r\n$1\r\nx\r\n",
		"*1\r\n:1\r\n", "*1\r\n:4\r\n", "*1\r\n:8\r\n", ":2\r\n", ":4\r\n", ":11\r\n", "*2\r\n:9\r\n$1\r\nx\r\n",
		"*2\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n$1\r\nx\r\n", "*3\r\n:1\r\n$37\r\nLI" + strings.Repeat("0", 34) + "e\r\n$1\r\nx\r\n",
		"*2\r\n:8\r\n:1\r\n", "%1\r\n+a\r\n+b\r\n", "_\r\n",
	} {
		s := open(t, at(play(t, func(args []string) string {
			switch args[0] {
			case "HELLO":
				return helloOf("7.0.15", "standalone")
			case "EVALSHA", "GET", "MGET":
				return answer
			}
			return "+OK\r\n"
		})))
		for _, reply := range s.Do(t.Context(), []store.Op{
			store.Lease{Key: "k", ID: "a", For: time.Hour}, readOf("n", "summer"), moveOf("n", false, "summer"),
		}) {
			if reply.Err == nil && reply.Status != store.Absent {
				t.Errorf("Do: %q is taken for %+v", answer, reply)
			}
		}
		for _, keys := range [][]string{{"k"}, {"k", "l"}} {
			for _, reply := range s.Get(t.Context(), keys) {
				if reply.Err == nil && reply.Status == store.Found {
					t.Errorf("Get: %q is taken for %+v", answer, reply)
				}
			}
		}
	}
}

// TestFake_SentinelsPromoteAnother while the old primary is well and takes
// everything that is sent to it.
func TestFake_SentinelsPromoteAnother(t *testing.T) {
	old, promoted := redistest.Start(t), redistest.Start(t)
	var primary atomic.Pointer[string]
	set := func(addr string) { primary.Store(&addr) }
	set(old.Addr())
	sentinel := play(t, func(args []string) string {
		switch args[0] {
		case "HELLO":
			return helloOf("7.0.15", "sentinel")
		case "SENTINEL":
			host, port, _ := net.SplitHostPort(*primary.Load())
			return "*2\r\n" + bulk(host) + bulk(port)
		}
		return "+OK\r\n"
	})
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

// clusterNode answers for a node that believes all slots to be at owner.
func clusterNode(epoch int, owner string) func(args []string) string {
	host, port, _ := net.SplitHostPort(owner)
	return func(args []string) string {
		switch strings.Join(args[:min(len(args), 2)], " ") {
		case "HELLO", "HELLO 3":
			return helloOf("7.0.15", "cluster")
		case "CLUSTER INFO":
			return bulk(fmt.Sprintf("cluster_state:ok\r\ncluster_current_epoch:%d\r\n", epoch))
		case "CLUSTER SLOTS":
			return fmt.Sprintf("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n%s:%s\r\n%s", bulk(host), port, bulk("id"))
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
