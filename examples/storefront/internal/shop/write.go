package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// settle tells the caches of a change that ended with err, where they must
// know, and returns what the caller is told.
func settle(what string, err error, invalidate func() error) error {
	switch {
	case err == nil:
		return invalidate()
	case errors.Is(err, catalog.ErrNotFound):
		return larder.ErrNotFound
	case errors.Is(err, catalog.ErrUnknownOutcome):
		return errors.Join(err, invalidate())
	}
	return fmt.Errorf("%s: %w", what, err)
}

// UpdateUser changes a user in the database, then invalidates what is cached,
// and returns the row as it is stored. Its errors are [larder.ErrNotFound], a
// [catalog.ConflictError], a [larder.PendingError] beside the stored row, and
// those of the database.
func (s *Shop) UpdateUser(ctx context.Context, id int64, change catalog.UserChange) (catalog.User, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	u, err := s.db.UpdateUser(ctx, id, change)
	return u, settle("update user", err, func() error { return s.users.Invalidate(ctx, id) })
}

// UpdateProduct changes a product in the database and in the caches, and
// returns the row as it is stored. Its errors are those of [Shop.UpdateUser].
func (s *Shop) UpdateProduct(ctx context.Context, id int64, change catalog.ProductChange) (catalog.Product, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	p, err := s.db.UpdateProduct(ctx, id, change, nil)
	return p, settle("update product", err, func() error { return s.products.Invalidate(ctx, id) })
}

// UpdateStock changes a stock in the database and in the caches, and returns
// the row as it is stored. Its errors are those of [Shop.UpdateUser].
func (s *Shop) UpdateStock(ctx context.Context, id int64, change catalog.StockChange) (catalog.Stock, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	st, err := s.db.UpdateInventory(ctx, id, change, nil)
	return st, settle("update stock", err, func() error { return s.stocks.Invalidate(ctx, id) })
}

// InvalidateUsers says that what is cached of the users under ids is wrong. It
// may return a [larder.PendingError].
func (s *Shop) InvalidateUsers(ctx context.Context, ids []int64) error {
	return s.users.Invalidate(ctx, ids...)
}
