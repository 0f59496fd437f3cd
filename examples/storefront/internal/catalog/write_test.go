package catalog_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/internal/pgtest"
)

// database is an open one, and the way to it without the shop.
type database struct {
	*catalog.DB
	raw    *sql.DB
	source string
	schema string // before the names of tables
}

// both runs the tests on a database of either kind, one after the other.
func both(t *testing.T, tests map[string]func(*testing.T, *database)) {
	for name, open := range map[string]func(t *testing.T) *database{
		"SQLite": func(t *testing.T) *database {
			path := catalogtest.File(t)
			return &database{DB: catalogtest.Open(t, path), raw: openRaw(t, "sqlite", path+"?_pragma=busy_timeout(5000)"), source: path}
		},
		"PostgreSQL": func(t *testing.T) *database {
			dsn := pgtest.Start(t)
			return &database{DB: catalogtest.Open(t, dsn), raw: openRaw(t, "pgx", dsn), source: dsn, schema: "storefront."}
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) { test(t, db) })
			}
		})
	}
}

// exec runs a statement past the shop. TABLE. stands for the schema.
func (db *database) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := db.raw.ExecContext(t.Context(), strings.ReplaceAll(statement, "TABLE.", db.schema), args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// stock is a row of inventory.
func (db *database) stock(t *testing.T, id int64) catalog.Stock {
	t.Helper()
	found, err := db.Stocks(t.Context(), []int64{id})
	if err != nil || len(found) != 1 {
		t.Fatalf("Stocks(%d) = %v, %v", id, found, err)
	}
	return found[id]
}

// setStock gives a product a stock.
func (db *database) setStock(t *testing.T, id, stock int64) catalog.Stock {
	t.Helper()
	s, err := db.UpdateInventory(t.Context(), id, catalog.StockChange{Set: &stock}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantConflict checks that err is a ConflictError with this reason.
func wantConflict(t *testing.T, err error, reason string) {
	t.Helper()
	c, ok := errors.AsType[*catalog.ConflictError](err)
	if !ok || !strings.Contains(c.Reason, reason) {
		t.Errorf("got %v, want a conflict with %q", err, reason)
	}
}

func TestWrites(t *testing.T) {
	both(t, map[string]func(*testing.T, *database){
		"product":          productChanges,
		"inventory":        inventoryChanges,
		"e-mail":           emailIsUnique,
		"lock":             lockedBeforeCommit,
		"undone":           undoneByHook,
		"order":            versionsInOrderOfCommits,
		"made again":       versionsGoOn,
		"login":            login,
		"long password":    longPassword,
		"session over":     sessionOver,
		"addresses hidden": addressesHidden,
		"cart":             cart,
		"checkout":         checkout,
		"checkout refused": checkoutRefused,
		"crowd":            crowdAtCheckout,
		"one cart":         oneCartOneOrder,
	})
}

func productChanges(t *testing.T, db *database) {
	before, err := db.Products(t.Context(), []int64{1})
	if err != nil {
		t.Fatal(err)
	}
	want := before[1]
	name, category, price := "New Name", "books", int64(0)
	for _, change := range []catalog.ProductChange{{Name: &name}, {Category: &category}, {PriceCents: &price}} {
		if change.Name != nil {
			want.Name = name
		}
		if change.Category != nil {
			want.Category = category
		}
		if change.PriceCents != nil {
			want.PriceCents = price
		}
		got, err := db.UpdateProduct(t.Context(), 1, change, nil)
		if err != nil || got.Version <= want.Version {
			t.Fatalf("UpdateProduct = %+v, %v; want a higher version than %d", got, err, want.Version)
		}
		want.Version = got.Version
		stored, err := db.Products(t.Context(), []int64{1})
		if err != nil || got != want || stored[1] != want {
			t.Errorf("returned %+v, stored %+v, %v; want %+v", got, stored[1], err, want)
		}
	}
	price = 7
	_, err = db.UpdateProduct(t.Context(), 1, catalog.ProductChange{PriceCents: &price, IfVersion: before[1].Version}, nil)
	wantConflict(t, err, "by now, not")
	if p, err := db.UpdateProduct(t.Context(), 1, catalog.ProductChange{PriceCents: &price, IfVersion: want.Version}, nil); err != nil || p.PriceCents != 7 {
		t.Errorf("with the right version: %v, %v", p, err)
	}
	if _, err := db.UpdateProduct(t.Context(), 1<<40, catalog.ProductChange{Name: &name}, nil); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("of no product: %v", err)
	}
}

func inventoryChanges(t *testing.T, db *database) {
	const id = 2
	s := db.setStock(t, id, 10)
	set := func(n int64) catalog.StockChange { return catalog.StockChange{Set: &n} }
	withVersion := func(c catalog.StockChange, version uint64) catalog.StockChange { c.IfVersion = version; return c }
	for _, tt := range []struct {
		change   catalog.StockChange
		want     int64
		conflict string
	}{
		{change: catalog.StockChange{Delta: -4}, want: 6},
		{change: catalog.StockChange{Delta: -7}, want: 6, conflict: "there are 6 of product 2, not 7"},
		{change: withVersion(set(8), s.Version), want: 6, conflict: "by now, not"},
		{change: catalog.StockChange{Delta: -6}, want: 0},
		{change: set(catalog.MaxStock), want: catalog.MaxStock},
		{change: catalog.StockChange{Delta: 1}, want: catalog.MaxStock, conflict: "more than"},
		{change: set(3), want: 3},
	} {
		before := db.stock(t, id)
		got, err := db.UpdateInventory(t.Context(), id, tt.change, nil)
		after := db.stock(t, id)
		if tt.conflict != "" {
			wantConflict(t, err, tt.conflict)
			if after != before {
				t.Errorf("a conflict changed %v to %v", before, after)
			}
			continue
		}
		if err != nil || got != after || got.Stock != tt.want || got.Version <= before.Version {
			t.Errorf("%+v on %v: returned %v, %v; stored %v, want %d", tt.change, before, got, err, after, tt.want)
		}
	}
	now := db.stock(t, id)
	if _, err := db.UpdateInventory(t.Context(), id, withVersion(set(4), now.Version), nil); err != nil {
		t.Errorf("with the right version: %v", err)
	}
	if _, err := db.UpdateInventory(t.Context(), 1<<40, set(1), nil); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("of no product: %v", err)
	}
}

func emailIsUnique(t *testing.T, db *database) {
	users, err := db.Users(t.Context(), []int64{11})
	if err != nil {
		t.Fatal(err)
	}
	email := users[11].Email
	_, err = db.UpdateUser(t.Context(), 12, catalog.UserChange{Email: &email})
	wantConflict(t, err, "another user's")
	if _, err := db.UpdateUser(t.Context(), 11, catalog.UserChange{Email: &email}); err != nil {
		t.Errorf("the address that the user has: %v", err)
	}
}

// lockedBeforeCommit: while the hook runs, readers see the row before and
// nobody else changes it.
func lockedBeforeCommit(t *testing.T, db *database) {
	const id = 3
	before := db.setStock(t, id, 5)
	calls := 0
	got, err := db.UpdateInventory(t.Context(), id, catalog.StockChange{Delta: 1}, func(ctx context.Context) error {
		calls++
		if s := db.stock(t, id); s != before {
			t.Errorf("before the commit others see %v, want %v", s, before)
		}
		soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		s, err := db.UpdateInventory(soon, id, catalog.StockChange{Delta: 1}, nil)
		if err == nil || soon.Err() == nil {
			t.Errorf("another change while the row is locked: %v, %v", s, err)
		}
		return nil
	})
	if err != nil || calls != 1 || got.Stock != 6 || db.stock(t, id) != got {
		t.Errorf("%d calls, then %v, %v", calls, got, err)
	}
}

func undoneByHook(t *testing.T, db *database) {
	const id, user = 4, 13
	refused := errors.New("refused")
	refuse := func(context.Context) error { return refused }
	before := db.setStock(t, id, 5)
	if _, err := db.UpdateInventory(t.Context(), id, catalog.StockChange{Delta: 1}, refuse); !errors.Is(err, refused) {
		t.Errorf("UpdateInventory = %v", err)
	}
	product, err := db.Products(t.Context(), []int64{id})
	if err != nil {
		t.Fatal(err)
	}
	name := "Never Seen"
	was := catalog.Product{}
	see := func(_ context.Context, before catalog.Product) error { was = before; return refused }
	if p, err := db.UpdateProduct(t.Context(), id, catalog.ProductChange{Name: &name}, see); !errors.Is(err, refused) || p != (catalog.Product{}) {
		t.Errorf("UpdateProduct = %v, %v", p, err)
	}
	if was != product[id] {
		t.Errorf("the hook got %v, want %v", was, product[id])
	}
	if _, err := db.AddToCart(t.Context(), user, id, 2); err != nil {
		t.Fatal(err)
	}
	var locked []int64
	o, err := db.Checkout(t.Context(), user, nil, func(_ context.Context, ids []int64) error { locked = ids; return refused })
	if !errors.Is(err, refused) || o.ID != 0 || !slices.Equal(locked, []int64{id}) {
		t.Errorf("Checkout = %+v, %v; the hook got %v", o, err, locked)
	}
	after, err1 := db.Products(t.Context(), []int64{id})
	cart, err2 := db.Cart(t.Context(), user)
	balance, err3 := db.Balance(t.Context(), user)
	if err := errors.Join(err1, err2, err3); err != nil || db.stock(t, id) != before || after[id] != product[id] ||
		len(cart.Items) != 1 || balance.BalanceCents != catalog.SeedBalance {
		t.Errorf("something has changed: %v, %v, %v, %d; %v", db.stock(t, id), after[id], cart, balance, err)
	}
}

// versionsInOrderOfCommits: each change adds one, so that the stock tells the
// order of the commits.
func versionsInOrderOfCommits(t *testing.T, db *database) {
	const id, writers, changes = 5, 8, 25
	start := db.setStock(t, id, 0)
	other := catalogtest.Open(t, db.source) // as another process has it
	var mu sync.Mutex
	all := []catalog.Stock{start}
	var wg sync.WaitGroup
	for n := range writers {
		via := []*catalog.DB{db.DB, other}[n%2]
		wg.Go(func() {
			for range changes {
				s, err := via.UpdateInventory(t.Context(), id, catalog.StockChange{Delta: 1}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(all, func(a, b catalog.Stock) int { return int(a.Stock - b.Stock) })
	for i, s := range all {
		if s.Stock != int64(i) || i > 0 && s.Version <= all[i-1].Version {
			t.Fatalf("change %d: %v after %v", i, s, all[max(i, 1)-1])
		}
	}
	if got := db.stock(t, id); got.Stock != writers*changes {
		t.Errorf("%v, want %d: changes are lost", got, writers*changes)
	}
}

// versionsGoOn deletes a row and what the numbers are taken from.
func versionsGoOn(t *testing.T, db *database) {
	const id = 6
	before := db.setStock(t, id, 5)
	db.exec(t, "DELETE FROM TABLE.inventory WHERE product_id = $1", id)
	db.exec(t, "INSERT INTO TABLE.inventory (product_id, stock, version) VALUES ($1, 1, 0)", id)
	if s := db.setStock(t, id, 5); s.Version <= before.Version {
		t.Errorf("version %d of the row that was made again, after %d", s.Version, before.Version)
	}
	defer versionsAboveThoseByHand(t, db)
	if db.schema == "" {
		return
	}
	before = db.setStock(t, id, 5)
	db.exec(t, "DROP SEQUENCE TABLE.row_versions")
	catalogtest.Open(t, db.source)
	if s := db.setStock(t, id, 5); s.Version != before.Version+1 {
		t.Errorf("version %d after %d and a new sequence", s.Version, before.Version)
	}
	catalogtest.Open(t, db.source) // must leave it as it is
	if s := db.setStock(t, id, 5); s.Version != before.Version+2 {
		t.Errorf("version %d, want %d", s.Version, before.Version+2)
	}
}

// versionsAboveThoseByHand numbers rows as nobody should.
func versionsAboveThoseByHand(t *testing.T, db *database) {
	const id = 7
	byHand := db.setStock(t, id, 5).Version + 1_000_000
	for _, table := range []string{"inventory WHERE product_id", "products WHERE id", "users WHERE id"} {
		name, where, _ := strings.Cut(table, " ")
		db.exec(t, "UPDATE TABLE."+name+" SET version = $1 "+where+" = $2", int64(byHand), id)
	}
	db.put(t, 32, 1, id)
	o, err1 := db.Checkout(t.Context(), 32, nil, nil)
	p := db.setPrice(t, id, 5)
	name := "By Hand"
	u, err2 := db.UpdateUser(t.Context(), id, catalog.UserChange{Name: &name})
	if err := errors.Join(err1, err2); err != nil || o.Stocks[0].Version <= byHand || p.Version <= byHand || u.Version <= byHand {
		t.Errorf("versions %d, %d and %d after %d, %v", o.Stocks[0].Version, p.Version, u.Version, byHand, err)
	}
}
