package catalog

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Bounds of a cart.
const (
	// MaxQuantity is how many of one product a cart takes.
	MaxQuantity = 1_000
	maxLines    = 50
)

// CartLine is a product in a cart or in an order.
type CartLine struct {
	ProductID  int64  `json:"product_id"`
	Name       string `json:"name"`
	Quantity   int64  `json:"quantity"`
	PriceCents int64  `json:"price_cents"` // of one
}

// Cart is what a user is about to order, at the prices of the moment. It is
// never cached.
type Cart struct {
	Items      []CartLine `json:"items"`
	TotalCents int64      `json:"total_cents"`
}

// Cart returns the user's cart, which may be empty.
func (db *DB) Cart(ctx context.Context, userID int64) (Cart, error) {
	return db.readCart(ctx, db.sql, userID)
}

// readCart returns the cart in the order of its products. What is no longer
// sold is not in it.
func (db *DB) readCart(ctx context.Context, in querier, userID int64) (Cart, error) {
	c := Cart{Items: []CartLine{}}
	rows, err := in.QueryContext(ctx, "SELECT p.id, p.name, c.quantity, p.price_cents FROM "+db.table("cart_items")+" AS c JOIN "+
		db.table("products")+" AS p ON p.id = c.product_id WHERE c.user_id = $1 ORDER BY p.id", userID)
	if err != nil {
		return Cart{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var l CartLine
		if err := rows.Scan(&l.ProductID, &l.Name, &l.Quantity, &l.PriceCents); err != nil {
			return Cart{}, err
		}
		c.Items = append(c.Items, l)
		c.TotalCents += l.Quantity * l.PriceCents
	}
	return c, rows.Err()
}

// AddToCart puts that many of a product into the user's cart, or takes them
// out if quantity is negative, and returns the cart. The errors are
// [ErrNotFound], if there is no such product, a [ConflictError],
// [ErrUnknownOutcome], and those of the database.
func (db *DB) AddToCart(ctx context.Context, userID, productID, quantity int64) (Cart, error) {
	var c Cart
	err := db.write(ctx, nil, func(tx *sql.Tx) (err error) {
		if err := db.lockCart(ctx, tx, userID); err != nil {
			return err
		}
		if err := db.changeLine(ctx, tx, userID, productID, quantity); err != nil {
			return err
		}
		c, err = db.readCart(ctx, tx, userID)
		return err
	})
	if err != nil {
		return Cart{}, err
	}
	return c, nil
}

// lockCart lets one transaction at a time use a user's cart.
func (db *DB) lockCart(ctx context.Context, tx *sql.Tx, userID int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+db.table("carts")+` (user_id, changed_at) VALUES ($1, $2)
		ON CONFLICT (user_id) DO UPDATE SET changed_at = excluded.changed_at`, userID, time.Now().Unix())
	return err
}

// changeLine changes how many of a product are in a cart that is locked.
func (db *DB) changeLine(ctx context.Context, tx *sql.Tx, userID, productID, quantity int64) error {
	var before, lines int64
	items := db.table("cart_items")
	err := tx.QueryRowContext(ctx, "SELECT (SELECT COALESCE(sum(quantity), 0) FROM "+items+" WHERE user_id = $1 AND product_id = $2), (SELECT count(*) FROM "+
		items+" WHERE user_id = $1) FROM "+db.table("products")+" WHERE id = $2", userID, productID).Scan(&before, &lines)
	after := before + quantity
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case err != nil:
		return err
	case after < 0:
		return conflict("there are %d of product %d in the cart, not %d", before, productID, -quantity)
	case after > MaxQuantity:
		return conflict("there would be %d of product %d in the cart, more than %d", after, productID, MaxQuantity)
	case before == 0 && lines >= maxLines:
		return conflict("the cart holds %d products, and takes no more", lines)
	case after == 0:
		_, err = tx.ExecContext(ctx, "DELETE FROM "+items+" WHERE user_id = $1 AND product_id = $2", userID, productID)
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+items+` (user_id, product_id, quantity) VALUES ($1, $2, $3)
		ON CONFLICT (user_id, product_id) DO UPDATE SET quantity = excluded.quantity`, userID, productID, after)
	return err
}
