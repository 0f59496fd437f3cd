package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

// outboxTable begins the names of the outbox's tables, which the outbox itself
// makes: its columns are its own affair.
const outboxTable = "larder_outbox"

// outboxTables are the outbox's tables.
var outboxTables = []string{outboxTable, outboxTable + "_parts", outboxTable + "_histories"}

// Outbox makes an outbox in the database and the triggers that fill it, if they
// are not there, and returns it. Several processes may do so at once.
//
// Mappings name tables as this package does; their versions go on from where
// those of the shop are. When a product comes into a category or leaves it,
// the tag that is made of categoryTag and the category's name is reported, too.
func (db *DB) Outbox(ctx context.Context, categoryTag string, mappings ...outbox.Mapping) (*outbox.Box, error) {
	box, err := outbox.New(db.sql, outbox.Options{Dialect: db.dialect.outbox, Table: db.table(outboxTable)})
	if err != nil {
		return nil, err
	}
	mappings = slices.Clone(mappings)
	for i := range mappings {
		m := &mappings[i]
		m.Table = db.table(m.Table)
		if m.Version != "" {
			m.Sequence = db.dialect.sequence
		}
	}
	install := func() error {
		if err := box.Migrate(ctx); err != nil {
			return err
		}
		if err := box.InstallTriggers(ctx, mappings...); err != nil {
			return err
		}
		return db.watchCategories(ctx, categoryTag)
	}
	err = install()
	for isBusy(err) && ctx.Err() == nil { // another process does the same
		err = install()
	}
	if err != nil {
		return nil, fmt.Errorf("catalog: outbox: %w", err)
	}
	return box, nil
}

// Enqueue writes changes into the outbox that no statement on a table has
// reported.
func (db *DB) Enqueue(ctx context.Context, box *outbox.Box, changes ...larder.Change) error {
	return db.write(ctx, nil, func(tx *sql.Tx) error { return box.Enqueue(ctx, tx, changes...) })
}

// watchCategories makes the triggers that report the tags of categories, if
// they are not there. A mapping would report them at every change of a product.
func (db *DB) watchCategories(ctx context.Context, tag string) error {
	return db.write(ctx, nil, func(tx *sql.Tx) error {
		if db.dialect.lock != "" {
			if _, err := tx.ExecContext(ctx, db.dialect.lock); err != nil {
				return err
			}
		}
		var there int
		if err := tx.QueryRowContext(ctx, db.dialect.watched).Scan(&there); err != nil || there > 0 {
			return err
		}
		for _, statement := range db.dialect.watch {
			if _, err := tx.ExecContext(ctx, strings.ReplaceAll(statement, "{tag}", tag)); err != nil {
				return err
			}
		}
		return nil
	})
}

// The triggers that report categories, with {tag} for the tag. Dropping
// the first makes Outbox make all of them.
var (
	watchedLite = `SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name = 'products_move'`
	watchLite   = []string{
		`CREATE TRIGGER products_move AFTER UPDATE OF category ON products WHEN OLD.category IS NOT NEW.category BEGIN
			INSERT INTO larder_outbox (tags) VALUES (json_array('{tag}' || OLD.category));
			INSERT INTO larder_outbox (tags) VALUES (json_array('{tag}' || NEW.category));
		END`,
		`CREATE TRIGGER IF NOT EXISTS products_come AFTER INSERT ON products BEGIN
			INSERT INTO larder_outbox (tags) VALUES (json_array('{tag}' || NEW.category));
		END`,
		`CREATE TRIGGER IF NOT EXISTS products_leave AFTER DELETE ON products BEGIN
			INSERT INTO larder_outbox (tags) VALUES (json_array('{tag}' || OLD.category));
		END`,
	}
	watchedPostgres = `SELECT count(*) FROM pg_trigger WHERE tgrelid = 'storefront.products'::regclass AND tgname = 'products_move'`
	watchPostgres   = []string{
		// With the rights of who made it: whoever may change a product may report it.
		`CREATE OR REPLACE FUNCTION storefront.products_move() RETURNS trigger
			LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $move$
		BEGIN
			IF TG_OP <> 'INSERT' THEN
				INSERT INTO storefront.larder_outbox (tags) VALUES (json_build_array('{tag}' || OLD.category)::text);
			END IF;
			IF TG_OP <> 'DELETE' THEN
				INSERT INTO storefront.larder_outbox (tags) VALUES (json_build_array('{tag}' || NEW.category)::text);
			END IF;
			RETURN NULL;
		END $move$`,
		`CREATE TRIGGER products_move AFTER UPDATE OF category ON storefront.products FOR EACH ROW
			WHEN (OLD.category IS DISTINCT FROM NEW.category) EXECUTE FUNCTION storefront.products_move()`,
		`DROP TRIGGER IF EXISTS products_come_or_leave ON storefront.products`,
		`CREATE TRIGGER products_come_or_leave AFTER INSERT OR DELETE ON storefront.products FOR EACH ROW
			EXECUTE FUNCTION storefront.products_move()`,
		`REVOKE ALL ON FUNCTION storefront.products_move() FROM PUBLIC`,
	}
)
