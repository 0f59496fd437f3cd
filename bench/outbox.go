package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/pgproc"
	"github.com/larderdev/larder/outbox"
	"github.com/larderdev/larder/redisstore"
)

const (
	shopNodes   = 3
	shopRows    = 100
	shopUpdates = 400
)

// shop is a database with triggers, a server, three Larders, each as a process
// would have it, and one relay.
type shop struct {
	*bed
	db     *pgproc.Cluster
	client *pgx.Conn // knows nothing of Larder
	nodes  []*larder.Cache[int, priced]
	stops  []func() // in reverse order
}

// priced is a row of products.
type priced struct {
	ID      int    `json:"id"`
	Cents   int    `json:"price_cents"`
	Version uint64 `json:"version"`
}

func newShop(ctx context.Context) (*shop, error) {
	b, err := newBare(ctx, 0)
	if err != nil {
		return nil, err
	}
	s := &shop{bed: b, stops: []func(){func() { b.close() }}}
	if err := s.start(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *shop) close() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
}

func (s *shop) start(ctx context.Context) (err error) {
	if s.db, err = pgproc.Start(ctx, pgproc.Options{}); err != nil {
		return err
	}
	s.stops = append(s.stops, func() { s.db.Stop() })
	if s.client, err = pgx.Connect(ctx, s.db.DSN()); err != nil {
		return err
	}
	s.stops = append(s.stops, func() { s.client.Close(ctx) })
	for _, statement := range []string{
		`CREATE TABLE products (id integer PRIMARY KEY, price_cents integer NOT NULL, version bigint NOT NULL DEFAULT 1)`,
		fmt.Sprintf(`INSERT INTO products (id, price_cents) SELECT id, 0 FROM generate_series(0, %d) id`, shopRows-1),
	} {
		if _, err := s.client.Exec(ctx, statement); err != nil {
			return err
		}
	}
	for range shopNodes {
		if err := s.addNode(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addNode adds a process: a Larder with a store and a pool of its own. The first
// one runs the relay.
func (s *shop) addNode(ctx context.Context) error {
	st, err := redisstore.Open(ctx, redisstore.Options{Addrs: []string{s.server.Addr()}})
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() { st.Close() })
	l, err := larder.Open(ctx, larder.Options{
		Policies: map[string]larder.Policy{"product": {TTL: time.Hour}},
		Shared:   st, Outbox: true, Logger: silent,
	})
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() { l.Close() })
	pool, err := pgxpool.New(ctx, s.db.DSN())
	if err != nil {
		return err
	}
	s.stops = append(s.stops, pool.Close)
	c, err := larder.NewCache(l, "product", larder.Loader[int, priced]{
		Load: func(ctx context.Context, id int) (p priced, err error) {
			row := pool.QueryRow(ctx, `SELECT id, price_cents, version FROM products WHERE id = $1`, id)
			err = row.Scan(&p.ID, &p.Cents, &p.Version)
			return p, err
		},
		Version: func(p priced) uint64 { return p.Version },
	})
	if err != nil {
		return err
	}
	if s.nodes = append(s.nodes, c); len(s.nodes) > 1 {
		return nil
	}
	return s.relay(ctx, l)
}

func (s *shop) relay(ctx context.Context, l *larder.Larder) error {
	db, err := sql.Open("pgx", s.db.DSN())
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() { db.Close() })
	box, err := outbox.New(db, outbox.Options{Dialect: outbox.PostgreSQL})
	if err != nil {
		return err
	}
	if err := box.Migrate(ctx); err != nil {
		return err
	}
	if err := box.InstallTriggers(ctx, outbox.Mapping{Table: "products", Class: "product", Key: "{id}", Version: "version"}); err != nil {
		return err
	}
	relay, err := box.Relay(l, outbox.RelayOptions{Logger: silent})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	s.stops = append(s.stops, func() { cancel(); <-ended })
	return nil
}

// shown waits until the memory of every node holds cents under id.
func (s *shop) shown(ctx context.Context, id, cents int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	errs := make([]error, len(s.nodes))
	var wg sync.WaitGroup
	for i, c := range s.nodes {
		wg.Go(func() {
			for {
				var report larder.Report
				p, err := c.Get(ctx, id, larder.Into(&report))
				if err != nil || p.Cents == cents && report.Tier() == larder.Memory {
					errs[i] = err
					return
				}
				<-time.After(100 * time.Microsecond)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// updateElsewhere changes rows by a client of the database that knows nothing of
// Larder, and measures from before the UPDATE is sent until the memory of every
// process shows the new value.
func updateElsewhere(ctx context.Context) ([]row, error) {
	s, err := newShop(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for id := range shopRows {
		if err := s.shown(ctx, id, 0); err != nil {
			return nil, err
		}
	}
	var alone, all []time.Duration // until the UPDATE was acknowledged, and shown
	for i := range shopUpdates {
		<-time.After(rand.N(40 * time.Millisecond)) // whatever the relay does just then
		id, cents := i%shopRows, i+1
		began := time.Now()
		if _, err := s.client.Exec(ctx, `UPDATE products SET price_cents = $1 WHERE id = $2`, cents, id); err != nil {
			return nil, err
		}
		alone = append(alone, time.Since(began))
		if err := s.shown(ctx, id, cents); err != nil {
			return nil, fmt.Errorf("update %d: %w", i, err)
		}
		all = append(all, time.Since(began))
	}
	slices.Sort(alone)
	slices.Sort(all)
	of := func(name string, at int, bar time.Duration) row {
		return row{
			what:   fmt.Sprintf("UPDATE → %d memories, %s, ms", shopNodes, name),
			larder: fmt.Sprintf("%d updates", shopUpdates), bare: fmt.Sprintf("%.1f ms UPDATE", millis(alone[at])),
			ratio: millis(all[at]), bar: fmt.Sprintf("< %d", bar.Milliseconds()), kept: all[at] < bar,
		}
	}
	return []row{
		of("p50", len(all)/2, 20*time.Millisecond),
		of("p99", len(all)*99/100, 100*time.Millisecond),
		{what: "the same, worst, ms", ratio: millis(all[len(all)-1]), bar: noBar},
	}, nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
