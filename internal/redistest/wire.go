package redistest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Wire passes one process's bytes to a server. While it is cut it swallows
// them without a word, and what it swallowed never arrives: the connections
// that live through a cut end with it. Its methods may be called concurrently.
type Wire struct {
	listener net.Listener
	target   string
	cut      atomic.Bool
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool
}

// overtaken is how many pieces of data are sent for one that is held up, and
// so is overtaken by what comes on other connections.
const overtaken = 200

// NewWire returns a wire to the server at target, which is gone when t ends.
func NewWire(t testing.TB, target string) *Wire {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{listener: l, target: target, conns: map[net.Conn]bool{}}
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.mu.Lock()
		for c := range w.conns {
			c.Close()
		}
		w.conns = nil
		w.mu.Unlock()
		w.wg.Wait()
	})
	return w
}

// Addr is where the wire begins.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Cut cuts the wire. New connections are accepted.
func (w *Wire) Cut() { w.cut.Store(true) }

// Mend ends the cut.
func (w *Wire) Mend() { w.cut.Store(false) }

// accept ends when the listener is closed.
func (w *Wire) accept() {
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
		if !w.own(in, out) {
			return
		}
		w.wg.Go(func() { w.pass(in, out) })
		w.wg.Go(func() { w.pass(out, in) })
	}
}

// own makes connections end with the wire. It reports false if that has ended.
func (w *Wire) own(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if w.conns == nil {
			c.Close()
			continue
		}
		w.conns[c] = true
	}
	return w.conns != nil
}

// pass ends with either side.
func (w *Wire) pass(from, to net.Conn) {
	defer func() {
		from.Close()
		to.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.conns, from)
	}()
	lossy := false
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil && err != io.EOF || n == 0 {
			return
		}
		if w.cut.Load() {
			lossy = true
			continue
		}
		if lossy {
			return
		}
		if rand.IntN(overtaken) == 0 {
			<-time.After(30 * time.Millisecond)
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
