package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// The states of a row, as stored.
const (
	waiting = 0 // at_ms: not to be tried before
	done    = 1 // at_ms: since when
	aside   = 2 // at_ms: since when; reason says why
)

// Schema returns the statements that make the tables, each ended by a
// semicolon, for those who keep their schema elsewhere. Running them again
// changes nothing. [Box.Migrate] runs them.
func (b *Box) Schema() string {
	var all strings.Builder
	for _, statement := range b.schema() {
		all.WriteString(statement + ";\n")
	}
	return all.String()
}

// Migrate makes the tables if they are not there. Any number of processes may
// call it at once. Where all is there it locks nothing: it waits for nobody who
// works on the tables, and nobody waits for it.
func (b *Box) Migrate(ctx context.Context) error {
	if b.migrated(ctx) {
		return nil
	}
	var err error
	if b.dialect == PostgreSQL {
		err = b.transact(ctx, func(tx *sql.Tx) error {
			// IF NOT EXISTS alone fails when two make the same table at once.
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(hash32("migrate", b.dialect.at(b.table)))); err != nil {
				return err
			}
			return b.makeTables(ctx, tx)
		})
	} else {
		// One by one: MySQL commits after each, and in SQLite a transaction that
		// begins by finding a table there may not write later.
		err = b.makeTables(ctx, b.db)
	}
	if err != nil {
		return fmt.Errorf("outbox: migrate: %w", err)
	}
	return nil
}

// migrated tells whether the gate is there, which is made last. An error says
// that it is not, or what making it will say again.
func (b *Box) migrated(ctx context.Context) bool {
	var n int
	err := b.db.QueryRowContext(ctx, b.sql(`SELECT COUNT(*) FROM {parts} WHERE part = -1`)).Scan(&n)
	return err == nil && n == 1
}

func (b *Box) makeTables(ctx context.Context, in Execer) error {
	for _, statement := range b.schema() {
		if _, err := in.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// schema returns the statements of [Box.Schema].
//
// One index serves all: what waits and is due, oldest first; what is done, for
// pruning; what is set aside. Fresh rows are due at 0 and so come before those
// that failed.
func (b *Box) schema() []string {
	var statements []string
	for _, statement := range slices.Concat(tables[b.dialect-1], []string{
		`{insert} INTO {parts} (part, worker, until_ms, epoch) VALUES (-1, 0, 0, 0) {or ignore}`,
	}) {
		statement = strings.ReplaceAll(statement, "{index}", b.dialect.quote(b.table.name+"_state"))
		statements = append(statements, strings.TrimSpace(b.sql(statement)))
	}
	return statements
}

// tables makes the tables, by dialect.
var tables = [...][]string{
	PostgreSQL - 1: {
		`CREATE TABLE IF NOT EXISTS {rows} (
	id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	class   text NOT NULL DEFAULT '',
	item    text,
	version bigint NOT NULL DEFAULT 0,
	tags    text NOT NULL DEFAULT '[]',
	made_ms bigint NOT NULL DEFAULT {now},
	state   smallint NOT NULL DEFAULT 0,
	at_ms   bigint NOT NULL DEFAULT 0,
	tries   integer NOT NULL DEFAULT 0,
	again   integer NOT NULL DEFAULT 0,
	reason  text NOT NULL DEFAULT ''
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000)`,
		`CREATE INDEX IF NOT EXISTS {index} ON {rows} (state, at_ms, id)`,
		`CREATE TABLE IF NOT EXISTS {parts} (
	part     integer PRIMARY KEY,
	worker   bigint NOT NULL,
	until_ms bigint NOT NULL,
	epoch    bigint NOT NULL
)`,
		`CREATE TABLE IF NOT EXISTS {histories} (
	history text PRIMARY KEY,
	epoch   bigint NOT NULL
)`,
	},
	MySQL - 1: {
		`CREATE TABLE IF NOT EXISTS {rows} (
	id      BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	class   VARCHAR(255) NOT NULL DEFAULT '',
	item    LONGTEXT,
	version BIGINT NOT NULL DEFAULT 0,
	tags    LONGTEXT NOT NULL DEFAULT ('[]'),
	made_ms BIGINT NOT NULL DEFAULT {now},
	state   SMALLINT NOT NULL DEFAULT 0,
	at_ms   BIGINT NOT NULL DEFAULT 0,
	tries   INT NOT NULL DEFAULT 0,
	again   INT NOT NULL DEFAULT 0,
	reason  VARCHAR(500) NOT NULL DEFAULT '',
	INDEX {index} (state, at_ms, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
		`CREATE TABLE IF NOT EXISTS {parts} (
	part     INT NOT NULL PRIMARY KEY,
	worker   BIGINT NOT NULL,
	until_ms BIGINT NOT NULL,
	epoch    BIGINT NOT NULL
) ENGINE=InnoDB`,
		`CREATE TABLE IF NOT EXISTS {histories} (
	history VARCHAR(255) NOT NULL PRIMARY KEY,
	epoch   BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
	},
	SQLite - 1: {
		`CREATE TABLE IF NOT EXISTS {rows} (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	class   TEXT NOT NULL DEFAULT '',
	item    TEXT,
	version INTEGER NOT NULL DEFAULT 0,
	tags    TEXT NOT NULL DEFAULT '[]',
	made_ms INTEGER NOT NULL DEFAULT ({now}),
	state   INTEGER NOT NULL DEFAULT 0,
	at_ms   INTEGER NOT NULL DEFAULT 0,
	tries   INTEGER NOT NULL DEFAULT 0,
	again   INTEGER NOT NULL DEFAULT 0,
	reason  TEXT NOT NULL DEFAULT ''
)`,
		`CREATE INDEX IF NOT EXISTS {index} ON {rows} (state, at_ms, id)`,
		`CREATE TABLE IF NOT EXISTS {parts} (
	part     INTEGER PRIMARY KEY,
	worker   INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	epoch    INTEGER NOT NULL
)`,
		`CREATE TABLE IF NOT EXISTS {histories} (
	history TEXT PRIMARY KEY,
	epoch   INTEGER NOT NULL
)`,
	},
}
