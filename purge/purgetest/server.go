package purgetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/larderdev/larder/purge"
)

// base is where the API seems to be. Nothing is dialled.
const base = "http://127.0.0.1:80"

// server is an API in memory, and the purger that talks to it.
type server struct {
	purger purge.Purger
	pipes  *pipes

	mu       sync.Mutex
	handler  http.HandlerFunc
	requests []*request
}

// request is one that has arrived.
type request struct {
	*http.Request
	body []byte
}

// run runs a check in a bubble, with a server and a purger of its own.
func (k *Kit) run(t *testing.T, name string, check func(t *testing.T, s *server)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &server{pipes: &pipes{conns: make(chan net.Conn), done: make(chan struct{})}}
			api := &http.Server{Handler: s}
			var serving sync.WaitGroup
			serving.Go(func() { _ = api.Serve(s.pipes) })
			// In fake time a real socket would not count as waiting, and time would stand
			// still.
			transport := &http.Transport{DialContext: s.pipes.dial}
			defer func() {
				transport.CloseIdleConnections()
				_ = api.Close()
				serving.Wait()
			}()
			s.purger = k.New(t, base, &http.Client{Transport: transport})
			check(t, s)
		})
	})
}

// ServeHTTP notes the request and gives the answer of the day.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	r.Body = io.NopCloser(bytes.NewReader(body)) // for handlers that look at it
	s.mu.Lock()
	s.requests = append(s.requests, &request{r, body})
	handler := s.handler
	s.mu.Unlock()
	handler(w, r)
}

// answer says how requests are answered from now on.
func (s *server) answer(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

// taken returns the requests since it was last called.
func (s *server) taken() []*request {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

// pipes is a network that is in this process: a listener, and the dialler of
// its clients.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, errors.New("connection refused")
	}
}

// Accept returns the server's end of the next connection.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close makes dialling fail.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr is needed by the interface.
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
