package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/mariadbtest"
	"github.com/larderdev/larder/internal/pgtest"
	"github.com/larderdev/larder/outbox"
)

// world is a database with an outbox in it, for one case.
type world struct {
	db      *sql.DB
	box     *outbox.Box
	dialect outbox.Dialect
	driver  string
	dsn     string
}

// testCase is run on every database, but for one where it cannot be.
type testCase struct {
	name   string
	run    func(t *testing.T, w *world)
	except outbox.Dialect
}

func casesFor(d outbox.Dialect) []testCase {
	all := slices.Concat(enqueueCases, relayCases, historyCases, triggerCases, policyCases)
	return slices.DeleteFunc(all, func(c testCase) bool { return c.except == d })
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Start(t)
	server := open(t, "pgx", dsn)
	for i, c := range casesFor(outbox.PostgreSQL) {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprint("case_", i)
			mustExec(t, server, "CREATE DATABASE "+name)
			own := strings.Replace(dsn, "/postgres?", "/"+name+"?", 1)
			c.run(t, newWorld(t, outbox.PostgreSQL, "pgx", own))
		})
	}
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	server := mariadbtest.Start(t)
	root := open(t, "mysql", server.DSN(""))
	for i, c := range casesFor(outbox.MySQL) {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprint("case_", i)
			mustExec(t, root, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
			c.run(t, newWorld(t, outbox.MySQL, "mysql", server.DSN(name)))
		})
	}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	for _, c := range casesFor(outbox.SQLite) {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, newWorld(t, outbox.SQLite, "sqlite", sqliteFile(t)))
		})
	}
}

// sqliteFile is the source name of a new file, which waits for locks.
func sqliteFile(t *testing.T) string {
	return "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
}

func newWorld(t *testing.T, dialect outbox.Dialect, driver, dsn string) *world {
	t.Helper()
	db := open(t, driver, dsn)
	w := &world{db: db, dialect: dialect, driver: driver, dsn: dsn}
	w.box = newBox(t, db, outbox.Options{Dialect: dialect})
	return w
}

// newBox returns a box whose tables are there.
func newBox(t *testing.T, db *sql.DB, o outbox.Options) *outbox.Box {
	t.Helper()
	box, err := outbox.New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return box
}

func open(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// execer is a database, a connection or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func mustExec(t *testing.T, db execer, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// number is the answer to a query for one number.
func number(t *testing.T, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// begin starts a transaction that is rolled back if the test does not commit.
func (w *world) begin(t *testing.T) *sql.Tx {
	t.Helper()
	tx, err := w.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() }) // an error says that it is over
	return tx
}

func (w *world) enqueue(t *testing.T, changes ...larder.Change) {
	t.Helper()
	if err := w.box.Enqueue(t.Context(), w.db, changes...); err != nil {
		t.Fatal(err)
	}
}

// quick are options under which nothing takes long.
func quick() outbox.RelayOptions {
	return outbox.RelayOptions{
		MinPoll: time.Millisecond, MaxPoll: 5 * time.Millisecond, Lease: 500 * time.Millisecond,
		ConfirmEvery: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	}
}

// relay makes a relay.
func (w *world) relay(t *testing.T, target outbox.Target, o outbox.RelayOptions) *outbox.Relay {
	t.Helper()
	r, err := w.box.Relay(target, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs a relay until the test ends or stop is called, which waits for it.
func start(t *testing.T, r *outbox.Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// patience is how long a test waits for what should happen at once.
const patience = time.Minute

// until waits for something in a database or a relay.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (w *world) stats(t *testing.T) outbox.Stats {
	t.Helper()
	s, err := w.box.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
