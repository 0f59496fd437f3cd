package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/outbox"
)

// reported takes what the triggers have written out of the outbox.
func (db *database) reported(t *testing.T) (all []string) {
	t.Helper()
	rows, err := db.raw.QueryContext(t.Context(), "SELECT class, COALESCE(item, '-'), CASE WHEN version > 0 THEN 'versioned' ELSE '' END, tags FROM "+db.schema+"larder_outbox")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var class, item, versioned, tags string
		if err := rows.Scan(&class, &item, &versioned, &tags); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", class, item, versioned, tags)))
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	db.exec(t, "DELETE FROM TABLE.larder_outbox")
	slices.Sort(all)
	return all
}

// TestOutbox: a statement reports what depends on it and nothing else.
func TestOutbox(t *testing.T) {
	both(t, map[string]func(*testing.T, *database){"": func(t *testing.T, db *database) {
		mappings := []outbox.Mapping{
			{Table: "products", Class: "product", Key: "{id}", Version: "version"},
			{Table: "sessions", Class: "token", Key: "{token_hash}"},
		}
		var wg sync.WaitGroup
		for range 3 {
			other := catalogtest.Open(t, db.source) // also where the outbox is already
			wg.Go(func() {
				if _, err := other.Outbox(t.Context(), "category-", mappings...); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		box, err := db.Outbox(t.Context(), "category-", mappings...)
		if err != nil {
			t.Fatal(err)
		}
		db.exec(t, "UPDATE TABLE.products SET category = 'books' WHERE id <= 3")
		db.reported(t)
		for _, tt := range []struct {
			statement string
			want      []string
		}{
			{"UPDATE TABLE.products SET price_cents = 7, category = 'books' WHERE id = 1", []string{`product 1 versioned []`}},
			{"UPDATE TABLE.products SET category = 'cars' WHERE id = 1", []string{
				`-  ["category-books"]`, `-  ["category-cars"]`, `product 1 versioned []`,
			}},
			{"DELETE FROM TABLE.products WHERE id = 2", []string{`-  ["category-books"]`, `product 2 versioned []`}},
			{"INSERT INTO TABLE.sessions (token_hash, user_id, expires_at) VALUES ('abc', 1, 2)", []string{`token abc  []`}},
			{"UPDATE TABLE.inventory SET stock = 1", nil},
		} {
			db.exec(t, tt.statement)
			if got := db.reported(t); !slices.Equal(got, tt.want) {
				t.Errorf("%s:\nreported %q\n    want %q", tt.statement, got, tt.want)
			}
		}
		if err := db.Enqueue(t.Context(), box, larder.Change{Class: "product", Key: "5"}); err != nil {
			t.Fatal(err)
		}
		if got := db.reported(t); !slices.Equal(got, []string{"product 5  []"}) {
			t.Errorf("enqueued: %q", got)
		}
		if p := db.setPrice(t, 1, 9); p.Version == 0 || len(db.reported(t)) != 1 {
			t.Errorf("the shop's own update of %v is not reported once", p)
		}
	}})
}
