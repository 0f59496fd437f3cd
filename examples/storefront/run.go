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
	"strings"
	"syscall"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/examples/storefront/internal/web"
	"github.com/larderdev/larder/purge/purgeapi"
)

// The program's exit codes.
const (
	exitOK          = 0
	exitLost        = 1 // invalidations are lost
	exitUsage       = 2
	exitEnvironment = 3
)

const (
	startTimeout = time.Minute      // for one try to open the database, with its seed, or the shared tier
	drainTimeout = 10 * time.Second // for requests in flight at the end
)

// config is what flags and environment say.
type config struct {
	addr, shop, admin string
	redis, db         string
	node              string
	relay             bool
	edge              bool
	purge             []string        // further edges' purge APIs
	journal           string          // of purges
	token             purgeapi.Secret // of purge APIs
	encrypt           bool            // $LARDER_KEYS holds keys
	wait              time.Duration   // for the database
}

// errLost says that the shop has ended before the shared tier acknowledged
// every invalidation.
var errLost = errors.New("invalidations are lost: the shared tier has not acknowledged them, and other shops may show the old rows until their time to live ends")

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
		log = log.With("shop", cfg.node) // Larder's own lines name a node of the tier
	}
	err = serve(ctx, cfg, log, out)
	switch {
	case errors.Is(err, errLost):
		log.Error("storefront", "err", err)
		return exitLost
	case err != nil && !errors.Is(err, context.Canceled):
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
	set.StringVar(&cfg.addr, "addr", "127.0.0.1:8080", "serve customers on this `address`: the edge, or without one the shop")
	set.StringVar(&cfg.shop, "shop", "127.0.0.1:8081", "serve the shop itself, behind the edge, on this `address`")
	set.BoolVar(&cfg.edge, "edge", true, "put an edge cache before the shop")
	purges := set.String("purge", "", "`URLs` of further edges' purge APIs, with commas between (http://host:8090/edge); their token is in $"+tokenEnv)
	set.StringVar(&cfg.journal, "journal", "", "keep purges that are under way in this `file`, for the next start (for -purge); without it they are lost when the process dies")
	set.StringVar(&cfg.admin, "admin", "127.0.0.1:8090", "serve statistics on this `address`")
	set.StringVar(&cfg.redis, "redis", "", "`URL` of Redis or Valkey; without it $REDIS_URL, else a private server, else none")
	set.StringVar(&cfg.db, "db", "", "postgres:// `URL`, or path of an SQLite file; without it $DATABASE_URL, else storefront.db")
	set.StringVar(&cfg.node, "node", "", "`name` of this shop in logs and statistics (default random)")
	set.BoolVar(&cfg.relay, "relay", true, "have the database report all changes, and deliver them to the caches; one shop of a fleet at least must")
	set.DurationVar(&cfg.wait, "wait", 30*time.Second, "how `long` to wait at the start for a database that does not answer")
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
	cfg.encrypt = getenv(keysEnv) != ""
	cfg.token = purgeapi.NewSecret(getenv(tokenEnv))
	if *purges != "" {
		cfg.purge = strings.Split(*purges, ",")
	}
	return cfg, nil
}

// keysEnv is the environment variable with the keys for what the shared tier
// holds of logins.
const keysEnv = "LARDER_KEYS"

// tokenEnv is the environment variable with the bearer token of the purge APIs
// of edges. Without one an edge takes purges from its own machine only.
const tokenEnv = "EDGE_TOKEN"

// serve opens everything, serves until ctx ends, and closes everything in the
// opposite order.
func serve(ctx context.Context, cfg config, log *slog.Logger, out io.Writer) (err error) {
	var keys [][]byte
	tokens := "encrypted, for this shop alone ($" + keysEnv + " is not set)"
	if cfg.encrypt {
		if keys, err = larder.KeysFromEnv(keysEnv); err != nil {
			return err
		}
		tokens = "encrypted"
	}
	public, err := listenOn("-addr", cfg.addr)
	if err != nil {
		return err
	}
	defer public.Close() // the server has closed it already, but if it never ran
	admin, err := listenOn("-admin", cfg.admin)
	if err != nil {
		return err
	}
	defer admin.Close()
	inner := public
	if cfg.edge {
		if inner, err = listenOn("-shop", cfg.shop); err != nil {
			return err
		}
		defer inner.Close()
	}

	db, err := openDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tier, err := openShared(ctx, cfg.redis, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tier.close()) }()
	edges, err := openEdges(ctx, cfg, inner.Addr(), admin.Addr(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, edges.close()) }()
	options := shop.Options{DB: db, Shared: tier.store, Relay: cfg.relay, Keys: keys, Node: cfg.node, Logger: log}
	if edges.queue != nil {
		options.Edges = edges.queue
		defer edges.closeQueue(cfg, log)
	}
	s, err := shop.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lost(s.Close())) }()

	log.Info("opened", "database", db.Place(), "shared_tier", tier.place, "sessions_in_it", tokens, "relay", cfg.relay)
	sites := []site{{at: inner, handler: web.NewAPI(s, log)}, {at: admin, handler: web.NewAdmin(s, edges.api, log)}}
	fmt.Fprintf(out, "shop        http://%s/\n", public.Addr())
	fmt.Fprintf(out, "api         http://%s/api/products?ids=1,2,3\n", public.Addr())
	if edges.own != nil {
		// The edge is drained first, and then lets go of its connections to the
		// shop, which would wait for them.
		sites[0].ending = func() { _ = edges.own.Close() } // it returns nil
		sites = append([]site{{at: public, handler: edges.own}}, sites...)
		fmt.Fprintf(out, "no edge     http://%s/\n", inner.Addr())
	}
	fmt.Fprintf(out, "statistics  http://%s/debug/larder\n", admin.Addr())
	return listen(ctx, log, sites...)
}

// listenOn names the flag that mends what is wrong.
func listenOn(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address with %s (make run ARGS='%[2]s 127.0.0.1:0' takes any free port)", err, flag)
	}
	return l, nil
}

// openDatabase waits for a database that does not answer, for it may have been
// started together with the shop.
func openDatabase(ctx context.Context, cfg config, log *slog.Logger) (*catalog.DB, error) {
	end := time.Now().Add(cfg.wait)
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 4*time.Second) {
		db, err := tryDatabase(ctx, cfg.db)
		if err == nil || !errors.Is(err, catalog.ErrUnreachable) {
			return db, err
		}
		left := time.Until(end)
		if left <= 0 {
			return nil, fmt.Errorf("gave up after %v (-wait): %w", cfg.wait, err)
		}
		pause = min(pause, left)
		log.Warn("waiting for the database", "err", err, "next_try_in", pause.Round(time.Millisecond), "giving_up_in", left.Round(time.Second))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func tryDatabase(ctx context.Context, source string) (*catalog.DB, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return catalog.Open(ctx, source)
}

// lost is the error of closing the caches, in words for the operator.
func lost(err error) error {
	if pending, ok := errors.AsType[*larder.PendingError](err); ok {
		return fmt.Errorf("%d %w", pending.Pending+pending.Dropped, errLost)
	}
	return err
}

// site is a handler and where it listens. ending is called when it begins to
// end, if it is not nil.
type site struct {
	at      net.Listener
	handler http.Handler
	ending  func()
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
			// "OPTIONS *" gets an answer of the handler's too.
			DisableGeneralOptionsHandler: true,
			ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		if s.ending != nil {
			server.RegisterOnShutdown(s.ending)
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
