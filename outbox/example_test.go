package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"sync"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

// What a service does when it starts: tables, triggers, a relay.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var (
		db   *sql.DB       // the service's own, with any driver
		lard outbox.Target // its *larder.Larder, opened with Options.Outbox
	)
	box, err := outbox.New(db, outbox.Options{Dialect: outbox.PostgreSQL})
	if err != nil {
		log.Fatal(err)
	}
	if err := box.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	err = box.InstallTriggers(ctx,
		outbox.Mapping{Table: "products", Class: "product", Key: "{id}", Tags: []string{"product-{id}", "products"}, Version: "version"},
		outbox.Mapping{Table: "reviews", Tags: []string{"product-{product_id}"}})
	if err != nil {
		log.Fatal(err)
	}
	relay, err := box.Relay(lard, outbox.RelayOptions{})
	if err != nil {
		log.Fatal(err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := relay.Run(ctx); err != nil {
			log.Print(err)
		}
	})
	// … serve until it is time to end, then:
	stop()
	tasks.Wait() // before the Larder and the database are closed
}

// The row and its change commit together, or neither does.
func ExampleBox_Enqueue() {
	rename := func(ctx context.Context, db *sql.DB, box *outbox.Box, id int, name string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		var version uint64
		err = tx.QueryRowContext(ctx, `UPDATE products SET name = $1, version = version + 1 WHERE id = $2 RETURNING version`,
			name, id).Scan(&version)
		if err != nil {
			return err
		}
		err = box.Enqueue(ctx, tx, larder.Change{
			Class: "product", Key: fmt.Sprint(id), Version: version,
			Tags: []string{fmt.Sprint("product-", id), "products"},
		})
		if err != nil {
			return err
		}
		return tx.Commit()
	}
	_ = rename
}

// A table's triggers, to be read before they are installed.
func ExampleBox_Triggers() {
	box, err := outbox.New(new(sql.DB), outbox.Options{Dialect: outbox.SQLite})
	if err != nil {
		log.Fatal(err)
	}
	script, err := box.Triggers(outbox.Mapping{Table: "reviews", Tags: []string{"product-{product_id}"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(script)
	// Output:
	// DROP TRIGGER IF EXISTS "larder_73ef702f_reviews_insert_0ee9d6a1";
	// CREATE TRIGGER "larder_73ef702f_reviews_insert_0ee9d6a1" AFTER INSERT ON "reviews" FOR EACH ROW BEGIN
	// 	INSERT INTO "larder_outbox" (class, item, version, tags) SELECT '', NULL, 0, json_array(('product-' || CAST(NEW."product_id" AS TEXT)));
	// END;
	// DROP TRIGGER IF EXISTS "larder_73ef702f_reviews_update_8c916742";
	// CREATE TRIGGER "larder_73ef702f_reviews_update_8c916742" AFTER UPDATE ON "reviews" FOR EACH ROW BEGIN
	// 	INSERT INTO "larder_outbox" (class, item, version, tags) SELECT '', NULL, 0, json_array(('product-' || CAST(NEW."product_id" AS TEXT)), CASE WHEN ('product-' || CAST(OLD."product_id" AS TEXT)) COLLATE BINARY IS NOT ('product-' || CAST(NEW."product_id" AS TEXT)) COLLATE BINARY THEN ('product-' || CAST(OLD."product_id" AS TEXT)) END);
	// END;
	// DROP TRIGGER IF EXISTS "larder_73ef702f_reviews_delete_a302870d";
	// CREATE TRIGGER "larder_73ef702f_reviews_delete_a302870d" AFTER DELETE ON "reviews" FOR EACH ROW BEGIN
	// 	INSERT INTO "larder_outbox" (class, item, version, tags) SELECT '', NULL, 0, json_array(('product-' || CAST(OLD."product_id" AS TEXT)));
	// END;
}

// Rows that were set aside are put back when the reason is gone.
func ExampleBox_Retry() {
	retry := func(ctx context.Context, box *outbox.Box) error {
		rows, err := box.SetAside(ctx, 100)
		if err != nil {
			return err
		}
		for _, row := range rows {
			fmt.Println(row.ID, row.Class, row.Tries, row.Reason)
		}
		n, err := box.Retry(ctx)
		fmt.Println("tried again:", n)
		return err
	}
	_ = retry
}

// LISTEN is the driver's; what it reports becomes a hint.
func ExampleRelayOptions_hint() {
	var (
		ctx  context.Context
		box  *outbox.Box // with Options.Notify = "changes"
		lard outbox.Target
		wait func(context.Context) error // of a connection that has sent LISTEN changes
	)
	hints := make(chan struct{}, 1)
	listen := func() {
		defer close(hints)
		for wait(ctx) == nil {
			select {
			case hints <- struct{}{}:
			default: // there is one already
			}
		}
	}
	_, _ = box.Relay(lard, outbox.RelayOptions{Hint: hints})
	_ = listen
}
