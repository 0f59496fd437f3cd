package catalog_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
)

// setPrice gives a product a price.
func (db *database) setPrice(t *testing.T, id, cents int64) catalog.Product {
	t.Helper()
	p, err := db.UpdateProduct(t.Context(), id, catalog.ProductChange{PriceCents: &cents}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// put puts products into a user's cart.
func (db *database) put(t *testing.T, user, quantity int64, ids ...int64) (c catalog.Cart) {
	t.Helper()
	for _, id := range ids {
		var err error
		if c, err = db.AddToCart(t.Context(), user, id, quantity); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func cart(t *testing.T, db *database) {
	const user = 31
	if c, err := db.Cart(t.Context(), user); err != nil || c.Items == nil || len(c.Items) != 0 {
		t.Errorf("a new cart is %v, %v; want an empty list", c, err)
	}
	a, b := db.setPrice(t, 101, 250), db.setPrice(t, 102, 1_000)
	db.put(t, user, 2, b.ID, a.ID)
	got := db.put(t, user, 1, a.ID)
	want := catalog.Cart{Items: []catalog.CartLine{
		{ProductID: a.ID, Name: a.Name, Quantity: 3, PriceCents: 250},
		{ProductID: b.ID, Name: b.Name, Quantity: 2, PriceCents: 1_000},
	}, TotalCents: 2_750}
	stored, err := db.Cart(t.Context(), user)
	if err != nil || !slices.Equal(got.Items, want.Items) || !slices.Equal(stored.Items, want.Items) ||
		got.TotalCents != want.TotalCents || stored.TotalCents != want.TotalCents {
		t.Errorf("returned %v, stored %v, %v; want %v", got, stored, err, want)
	}
	_, err = db.AddToCart(t.Context(), user, b.ID, -3)
	wantConflict(t, err, "there are 2 of product 102 in the cart, not 3")
	_, err = db.AddToCart(t.Context(), user, b.ID, catalog.MaxQuantity-1)
	wantConflict(t, err, "more than 1000")
	if _, err := db.AddToCart(t.Context(), user, 1<<40, 1); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a product that is not there: %v", err)
	}
	if c := db.put(t, user, -2, b.ID); len(c.Items) != 1 || c.TotalCents != 750 {
		t.Errorf("after taking all of one out: %v", c)
	}
	for id := int64(103); id < 103+49; id++ {
		db.put(t, user, 1, id)
	}
	_, err = db.AddToCart(t.Context(), user, b.ID, 1)
	wantConflict(t, err, "holds 50 products")
	db.put(t, user, 1, a.ID) // more of what is there
	if c, err := db.Cart(t.Context(), user+1); err != nil || len(c.Items) != 0 {
		t.Errorf("another user's cart: %v, %v", c, err)
	}
}

func checkout(t *testing.T, db *database) {
	const user = 33
	db.setPrice(t, 202, 300)
	db.setPrice(t, 201, 50)
	before := db.setStock(t, 201, 10)
	db.setStock(t, 202, 1)
	db.put(t, user, 1, 202)
	c := db.put(t, user, 4, 201)
	var locked []int64
	o, err := db.Checkout(t.Context(), user, &c.TotalCents, func(_ context.Context, ids []int64) error { locked = ids; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if o.ID == 0 || o.TotalCents != 500 || o.BalanceCents != catalog.SeedBalance-500 || !slices.Equal(o.Items, c.Items) || !slices.Equal(locked, []int64{201, 202}) {
		t.Errorf("the order is %+v, the hook got %v", o, locked)
	}
	want := []catalog.Stock{{ProductID: 201, Stock: 6, Version: uint64(o.ID)}, {ProductID: 202, Stock: 0, Version: uint64(o.ID)}}
	if got := []catalog.Stock{db.stock(t, 201), db.stock(t, 202)}; !slices.Equal(got, want) || !slices.Equal(o.Stocks, want) || before.Version >= want[0].Version {
		t.Errorf("the stocks are %v, returned %v; want %v, after version %d", got, o.Stocks, want, before.Version)
	}
	left, err1 := db.Cart(t.Context(), user)
	balance, err2 := db.Balance(t.Context(), user)
	if errors.Join(err1, err2) != nil || len(left.Items) != 0 || balance.BalanceCents != o.BalanceCents {
		t.Errorf("then the cart is %v, the balance %d; %v, %v", left, balance, err1, err2)
	}
	var lines, cents int64
	err = db.raw.QueryRow("SELECT count(*), sum(i.quantity * i.price_cents) FROM "+db.schema+"orders AS o JOIN "+db.schema+
		"order_items AS i ON i.order_id = o.id WHERE o.user_id = $1 AND o.total_cents = 500", user).Scan(&lines, &cents)
	if err != nil || lines != 2 || cents != 500 {
		t.Errorf("stored are %d lines of %d cents, %v", lines, cents, err)
	}
}

func checkoutRefused(t *testing.T, db *database) {
	const user = 34
	_, err := db.Checkout(t.Context(), user, nil, nil)
	wantConflict(t, err, "the cart is empty")
	db.setPrice(t, 211, 100)
	db.setPrice(t, 212, catalog.SeedBalance)
	stocks := []catalog.Stock{db.setStock(t, 211, 5), db.setStock(t, 212, 1)}
	db.put(t, user, 6, 211)
	_, err = db.Checkout(t.Context(), user, nil, nil)
	wantConflict(t, err, "there are 5 of product 211, not 6")
	db.put(t, user, -5, 211)
	db.put(t, user, 1, 212)
	_, err = db.Checkout(t.Context(), user, nil, nil)
	wantConflict(t, err, "the account holds 1000000 cents, and the cart costs 1000100")
	total := int64(1_000_000)
	_, err = db.Checkout(t.Context(), user, &total, nil)
	wantConflict(t, err, "the cart costs 1000100 cents by now, not 1000000")
	c, err1 := db.Cart(t.Context(), user)
	balance, err2 := db.Balance(t.Context(), user)
	if errors.Join(err1, err2) != nil || len(c.Items) != 2 || balance.BalanceCents != catalog.SeedBalance || db.stock(t, 211) != stocks[0] || db.stock(t, 212) != stocks[1] {
		t.Errorf("something has changed: %v, %d, %v, %v", c, balance, err1, err2)
	}
	if _, err := db.Balance(t.Context(), 1<<40); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the balance of nobody: %v", err)
	}
}

// crowdAtCheckout lets more customers order at once than there is stock for.
// They fill their carts in different orders, and somebody else changes the
// stocks meanwhile.
func crowdAtCheckout(t *testing.T, db *database) {
	const first, users, sold = 41, 16, 10
	other := catalogtest.Open(t, db.source) // as another process has it
	ids := []int64{221, 222, 223}
	for _, id := range ids {
		db.setPrice(t, id, 100)
		db.setStock(t, id, sold)
	}
	for user := int64(first); user < first+users; user++ {
		db.put(t, user, 1, ids...)
		slices.Reverse(ids)
	}
	var orders, conflicts atomic.Int64
	var wg sync.WaitGroup
	for user := int64(first); user < first+users; user++ {
		via := []*catalog.DB{db.DB, other}[user%2]
		wg.Go(func() {
			_, err := via.Checkout(t.Context(), user, nil, nil)
			_, isConflict := errors.AsType[*catalog.ConflictError](err)
			switch {
			case err == nil:
				orders.Add(1)
			case isConflict:
				conflicts.Add(1)
			default:
				t.Errorf("user %d: %v", user, err)
			}
		})
	}
	for _, id := range ids { // in the order 223, 222, 221 or the other
		wg.Go(func() {
			for _, delta := range []int64{+5, -5} {
				if _, err := db.UpdateInventory(t.Context(), id, catalog.StockChange{Delta: delta}, nil); err != nil {
					if _, ok := errors.AsType[*catalog.ConflictError](err); !ok {
						t.Errorf("product %d: %v", id, err)
					}
				}
			}
		})
	}
	wg.Wait()
	var spent int64
	for user := int64(first); user < first+users; user++ {
		balance, err := db.Balance(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		spent += catalog.SeedBalance - balance.BalanceCents
	}
	if orders.Load() < sold || orders.Load()+conflicts.Load() != users || spent != orders.Load()*300 {
		t.Errorf("%d orders, %d conflicts, %d cents spent", orders.Load(), conflicts.Load(), spent)
	}
	for _, id := range ids {
		if s := db.stock(t, id); s.Stock < 0 || s.Stock != sold-orders.Load() && s.Stock != sold+5-orders.Load() {
			t.Errorf("%v is left after %d orders of %d", s, orders.Load(), sold)
		}
	}
}

// oneCartOneOrder sends the same checkout several times at once.
func oneCartOneOrder(t *testing.T, db *database) {
	const user, id = 61, 231
	db.setPrice(t, id, 100)
	db.setStock(t, id, 10)
	db.put(t, user, 2, id)
	var orders atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			switch _, err := db.Checkout(t.Context(), user, nil, nil); {
			case err == nil:
				orders.Add(1)
			default:
				wantConflict(t, err, "the cart is empty")
			}
		})
	}
	wg.Wait()
	if balance, err := db.Balance(t.Context(), user); orders.Load() != 1 || err != nil || balance.BalanceCents != catalog.SeedBalance-200 || db.stock(t, id).Stock != 8 {
		t.Errorf("%d orders, then the balance is %d, the stock %v; %v", orders.Load(), balance, db.stock(t, id), err)
	}
}
