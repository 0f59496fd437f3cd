package catalog

import (
	"context"
	"database/sql"
)

// MaxStock is the highest number of a product that there may be.
const MaxStock = 1_000_000_000_000

// Stock is a row of inventory, as the API shows it.
type Stock struct {
	ProductID int64  `json:"product_id"`
	Stock     int64  `json:"stock"`
	Version   uint64 `json:"version"`
}

// StockChange is what an update of a stock does: it sets it or it adds to it.
type StockChange struct {
	// Set is the stock from now on, from 0 to [MaxStock]; nil to add Delta.
	Set *int64
	// Delta is added if Set is nil, and may be negative. It is at most
	// [MaxStock] either way.
	Delta int64
	// IfVersion is the version that the row must have before; 0 for any.
	IfVersion uint64
}

// after is the stock that comes of the change.
func (c *StockChange) after(before Stock) (int64, error) {
	if c.IfVersion != 0 && c.IfVersion != before.Version {
		return 0, conflict("the stock of product %d has version %d by now, not %d", before.ProductID, before.Version, c.IfVersion)
	}
	if c.Set != nil {
		return *c.Set, nil
	}
	after := before.Stock + c.Delta
	switch {
	case after < 0:
		return 0, conflict("there are %d of product %d, not %d", before.Stock, before.ProductID, -c.Delta)
	case after > MaxStock:
		return 0, conflict("there would be %d of product %d, more than %d", after, before.ProductID, MaxStock)
	}
	return after, nil
}

// Stocks returns the stock of the products under ids that exist.
func (db *DB) Stocks(ctx context.Context, ids []int64) (map[int64]Stock, error) {
	found := make(map[int64]Stock, len(ids))
	err := db.read(ctx, func(scan func(...any) error) error {
		var s Stock
		err := scan(&s.ProductID, &s.Stock, &s.Version)
		found[s.ProductID] = s
		return err
	}, "SELECT product_id, stock, version FROM "+db.table("inventory")+" WHERE product_id "+db.dialect.anyOf, db.dialect.list(ids))
	return found, err
}

// UpdateInventory changes the stock of a product and returns the row as it is
// stored. beforeCommit may be nil; it is called after the change and before
// the commit, with the row locked, and its error undoes the change. The errors
// are [ErrNotFound], a [ConflictError], [ErrUnknownOutcome], that of
// beforeCommit, and those of the database, after which nothing has changed.
func (db *DB) UpdateInventory(ctx context.Context, id int64, change StockChange, beforeCommit func(context.Context) error) (Stock, error) {
	s := Stock{ProductID: id}
	err := db.write(ctx, beforeCommit, func(tx *sql.Tx) error {
		if err := db.lockRow(ctx, tx, "inventory", "product_id", id, "stock, version", &s.Stock, &s.Version); err != nil {
			return err
		}
		after, err := change.after(s)
		if err != nil {
			return err
		}
		version, err := db.nextVersion(ctx, tx, s.Version)
		if err != nil {
			return err
		}
		s, err = db.storeStock(ctx, tx, Stock{ProductID: id, Stock: after, Version: uint64(version)})
		return err
	})
	if err != nil {
		return Stock{}, err
	}
	return s, nil
}

// storeStock writes a row that is locked, and returns it as it is stored.
func (db *DB) storeStock(ctx context.Context, tx *sql.Tx, s Stock) (stored Stock, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE "+db.table("inventory")+` SET stock = $1, version = $2
		WHERE product_id = $3 RETURNING product_id, stock, version`, s.Stock, int64(s.Version), s.ProductID).
		Scan(&stored.ProductID, &stored.Stock, &stored.Version)
	return stored, err
}
