package doctor

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
)

// find returns the check of that name; the test fails if there is none.
func find(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check %q in %+v", name, checks)
	}
	return checks[i]
}

// TestSeeds: where the servers are, and who logs in, with what an error may not hold.
func TestSeeds(t *testing.T) {
	for _, tt := range []struct {
		o           redisstore.Options
		addr, login string
		err         string
	}{
		{redisstore.Options{}, "", "", "not said where"},
		{redisstore.Options{Addrs: []string{"a:1", "b:2"}, Username: "u", Password: "p"}, "a:1 b:2", "u p", ""},
		{redisstore.Options{URL: "redis://a:1"}, "a:1", " ", ""},
		{redisstore.Options{URL: "valkey://a:1", Username: "u", Password: "p"}, "a:1", "u p", ""},
		{redisstore.Options{URL: "redis://v:q@a:1", Username: "u", Password: "p"}, "a:1", "v q", ""},
		{redisstore.Options{URL: "redis://u:hunter2%@a:1"}, "", "", "percent-encoded"},
	} {
		addrs, login, err := Redis{Options: tt.o}.seeds()
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("seeds of %+v: %v, want %q and no password", tt.o, err, tt.err)
			}
			continue
		}
		if got := strings.Join(addrs, " "); err != nil || got != tt.addr || login.Username+" "+login.Password != tt.login {
			t.Errorf("seeds of %+v: %q, %s %s, %v; want %q and %q", tt.o, got, login.Username, login.Password, err, tt.addr, tt.login)
		}
	}
	if got := (Redis{}).Look(t.Context()); len(got) != 1 || got[0].Name != "address" || got[0].Status != Fail || got[0].Mend == "" {
		t.Errorf("Look without an address: %+v, want one check that has failed", got)
	}
}

func TestClusterPrimaries(t *testing.T) {
	const nodes = `07c3 10.0.0.2:6379@16379,shop-2 master - 0 1426238316232 2 connected 5461-10922
e7d1 :6379@16379 myself,master - 0 0 1 connected 0-5460
292f 10.0.0.3:6379@16379 master,fail - 0 1426238318243 3 connected 10923-16383
6ec2 10.0.0.4:6379@16379 slave 07c3 0 1426238316232 2 connected
824f 10.0.0.5:6379@16379 master - 0 1426238316232 4 connected
`
	got, err := clusterPrimaries(nodes, "10.0.0.1:6379")
	if want := []string{"10.0.0.1:6379", "10.0.0.2:6379"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("clusterPrimaries = %q, %v; want %q: those with slots that have not failed", got, err, want)
	}
	if got, err := clusterPrimaries("824f 10.0.0.5:6379@16379 master - 0 0 4 connected\n", "a:1"); err == nil {
		t.Errorf("clusterPrimaries without slots = %q, want an error", got)
	}
}

// TestServer_Judges each value that a look may bring.
func TestServer_Judges(t *testing.T) {
	const ms = time.Millisecond
	info := func(pairs ...string) func(*server) {
		return func(s *server) {
			s.info = map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				s.info[pairs[i]] = pairs[i+1]
			}
			s.memory(t.Context())
		}
	}
	for _, tt := range []struct {
		name  string
		judge func(*server)
		want  Status
		says  string
	}{
		{"6.0", func(s *server) { s.judgeVersion("redis", "6.0.16") }, Fail, "too old"},
		{"6.2", func(s *server) { s.judgeVersion("redis", "6.2.0") }, OK, "redis 6.2.0"},
		{"10.0", func(s *server) { s.judgeVersion("valkey", "10.0") }, OK, "valkey 10.0"},
		{"no version", func(s *server) { s.judgeVersion("proxy", "") }, Fail, "too old"},
		{"a Sentinel", func(s *server) { s.judgeRole("sentinel", "sentinel") }, Fail, "Sentinel"},
		{"a member of a cluster", func(s *server) { s.judgeRole("master", "cluster") }, Fail, "part of a cluster"},
		{"a replica", func(s *server) { s.judgeRole("replica", "standalone") }, Fail, "replica"},
		{"a slave", func(s *server) { s.judgeRole("slave", "standalone") }, Fail, "replica"},
		{"a primary", func(s *server) { s.judgeRole("master", "standalone") }, OK, "primary"},
		{"in step", func(s *server) { s.judgeClock(-clockWarn) }, OK, "-1s"},
		{"ahead", func(s *server) { s.judgeClock(clockWarn + ms) }, Warn, "1.001s ahead"},
		{"behind", func(s *server) { s.judgeClock(-clockWarn - ms) }, Warn, "-1.001s ahead"},
		{"near", func(s *server) { s.judgeLatency(ms, 25*ms) }, OK, "takes 1ms"},
		{"near, with one that is slow", func(s *server) { s.judgeLatency(ms, 26*ms) }, Warn, "slowest of 21 26ms"},
		{"far", func(s *server) { s.judgeLatency(26*ms, 26*ms) }, Fail, "takes 26ms"},
		{"patient", func(s *server) { s.r.SharedTimeout = time.Second; s.judgeLatency(26*ms, 500*ms) }, OK, "takes 26ms"},
		{"secretive", info(), Skip, "does not tell"},
		{"without a bound", info("maxmemory_policy", "noeviction", "maxmemory", "0"), Warn, "not set"},
		{"full for ever", info("maxmemory_policy", "noeviction", "maxmemory", "1"), Warn, "noeviction"},
		{"evicting", info("maxmemory_policy", "allkeys-lfu", "maxmemory", "1", "evicted_keys", "7"), OK, "7 keys evicted"},
	} {
		s := &server{r: &Redis{}, addr: "a:1"}
		tt.judge(s)
		if len(s.all) != 1 || s.all[0].Status != tt.want || !strings.Contains(s.all[0].Says, tt.says) || s.all[0].Of != "a:1" {
			t.Errorf("%s: %+v, want %s that says %q", tt.name, s.all, tt.want, tt.says)
		} else if c := s.all[0]; (c.Mend != "") != (tt.want == Warn || tt.want == Fail) {
			t.Errorf("%s: the mend is %q", tt.name, c.Mend)
		}
	}
}

// TestServer_Mends: what a server answers tells what to do.
func TestServer_Mends(t *testing.T) {
	for answer, want := range map[string]string{
		"NOPERM this user has no permissions to run the 'ping' command": "~shop:*",
		"WRONGPASS invalid username-password pair or user is disabled.": redisLogin,
		"NOAUTH HELLO must be called with the client already logged in": redisLogin,
		"ERR unknown command 'HELLO'":                                   "RESP3",
		"NOPROTO unsupported protocol version":                          "RESP3",
		"dial tcp 127.0.0.1:1: connect: connection refused":             "the way to it",
	} {
		s := &server{r: &Redis{Options: redisstore.Options{Namespace: "shop"}}, addr: "a:1"}
		s.fail("x", errors.New(answer))
		if c := s.all[0]; c.Status != Fail || c.Says != answer || !strings.Contains(c.Mend, want) {
			t.Errorf("%q: %+v, want a mend with %q", answer, c, want)
		}
	}
}

const redisLogin = "LARDER_REDIS_PASSWORD"

// TestLook_WhatALoginMayNot: each command that is refused fails the check that needs it,
// and those after it are looked at all the same.
func TestLook_WhatALoginMayNot(t *testing.T) {
	redis := redistest.Start(t)
	operator := redistest.NewOperator(t, redis.Addr())
	for command, check := range map[string]string{"info": "memory", "client|tracking": "tracking", "time": "clock", "ping": "latency", "pttl": "rights"} {
		operator.Run("ACL", "SETUSER", "shop", "reset", "on", ">hunter2", "~*", "+@all", "-"+command)
		checks := Redis{Options: redisstore.Options{Addrs: []string{redis.Addr()}, Username: "shop", Password: "hunter2"}}.Look(t.Context())
		if c := find(t, checks, check); c.Status != Fail || !strings.Contains(c.Mend, "+"+strings.TrimSuffix(command, "|tracking")) {
			t.Errorf("without %s: %+v, want it failed, with the right that it needs", command, c)
		}
		find(t, checks, "rights") // the last one
	}
}

// TestLook_AtTheWrongServer: what is there is not what was said.
func TestLook_AtTheWrongServer(t *testing.T) {
	watched := redistest.StartWatched(t, 1)
	sentinels := redisstore.Options{Addrs: watched.Sentinels}
	if c := find(t, Redis{Options: sentinels}.Look(t.Context()), "role"); c.Status != Fail || !strings.Contains(c.Mend, "--redis-sentinel") {
		t.Errorf("a Sentinel, not said so: %+v", c)
	}
	sentinels.SentinelMaster = "nobody"
	if c := find(t, Redis{Options: sentinels}.Look(t.Context()), "connection"); c.Status != Fail || !strings.Contains(c.Says, `"nobody"`) {
		t.Errorf("a Sentinel that knows no such primary: %+v", c)
	}
	alone := redisstore.Options{Addrs: []string{watched.Primary.Addr()}, Cluster: true}
	if c := find(t, Redis{Options: alone}.Look(t.Context()), "connection"); c.Status != Fail {
		t.Errorf("a cluster that is none: %+v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := find(t, Redis{Options: redisstore.Options{Addrs: alone.Addrs}}.Look(ctx), "connection"); c.Status != Fail {
		t.Errorf("after its context has ended: %+v", c)
	}
}

func TestLook_ReadsWhenDown(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	at := cluster.Primaries[0].Addr()
	operator := redistest.NewOperator(t, at)
	look := func(user string) Check {
		t.Helper()
		all := Redis{Options: redisstore.Options{Addrs: []string{at}, Cluster: true, Username: user, Password: "hunter2"}}.Look(t.Context())
		return find(t, slices.DeleteFunc(all, func(c Check) bool { return c.Of != at }), "reads when down")
	}
	for _, p := range cluster.Primaries {
		redistest.NewOperator(t, p.Addr()).Run("ACL", "SETUSER", "all", "on", ">hunter2", "~*", "+@all")
		redistest.NewOperator(t, p.Addr()).Run("ACL", "SETUSER", "shop", "on", ">hunter2", "~*", "+@all", "-config")
	}
	if c := look("all"); c.Status != OK {
		t.Errorf("by default: %+v, want ok", c)
	}
	operator.Run("CONFIG", "SET", "cluster-allow-reads-when-down", "yes")
	if c := look("all"); c.Status != Fail || c.Mend == "" {
		t.Errorf("allowed: %+v, want it failed", c)
	}
	if c := look("shop"); c.Status != Skip {
		t.Errorf("a login that may not see it: %+v, want it skipped", c)
	}
}

// TestLook_AtASocket: an address that is a path is that of a socket.
func TestLook_AtASocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "redis.sock")
	redistest.Start(t, "--unixsocket", socket)
	if c := find(t, Redis{Options: redisstore.Options{Addrs: []string{socket}}}.Look(t.Context()), "version"); c.Status != OK || c.Of != socket {
		t.Errorf("at a socket: %+v, want ok", c)
	}
}

func TestWorst(t *testing.T) {
	for _, tt := range []struct {
		all  []Status
		want Status
	}{{nil, OK}, {[]Status{Skip}, OK}, {[]Status{OK, Warn, Skip}, Warn}, {[]Status{Warn, Fail, Warn}, Fail}} {
		checks := make([]Check, len(tt.all))
		for i, s := range tt.all {
			checks[i].Status = s
		}
		if got := Worst(checks); got != tt.want {
			t.Errorf("Worst(%q) = %s, want %s", tt.all, got, tt.want)
		}
	}
}
