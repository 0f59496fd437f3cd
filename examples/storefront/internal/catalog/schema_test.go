package catalog_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/internal/pgtest"
)

// TestOpen_EarlierShop opens what the shop made before it knew logins.
func TestOpen_EarlierShop(t *testing.T) {
	both(t, map[string]func(*testing.T, *database){"": func(t *testing.T, db *database) {
		last := db.setStock(t, 1, 5).Version
		db.exec(t, "DROP INDEX TABLE.users_by_email")
		db.exec(t, "ALTER TABLE TABLE.users DROP COLUMN password_hash")
		for _, name := range []string{"sessions", "carts", "cart_items", "accounts", "orders", "order_items"} {
			db.exec(t, "DROP TABLE TABLE."+name)
		}
		if db.schema != "" { // which numbered with the row in versions
			db.exec(t, "DROP SEQUENCE TABLE.row_versions")
			last += 10
			db.exec(t, "UPDATE TABLE.versions SET last = $1", int64(last))
		}
		db.exec(t, "UPDATE TABLE.users SET email = 'twice@example.com' WHERE id <= 2")
		if _, err := catalog.Open(t.Context(), db.source); err == nil || !strings.Contains(err.Error(), "two users have one e-mail address") {
			t.Errorf("Open = %v", err)
		}
		db.exec(t, "UPDATE TABLE.users SET email = 'once@example.com' WHERE id = 2")
		for range 2 { // the second time there is nothing to do
			anew := catalogtest.Open(t, db.source)
			if _, s, err := anew.Login(t.Context(), "twice@example.com", catalog.SeedPassword); err != nil || s.UserID != 1 {
				t.Errorf("Login = %v, %v", s, err)
			}
			if balance, err := anew.Balance(t.Context(), 1_000); err != nil || balance.BalanceCents != catalog.SeedBalance {
				t.Errorf("Balance = %d, %v", balance, err)
			}
			five := int64(5)
			if s, err := anew.UpdateInventory(t.Context(), 1, catalog.StockChange{Set: &five}, nil); err != nil || s.Version <= last {
				t.Errorf("version %d after %d, %v", s.Version, last, err)
			} else {
				last = s.Version
			}
		}
	}})
}

// TestOpen_WaitsForNobody starts a shop while others are selling.
func TestOpen_WaitsForNobody(t *testing.T) {
	dsn := pgtest.Start(t)
	catalogtest.Open(t, dsn)
	tx, err := openRaw(t, "pgx", dsn).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, statement := range []string{
		"UPDATE storefront.products SET price_cents = 1 WHERE id = 1",
		"INSERT INTO storefront.cart_items (user_id, product_id, quantity) VALUES (1, 1, 1)",
		"INSERT INTO storefront.sessions (token_hash, user_id, expires_at) VALUES ('a', 1, 1)",
	} {
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	db, err := catalog.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
}
