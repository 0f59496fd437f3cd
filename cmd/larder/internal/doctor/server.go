package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// pings is how many times a server is asked, to see how long it takes.
	pings = 21
	// clockWarn is how far the clocks may differ: values with an end of their own
	// end by the later of the two.
	clockWarn = time.Second
)

// server is a look at one server.
//
// Its looks share one connection and one answer to INFO, so that they take little of a
// server that may be in trouble.
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
		// Each has its own time: one that the server does not answer costs the others
		// none.
		ctx, cancel := context.WithTimeout(ctx, patience)
		look(ctx)
		cancel()
	}
	return s.all
}

// note adds a check of this server.
func (s *server) note(name string, status Status, mend, format string, args ...any) {
	s.all = append(s.all, Check{Of: s.addr, Name: name, Status: status, Says: fmt.Sprintf(format, args...), Mend: mend})
}

// fail notes an error, and what it takes to mend it.
func (s *server) fail(name string, err error) {
	s.note(name, Fail, s.r.mend(err), "%s", err)
}

// version asks the server who it is.
func (s *server) version(ctx context.Context) {
	hello, err := s.c.Do(ctx, s.c.B().Hello().Build()).AsMap()
	if err != nil {
		s.fail("version", err)
		return
	}
	// What a proxy leaves out reads as nothing, which no version and no role is.
	text := func(field string) string {
		m := hello[field]
		t, _ := m.ToString()
		return t
	}
	name, version, role, mode := text("server"), text("version"), text("role"), text("mode")
	s.judgeVersion(name, version)
	s.judgeRole(role, mode)
}

// judgeVersion asks for what redisstore asks for; it would refuse an older server.
func (s *server) judgeVersion(name, version string) {
	if !atLeast(version, 6, 2) {
		s.note("version", Fail, "use Redis 6.2 or later, or Valkey", "%s %s is too old", name, version)
		return
	}
	s.note("version", OK, "", "%s %s, RESP3", name, version)
}

// judgeRole finds an address that leads to the wrong server: each of these answers, and a
// service would only fail later, at its first write or failover.
func (s *server) judgeRole(role, mode string) {
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
// One that is no number is too old: what stands there is not Redis.
func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(first)
	b, _ := strconv.Atoi(second)
	return err == nil && (a > major || a == major && b >= minor)
}

// readInfo reads INFO, once.
// It may fail in one look and be tried again in the next: an error is not kept.
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
	// "txt:" is what RESP3 puts before a verbatim string.
	for line := range strings.Lines(strings.TrimPrefix(text, "txt:")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			s.info[name] = value
		}
	}
	return nil
}

// memory looks at what happens when there is none left.
// A managed server may hide its settings: then it is not looked at, which is no
// warning.
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
// A swap puts other values under all keys at once; client-side caches get no
// invalidation for it.
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
// In the mode BCAST for the prefix of all data, which is how redisstore listens.
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
// The server's moment is held against the middle of the question and its answer, as in
// NTP: what the way takes does not count as a difference.
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
	s.judgeClock(ahead)
}

// judgeClock looks at how far the server is ahead of this host; below zero it is behind.
func (s *server) judgeClock(ahead time.Duration) {
	if ahead.Abs() > clockWarn {
		s.note("clock", Warn, "let both hosts keep time by NTP", "the server's clock is %v ahead of this host's; values with an end of their own end by the later of the two", ahead)
		return
	}
	s.note("clock", OK, "", "%v ahead of this host's", ahead)
}

// latency looks how long an answer takes.
// The median says how far away it is, and the slowest whether something holds it up at
// times.
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
	s.judgeLatency(median, worst)
}

// judgeLatency compares with what a service waits for an answer. Half of that is the
// bound: an answer that comes later than it counts as none, and under load all take longer.
func (s *server) judgeLatency(median, worst time.Duration) {
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
