package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Options configures a [Box].
type Options struct {
	// Dialect is what the database speaks. Required.
	Dialect Dialect
	// Table is the name of the table with the rows, alone or as
	// "schema.table"; without a schema it is in the schema public
	// (PostgreSQL) or in the connection's database (MySQL). At most 40 bytes.
	//
	// Default: "larder_outbox".
	Table string
	// Notify is the channel on which PostgreSQL tells listeners at every commit
	// with a change. It takes a lock of the whole database at commit, so that
	// writers wait for each other; a relay that polls does not need it. See
	// [RelayOptions.Hint].
	//
	// Default: none.
	Notify string
}

// Execer runs a statement. *sql.DB, *sql.Conn and *sql.Tx are Execers.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Box is the outbox of one database. Its methods may be called concurrently.
type Box struct {
	db      *sql.DB
	dialect Dialect
	table   place
	notify  string
	// names replaces {rows}, {parts}, {histories} and {now} in statements.
	names *strings.Replacer
}

// maxTable leaves room for what is put behind the table's name.
const maxTable = 40

// New returns the outbox of a database, which must be the primary: a replica
// does not know all that is committed. It sends nothing: see [Box.Migrate].
// The caller closes db after the relays have ended. All mistakes in o are
// reported at once.
func New(db *sql.DB, o Options) (*Box, error) {
	if o.Table == "" {
		o.Table = "larder_outbox"
	}
	var errs []error
	if db == nil {
		errs = append(errs, errors.New("the database is nil"))
	}
	b := &Box{db: db, dialect: o.Dialect, notify: o.Notify}
	if !o.Dialect.known() {
		errs = append(errs, errors.New("Dialect is none of PostgreSQL, MySQL and SQLite"))
	} else {
		var err error
		if b.table, err = o.Dialect.parsePlace(o.Table); err != nil {
			errs = append(errs, fmt.Errorf("Table: %w", err))
		} else if len(b.table.name) > maxTable {
			errs = append(errs, fmt.Errorf("Table: %q is longer than %d bytes", b.table.name, maxTable))
		}
	}
	if o.Notify != "" {
		if o.Dialect != PostgreSQL {
			errs = append(errs, errors.New("Notify is for PostgreSQL only"))
		}
		if err := checkName(o.Notify); err != nil {
			errs = append(errs, fmt.Errorf("Notify: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	b.names = strings.NewReplacer(
		"{rows}", b.dialect.at(b.table),
		"{parts}", b.dialect.at(b.beside("_parts")),
		"{histories}", b.dialect.at(b.beside("_histories")),
		"{now}", b.dialect.traits().now,
		"{skip locked}", b.dialect.traits().skipLocked,
		"{insert}", b.dialect.traits().ignore[0],
		"{or ignore}", b.dialect.traits().ignore[1],
	)
	return b, nil
}

// beside is the table of the same name with something put behind it.
func (b *Box) beside(suffix string) place { return place{b.table.schema, b.table.name + suffix} }

// sql fills in the names of a statement and numbers its arguments.
func (b *Box) sql(query string) string { return b.dialect.bind(b.names.Replace(query)) }

// querier is a database, a connection or a transaction.
type querier interface {
	Execer
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// exec runs a statement and returns how many rows it changed.
func (b *Box) exec(ctx context.Context, in Execer, query string, args ...any) (int64, error) {
	result, err := in.ExecContext(ctx, b.sql(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each runs a query and hands its rows to row one by one.
func (b *Box) each(ctx context.Context, in querier, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := in.QueryContext(ctx, b.sql(query), args...)
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

// transact runs do in a transaction, which sees what was committed before each
// of its statements and locks no gaps between rows.
func (b *Box) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := b.db.BeginTx(ctx, b.isolation())
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// isolation is READ COMMITTED: each statement sees the latest, and in MySQL,
// whose default is another, a locking read does not keep writers from
// inserting. SQLite has one isolation only.
func (b *Box) isolation() *sql.TxOptions {
	if b.dialect == SQLite {
		return nil
	}
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// lockGate makes the transaction the only one that changes epochs, adds
// partitions or installs triggers. In SQLite it is the first write of the
// transaction, which makes it wait for other writers instead of failing later.
func (b *Box) lockGate(ctx context.Context, tx *sql.Tx) error {
	_, err := b.exec(ctx, tx, `UPDATE {parts} SET until_ms = until_ms WHERE part = -1`)
	return err
}
