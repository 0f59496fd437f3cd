// Package redistest gives a test a Redis or Valkey server of its own.
//
// The server is new and empty, and is gone when the test ends. A machine
// without one fails the test: one that skips it proves nothing and looks as if
// it did.
package redistest

import (
	"testing"

	"github.com/larderdev/larder/internal/redisproc"
)

// Server is a server whose failures fail the test. Its methods must be called
// from the goroutine that runs the test.
type Server struct {
	t testing.TB
	s *redisproc.Server
}

// Start runs a private server for t. The args are more of the server's
// arguments, as "--maxmemory", "2mb".
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := redisproc.Run(t.Context(), redisproc.Options{Args: args})
	if err != nil {
		t.Fatalf("%v\nTo install what the tests need: make test, or scripts/install-test-services", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop the Redis server: %v", err)
		}
	})
	return &Server{t, s}
}

// Addr is the server's address, host:port.
func (s *Server) Addr() string { return s.s.Addr() }

// Pause stops the server in its tracks (SIGSTOP): connections stay open and
// nothing is answered.
func (s *Server) Pause() {
	s.t.Helper()
	if err := s.s.Pause(); err != nil {
		s.t.Fatalf("pause the Redis server: %v", err)
	}
}

// Resume lets a paused server go on (SIGCONT).
func (s *Server) Resume() {
	s.t.Helper()
	if err := s.s.Resume(); err != nil {
		s.t.Fatalf("resume the Redis server: %v", err)
	}
}

// Kill ends the server at once (SIGKILL).
func (s *Server) Kill() { s.s.Kill() }

// Restart ends the server, if it runs, and starts an empty one on the same
// port.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.s.Restart(s.t.Context()); err != nil {
		s.t.Fatalf("restart the Redis server: %v", err)
	}
}

// RestartSaved ends the server, if it runs, and starts one on the same port that
// has what it held when it was last told SAVE.
func (s *Server) RestartSaved() {
	s.t.Helper()
	if err := s.s.RestartSaved(s.t.Context()); err != nil {
		s.t.Fatalf("restart the Redis server: %v", err)
	}
}
