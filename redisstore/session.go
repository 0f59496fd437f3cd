package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// ringScale makes rueidis's queue of a connection 2^ringScale requests
	// long. A request for which there is no place waits for one without
	// looking at its context, so that the places are counted here.
	ringScale = 10
	// ringPlaces leaves some places to requests that are not counted: pings of
	// rueidis and of this package, and the farewell.
	ringPlaces = 1<<ringScale - 16
	// bufferSize is that of each of a connection's two buffers, in bytes.
	bufferSize = 128 << 10
	// clientName is how CLIENT LIST shows the connections.
	clientName = "larder"
)

// session is one connection to one server, from the dial to its end. It is
// never redialled: whoever uses it replaces it.
//
// What rueidis would do by itself is switched off or kept from happening where
// it could make a caller wait longer than its context allows, or run a request
// twice:
//
//   - It redials in a caller's time, and lets other callers wait for that one
//     whatever their contexts say. Here a second dial fails at once.
//   - Without concurrency it reads the answer in the caller's goroutine, and a
//     caller that gives up closes the connection for all. AlwaysPipelining
//     has a goroutine do it from the start.
//   - A request for which its queue has no place waits without looking at its
//     context. See places.
//   - Big batches get a connection of their own, which is made then. A
//     negative BlockingPipeline prevents that.
//   - Closing waits up to a second for a server that is silent. Here the
//     network connection is closed first.
type session struct {
	addr   string
	client rueidis.Client
	hello  hello
	runID  string        // another one each time the server is started
	gone   chan struct{} // closed when the connection is

	dialed atomic.Bool
	conn   atomic.Pointer[conn]

	places    *places
	abandoned atomic.Int64 // requests in the queue that nobody waits for
}

// conn tells when it is closed, by whichever side.
type conn struct {
	net.Conn
	once sync.Once
	gone chan struct{}
}

// Close closes the connection. rueidis calls it on every failure.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// hello is what a server says about itself.
type hello struct {
	server  string // "redis", "valkey"
	version string
	proto   int64
	mode    string // "standalone", "cluster" or "sentinel"
	role    string // "master" or "replica"
}

// errGone is the error of a request on a session that has ended.
var errGone = errors.New("connection lost")

// login is how to connect to a server.
type login struct {
	username, password string
	db                 int
	tls                *tls.Config
	timeout            time.Duration
	flushDelay         time.Duration
}

// dial connects to addr and asks the server who it is. A push gets onPush,
// if that is set, from one goroutine and in order; a nil push means that
// everything may have changed.
func dial(ctx context.Context, addr string, l login, onPush func([]rueidis.RedisMessage)) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	s := &session{addr: addr, gone: make(chan struct{}), places: newPlaces(ringPlaces)}
	defer context.AfterFunc(ctx, s.cut)()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:         []string{addr},
		ForceSingleClient:   true,
		PipelineMultiplex:   -1, // one connection
		BlockingPipeline:    -1, // also for big batches
		AlwaysPipelining:    true,
		DisableRetry:        true,
		DisableCache:        true,
		Username:            l.username,
		Password:            l.password,
		SelectDB:            l.db,
		ClientName:          clientName,
		RingScaleEachConn:   ringScale,
		ReadBufferEachConn:  bufferSize,
		WriteBufferEachConn: bufferSize,
		MaxFlushDelay:       l.flushDelay,
		// After a second without any answer (KeepAlive) rueidis sends a PING,
		// and gives the connection up when ConnWriteTimeout has passed too.
		Dialer:           net.Dialer{Timeout: l.timeout, KeepAlive: time.Second},
		ConnWriteTimeout: l.timeout,
		OnInvalidations:  onPush,
		DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
			return s.connect(ctx, l.tls)
		},
	})
	s.client = client
	if err == nil {
		err = s.greet(ctx)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", addr, dialError(ctx, err))
	}
	return s, nil
}

// dialError says what an error on the way means: that of ctx is the cause of
// all that come after its end, and an old server does not know our HELLO.
func dialError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case strings.Contains(err.Error(), "unknown command"), strings.HasPrefix(err.Error(), "NOPROTO"):
		return fmt.Errorf("%w: it does not speak RESP3", ErrUnsupported)
	}
	return err
}

// connect makes the network connection, once.
func (s *session) connect(ctx context.Context, config *tls.Config) (net.Conn, error) {
	if s.dialed.Swap(true) {
		return nil, errGone
	}
	network := "tcp"
	if isSocket(s.addr) {
		network = "unix"
	}
	var raw net.Conn
	var err error
	if config != nil {
		raw, err = (&tls.Dialer{Config: config}).DialContext(ctx, network, s.addr)
	} else {
		raw, err = (&net.Dialer{}).DialContext(ctx, network, s.addr)
	}
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, gone: s.gone}
	s.conn.Store(c)
	if ctx.Err() != nil { // cut came before there was something to cut
		s.cut()
	}
	return c, nil
}

// greet asks the server who it is. rueidis has done so too, but does not tell.
func (s *session) greet(ctx context.Context) error {
	answers := s.doAll(ctx, []rueidis.Completed{
		s.client.B().Hello().Protover(3).Build(),
		s.client.B().Info().Section("server").Build(),
	})
	var err error
	if s.hello, err = readHello(answers[0]); err != nil {
		return err
	}
	if err := s.hello.check(); err != nil {
		return err
	}
	s.runID, err = readInfo(answers[1], "run_id")
	return err
}

// readInfo reads one field from the answer to INFO. A server may not tell it:
// it is empty then.
func readInfo(r rueidis.RedisResult, field string) (string, error) {
	text, err := r.ToString()
	if err != nil {
		return "", err
	}
	text = strings.TrimPrefix(text, "txt:") // RESP3 says what kind of text it is
	for line := range strings.Lines(text) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); name == field {
			return value, nil
		}
	}
	return "", nil
}

// readHello reads the answer to HELLO.
func readHello(r rueidis.RedisResult) (hello, error) {
	m, err := r.AsMap()
	if err != nil {
		return hello{}, err
	}
	text := func(field string) string {
		v := m[field]
		t, _ := v.ToString()
		return t
	}
	proto := m["proto"]
	h := hello{server: text("server"), version: text("version"), mode: text("mode"), role: text("role")}
	h.proto, _ = proto.AsInt64()
	return h, nil
}

// check refuses servers that cannot be a shared tier.
func (h hello) check() error {
	switch {
	case h.proto < 3:
		return fmt.Errorf("%w: it does not speak RESP3", ErrUnsupported)
	case h.mode != "sentinel" && !h.atLeast(6, 2):
		return fmt.Errorf("%w: %s %s, want Redis 6.2 or later, or Valkey", ErrUnsupported, h.server, h.version)
	}
	return nil
}

// atLeast compares the server's version.
func (h hello) atLeast(major, minor int) bool {
	first, rest, _ := strings.Cut(h.version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(first)
	if err != nil {
		return false
	}
	b, _ := strconv.Atoi(second)
	return a > major || a == major && b >= minor
}

// do sends one request. The error of the result is ctx's as soon as ctx ends.
func (s *session) do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if err := s.places.take(ctx, s.gone); err != nil {
		return rueidis.NewErrorResult(err)
	}
	r := s.client.Do(ctx, cmd)
	s.leave(ctx, r.NonRedisError())
	return r
}

// doAll sends requests together, in order. The error of the results is ctx's
// as soon as ctx ends.
func (s *session) doAll(ctx context.Context, cmds []rueidis.Completed) []rueidis.RedisResult {
	if err := s.places.take(ctx, s.gone); err != nil {
		results := make([]rueidis.RedisResult, len(cmds))
		for i := range results {
			results[i] = rueidis.NewErrorResult(err)
		}
		return results
	}
	if len(cmds) == 1 {
		r := s.client.Do(ctx, cmds[0])
		s.leave(ctx, r.NonRedisError())
		return []rueidis.RedisResult{r}
	}
	results := s.client.DoMulti(ctx, cmds...)
	s.leave(ctx, results[len(results)-1].NonRedisError())
	return results
}

// leave gives the place back. That of a request that was given up because ctx
// has ended is still taken until the server answers: the first such request
// starts a probe that finds out when.
func (s *session) leave(ctx context.Context, err error) {
	if err == nil || err != ctx.Err() {
		s.places.give(1)
		return
	}
	if s.abandoned.Add(1) == 1 {
		go s.probe()
	}
}

// probe gives the places of abandoned requests back once a request behind them
// has been answered. It ends when none is left, or with the connection.
func (s *session) probe() {
	for {
		n := s.abandoned.Load()
		if s.client.Do(context.Background(), s.client.B().Ping().Build()).NonRedisError() != nil {
			return
		}
		s.places.give(n)
		if s.abandoned.Add(-n) == 0 {
			return
		}
	}
}

// cut ends the connection without a word. Requests under way fail.
func (s *session) cut() {
	if c := s.conn.Load(); c != nil {
		_ = c.Close() // nothing is left to be done about an error
	}
}

// close ends the session. Cutting first keeps rueidis from waiting for a
// server that is silent.
func (s *session) close() {
	s.cut()
	if s.client != nil {
		s.client.Close()
	}
}
