package redisstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/childproc"
	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

func TestOpen_Login(t *testing.T) {
	const password = "s3cret"
	server := redistest.Start(t, "--requirepass", password)
	newOpts := func(user, pass string) redisstore.Options {
		return redisstore.Options{Addrs: []string{server.Addr()}, Username: user, Password: pass}
	}
	for _, opts := range []redisstore.Options{
		newOpts("", password),
		newOpts("default", password),
		{URL: "redis://:" + password + "@" + server.Addr()},
	} {
		s := open(t, opts)
		put(t, s, "k", 1, "body")
		watch(t, s, 20*time.Millisecond)
	}
	for _, opts := range []redisstore.Options{newOpts("", ""), newOpts("", "wrong "+password), newOpts("nobody", password)} {
		_, err := redisstore.Open(t.Context(), opts)
		if err == nil {
			t.Errorf("user %q, password %q: no error", opts.Username, opts.Password)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("error %q has the password in it", err)
		}
	}
}

func TestOpen_NoSuchDatabase(t *testing.T) {
	server := redistest.Start(t, "--databases", "2")
	if _, err := redisstore.Open(t.Context(), redisstore.Options{Addrs: []string{server.Addr()}, DB: 5}); err == nil {
		t.Errorf("database 5 of 2: no error")
	}
}

// TestOpen_Unsupported plays servers that are none for us.
func TestOpen_Unsupported(t *testing.T) {
	hello := func(version string, proto int, mode string) string {
		return fmt.Sprintf("%%5\r\n+server\r\n+redis\r\n+version\r\n+%s\r\n+proto\r\n:%d\r\n+mode\r\n+%s\r\n+role\r\n+master\r\n", version, proto, mode)
	}
	for _, c := range []struct{ answer, want string }{
		{hello("6.0.20", 3, "standalone"), "redis 6.0.20, want Redis 6.2 or later"},
		{hello("5.0.14", 3, "standalone"), "redis 5.0.14"},
		{hello("7.0.15", 3, "cluster"), "set Cluster"},
		{hello("7.0.15", 3, "sentinel"), "set SentinelMaster"},
		{"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n", "RESP3"},
		{"-NOPROTO unsupported protocol version\r\n", "RESP3"},
	} {
		addr := play(t, c.answer)
		_, err := redisstore.Open(t.Context(), at(addr))
		if !errors.Is(err, redisstore.ErrUnsupported) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: error %v, want ErrUnsupported with %q", c.answer, err, c.want)
		}
	}
	// One that is new enough, but lies about being Redis, is merely not usable.
	for _, answer := range []string{"garbage\r\n", "-ERR max number of clients reached\r\n", "*-1\r\n", ""} {
		s := open(t, at(play(t, answer)))
		if err := s.Get(t.Context(), []string{"k"})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) {
			t.Errorf("%q: error %v, want ErrUnavailable", answer, err)
		}
	}
}

// play runs a server that gives one answer to every HELLO and +OK to the rest.
// An empty answer is a hang-up.
func play(t *testing.T, answer string) (addr string) {
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
			go playTo(conn, answer)
		}
	}()
	return l.Addr().String()
}

func playTo(conn net.Conn, answer string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		args, err := readCommand(r)
		if err != nil || answer == "" {
			return
		}
		reply := "+OK\r\n"
		if args[0] == "HELLO" && (len(args) < 2 || args[1] != "2") {
			reply = answer
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

// TestOpen_Replica: a replica answers, but what it says is old.
func TestOpen_Replica(t *testing.T) {
	primary := redistest.Start(t)
	host, port, _ := net.SplitHostPort(primary.Addr())
	replica := redistest.Start(t)
	o := newOperator(t, replica.Addr())
	o.run("REPLICAOF", host, port)
	s := open(t, at(replica.Addr()))
	err := s.Get(t.Context(), []string{"k"})[0].Err
	if !errors.Is(err, redisstore.ErrUnavailable) || !strings.Contains(err.Error(), "replica") {
		t.Errorf("error %v, want ErrUnavailable because of a replica", err)
	}
	o.run("REPLICAOF", "NO", "ONE")
	eventually(t, "an answer of the new primary", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })

	// A primary becomes a replica without cutting its connections.
	put(t, s, "k", 1, "body")
	o.run("REPLICAOF", host, port)
	eventually(t, "a change is refused", func() bool {
		err := s.Do(t.Context(), []store.Op{store.Invalidate{Key: "k", Hold: time.Hour}})[0].Err
		return err != nil
	})
	eventually(t, "reads are refused too", func() bool {
		return errors.Is(s.Get(t.Context(), []string{"k"})[0].Err, redisstore.ErrUnavailable)
	})
}

// TestOpen_Sentinel lets a real Sentinel promote a replica.
func TestOpen_Sentinel(t *testing.T) {
	first, second := redistest.Start(t), redistest.Start(t)
	host, port, _ := net.SplitHostPort(first.Addr())
	newOperator(t, second.Addr()).run("REPLICAOF", host, port)
	sentinel := startSentinel(t, host, port)
	o := newOperator(t, sentinel)
	// Sentinels look at their servers each ten seconds. From 7.0 on they can be
	// told to be quicker; before that the test just takes longer.
	o.c.Do(t.Context(), o.c.B().Arbitrary("SENTINEL", "DEBUG", "info-period", "100").Build())
	eventually(t, "the Sentinel finds the replica", func() bool {
		replicas := o.run("SENTINEL", "REPLICAS", "shop")
		list, _ := replicas.ToArray()
		if len(list) != 1 {
			return false
		}
		state, _ := list[0].AsStrMap()
		return state["master-link-status"] == "ok"
	})

	s := open(t, redisstore.Options{Addrs: []string{"127.0.0.1:1", sentinel}, SentinelMaster: "shop"})
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	if got := s.Node("k"); got != "shop" {
		t.Errorf("Node is %q, want the name that the Sentinels know", got)
	}
	resets, _ := feed.counts()
	o.run("SENTINEL", "FAILOVER", "shop")
	feed.waitResets(t, resets)
	promoted := newOperator(t, second.Addr())
	eventually(t, "writes reach the new primary", func() bool {
		reply := s.Do(t.Context(), []store.Op{store.Invalidate{Key: "after", Hold: time.Hour}})[0]
		there := promoted.run("EXISTS", dataKey("after"))
		n, _ := there.AsInt64()
		return reply.Err == nil && n == 1
	})
	feed.waitBeat(t)

	_, err := redisstore.Open(t.Context(), redisstore.Options{Addrs: []string{first.Addr()}, SentinelMaster: "shop"})
	if !errors.Is(err, redisstore.ErrUnsupported) {
		t.Errorf("a server in place of a Sentinel: %v, want ErrUnsupported", err)
	}
}

// startSentinel runs a Sentinel that alone decides on a primary's fate.
func startSentinel(t *testing.T, host, port string) (addr string) {
	t.Helper()
	dir := t.TempDir()
	child, at, err := childproc.StartOnFreePort(t.Context(), func(at int) childproc.Spec {
		conf := filepath.Join(dir, "sentinel.conf")
		text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor shop %s %s 1\nsentinel down-after-milliseconds shop 1000\n", at, dir, host, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		program := "redis-server"
		if _, err := exec.LookPath(program); err != nil {
			program = "valkey-server"
		}
		return childproc.Spec{Cmd: exec.Command(program, conf, "--sentinel"), Ready: "Sentinel ID is"}
	})
	if err != nil {
		t.Fatalf("%v\nTo install what the tests need: make test, or scripts/install-test-services", err)
	}
	t.Cleanup(child.Stop)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(at))
}

// TestClose_LeavesNothing counts goroutines and connections.
func TestClose_LeavesNothing(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	before := runtime.NumGoroutine()
	for range 5 {
		t.Run("a store with a watch", func(t *testing.T) {
			s := open(t, at(server.Addr()))
			watch(t, s, 20*time.Millisecond)
			put(t, s, "k", 1, "body")
		})
	}
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	eventually(t, "all connections end", func() bool { return len(clientIDs(t, o)) == 0 })
}

func TestOpen_UnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "redis.sock")
	redistest.Start(t, "--unixsocket", socket)
	s := open(t, redisstore.Options{URL: "unix://" + socket})
	watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
}
