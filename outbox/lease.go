package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// lease makes sure that this relay holds the partition, and tells whether it
// does.
func (w *worker) lease(ctx context.Context) (held bool, err error) {
	r := w.relay
	if !w.leased.IsZero() && time.Since(w.leased) < r.opts.Lease/3 {
		return true, nil
	}
	defer func() { r.hold(w.part, held) }()
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	start := time.Now()
	free, err := w.free(ctx)
	if err != nil || !free {
		w.leased = time.Time{}
		return false, err
	}
	if held, err = w.take(ctx); held {
		w.leased = start
	}
	return held, err
}

// free tells, without locking anything, whether the partition may be taken: it
// is this relay's, or its lease is over. It makes the partition if there is
// none.
func (w *worker) free(ctx context.Context) (bool, error) {
	b := w.relay.box
	var free bool
	err := b.db.QueryRowContext(ctx, b.sql(
		`SELECT CASE WHEN worker = ? OR until_ms < {now} THEN 1 ELSE 0 END = 1 FROM {parts} WHERE part = ?`),
		w.relay.worker, w.part).Scan(&free)
	if errors.Is(err, sql.ErrNoRows) {
		err = b.transact(ctx, func(tx *sql.Tx) error { return b.addPart(ctx, tx, w.part) })
		free = true
	}
	return free, err
}

// addPart adds a partition. With the gate locked, so that no new epoch begins
// that the partition does not hear of.
func (b *Box) addPart(ctx context.Context, tx *sql.Tx, part int) error {
	if err := b.lockGate(ctx, tx); err != nil {
		return err
	}
	var epoch int64
	err := tx.QueryRowContext(ctx, b.sql(`SELECT epoch FROM {parts} WHERE part = -1`)).Scan(&epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoGate
	}
	if err != nil {
		return err
	}
	_, err = b.exec(ctx, tx, `{insert} INTO {parts} (part, worker, until_ms, epoch) VALUES (?, 0, 0, ?) {or ignore}`, part, epoch)
	return err
}

// take takes or renews the lease. Where there are row locks it is refused while
// somebody still works on the partition, lease or not.
func (w *worker) take(ctx context.Context) (held bool, err error) {
	b := w.relay.box
	const set = `UPDATE {parts} SET worker = ?, until_ms = {now} + ? WHERE part = ?`
	args := []any{w.relay.worker, w.relay.opts.Lease.Milliseconds(), w.part}
	const free = ` AND (worker = ? OR until_ms < {now})`
	if b.dialect == SQLite {
		n, err := b.exec(ctx, b.db, set+free, append(args, w.relay.worker)...)
		return n == 1, err
	}
	err = b.transact(ctx, func(tx *sql.Tx) error {
		var part int
		err := tx.QueryRowContext(ctx, b.sql(`SELECT part FROM {parts} WHERE part = ?`+free+` {skip locked}`), w.part, w.relay.worker).Scan(&part)
		if err != nil {
			return err
		}
		held = true
		_, err = b.exec(ctx, tx, set, args...)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return held && err == nil, err
}

// release gives the partition up, if this relay holds it, so that another can
// take it at once. If that fails the lease runs out.
func (w *worker) release(ctx context.Context) {
	w.relay.hold(w.part, false)
	if w.leased.IsZero() {
		return
	}
	w.leased = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	_, err := w.relay.box.exec(ctx, w.relay.box.db,
		`UPDATE {parts} SET until_ms = 0, worker = 0 WHERE part = ? AND worker = ?`, w.part, w.relay.worker)
	w.relay.log.report(ctx, w.name(), err)
}

// transactBriefly is transact for a transaction that waits for something other
// than the database: the database ends it after a silence of limit, since a
// relay that hangs, or is cut off, would keep its locks for as long.
func (b *Box) transactBriefly(ctx context.Context, limit time.Duration, do func(in querier) error) error {
	if b.dialect == PostgreSQL {
		return b.transact(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "SELECT set_config('idle_in_transaction_session_timeout', $1, true)", strconv.FormatInt(limit.Milliseconds(), 10)); err != nil {
				return err
			}
			return do(tx)
		})
	}
	return b.transactOnMySQL(ctx, limit, do)
}

// transactOnMySQL sets the limit for the connection, since there is none for a
// transaction, and takes it back.
func (b *Box) transactOnMySQL(ctx context.Context, limit time.Duration, do func(in querier) error) (err error) {
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreDone(conn.Close())) }()
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET SESSION wait_timeout = %d", max(int(limit.Seconds()), 1))); err != nil {
		return err
	}
	defer func() {
		if _, reset := conn.ExecContext(ctx, "SET SESSION wait_timeout = DEFAULT"); reset != nil {
			// Not for others: with an error that says so, it is closed.
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}()
	tx, err := conn.BeginTx(ctx, b.isolation())
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}
