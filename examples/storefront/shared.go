package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/larderdev/larder/internal/redisproc"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// sharedTier is the tier that was taken.
type sharedTier struct {
	store store.Store
	place string            // which one it is, for the log
	child *redisproc.Server // nil: no private server
}

// openShared takes the server behind address, or else a private one, or else,
// where none is installed, a tier inside this process.
func openShared(ctx context.Context, address string) (*sharedTier, error) {
	if address != "" {
		s, err := redisstore.Open(ctx, redisstore.Options{URL: address})
		if err != nil {
			return nil, err
		}
		return &sharedTier{store: s, place: "Redis at " + withoutLogin(address)}, nil
	}
	child, err := redisproc.Run(ctx, redisproc.Options{})
	if errors.Is(err, redisproc.ErrNotInstalled) {
		return &sharedTier{store: localstore.New(localstore.Options{}), place: "inside this process (no redis-server or valkey-server on the PATH)"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("start a private Redis: %w", err)
	}
	s, err := redisstore.Open(ctx, redisstore.Options{Addrs: []string{child.Addr()}})
	if err != nil {
		return nil, errors.Join(err, child.Stop())
	}
	return &sharedTier{store: s, place: "private Redis at " + child.Addr() + ", ends with this shop", child: child}, nil
}

// close ends the tier, and the private server if there is one.
func (t *sharedTier) close() error {
	err := t.store.Close()
	if t.child != nil {
		err = errors.Join(err, t.child.Stop())
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
