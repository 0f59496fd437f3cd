package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// The pauses between attempts to connect grow from the one to the other.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// roleEvery is how often a server is asked whether it is still the primary. A
// replica may be read for so long, and a round trip more. The question costs
// the server less than a microsecond.
const roleEvery = 100 * time.Millisecond

// backoff makes the pauses between attempts. The zero value is ready.
type backoff struct{ next time.Duration }

// pause waits for its turn, with jitter so that a fleet does not come back all
// at once. It reports false if ctx ends first.
func (b *backoff) pause(ctx context.Context) bool {
	b.next = min(max(2*b.next, minPause), maxPause)
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reset begins with the shortest pause again.
func (b *backoff) reset() { b.next = 0 }

// link keeps one session open: it connects again whenever the connection is
// lost. Its goroutine lives from start until the context given to that ends.
//
// Callers never wait for it. While there is no session they get an error.
type link struct {
	connect func(context.Context) (*dataSession, error)
	current atomic.Pointer[lineState]
	tried   chan struct{} // closed after the first attempt
	ended   chan struct{} // closed when the goroutine is over
}

// lineState is a session, or the reason why there is none.
type lineState struct {
	session *dataSession
	err     error
}

// errFirst is the reason before the first attempt is over.
var errFirst = errors.New("connecting for the first time")

// startLink begins to connect and returns at once.
func startLink(ctx context.Context, connect func(context.Context) (*dataSession, error)) *link {
	l := &link{connect: connect, tried: make(chan struct{}), ended: make(chan struct{})}
	l.lost(errFirst)
	go l.run(ctx)
	return l
}

// get returns the session, or an error that is [ErrUnavailable].
func (l *link) get() (*dataSession, error) {
	state := l.current.Load()
	return state.session, state.err
}

// lost makes calls fail for the reason given. The error is made once, not for
// each of the calls.
func (l *link) lost(cause error) {
	l.current.Store(&lineState{err: unavailable(cause)})
}

func (l *link) run(ctx context.Context) {
	defer close(l.ended)
	var wait backoff
	for first := true; ; first = false {
		s, err := l.connect(ctx)
		if err != nil {
			l.lost(err)
		} else {
			l.current.Store(&lineState{session: s})
			wait.reset()
		}
		if first {
			close(l.tried)
		}
		if err == nil {
			l.hold(ctx, s)
		}
		if !wait.pause(ctx) {
			l.lost(errGone)
			return
		}
	}
}

// hold waits for the end of a session and clears up after it. Again and again
// it asks whether the server is still the primary: one that has been made a
// replica goes on answering, with what it knew some time ago. A request that
// leaves after the question is answered after it.
func (l *link) hold(ctx context.Context, s *dataSession) {
	ticker := time.NewTicker(roleEvery)
	defer ticker.Stop()
	cause := errGone
	for held := true; held; {
		select {
		case <-ticker.C:
			if err := s.stillPrimary(ctx); err != nil {
				cause = err
				held = false
			}
		case <-s.gone:
			held = false
		case <-ctx.Done():
			held = false
		}
	}
	l.lost(fmt.Errorf("%s: %w", s.addr, cause))
	s.close()
}
