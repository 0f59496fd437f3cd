package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/examples/storefront/internal/web"
)

// The program's exit codes.
const (
	exitOK          = 0
	exitUsage       = 2
	exitEnvironment = 3
)

const (
	startTimeout = time.Minute      // for the database, with its seed
	drainTimeout = 10 * time.Second // for requests in flight at the end
)

// config is what flags and environment say.
type config struct {
	addr, admin string
	redis, db   string
	node        string
}

// run is the program: it serves until ctx ends or a signal comes.
func run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) int {
	cfg, err := parse(args, getenv, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage // parse has said it
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once; but make passes on the one that
	// its whole group, and so this program too, has got already.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })
	log := slog.New(slog.NewTextHandler(errs, nil))
	if cfg.node != "" {
		log = log.With("node", cfg.node)
	}
	if err := serve(ctx, cfg, log, out); err != nil && !errors.Is(err, context.Canceled) {
		log.Error("storefront", "err", err)
		return exitEnvironment
	}
	return exitOK
}

func parse(args []string, getenv func(string) string, errs io.Writer) (config, error) {
	fallback := func(name, otherwise string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return otherwise
	}
	var cfg config
	set := flag.NewFlagSet("storefront", flag.ContinueOnError)
	set.SetOutput(errs)
	set.StringVar(&cfg.addr, "addr", "127.0.0.1:8080", "serve the shop on this `address`")
	set.StringVar(&cfg.admin, "admin", "127.0.0.1:8090", "serve statistics on this `address`")
	set.StringVar(&cfg.redis, "redis", "", "`URL` of Redis or Valkey; without it $REDIS_URL, else a private server, else none")
	set.StringVar(&cfg.db, "db", "", "postgres:// `URL`, or path of an SQLite file; without it $DATABASE_URL, else storefront.db")
	set.StringVar(&cfg.node, "node", "", "`name` of this shop in logs and statistics (default random)")
	if err := set.Parse(args); err != nil {
		return cfg, err
	}
	if set.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", set.Arg(0))
		fmt.Fprintln(errs, err)
		set.Usage()
		return cfg, err
	}
	// Not as defaults of the flags: -h would print the passwords.
	if cfg.redis == "" {
		cfg.redis = getenv("REDIS_URL")
	}
	if cfg.db == "" {
		cfg.db = fallback("DATABASE_URL", "storefront.db")
	}
	return cfg, nil
}

// serve opens everything, serves until ctx ends, and closes everything in the
// opposite order.
func serve(ctx context.Context, cfg config, log *slog.Logger, out io.Writer) (err error) {
	public, err := net.Listen("tcp", cfg.addr)
	if err != nil {
		return err
	}
	defer public.Close() // the server has closed it already, but if it never ran
	admin, err := net.Listen("tcp", cfg.admin)
	if err != nil {
		return err
	}
	defer admin.Close()

	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := catalog.Open(starting, cfg.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tier, err := openShared(starting, cfg.redis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tier.close()) }()
	s, err := shop.Open(ctx, shop.Options{DB: db, Shared: tier.store, Node: cfg.node, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	log.Info("opened", "database", db.Place(), "shared_tier", tier.place)
	fmt.Fprintf(out, "shop        http://%s/api/products?ids=1,2,3\n", public.Addr())
	fmt.Fprintf(out, "statistics  http://%s/debug/larder\n", admin.Addr())
	return listen(ctx, log,
		site{public, web.NewAPI(s, log)},
		site{admin, web.NewAdmin(s, log)},
	)
}

// site is a handler and where it listens.
type site struct {
	at      net.Listener
	handler http.Handler
}

// listen serves the sites until ctx ends or one of them fails, and then lets
// the requests in flight end. Its goroutines, one a site, have ended when it
// returns.
func listen(ctx context.Context, log *slog.Logger, sites ...site) error {
	ended := make(chan error, len(sites))
	var servers []*http.Server
	for _, s := range sites {
		server := &http.Server{
			Handler:           s.handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       15 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		servers = append(servers, server)
		go func() { ended <- server.Serve(s.at) }()
	}
	var failed error
	running := len(sites)
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case failed = <-ended:
		running--
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	for _, server := range servers {
		failed = errors.Join(failed, server.Shutdown(drain))
	}
	for range running {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
