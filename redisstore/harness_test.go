package redisstore_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// patience is how long something that must happen may take.
const patience = 20 * time.Second

// open opens a store that is closed when the test ends.
func open(t testing.TB, opts redisstore.Options) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// at are the options for a server at an address.
func at(addr string) redisstore.Options { return redisstore.Options{Addrs: []string{addr}} }

// operator sends commands as an operator with redis-cli would.
type operator struct {
	t testing.TB
	c rueidis.Client
}

func newOperator(t testing.TB, addr string) operator {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return operator{t, c}
}

// run sends one command. An absent answer is no failure.
func (o operator) run(args ...string) rueidis.RedisMessage {
	o.t.Helper()
	m, err := o.c.Do(o.t.Context(), o.c.B().Arbitrary(args...).Build()).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		o.t.Fatalf("%q: %v", args, err)
	}
	return m
}

// eventually asks until the answer is yes.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	late := time.After(patience)
	for !ask() {
		select {
		case <-time.After(time.Millisecond):
		case <-late:
			t.Fatalf("waited %v for this: %s", patience, what)
		}
	}
}

// do runs one operation.
func do(t testing.TB, s store.Store, op store.Op) store.Reply {
	t.Helper()
	reply := s.Do(t.Context(), []store.Op{op})[0]
	if reply.Err != nil {
		t.Fatalf("%T: %v", op, reply.Err)
	}
	return reply
}

// get reads one key.
func get(t testing.TB, s store.Store, key string) store.Reply {
	t.Helper()
	reply := s.Get(t.Context(), []string{key})[0]
	if reply.Err != nil {
		t.Fatalf("Get %s: %v", key, reply.Err)
	}
	return reply
}

// put stores a value that lives for an hour.
func put(t testing.TB, s store.Store, key string, version uint64, body string) {
	t.Helper()
	do(t, s, store.Lease{Key: key, ID: "put", For: time.Hour, Force: true})
	fill := store.Fill{Key: key, ID: "put", Kind: store.Value, Version: version, Fresh: time.Hour, Life: time.Hour, Body: []byte(body)}
	if got := do(t, s, fill).Status; got != store.Done {
		t.Fatalf("fill %s: status %d, want Done", key, got)
	}
}

// recorder is a Feed that can be waited for.
type recorder struct {
	mu      sync.Mutex
	resets  int
	beats   []time.Time
	history string // of the last beat
	keys    []string
}

// watch starts a Watch that ends with the test, and waits for its first beat.
func watch(t testing.TB, s store.Store, period time.Duration) *recorder {
	t.Helper()
	r := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Watch(ctx, r, period) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	r.waitBeat(t)
	return r
}

func (r *recorder) Reset(string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resets++
}

func (r *recorder) Beat(_ string, b store.Beat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beats = append(r.beats, b.Sent)
	r.history = b.History
}

func (r *recorder) Changed(_ string, keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, keys...)
}

// counts returns how many resets and beats there were.
func (r *recorder) counts() (resets, beats int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resets, len(r.beats)
}

// saw reports whether a change of key was reported.
func (r *recorder) saw(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.keys, key)
}

// forget drops what was reported so far.
func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = nil
}

// waitBeat waits for a heartbeat that leaves from now on.
func (r *recorder) waitBeat(t testing.TB) {
	t.Helper()
	start := time.Now()
	eventually(t, "a heartbeat", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.beats) > 0 && r.beats[len(r.beats)-1].After(start)
	})
}

// waitHistory waits for a heartbeat that leaves from now on and returns its
// history.
func (r *recorder) waitHistory(t testing.TB) string {
	t.Helper()
	r.waitBeat(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.history
}

// waitSilence waits until there has been no heartbeat for half a second.
func (r *recorder) waitSilence(t testing.TB) {
	t.Helper()
	eventually(t, "no heartbeats", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return time.Since(r.beats[len(r.beats)-1]) > 500*time.Millisecond
	})
}

// waitResets waits until there were more resets than n.
func (r *recorder) waitResets(t testing.TB, n int) {
	t.Helper()
	eventually(t, "a Reset", func() bool {
		resets, _ := r.counts()
		return resets > n
	})
}

// wire is a TCP link to a server that can be slow, or dead while it looks
// alive.
type wire struct {
	listener net.Listener
	target   string
	rewrite  func([]byte) []byte // what passes, if set
	mu       sync.Mutex
	delay    time.Duration
	dead     chan struct{} // closed when the link lives again; nil while it does
	conns    []net.Conn
	wg       sync.WaitGroup
}

func newWire(t testing.TB, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return newWireOn(t, l, target)
}

// newWireOn is a link that begins at a listener.
func newWireOn(t testing.TB, l net.Listener, target string) *wire {
	return newWireOf(t, &wire{listener: l, target: target})
}

// newWireOf starts a link.
func newWireOf(t testing.TB, w *wire) *wire {
	l := w.listener
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.live()
		w.mu.Lock()
		for _, c := range w.conns {
			c.Close()
		}
		w.mu.Unlock()
		w.wg.Wait()
	})
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

// slow makes every piece of data take so much longer, each way.
func (w *wire) slow(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

// die lets nothing through any more. Connections stay open, and new ones are
// accepted.
func (w *wire) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead == nil {
		w.dead = make(chan struct{})
	}
}

// live ends the death. What was held back comes through.
func (w *wire) live() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead != nil {
		close(w.dead)
		w.dead = nil
	}
}

func (w *wire) accept() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.target)
		if err != nil {
			in.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, in, out)
		w.mu.Unlock()
		w.wg.Go(func() { w.carry(in, out) })
		w.wg.Go(func() { w.carry(out, in) })
	}
}

// carry copies one way, until either end is closed.
func (w *wire) carry(from, to net.Conn) {
	defer to.Close()
	defer from.Close()
	data := make([]byte, 64<<10)
	for {
		n, err := from.Read(data)
		w.mu.Lock()
		delay, dead := w.delay, w.dead
		w.mu.Unlock()
		if delay > 0 {
			<-time.After(delay)
		}
		if dead != nil {
			<-dead
		}
		piece := data[:n]
		if w.rewrite != nil {
			piece = w.rewrite(piece)
		}
		if _, failed := to.Write(piece); failed != nil || err != nil {
			return
		}
	}
}
