// Package catalog is the shop's database: products, their stock, users, their
// logins, carts and orders, on SQLite or PostgreSQL. It is the origin behind
// the caches and knows nothing of them, but for the outbox in which it writes
// down what has changed.
//
// # Model
//
//	products(id, name, category, price_cents, version)
//	inventory(product_id, stock, version)
//	users(id, name, email, version, password_hash)
//	sessions(token_hash, user_id, expires_at)
//	carts(user_id, changed_at)  cart_items(user_id, product_id, quantity)
//	accounts(user_id, balance_cents)
//	orders(id, user_id, total_cents, created_at)
//	order_items(order_id, product_id, quantity, price_cents)
//	versions(last)   one row: the last number, in PostgreSQL that of the seed
//	larder_outbox, larder_outbox_parts, larder_outbox_histories   see [DB.Outbox]
//
// In PostgreSQL they are in a schema of their own, storefront; an SQLite file
// holds nothing else. Times are in seconds since 1970.
//
// Each change of a row gets the next number: of the sequence row_versions, or
// in SQLite of versions. It is taken while the row is locked, so the changes of
// a row are numbered in the order in which they are committed, and a number
// never comes back, whether the row is deleted and made again or not: what a
// cache needs to tell an older row from a newer one.
//
// # Invariants
//
//   - Statements for classes that are cached go through [DB.read], which counts
//     them. Writes, the schema and the seed are not counted.
//   - The statements are the same for both databases, but for lists of ids and
//     the schema.
//   - What somebody else has made is not touched: neither tables of other
//     columns or names, nor the file they are in.
package catalog

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	sqlite3 "modernc.org/sqlite"       // the driver "sqlite"

	"github.com/larderdev/larder/outbox"
)

// searchSize is how many products a search finds at most.
const searchSize = 50

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("catalog: not found")

// ErrUnknownOutcome says that a commit was sent and not answered: the change
// may be in the database. What is cached of the row must be invalidated.
var ErrUnknownOutcome = errors.New("catalog: the commit was not answered")

// ErrUnreachable says that the database does not answer, or not yet: it may be
// worth trying again.
var ErrUnreachable = errors.New("catalog: the database does not answer")

// DB is an open database. Its methods may be called concurrently.
type DB struct {
	sql     *sql.DB
	dialect dialect
	place   string
	queries atomic.Uint64
	// writing holds the one transaction that may write to an SQLite file; nil
	// for others. The file's own lock is won by chance, and waits by sleeping.
	writing chan struct{}
}

// Open opens the database that source names, a postgres:// URL or the path of
// an SQLite file, and makes and fills the tables if they are not there.
// Several processes may do so at once. It returns [ErrUnreachable], a
// [ForeignError], or what is wrong with the source. No error holds a password.
func Open(ctx context.Context, source string) (*DB, error) {
	db, err := connect(source)
	if err != nil {
		return nil, err
	}
	err = db.start(ctx)
	for isBusy(err) && ctx.Err() == nil { // another process seeds; each try waits for it
		err = db.start(ctx)
	}
	if unreachable(err) {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("catalog: prepare %s: %w", db.place, err), db.sql.Close())
	}
	return db, nil
}

// pingTimeout bounds the first connection, which a silent host would let wait
// for minutes.
const pingTimeout = 5 * time.Second

func (db *DB) start(ctx context.Context) error {
	if db.dialect.lookAtFile {
		if err := inspectFile(ctx, db.place); err != nil {
			return err
		}
	}
	ping, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := db.sql.PingContext(ping); err != nil {
		return err
	}
	return db.prepare(ctx)
}

// unreachable reports whether err comes from the way to the server, or from a
// server that starts, ends or is full, and not from a refusal.
func unreachable(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Connection exceptions, insufficient resources, operator intervention.
		return slices.Contains([]string{"08", "53", "57"}, refused.Code[:min(2, len(refused.Code))])
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, sqldriver.ErrBadConn)
}

// isBusy reports whether SQLite gave up waiting for another process's lock.
func isBusy(err error) bool {
	const busy = 5 // SQLITE_BUSY, the low byte of its variants
	locked, ok := errors.AsType[*sqlite3.Error](err)
	return ok && locked.Code()&0xff == busy
}

func connect(source string) (*DB, error) {
	d, dsn, place := sqlite, "", source
	switch {
	case strings.HasPrefix(source, "postgres://"), strings.HasPrefix(source, "postgresql://"):
		u, err := url.Parse(source)
		if err != nil {
			return nil, errors.New("catalog: the postgres:// URL cannot be parsed") // err would show the password
		}
		d, dsn, place = postgres, source, (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	case source == "" || strings.ContainsAny(source, "?#%") || strings.Contains(source, ":memory:") || strings.Contains(source, "://"):
		return nil, errors.New("catalog: the database is neither a postgres:// URL nor the path of a file without ?, # and %")
	default:
		dsn = "file:" + source + "?_txlock=immediate&_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	}
	pool, err := sql.Open(d.driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("catalog: open %s: %w", place, err)
	}
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	pool.SetConnMaxIdleTime(time.Minute)
	db := &DB{sql: pool, dialect: d, place: place}
	if d.lookAtFile {
		db.writing = make(chan struct{}, 1)
	}
	return db, nil
}

// Close closes the connections.
func (db *DB) Close() error { return db.sql.Close() }

// Place says which database it is, without the password.
func (db *DB) Place() string { return db.dialect.name + " " + db.place }

// Queries is how many statements were sent for reads of cached classes.
func (db *DB) Queries() uint64 { return db.queries.Load() }

// read sends one counted statement and hands each row to row.
func (db *DB) read(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	db.queries.Add(1)
	rows, err := db.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// table is a table's name as statements need it.
func (db *DB) table(name string) string {
	if db.dialect.schema == "" {
		return name
	}
	return db.dialect.schema + "." + name
}

// dialect is what differs between the two databases.
type dialect struct {
	name   string
	driver string
	// schema is the one that the tables are in.
	schema string
	// lookAtFile says that the source is a file that may be somebody else's.
	lookAtFile bool
	// columns is the query for what tables there are, as name and columns.
	columns string
	// indexes is the query for the names of the indexes that there are.
	indexes string
	// lock is run first by the transaction that makes the tables, so that
	// processes which start together take turns. SQLite does by itself.
	lock string
	// isolation is that of a transaction.
	isolation sql.IsolationLevel
	// forUpdate makes a SELECT lock its rows, and skipLocked leave out those
	// that are. A transaction in SQLite is alone from its beginning.
	forUpdate, skipLocked string
	// numbering makes what next takes its numbers from, after the seed.
	numbering []string
	// next is the statement for the next version, above a given one.
	next string
	// sequence is what next takes its numbers from, "" for what is none.
	sequence string
	// outbox is the dialect as package outbox names it.
	outbox outbox.Dialect
	// watched counts the triggers that watch makes.
	watched string
	watch   []string
	// anyOf is the condition "is one of", for the list that list makes.
	anyOf string
	list  func(ids []int64) any
}

var (
	sqlite = dialect{
		name: "SQLite", driver: "sqlite", lookAtFile: true,
		columns: `SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
			WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY t.name, c.cid`,
		indexes: "SELECT name FROM sqlite_schema WHERE type = 'index'",
		next:    "UPDATE versions SET last = max(last, $1) + 1 RETURNING last",
		outbox:  outbox.SQLite, watched: watchedLite, watch: watchLite,
		anyOf: "IN (SELECT value FROM json_each($1))",
		list:  func(ids []int64) any { return strings.ReplaceAll(fmt.Sprint(ids), " ", ",") }, // [1,2,3]
	}
	postgres = dialect{
		name: "PostgreSQL", driver: "pgx", schema: "storefront",
		columns: `SELECT t.relname, c.attname FROM pg_namespace AS s JOIN pg_class AS t ON t.relnamespace = s.oid
			JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
			WHERE s.nspname = 'storefront' AND t.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY t.relname, c.attnum`,
		indexes:   "SELECT indexname FROM pg_indexes WHERE schemaname = 'storefront'",
		lock:      "SELECT pg_advisory_xact_lock(7063513)", // any number, the same in all shops
		isolation: sql.LevelReadCommitted,
		forUpdate: " FOR UPDATE", skipLocked: " FOR UPDATE SKIP LOCKED",
		numbering: []string{
			"CREATE SEQUENCE IF NOT EXISTS storefront.row_versions",
			// A new one goes on where the numbers are.
			`SELECT setval('storefront.row_versions', GREATEST(
				(SELECT max(last) FROM storefront.versions), (SELECT max(version) FROM storefront.products),
				(SELECT max(version) FROM storefront.inventory), (SELECT max(version) FROM storefront.users),
				(SELECT max(id) FROM storefront.orders)))
			WHERE NOT (SELECT is_called FROM storefront.row_versions)`,
		},
		sequence: "storefront.row_versions", outbox: outbox.PostgreSQL, watched: watchedPostgres, watch: watchPostgres,
		next:  "SELECT GREATEST(nextval('storefront.row_versions'), $1 + 1)",
		anyOf: "= ANY($1)",
		list:  func(ids []int64) any { return ids },
	}
)
