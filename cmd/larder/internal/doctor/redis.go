package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// Redis says where the shared tier is.
type Redis struct {
	redisstore.Options
	// SharedTimeout is the longest wait for one answer that the policy allows.
	SharedTimeout time.Duration
	// Outbox says that a relay has to confirm what is delivered.
	Outbox bool
}

const (
	// patience bounds one look at one server.
	patience = 5 * time.Second
	// pings is how many times a server is asked, to see how long it takes.
	pings = 21
	// clockWarn is how far the clocks may differ: values with an end of their own
	// end by the later of the two.
	clockWarn = time.Second
)

// acl is the mend of a login that may not do what is needed; %s is the namespace.
const acl = "give the user these rights (in a cluster +cluster and +asking, too): ~%s:* -@all +hello +ping +time +info +select +client +get +mget " +
	"+getrange +set +del +pttl +pexpire +eval +evalsha +script|load"

// Look looks at each primary of the shared tier.
func (r Redis) Look(ctx context.Context) []Check {
	seeds, login, err := r.seeds()
	if err != nil {
		return []Check{{Of: "redis", Name: "address", Status: Fail, Says: err.Error(), Mend: "give --redis redis://host:6379"}}
	}
	addrs, err := r.primaries(ctx, seeds, login)
	if err != nil {
		return []Check{{Of: seeds[0], Name: "connection", Status: Fail, Says: err.Error(), Mend: "look at the address, the login, and whether the server runs"}}
	}
	var all []Check
	for _, addr := range addrs {
		all = append(all, r.server(ctx, addr, login)...)
	}
	return append(all, r.rights(ctx)...)
}

func (r Redis) namespace() string {
	if r.Namespace == "" {
		return "larder"
	}
	return r.Namespace
}

// seeds returns the addresses that were given, and how to log in.
func (r Redis) seeds() ([]string, rueidis.ClientOption, error) {
	login := rueidis.ClientOption{Username: r.Username, Password: r.Password, SelectDB: r.DB, TLSConfig: r.TLS}
	if r.URL == "" {
		if len(r.Addrs) == 0 {
			return nil, login, errors.New("it is not said where the shared tier is")
		}
		return r.Addrs, login, nil
	}
	url := r.URL
	if rest, ok := strings.CutPrefix(url, "valkey"); ok {
		url = "redis" + rest
	}
	given, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, login, errors.New("the URL cannot be read (a special character in the password must be percent-encoded)")
	}
	login.SelectDB, login.TLSConfig, login.DialCtxFn = given.SelectDB, given.TLSConfig, given.DialCtxFn
	if given.Username != "" || given.Password != "" {
		login.Username, login.Password = given.Username, given.Password
	}
	return given.InitAddress, login, nil
}

// connect opens one connection to one server.
func connect(ctx context.Context, addr string, login rueidis.ClientOption) (rueidis.Client, error) {
	login.InitAddress = []string{addr}
	login.ForceSingleClient, login.DisableCache, login.DisableRetry = true, true, true
	login.PipelineMultiplex = -1
	login.ClientName = "larder-doctor"
	login.Dialer = net.Dialer{Timeout: patience}
	login.ConnWriteTimeout = patience
	if login.DialCtxFn == nil && strings.HasPrefix(addr, "/") {
		login.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "unix", addr)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return rueidis.NewClient(login)
}

// primaries finds the servers that hold data.
func (r Redis) primaries(ctx context.Context, seeds []string, login rueidis.ClientOption) ([]string, error) {
	var errs []error
	for _, seed := range seeds {
		addrs, err := r.primariesBy(ctx, seed, login)
		if err == nil {
			return addrs, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", seed, err))
	}
	return nil, errors.Join(errs...)
}

// primariesBy asks one server for them.
func (r Redis) primariesBy(ctx context.Context, seed string, login rueidis.ClientOption) ([]string, error) {
	if r.SentinelMaster != "" {
		login.Username, login.Password, login.SelectDB = r.SentinelUsername, r.SentinelPassword, 0
	}
	c, err := connect(ctx, seed, login)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch {
	case r.SentinelMaster != "":
		at, err := c.Do(ctx, c.B().Arbitrary("SENTINEL", "GET-MASTER-ADDR-BY-NAME", r.SentinelMaster).Build()).AsStrSlice()
		if err != nil || len(at) != 2 {
			return nil, fmt.Errorf("the Sentinel does not know the primary %q", r.SentinelMaster)
		}
		return []string{net.JoinHostPort(at[0], at[1])}, nil
	case r.Cluster:
		text, err := c.Do(ctx, c.B().Arbitrary("CLUSTER", "NODES").Build()).ToString()
		if err != nil {
			return nil, err
		}
		return clusterPrimaries(text, seed)
	}
	return []string{seed}, nil
}

// clusterPrimaries reads the answer to CLUSTER NODES: the primaries with slots.
func clusterPrimaries(text, seed string) (addrs []string, err error) {
	host, _, _ := net.SplitHostPort(seed)
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.Contains(fields[2], "master") || strings.Contains(fields[2], "fail") {
			continue
		}
		addr, _, _ := strings.Cut(fields[1], "@")
		if strings.HasPrefix(addr, ":") { // it does not know its own name yet
			addr = host + addr
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) == 0 {
		return nil, errors.New("no primary of the cluster has slots")
	}
	slices.Sort(addrs)
	return addrs, nil
}

// server is a look at one server.
type server struct {
	r    *Redis
	addr string
	c    rueidis.Client
	info map[string]string
	all  []Check
}

// server looks at one server.
func (r *Redis) server(ctx context.Context, addr string, login rueidis.ClientOption) []Check {
	s := &server{r: r, addr: addr}
	var err error
	if s.c, err = connect(ctx, addr, login); err != nil {
		s.fail("connection", err)
		return s.all
	}
	defer s.c.Close()
	for _, look := range []func(context.Context){s.version, s.memory, s.swaps, s.tracking, s.clock, s.latency, s.readsWhenDown} {
		ctx, cancel := context.WithTimeout(ctx, patience)
		look(ctx)
		cancel()
	}
	return s.all
}

func (s *server) note(name string, status Status, mend, format string, args ...any) {
	s.all = append(s.all, Check{Of: s.addr, Name: name, Status: status, Says: fmt.Sprintf(format, args...), Mend: mend})
}

// fail notes an error, and what it takes to mend it.
func (s *server) fail(name string, err error) {
	mend := "look at the server and at the way to it"
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "NOPERM"):
		mend = fmt.Sprintf(acl, s.r.namespace())
	case strings.HasPrefix(text, "WRONGPASS"), strings.HasPrefix(text, "NOAUTH"):
		mend = "set LARDER_REDIS_USERNAME and LARDER_REDIS_PASSWORD, or the login in the URL"
	case strings.Contains(text, "unknown command"), strings.HasPrefix(text, "NOPROTO"):
		mend = "use Redis 6.2 or later, or Valkey: it has to speak RESP3"
	}
	s.note(name, Fail, mend, "%s", text)
}

// version asks the server who it is.
func (s *server) version(ctx context.Context) {
	hello, err := s.c.Do(ctx, s.c.B().Hello().Build()).AsMap()
	if err != nil {
		s.fail("version", err)
		return
	}
	text := func(field string) string {
		m := hello[field]
		t, _ := m.ToString()
		return t
	}
	name, version, role, mode := text("server"), text("version"), text("role"), text("mode")
	switch {
	case !atLeast(version, 6, 2):
		s.note("version", Fail, "use Redis 6.2 or later, or Valkey", "%s %s is too old", name, version)
	default:
		s.note("version", OK, "", "%s %s, RESP3", name, version)
	}
	switch {
	case mode == "sentinel":
		s.note("role", Fail, "give --redis-sentinel the name of the primary", "it is a Sentinel")
	case mode == "cluster" && !s.r.Cluster:
		s.note("role", Fail, "give --redis-cluster, and set Cluster in the service", "it is part of a cluster")
	case role == "replica" || role == "slave":
		s.note("role", Fail, "give the address of the primary, or of its Sentinels by --redis-sentinel", "it is a replica: it takes no writes, and lags")
	default:
		s.note("role", OK, "", "primary, %s", mode)
	}
}

// atLeast compares a version.
func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(first)
	b, _ := strconv.Atoi(second)
	return err == nil && (a > major || a == major && b >= minor)
}

// readInfo reads INFO, once.
func (s *server) readInfo(ctx context.Context) error {
	if s.info != nil {
		return nil
	}
	text, err := s.c.Do(ctx, s.c.B().Info().Section("memory", "stats", "commandstats").Build()).ToString()
	if err != nil { // before 7.0 it takes one section
		if text, err = s.c.Do(ctx, s.c.B().Info().Section("all").Build()).ToString(); err != nil {
			return err
		}
	}
	s.info = map[string]string{}
	for line := range strings.Lines(strings.TrimPrefix(text, "txt:")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			s.info[name] = value
		}
	}
	return nil
}

// memory looks at what happens when there is none left.
func (s *server) memory(ctx context.Context) {
	if err := s.readInfo(ctx); err != nil {
		s.fail("memory", err)
		return
	}
	policy, bound, evicted := s.info["maxmemory_policy"], s.info["maxmemory"], s.info["evicted_keys"]
	switch {
	case policy == "":
		s.note("memory", Skip, "", "it does not tell what it does when memory is short")
	case bound == "0":
		s.note("memory", Warn, "set maxmemory, and maxmemory-policy allkeys-lfu or allkeys-lru", "maxmemory is not set: it grows until the host ends it")
	case policy == "noeviction":
		s.note("memory", Warn, "set maxmemory-policy allkeys-lfu or allkeys-lru", "maxmemory-policy is noeviction: when it is full nothing new is cached")
	default:
		s.note("memory", OK, "", "maxmemory-policy %s, %s keys evicted so far", policy, evicted)
	}
}

// swaps looks whether somebody has used SWAPDB, which no server announces.
func (s *server) swaps(ctx context.Context) {
	if err := s.readInfo(ctx); err != nil {
		return // memory has said it
	}
	if stat, ok := s.info["cmdstat_swapdb"]; ok {
		s.note("swapdb", Warn, "do not use SWAPDB on a database of Larder's: restart the services after one",
			"SWAPDB was called (%s): memory tiers do not hear of it", stat)
		return
	}
	s.note("swapdb", OK, "", "SWAPDB was not used; it must not be, since no server announces it")
}

// tracking looks whether the server announces changes.
func (s *server) tracking(ctx context.Context) {
	prefix := s.r.namespace() + ":d:{"
	if err := s.c.Do(ctx, s.c.B().Arbitrary("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", prefix).Build()).Error(); err != nil {
		s.fail("tracking", err)
		return
	}
	if err := s.c.Do(ctx, s.c.B().Arbitrary("CLIENT", "TRACKING", "OFF").Build()).Error(); err != nil {
		s.fail("tracking", err)
		return
	}
	s.note("tracking", OK, "", "it announces changes below %s", prefix)
}

// clock compares the server's clock with the one here.
func (s *server) clock(ctx context.Context) {
	sent := time.Now()
	parts, err := s.c.Do(ctx, s.c.B().Time().Build()).AsStrSlice()
	took := time.Since(sent)
	if err != nil || len(parts) != 2 {
		s.fail("clock", errors.Join(err, ctx.Err()))
		return
	}
	seconds, _ := strconv.ParseInt(parts[0], 10, 64)
	micros, _ := strconv.ParseInt(parts[1], 10, 64)
	ahead := time.Unix(seconds, micros*1000).Sub(sent.Add(took / 2)).Round(time.Millisecond)
	if ahead.Abs() > clockWarn {
		s.note("clock", Warn, "let both hosts keep time by NTP", "the server's clock is %v ahead of this host's; values with an end of their own end by the later of the two", ahead)
		return
	}
	s.note("clock", OK, "", "%v ahead of this host's", ahead)
}

// latency looks how long an answer takes.
func (s *server) latency(ctx context.Context) {
	took := make([]time.Duration, 0, pings)
	for range pings {
		sent := time.Now()
		if err := s.c.Do(ctx, s.c.B().Ping().Build()).Error(); err != nil {
			s.fail("latency", err)
			return
		}
		took = append(took, time.Since(sent))
	}
	slices.Sort(took)
	median, worst := took[pings/2].Round(time.Microsecond), took[pings-1].Round(time.Microsecond)
	limit := s.r.SharedTimeout
	if limit <= 0 {
		limit = 50 * time.Millisecond // that of larder.Options
	}
	mend := fmt.Sprintf("bring the service nearer to the server, or raise fleet.shared_timeout, which is %v", limit)
	switch {
	case median > limit/2:
		s.note("latency", Fail, mend, "an answer takes %v, the slowest of %d %v", median, pings, worst)
	case worst > limit/2:
		s.note("latency", Warn, mend, "an answer takes %v, but the slowest of %d %v", median, pings, worst)
	default:
		s.note("latency", OK, "", "an answer takes %v, the slowest of %d %v", median, pings, worst)
	}
}

// readsWhenDown looks at a setting of clusters that lets readers have what is
// outdated. A login may not be allowed to see it.
func (s *server) readsWhenDown(ctx context.Context) {
	if !s.r.Cluster {
		return
	}
	config, err := s.c.Do(ctx, s.c.B().Arbitrary("CONFIG", "GET", "cluster-allow-reads-when-down").Build()).AsStrMap()
	switch {
	case err != nil:
		s.note("reads when down", Skip, "", "the login may not read the configuration")
	case config["cluster-allow-reads-when-down"] == "yes":
		s.note("reads when down", Fail, "set it to no", "cluster-allow-reads-when-down is yes: a primary that is cut off serves what is outdated")
	default:
		s.note("reads when down", OK, "", "a primary that is cut off stops answering")
	}
}

// rights tries the operations of a service, on a key that no class can have.
func (r Redis) rights(ctx context.Context) []Check {
	const key = ".doctor"
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	check := Check{Of: "redis", Name: "rights", Status: OK, Says: "the login may do all that a service does"}
	fail := func(err error, what string) []Check {
		check.Status, check.Says, check.Mend = Fail, what+": "+err.Error(), "look at the server and at the way to it"
		if strings.Contains(err.Error(), "NOPERM") {
			check.Mend = fmt.Sprintf(acl, r.namespace())
		}
		return []Check{check}
	}
	s, err := redisstore.Open(ctx, r.Options)
	if err != nil {
		return fail(err, "open")
	}
	defer func() { _ = s.Close() }()
	short := time.Second
	ops := []store.Op{
		store.Lease{Key: key, ID: "doctor", For: short, Force: true},
		store.Renew{Key: key, ID: "doctor", For: short},
		store.Fill{Key: key, ID: "doctor", Kind: store.Value, Fresh: short, Life: short, Body: []byte("doctor")},
		store.Intend{Key: key, ID: "doctor", For: short, Hold: short},
		store.Finish{Key: key, ID: "doctor", Fresh: short, Life: short, Hold: time.Millisecond},
		store.Invalidate{Key: key, Hold: time.Millisecond},
	}
	for i, reply := range s.Do(ctx, ops) {
		if reply.Err != nil {
			return fail(reply.Err, fmt.Sprintf("%T", ops[i]))
		}
	}
	in, err := s.Inspect(ctx, key)
	if err != nil {
		return fail(err, "inspect")
	}
	checks := []Check{check}
	if r.Outbox {
		checks = append(checks, relay(ctx, s, in.History))
	}
	return checks
}

// relay looks whether a relay has confirmed what the server remembers.
func relay(ctx context.Context, s *redisstore.Store, history string) Check {
	c := Check{Of: "redis", Name: "relay", Status: OK, Says: "a relay has confirmed what this server remembers"}
	r := s.Get(ctx, []string{".watermark"})[0]
	if r.Err != nil || r.Status != store.Found || !strings.Contains(string(r.Record.Body), strconv.Quote(history)) {
		c.Status, c.Says = Fail, "fleet.outbox is set, and no relay has confirmed what this server remembers: no process trusts it, and all read the primary"
		c.Mend = "run the relay, and look at what it says"
	}
	return c
}
