package redisstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/store"
)

// play runs a server that answers each command with what the handler says, in
// RESP. Nothing is a hang-up.
func play(t *testing.T, handler func(args []string) string) (addr string) {
	t.Helper()
	addr, _ = playPushing(t, handler)
	return addr
}

// playPushing is play, and can also send to everybody who is connected.
func playPushing(t *testing.T, handler func(args []string) string) (addr string, push func(text string)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			go playTo(conn, handler)
		}
	}()
	return l.Addr().String(), func(text string) {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range conns {
			_, _ = io.WriteString(conn, text) // some have hung up
		}
	}
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

// TestFake_Refusals: what a server would not do now is no fault of its health,
// and what it cannot do is.
func TestFake_Refusals(t *testing.T) {
	for _, c := range []struct {
		answer  string
		refused bool
	}{
		{"OOM command not allowed when used memory > 'maxmemory'.", true},
		{"MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk.", true},
		{"NOREPLICAS Not enough good replicas to write.", true},
		{"TRYAGAIN Multiple keys request during rehashing of slot", true},
		// Redis 6.2 says so from within the script.
		{"ERR Error running script (call to f_abc): @user_script:3: @user_script: 3: -OOM command not allowed", true},
		{"ERR Error running script (call to f_abc): @user_script:3: @user_script: 3: -READONLY You can't write", false},
		{"ERR Error running script (call to f_abc): @user_script:3: Script attempted to be -OOM like", false},
		{"LOADING Redis is loading the dataset in memory", false},
		{"MASTERDOWN Link with MASTER is down", false},
		{"CLUSTERDOWN The cluster is down", false},
		{"READONLY You can't write against a read only replica.", false},
		{"BUSY Redis is busy running a script.", false},
		{"NOPERM this user has no permissions", false},
		{"ERR something else", false},
	} {
		s := open(t, at(play(t, func(args []string) string {
			switch args[0] {
			case "GET", "EVALSHA":
				return "-" + c.answer + "\r\n"
			}
			return greeting(helloOf("7.0.15", "standalone"))(args)
		})))
		err := s.Do(t.Context(), []store.Op{store.Lease{Key: "k", ID: "a", For: time.Hour}})[0].Err
		if err == nil || errors.Is(err, store.ErrRefused) != c.refused {
			t.Errorf("%q: %v, want it to be ErrRefused: %v", c.answer, err, c.refused)
		}
	}
}

// TestFake_ReadOnlyScript: Redis 6.2 says from within the script that it is a
// replica. The connection is given up as for any other.
func TestFake_ReadOnlyScript(t *testing.T) {
	var loads atomic.Int64
	s := open(t, at(play(t, func(args []string) string {
		switch args[0] {
		case "EVALSHA":
			return "-ERR Error running script (call to f_abc): @user_script:3: @user_script: 3: -READONLY You can't write against a read only replica.\r\n"
		case "SCRIPT": // each new connection loads all
			loads.Add(1)
		}
		return greeting(helloOf("6.2.14", "standalone"))(args)
	})))
	before := loads.Load()
	s.Do(t.Context(), []store.Op{store.Lease{Key: "k", ID: "a", For: time.Hour}})
	eventually(t, "a new connection", func() bool { return loads.Load() > before })
}
