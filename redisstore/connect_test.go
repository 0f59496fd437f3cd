package redisstore_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/lardertest"
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

// TestOpen_LeastRights: the rights in the package comment are enough, for the
// scripts too.
func TestOpen_LeastRights(t *testing.T) {
	server := redistest.Start(t)
	newOperator(t, server.Addr()).run(strings.Fields(
		`ACL SETUSER larder on >password resetkeys ~larder:* -@all +hello +ping +time
		+info +select +client +get +mget +getrange +set +del +pttl +pexpire +eval
		+evalsha +script|load`)...)
	lardertest.TestStore(t, func(t *testing.T) store.Store {
		return open(t, redisstore.Options{URL: "redis://larder:password@" + server.Addr() + "/1"})
	})
}

// TestOpen_TLS has a link that ends in TLS.
func TestOpen_TLS(t *testing.T) {
	server := redistest.Start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// The certificate of the standard library's test server will do.
	hello := httptest.NewTLSServer(nil)
	defer hello.Close()
	link := newWireOn(t, tls.NewListener(l, hello.TLS), server.Addr())
	roots := x509.NewCertPool()
	roots.AddCert(hello.Certificate())

	s := open(t, redisstore.Options{URL: "rediss://" + link.addr(), TLS: &tls.Config{RootCAs: roots}})
	watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")

	untrusting := open(t, redisstore.Options{URL: "rediss://" + link.addr()})
	err = untrusting.Get(t.Context(), []string{"k"})[0].Err
	if !errors.Is(err, redisstore.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the certificate: %v, want ErrUnavailable and why", err)
	}
}

// TestOpen_Unsupported plays servers that are none for us.
func TestOpen_Unsupported(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{helloOf("6.0.20", "standalone"), "redis 6.0.20, want Redis 6.2 or later"},
		{helloOf("5.0.14", "standalone"), "redis 5.0.14"},
		{helloOf("7.0.15", "cluster"), "set Cluster"},
		{helloOf("7.0.15", "sentinel"), "set SentinelMaster"},
		{"-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n", "RESP3"},
		{"-NOPROTO unsupported protocol version\r\n", "RESP3"},
	} {
		_, err := redisstore.Open(t.Context(), at(play(t, greeting(c.answer))))
		if !errors.Is(err, redisstore.ErrUnsupported) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: error %v, want ErrUnsupported with %q", c.answer, err, c.want)
		}
	}
	// One that is new enough, but lies about being Redis, is merely not usable.
	for _, answer := range []string{"garbage\r\n", "-ERR max number of clients reached\r\n", "*-1\r\n", ""} {
		s := open(t, at(play(t, greeting(answer))))
		if err := s.Get(t.Context(), []string{"k"})[0].Err; !errors.Is(err, redisstore.ErrUnavailable) {
			t.Errorf("%q: error %v, want ErrUnavailable", answer, err)
		}
	}
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

	// A primary becomes a replica without cutting its connections: it goes on
	// answering and announcing.
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	o.run("REPLICAOF", host, port)
	feed.waitSilence(t)
	eventually(t, "reads are refused", func() bool {
		return errors.Is(s.Get(t.Context(), []string{"k"})[0].Err, redisstore.ErrUnavailable)
	})
	o.run("REPLICAOF", "NO", "ONE")
	feed.waitBeat(t)

	// A change finds out at once.
	eventually(t, "an answer", func() bool { return s.Get(t.Context(), []string{"k"})[0].Err == nil })
	o.run("REPLICAOF", host, port)
	if err := s.Do(t.Context(), []store.Op{store.Invalidate{Key: "k", Hold: time.Hour}})[0].Err; err == nil {
		t.Errorf("a replica has taken a change")
	}
	eventually(t, "reads are refused", func() bool {
		return errors.Is(s.Get(t.Context(), []string{"k"})[0].Err, redisstore.ErrUnavailable)
	})
}

// TestOpen_Sentinel lets a real Sentinel promote a replica.
func TestOpen_Sentinel(t *testing.T) {
	first, second := redistest.Start(t, "--repl-diskless-sync-delay", "0"), redistest.Start(t)
	host, port, _ := net.SplitHostPort(first.Addr())
	newOperator(t, second.Addr()).run("REPLICAOF", host, port)
	sentinel := redistest.StartSentinels(t, first.Addr(), 1)[0]
	o := newOperator(t, sentinel)
	// Sentinels ask their servers each ten seconds. From 7.0 on they can be
	// told to be quicker; before that the test just takes longer.
	o.c.Do(t.Context(), o.c.B().Arbitrary("SENTINEL", "DEBUG", "info-period", "100").Build())
	eventually(t, "the Sentinel finds the replica", func() bool {
		replicas := o.run("SENTINEL", "REPLICAS", redistest.SentinelMaster)
		list, _ := replicas.ToArray()
		if len(list) != 1 {
			return false
		}
		state, _ := list[0].AsStrMap()
		return state["master-link-status"] == "ok"
	})

	s := open(t, redisstore.Options{Addrs: []string{"127.0.0.1:1", sentinel}, SentinelMaster: redistest.SentinelMaster})
	feed := watch(t, s, 20*time.Millisecond)
	put(t, s, "k", 1, "body")
	if got := s.Node("k"); got != redistest.SentinelMaster {
		t.Errorf("Node is %q, want the name that the Sentinels know", got)
	}
	resets, _ := feed.counts()
	o.run("SENTINEL", "FAILOVER", redistest.SentinelMaster)
	feed.waitResets(t, resets)
	promoted := newOperator(t, second.Addr())
	eventually(t, "writes reach the new primary", func() bool {
		reply := s.Do(t.Context(), []store.Op{store.Invalidate{Key: "after", Hold: time.Hour}})[0]
		there := promoted.run("EXISTS", dataKey("after"))
		n, _ := there.AsInt64()
		return reply.Err == nil && n == 1
	})
	feed.waitBeat(t)

	_, err := redisstore.Open(t.Context(), redisstore.Options{Addrs: []string{first.Addr()}, SentinelMaster: redistest.SentinelMaster})
	if !errors.Is(err, redisstore.ErrUnsupported) {
		t.Errorf("a server in place of a Sentinel: %v, want ErrUnsupported", err)
	}
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
