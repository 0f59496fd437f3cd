package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/larderdev/larder/edge"
	"github.com/larderdev/larder/examples/storefront/internal/caches"
	"github.com/larderdev/larder/purge"
	purgeedge "github.com/larderdev/larder/purge/edge"
)

// purgeWindow is how long purges wait for others to go with them. A change waits
// for it.
const purgeWindow = 5 * time.Millisecond

// closeTimeout bounds how long the end waits for purges that are to be repeated.
const closeTimeout = 10 * time.Second

// edges are the cache before this shop, if it has one, and the way to all of
// which this shop knows.
type edges struct {
	own   *edge.Handler // nil: none of its own
	api   http.Handler  // nil: the same
	queue *purge.Queue  // nil: there is no edge at all
}

// openEdges starts an edge before the shop's own address, and the queue of purges
// for it and for the others in cfg. The edge's purge API is served at the admin
// address.
func openEdges(ctx context.Context, cfg config, origin, admin net.Addr, log *slog.Logger) (e *edges, err error) {
	e = &edges{}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	var bases []string
	if cfg.edge {
		at := &url.URL{Scheme: "http", Host: reachable(origin)}
		if e.own, err = edge.New(edge.Options{Origin: at, Name: "edge", Queries: caches.Queries()}); err != nil {
			return e, err
		}
		e.api = e.own.API(cfg.token.Reveal())
		bases = append(bases, "http://"+reachable(admin)+"/edge")
	}
	targets, err := newPurgers(append(bases, cfg.purge...), cfg)
	if err != nil || len(targets) == 0 {
		return e, err
	}
	options := purge.Options{Targets: targets, Window: purgeWindow, Logger: log}
	if cfg.journal != "" {
		journal, err := purge.OpenFile(cfg.journal, purge.FileOptions{})
		if err != nil {
			return e, fmt.Errorf("-journal: %w", err)
		}
		options.Journal = journal
	}
	if e.queue, err = purge.Open(ctx, options); err != nil && options.Journal != nil {
		err = errors.Join(err, options.Journal.Close())
	}
	return e, err
}

// newPurgers returns a purger for the purge API at each of the addresses. The
// first is called "edge", and others by their addresses.
func newPurgers(bases []string, cfg config) ([]purge.Purger, error) {
	var targets []purge.Purger
	for i, base := range bases {
		o := purgeedge.Options{BaseURL: base, Token: cfg.token, PlainHTTP: true}
		if i > 0 || !cfg.edge {
			o.Name = strings.TrimPrefix(strings.TrimPrefix(base, "http://"), "https://")
		}
		p, err := purgeedge.New(o)
		if err != nil {
			return nil, fmt.Errorf("-purge, with the token in $%s: %w", tokenEnv, err)
		}
		targets = append(targets, p)
	}
	return targets, nil
}

// reachable is where a listener on this machine can be asked.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}

// closeQueue ends the queue. Purges of this shop's own edge that are left do not
// matter: its memory ends with it.
func (e *edges) closeQueue(cfg config, log *slog.Logger) {
	if e.queue == nil {
		return
	}
	patience := closeTimeout
	if len(cfg.purge) == 0 {
		patience = 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.queue.Close(ctx); err != nil && len(cfg.purge) > 0 {
		log.Warn("purges are left", "err", err, "kept_in", cfg.journal)
	}
}

// close ends the edge.
func (e *edges) close() error {
	if e.own == nil {
		return nil
	}
	return e.own.Close()
}
