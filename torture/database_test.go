package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/larderdev/larder/internal/pgtest"
	"github.com/larderdev/larder/outbox"
)

// lag is how far the replica is behind the primary, at least.
const lag = 20 * time.Millisecond

// connect opens a database for one process.
func connect(dsn string) (*sql.DB, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	return db, nil
}

// newOutbox is the outbox of every process.
func newOutbox(db *sql.DB) (*outbox.Box, error) {
	return outbox.New(db, outbox.Options{Dialect: outbox.PostgreSQL})
}

// databases are a primary and a replica that follows it, in one server.
type databases struct {
	primaryDSN, replicaDSN string
	primary, replica       *sql.DB
	box                    *outbox.Box
	worstLag               atomic.Int64
}

// id is the number of a key's row, among those of all tables.
func id(class, key int) int { return class*keysOf + key }

// firstTriggered is the number of the first row of the table triggered, whose
// ids begin at 0; the other rows are in the table items.
const firstTriggered = 10 * keysOf

// place is where a row is.
func place(number int) (table string, id int) {
	if number >= firstTriggered && number < firstTriggered+keysOf {
		return "triggered", number - firstTriggered
	}
	return "items", number
}

func startDatabases(t *testing.T) *databases {
	t.Helper()
	d := &databases{primaryDSN: pgtest.Start(t)}
	u, err := url.Parse(d.primaryDSN)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/replica"
	d.replicaDSN = u.String()
	d.primary = openDatabase(t, d.primaryDSN)
	mustExec(t, d.primary, "CREATE DATABASE replica")
	d.replica = openDatabase(t, d.replicaDSN)
	for _, db := range []*sql.DB{d.primary, d.replica} {
		mustExec(t, db, "CREATE TABLE items (id int PRIMARY KEY, version bigint NOT NULL, owner int NOT NULL) WITH (fillfactor = 50)")
		mustExec(t, db, fmt.Sprintf("INSERT INTO items SELECT n, 1, n %% %d FROM generate_series(0, %d) AS n", owners, maxClasses*keysOf-1))
		mustExec(t, db, "CREATE TABLE triggered (LIKE items INCLUDING ALL)")
		mustExec(t, db, fmt.Sprintf("INSERT INTO triggered SELECT id - %[1]d, 1, owner FROM items WHERE id BETWEEN %[1]d AND %[2]d",
			firstTriggered, firstTriggered+keysOf-1))
		mustExec(t, db, fmt.Sprintf("DELETE FROM items WHERE id BETWEEN %d AND %d", firstTriggered, firstTriggered+keysOf-1))
	}
	if d.box, err = newOutbox(d.primary); err != nil {
		t.Fatal(err)
	}
	if err := d.box.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = d.box.InstallTriggers(t.Context(), outbox.Mapping{Table: "triggered", Class: "triggered", Key: "{id}", Version: "version"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openDatabase(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := connect(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// follow applies to the replica what the primary holds, lag later, until ctx
// ends. Each state that it takes is one that the primary was in.
func (d *databases) follow(ctx context.Context) error {
	known, err := allRows(ctx, d.primary)
	if err != nil {
		return err
	}
	type state struct {
		at      time.Time
		changed map[int]row
	}
	var waiting []state
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		at := time.Now()
		now, err := allRows(ctx, d.primary)
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		changed := map[int]row{}
		for id, r := range now {
			if known[id] != r {
				changed[id] = r
			}
		}
		known = now
		if len(changed) > 0 {
			waiting = append(waiting, state{at, changed})
		}
		for len(waiting) > 0 && time.Since(waiting[0].at) >= lag {
			if err := apply(ctx, d.replica, waiting[0].changed); err != nil {
				return ignoreEnd(ctx, err)
			}
			d.worstLag.Store(max(d.worstLag.Load(), int64(time.Since(waiting[0].at))))
			waiting = waiting[1:]
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func allRows(ctx context.Context, db *sql.DB) (map[int]row, error) {
	rows, err := db.QueryContext(ctx, "SELECT id, version, owner FROM items UNION ALL SELECT id + $1, version, owner FROM triggered", firstTriggered)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[int]row, maxClasses*keysOf)
	for rows.Next() {
		var id int
		var r row
		if err := rows.Scan(&id, &r.Version, &r.Owner); err != nil {
			return nil, err
		}
		all[id] = r
	}
	return all, rows.Err()
}

func apply(ctx context.Context, db *sql.DB, changed map[int]row) error {
	var ids, versions, owners []int64
	for id, r := range changed {
		ids, versions, owners = append(ids, int64(id)), append(versions, int64(r.Version)), append(owners, int64(r.Owner))
	}
	for table, first := range map[string]int{"items": 0, "triggered": firstTriggered} {
		_, err := db.ExecContext(ctx, `UPDATE `+table+` AS old SET version = new.version, owner = new.owner
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (id, version, owner)
			WHERE old.id = new.id - $4`, ids, versions, owners, first)
		if err != nil {
			return err
		}
	}
	return nil
}

// readRow reads one row.
func readRow(ctx context.Context, db *sql.DB, number int) (r row, err error) {
	table, id := place(number)
	err = db.QueryRowContext(ctx, "SELECT version, owner FROM "+table+" WHERE id = $1", id).Scan(&r.Version, &r.Owner)
	return r, err
}

// waitDrained waits until nothing waits in the outbox.
func (d *databases) waitDrained(t *testing.T) {
	t.Helper()
	eventually(t, "the outbox is empty", func() bool {
		s, err := d.box.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.SetAside > 0 {
			t.Fatalf("%d rows were set aside", s.SetAside)
		}
		return s.Pending == 0
	})
}

// rewinds is how many times a relay has met a new history.
func (d *databases) rewinds(t *testing.T) (n int) {
	t.Helper()
	if err := d.primary.QueryRowContext(t.Context(), "SELECT epoch FROM larder_outbox_parts WHERE part = -1").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// settle writes the database's rows into the ledger, as the truth.
func (d *databases) settle(t *testing.T, l *ledger) {
	t.Helper()
	all, err := allRows(t.Context(), d.primary)
	if err != nil {
		t.Fatal(err)
	}
	for class := range classes() {
		for key := range keysOf {
			l.truth[class][key].Store(all[id(class, key)].Version)
		}
	}
}

// patience is how long something that must happen may take on a slow machine.
const patience = 5 * time.Minute

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	late := time.After(patience)
	for !ask() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-late:
			t.Fatalf("waited %v for this: %s", patience, what)
		}
	}
}

// rollBack ends a transaction that may have ended already.
func rollBack(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// sorted is a copy of keys in the order in which their rows are locked.
func sorted(keys []int) []int { return slices.Sorted(slices.Values(keys)) }
