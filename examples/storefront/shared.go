package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/larderdev/larder/internal/redisproc"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// sharedTier is the tier that was taken.
type sharedTier struct {
	store store.Store
	place string        // which one it is, for the log
	child *privateRedis // nil: no private server
}

// openShared takes the server behind address, or else a private one, or else,
// where none is installed, a tier inside this process.
func openShared(ctx context.Context, address string, log *slog.Logger) (*sharedTier, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if address != "" {
		return openServer(ctx, address, log)
	}
	child, err := startPrivateRedis(ctx, log)
	if errors.Is(err, redisproc.ErrNotInstalled) {
		return &sharedTier{store: localstore.New(localstore.Options{}), place: "inside this process (no redis-server or valkey-server on the PATH)"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("start a private Redis: %w", err)
	}
	s, err := redisstore.Open(ctx, redisstore.Options{Addrs: []string{child.addr()}})
	if err != nil {
		return nil, errors.Join(err, child.stop())
	}
	return &sharedTier{store: s, place: "private Redis at " + child.addr() + ", ends with this shop", child: child}, nil
}

// openServer takes a server that need not be there yet, and says so if it is
// not.
func openServer(ctx context.Context, address string, log *slog.Logger) (*sharedTier, error) {
	s, err := redisstore.Open(ctx, redisstore.Options{URL: address})
	if err != nil {
		return nil, err
	}
	t := &sharedTier{store: s, place: "Redis at " + withoutLogin(address)}
	// Any key will do: what counts is whether there is an answer.
	if err := s.Get(ctx, []string{"storefront"})[0].Err; err != nil {
		log.Warn("the shared tier cannot be reached: until it can, the database answers what memory does not", "tier", t.place, "err", err)
		t.place += ", NOT REACHED YET"
	}
	return t, nil
}

// close ends the tier, and the private server if there is one.
func (t *sharedTier) close() error {
	err := t.store.Close()
	if t.child != nil {
		err = errors.Join(err, t.child.stop())
	}
	return err
}

// withoutLogin is what may be logged of a URL.
func withoutLogin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(unreadable URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
