package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// followEvery is how often the Sentinels are asked where the primary is. They
// cut the connections to one that steps down, but some ten seconds after they
// have promoted another; until then it takes writes that will be lost.
const followEvery = time.Second

// sentinels know where the primary is. They are asked over one connection,
// and one of the others is asked when that fails.
type sentinels struct {
	addrs  []string
	master string
	login  login

	mu       sync.Mutex
	asked    *session              // the connection used last
	over     bool                  // no connection is kept any more
	sessions map[*session]struct{} // connections to what was the primary
}

func newSentinels(cfg config) *sentinels {
	return &sentinels{
		addrs:  cfg.addrs,
		master: cfg.SentinelMaster,
		login: login{
			username: cfg.SentinelUsername,
			password: cfg.SentinelPassword,
			tls:      cfg.TLS,
			timeout:  cfg.DialTimeout,
		},
		sessions: make(map[*session]struct{}),
	}
}

// dial connects to the primary.
func (s *sentinels) dial(ctx context.Context, l login, onPush func([]rueidis.RedisMessage)) (*session, error) {
	addr, err := s.primary(ctx)
	if err != nil {
		return nil, err
	}
	sess, err := dial(ctx, addr, l, onPush)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[sess] = struct{}{}
	return sess, nil
}

// follow cuts connections to a server that is the primary no more, until ctx
// ends. Whoever used them connects again.
func (s *sentinels) follow(ctx context.Context) {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			s.end()
			return
		}
		if addr, err := s.primary(ctx); err == nil {
			s.keepOnly(addr)
		}
	}
}

// keepOnly cuts the connections to other servers than addr.
func (s *sentinels) keepOnly(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sess := range s.sessions {
		if sess.addr != addr {
			sess.cut()
		}
		select {
		case <-sess.gone:
			delete(s.sessions, sess)
		default:
		}
	}
}

// primary asks one Sentinel after the other for the address of the primary.
func (s *sentinels) primary(ctx context.Context) (string, error) {
	s.mu.Lock()
	sess := s.asked
	s.mu.Unlock()
	if sess != nil {
		if addr, err := s.ask(ctx, sess); err == nil {
			return addr, nil
		}
		s.remember(nil)
	}
	var errs []error
	for _, addr := range s.addrs {
		sess, err := s.connect(ctx, addr)
		if err == nil {
			var primary string
			if primary, err = s.ask(ctx, sess); err == nil {
				s.remember(sess)
				return primary, nil
			}
			sess.close()
		}
		errs = append(errs, fmt.Errorf("Sentinel %w", err))
	}
	return "", errors.Join(errs...)
}

// connect makes a connection to a Sentinel.
func (s *sentinels) connect(ctx context.Context, addr string) (*session, error) {
	sess, err := dial(ctx, addr, s.login, nil)
	if err != nil {
		return nil, err
	}
	if sess.hello.mode != "sentinel" {
		sess.close()
		return nil, fmt.Errorf("%s: %w: it is no Sentinel", addr, ErrUnsupported)
	}
	return sess, nil
}

// ask asks one Sentinel.
func (s *sentinels) ask(ctx context.Context, sess *session) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.login.timeout)
	defer cancel()
	parts, err := sess.do(ctx, sess.client.B().SentinelGetMasterAddrByName().Master(s.master).Build()).AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err), err == nil && len(parts) != 2:
		return "", fmt.Errorf("%s: it knows no primary %q", sess.addr, s.master)
	case err != nil:
		return "", fmt.Errorf("%s: %w", sess.addr, err)
	}
	return net.JoinHostPort(parts[0], parts[1]), nil
}

// remember keeps a connection for the next question, in place of the one that
// is kept. nil keeps none.
func (s *sentinels) remember(sess *session) {
	s.mu.Lock()
	old := s.asked
	s.asked = sess
	if s.over {
		s.asked = nil
	}
	unwanted := s.over && sess != nil
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
	if unwanted {
		sess.close()
	}
}

// end makes that no connection is kept.
func (s *sentinels) end() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.remember(nil)
}
