package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// mysqlTriggers returns the triggers of a table, each of one statement, so that
// scripts need no DELIMITER.
func (b *Box) mysqlTriggers(w *watched) (all []trigger) {
	add := func(timing, action, statement string) {
		all = append(all, b.named(w.table, action, func(name string) []string {
			return []string{fmt.Sprintf("CREATE TRIGGER %s %s ON %s FOR EACH ROW %s",
				b.dialect.at(place{w.table.schema, name}), timing, b.dialect.at(w.table), statement)}
		}))
	}
	updated, deleted := "0", "0"
	if w.version != "" {
		version := b.dialect.quote(w.version)
		updated, deleted = "COALESCE(NEW."+version+", 0)", "COALESCE(OLD."+version+", 0) + 1"
		add("BEFORE UPDATE", "before", fmt.Sprintf("SET NEW.%[1]s = IF(COALESCE(NEW.%[1]s, 0) > COALESCE(OLD.%[1]s, 0), NEW.%[1]s, COALESCE(OLD.%[1]s, 0) + 1)", version))
	}
	report := func(e event) string {
		queries := b.selects(w, e)
		if len(queries) > 1 {
			// MariaDB gives a union of JSON too little room for what is escaped in it, and
			// cuts it off. Beside the column itself it has as much as that.
			queries = append([]string{b.names.Replace("SELECT class, item, version, tags FROM {rows} WHERE 1 = 0")}, queries...)
		}
		return b.into(strings.Join(queries, " UNION ALL "))
	}
	add("AFTER INSERT", "insert", report(event{[]string{"NEW"}, "0"}))
	add("AFTER UPDATE", "update", report(event{[]string{"NEW", "OLD"}, updated}))
	add("AFTER DELETE", "delete", report(event{[]string{"OLD"}, deleted}))
	return all
}

// withMySQLLock runs do on a connection that has a lock by name, since there
// are no transactions around such statements. The lock ends with the connection
// if not before.
func (b *Box) withMySQLLock(ctx context.Context, do func(in querier) error) (err error) {
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreDone(conn.Close())) }()
	var epoch int64
	if err := conn.QueryRowContext(ctx, b.sql(`SELECT epoch FROM {parts} WHERE part = -1`)).Scan(&epoch); err != nil {
		return fmt.Errorf("outbox: the tables are not there, Migrate makes them: %w", err)
	}
	name := fmt.Sprintf("larder_%08x", hash32("triggers", b.dialect.at(b.table)))
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, ?)", name, lockWait.Seconds()).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return fmt.Errorf("outbox: another process has been changing triggers for %v", lockWait)
	}
	defer func() {
		work, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
		defer cancel()
		if _, unlock := conn.ExecContext(work, "DO RELEASE_LOCK(?)", name); unlock != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // it is closed
		}
	}()
	return do(conn)
}

// lockWait is how long a process waits for another that changes triggers.
const lockWait = 30 * time.Second
