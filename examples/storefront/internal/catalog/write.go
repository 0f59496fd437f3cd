package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite"
)

// ConflictError says that a change does not go with what the database holds:
// too little in stock, too little money, another version. Nothing has changed.
type ConflictError struct {
	// Reason is for whoever asked for the change.
	Reason string
}

func (e *ConflictError) Error() string { return "catalog: conflict: " + e.Reason }

func conflict(format string, args ...any) error {
	return &ConflictError{Reason: fmt.Sprintf(format, args...)}
}

// begin begins a transaction in which a row that is locked stays as it was
// read.
func (db *DB) begin(ctx context.Context) (*sql.Tx, error) {
	return db.sql.BeginTx(ctx, &sql.TxOptions{Isolation: db.dialect.isolation})
}

// write runs change in a transaction. Then, with the rows that it changed still
// locked, it calls beforeCommit, if there is one, and commits. An error of
// either is returned as it is, and nothing has changed; [ErrUnknownOutcome]
// says that it may have.
func (db *DB) write(ctx context.Context, beforeCommit func(context.Context) error, change func(*sql.Tx) error) error {
	if db.writing != nil {
		select {
		case db.writing <- struct{}{}:
			defer func() { <-db.writing }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tx, err := db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if err := change(tx); err != nil {
		return err
	}
	if beforeCommit != nil {
		if err := beforeCommit(ctx); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return nil
}

// lockRow locks a row until tx ends, and scans columns of it as they are then.
// It returns [ErrNotFound] if there is none.
func (db *DB) lockRow(ctx context.Context, tx *sql.Tx, table, where string, id int64, columns string, into ...any) error {
	err := tx.QueryRowContext(ctx, "SELECT "+columns+" FROM "+db.table(table)+" WHERE "+where+" = $1"+db.dialect.forUpdate, id).Scan(into...)
	return notFound(err)
}

// notFound is [ErrNotFound] for what package sql says of no rows.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// nextVersion numbers a change. The rows that get the number must be locked
// before, or they may be committed in another order than they are numbered in.
// They have no version above the given one: somebody who changed them by hand
// may have numbered that as he liked.
func (db *DB) nextVersion(ctx context.Context, tx *sql.Tx, above uint64) (version int64, err error) {
	err = tx.QueryRowContext(ctx, db.dialect.next, int64(above)).Scan(&version)
	return version, err
}

// isDuplicate reports whether err is what a database says when something would
// be there twice. Of what may be given to it that is only an e-mail address.
func isDuplicate(err error) bool {
	const uniqueLite, uniquePostgres = 2067, "23505" // SQLITE_CONSTRAINT_UNIQUE, unique_violation
	lite, isLite := errors.AsType[*sqlite3.Error](err)
	pg, isPostgres := errors.AsType[*pgconn.PgError](err)
	return isLite && lite.Code() == uniqueLite || isPostgres && pg.Code == uniquePostgres
}
