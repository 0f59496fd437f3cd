package catalog

import (
	"context"
	"database/sql"
	"time"
)

// Order is what a checkout has come to.
type Order struct {
	ID    int64      `json:"order_id"`
	Items []CartLine `json:"items"`
	Payment
	// Stocks are the rows of inventory that it has changed, as they are stored.
	Stocks []Stock `json:"-"`
}

// Payment is what an order has taken from an account.
type Payment struct {
	TotalCents int64 `json:"total_cents"`
	Balance
}

// Balance is what there is on an account.
type Balance struct {
	BalanceCents int64 `json:"balance_cents"`
}

// Balance returns how much the user has to spend, or [ErrNotFound].
func (db *DB) Balance(ctx context.Context, userID int64) (b Balance, err error) {
	err = db.sql.QueryRowContext(ctx, "SELECT balance_cents FROM "+db.table("accounts")+" WHERE user_id = $1", userID).Scan(&b.BalanceCents)
	return b, notFound(err)
}

// Checkout orders what is in the user's cart: it takes it from the stock, takes
// the price from the account and empties the cart, all or nothing. If total is
// not nil, that must be the price. beforeCommit may be nil; it gets the ids of
// the products whose stock has changed, which are locked. The errors are a
// [ConflictError], [ErrUnknownOutcome], that of beforeCommit, and those of the
// database.
//
// Its locks are, in this order, the cart, the stocks by ascending id, and the
// account. Every other change locks one row of these. So no two of them wait
// for each other.
func (db *DB) Checkout(ctx context.Context, userID int64, total *int64, beforeCommit func(ctx context.Context, ids []int64) error) (Order, error) {
	var o Order
	hook := func(ctx context.Context) error {
		if beforeCommit == nil {
			return nil
		}
		ids := make([]int64, len(o.Stocks))
		for i, s := range o.Stocks {
			ids[i] = s.ProductID
		}
		return beforeCommit(ctx, ids)
	}
	err := db.write(ctx, hook, func(tx *sql.Tx) error {
		if err := db.lockCart(ctx, tx, userID); err != nil {
			return err
		}
		cart, err := db.readCart(ctx, tx, userID)
		switch {
		case err != nil:
			return err
		case len(cart.Items) == 0:
			return conflict("the cart is empty")
		case total != nil && *total != cart.TotalCents:
			return conflict("the cart costs %d cents by now, not %d", cart.TotalCents, *total)
		}
		o.Items, o.TotalCents = cart.Items, cart.TotalCents
		return db.order(ctx, tx, userID, &o)
	})
	if err != nil {
		return Order{}, err
	}
	return o, nil
}

// order stores an order of which items and total are known. Its number is the
// version of the stocks that it changes, too.
func (db *DB) order(ctx context.Context, tx *sql.Tx, userID int64, o *Order) error {
	stocks, err := db.reserve(ctx, tx, o.Items)
	if err != nil {
		return err
	}
	if o.Payment, err = db.pay(ctx, tx, userID, o.TotalCents); err != nil {
		return err
	}
	highest := uint64(0)
	for _, s := range stocks {
		highest = max(highest, s.Version)
	}
	if o.ID, err = db.nextVersion(ctx, tx, highest); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+db.table("orders")+" (id, user_id, total_cents, created_at) VALUES ($1, $2, $3, $4)",
		o.ID, userID, o.TotalCents, time.Now().Unix())
	if err != nil {
		return err
	}
	for _, l := range o.Items {
		s, err := db.storeStock(ctx, tx, Stock{ProductID: l.ProductID, Stock: stocks[l.ProductID].Stock, Version: uint64(o.ID)})
		if err != nil {
			return err
		}
		o.Stocks = append(o.Stocks, s)
		_, err = tx.ExecContext(ctx, "INSERT INTO "+db.table("order_items")+" (order_id, product_id, quantity, price_cents) VALUES ($1, $2, $3, $4)",
			o.ID, l.ProductID, l.Quantity, l.PriceCents)
		if err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM "+db.table("cart_items")+" WHERE user_id = $1", userID)
	return err
}

// reserve locks the stocks of the lines, and returns what will be left of each,
// with the version that it has now.
func (db *DB) reserve(ctx context.Context, tx *sql.Tx, lines []CartLine) (left map[int64]Stock, err error) {
	ids := make([]int64, len(lines))
	for i, l := range lines {
		ids[i] = l.ProductID
	}
	rows, err := tx.QueryContext(ctx, "SELECT product_id, stock, version FROM "+db.table("inventory")+" WHERE product_id "+db.dialect.anyOf+
		" ORDER BY product_id"+db.dialect.forUpdate, db.dialect.list(ids))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	left = make(map[int64]Stock, len(lines))
	for rows.Next() {
		var s Stock
		if err := rows.Scan(&s.ProductID, &s.Stock, &s.Version); err != nil {
			return nil, err
		}
		left[s.ProductID] = s
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, l := range lines {
		s := left[l.ProductID]
		if s.Stock < l.Quantity {
			return nil, conflict("there are %d of product %d, not %d", s.Stock, l.ProductID, l.Quantity)
		}
		s.Stock -= l.Quantity
		left[l.ProductID] = s
	}
	return left, nil
}

// pay takes an amount from an account.
func (db *DB) pay(ctx context.Context, tx *sql.Tx, userID, cents int64) (Payment, error) {
	var left int64
	err := db.lockRow(ctx, tx, "accounts", "user_id", userID, "balance_cents", &left)
	switch {
	case err != nil:
		return Payment{}, err
	case left < cents:
		return Payment{}, conflict("the account holds %d cents, and the cart costs %d", left, cents)
	}
	left -= cents
	_, err = tx.ExecContext(ctx, "UPDATE "+db.table("accounts")+" SET balance_cents = $1 WHERE user_id = $2", left, userID)
	return Payment{TotalCents: cents, Balance: Balance{left}}, err
}
