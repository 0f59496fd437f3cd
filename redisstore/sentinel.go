package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// askSentinels asks one Sentinel after the other for the address of the
// primary. It is asked again for each new connection: when a primary steps
// down, its Sentinels cut the connections to it.
func (s *Store) askSentinels(ctx context.Context) (string, error) {
	var errs []error
	for _, addr := range s.cfg.addrs {
		primary, err := s.askSentinel(ctx, addr)
		if err == nil {
			return primary, nil
		}
		errs = append(errs, fmt.Errorf("Sentinel %w", err))
	}
	return "", errors.Join(errs...)
}

func (s *Store) askSentinel(ctx context.Context, addr string) (string, error) {
	sess, err := dial(ctx, addr, login{
		username: s.cfg.SentinelUsername,
		password: s.cfg.SentinelPassword,
		tls:      s.cfg.TLS,
		timeout:  s.cfg.DialTimeout,
	}, nil)
	if err != nil {
		return "", err
	}
	defer sess.close()
	if sess.hello.mode != "sentinel" {
		return "", fmt.Errorf("%s: %w: it is no Sentinel", addr, ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.DialTimeout)
	defer cancel()
	ask := sess.client.B().SentinelGetMasterAddrByName().Master(s.cfg.SentinelMaster).Build()
	parts, err := sess.do(ctx, ask).AsStrSlice()
	if err != nil || len(parts) != 2 {
		return "", fmt.Errorf("%s: it knows no primary %q: %w", addr, s.cfg.SentinelMaster, err)
	}
	return net.JoinHostPort(parts[0], parts[1]), nil
}
