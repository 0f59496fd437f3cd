package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// table is one of the shop's. Its columns have ", " between them, and nowhere
// else.
type table struct {
	name, columns string
	// was is what the columns were before, "" for what has always been so.
	was string
}

// tables are all that the shop has.
var tables = []table{
	{name: "products", columns: "id BIGINT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, price_cents BIGINT NOT NULL, version BIGINT NOT NULL"},
	{name: "inventory", columns: "product_id BIGINT PRIMARY KEY, stock BIGINT NOT NULL, version BIGINT NOT NULL"},
	{
		name:    "users",
		columns: usersBefore + ", " + passwordHash,
		was:     usersBefore,
	},
	{name: "sessions", columns: "token_hash TEXT PRIMARY KEY, user_id BIGINT NOT NULL, expires_at BIGINT NOT NULL"},
	{name: "carts", columns: "user_id BIGINT PRIMARY KEY, changed_at BIGINT NOT NULL"},
	{name: "cart_items", columns: "user_id BIGINT NOT NULL, product_id BIGINT NOT NULL, quantity BIGINT NOT NULL CHECK (quantity > 0)"},
	{name: "accounts", columns: "user_id BIGINT PRIMARY KEY, balance_cents BIGINT NOT NULL CHECK (balance_cents >= 0)"},
	{name: "orders", columns: "id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL, total_cents BIGINT NOT NULL, created_at BIGINT NOT NULL"},
	{name: "order_items", columns: "order_id BIGINT NOT NULL, product_id BIGINT NOT NULL, quantity BIGINT NOT NULL, price_cents BIGINT NOT NULL"},
	{name: "versions", columns: "last BIGINT NOT NULL"},
}

const (
	usersBefore  = "id BIGINT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, version BIGINT NOT NULL"
	passwordHash = "password_hash TEXT NOT NULL DEFAULT ''"
)

// indexes are made after the tables: name, then what it is on.
var indexes = []struct{ kind, name, table, columns string }{
	{"INDEX", "products_by_category", "products", "category, id"},
	{"UNIQUE INDEX", "users_by_email", "users", "email"},
	{"INDEX", "sessions_by_end", "sessions", "expires_at"},
	{"UNIQUE INDEX", "cart_items_by_user", "cart_items", "user_id, product_id"},
	{"UNIQUE INDEX", "order_items_by_order", "order_items", "order_id, product_id"},
	{"INDEX", "orders_by_user", "orders", "user_id, id"},
}

// prepare makes the tables and fills them once, all in one transaction. Tables
// that an earlier shop has made get what they lack.
func (db *DB) prepare(ctx context.Context) error {
	tx, err := db.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if db.dialect.lock != "" {
		if _, err := tx.ExecContext(ctx, db.dialect.lock); err != nil {
			return err
		}
	}
	there, err := readTables(ctx, tx, db.dialect)
	if err != nil {
		return err
	}
	if err := refuseForeign(there, db.dialect); err != nil {
		return err
	}
	if err := db.makeTables(ctx, tx, there); err != nil {
		return err
	}
	if err := db.fill(ctx, tx); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	for _, s := range db.dialect.numbering {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// makeTables makes what is not there.
func (db *DB) makeTables(ctx context.Context, tx *sql.Tx, there map[string][]string) error {
	var statements []string
	if db.dialect.schema != "" {
		// Who may not make one may still use one that is there, so not IF NOT EXISTS.
		var exists bool
		err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", db.dialect.schema).Scan(&exists)
		if err != nil {
			return err
		}
		if !exists {
			statements = append(statements, "CREATE SCHEMA "+db.dialect.schema)
		}
	}
	for _, t := range tables {
		statements = append(statements, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (%s)", db.table(t.name), t.columns))
	}
	if slices.Equal(there["users"], columnNames(usersBefore)) {
		statements = append(statements, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", db.table("users"), passwordHash))
	}
	have, err := indexNames(ctx, tx, db.dialect)
	if err != nil {
		return err
	}
	for _, x := range indexes {
		if slices.Contains(have, x.name) { // IF NOT EXISTS would lock the table to see that
			continue
		}
		statements = append(statements, fmt.Sprintf("CREATE %s %s ON %s (%s)", x.kind, x.name, db.table(x.table), x.columns))
	}
	for _, s := range statements {
		_, err := tx.ExecContext(ctx, s)
		if isDuplicate(err) { // an earlier shop did not mind
			err = fmt.Errorf("two users have one e-mail address, which is what they log in with: change one of them (%w)", err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// indexNames returns the names of the indexes that there are.
func indexNames(ctx context.Context, tx *sql.Tx, d dialect) (names []string, err error) {
	rows, err := tx.QueryContext(ctx, d.indexes)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// fill runs what parts of the seed have not been run. An earlier shop knew no
// accounts.
func (db *DB) fill(ctx context.Context, tx *sql.Tx) error {
	for _, part := range []struct {
		filled string // its table
		seed   func(context.Context, *sql.Tx) error
	}{
		{"versions", db.seed},
		{"accounts", db.seedAccounts},
	} {
		var rows int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+db.table(part.filled)).Scan(&rows); err != nil {
			return err
		}
		if rows > 0 {
			continue
		}
		if err := part.seed(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}
