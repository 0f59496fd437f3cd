package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
)

// TestSession_DialsOnce: a caller who comes too late finds out at once. It
// does not connect again, in its own time.
func TestSession_DialsOnce(t *testing.T) {
	server := redistest.Start(t)
	s, err := dial(t.Context(), server.Addr(), login{timeout: 5 * time.Second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.cut()
	for range 3 {
		r := s.do(t.Context(), s.client.B().Ping().Build())
		if err := r.NonRedisError(); err == nil {
			t.Errorf("an answer over a connection that was cut")
		}
	}
}

func TestSession_DialEndsWithItsContext(t *testing.T) {
	server := redistest.Start(t)
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := dial(ctx, server.Addr(), login{timeout: 5 * time.Second}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v, want the context's 30ms", took)
	}
}

func TestHello_AtLeast(t *testing.T) {
	for _, c := range []struct {
		version string
		want    bool
	}{
		{"6.2.0", true},
		{"6.2", true},
		{"6.10.1", true},
		{"7.0.15", true},
		{"8.1.0-rc1", true},
		{"10.0", true},
		{"6.0.20", false},
		{"5.9.9", false},
		{"", false},
		{"x.y", false},
		{"6", false},
	} {
		if got := (hello{version: c.version}).atLeast(6, 2); got != c.want {
			t.Errorf("%q is at least 6.2: %v, want %v", c.version, got, c.want)
		}
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		b.pause(ctx)
	}
	if b.next != maxPause {
		t.Errorf("after twenty failures the pause is up to %v, want %v", b.next, maxPause)
	}
	b.reset()
	if !b.pause(t.Context()) || b.next != minPause {
		t.Errorf("after a success the pause is up to %v, want %v", b.next, minPause)
	}
}
