package shop

import (
	"context"
	"errors"
	"fmt"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// in adds what was tried to an error that needs it.
func in(what string, err error) error {
	if err == nil || errors.Is(err, larder.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// intend marks what a write is about to commit. A shared tier that does not
// answer does not keep the shop from selling: the write commits without the
// mark, and is invalidated as soon as there is an answer.
func (s *Shop) intend(ctx context.Context) error {
	if err := larder.Intend(ctx); err != nil {
		s.log.Warn("a change is committed without an intent", "err", err)
	}
	return nil
}

// UpdateUser changes a user in the database, then invalidates what is cached,
// and returns the row as it is stored. Its errors are [larder.ErrNotFound], a
// [catalog.ConflictError], a [larder.PendingError] beside the stored row, and
// those of the database.
func (s *Shop) UpdateUser(ctx context.Context, id int64, change catalog.UserChange) (catalog.User, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	u, err := s.caches.UserProfile.Update(ctx, id, func(ctx context.Context) (catalog.User, error) {
		u, err := s.db.UpdateUser(ctx, id, change)
		return u, absent(err)
	})
	return u, in("update user", err)
}

// UpdateProduct changes a product in the database and in the caches, and
// returns the row as it is stored. Its errors are those of [Shop.UpdateUser].
func (s *Shop) UpdateProduct(ctx context.Context, id int64, change catalog.ProductChange) (catalog.Product, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var before catalog.Product // of a commit that was tried
	p, err := s.caches.Product.Update(ctx, id, func(ctx context.Context) (catalog.Product, error) {
		p, err := s.db.UpdateProduct(ctx, id, change, func(_ context.Context, was catalog.Product) error {
			before = was
			return nil
		})
		return p, absent(err)
	})
	if before.ID != 0 && change.Category != nil && *change.Category != before.Category {
		err = both(err, s.lard.InvalidateTags(ctx, categoryTags(before.Category, *change.Category)...))
	}
	return p, in("update product", err)
}

// both joins two errors. Of two that say what is pending it makes one.
func both(one, other error) error {
	a, isA := errors.AsType[*larder.PendingError](one)
	b, isB := errors.AsType[*larder.PendingError](other)
	if !isA || !isB {
		return errors.Join(one, other)
	}
	sum := *a
	sum.Pending, sum.Dropped = a.Pending+b.Pending, a.Dropped+b.Dropped
	if errors.Is(one, catalog.ErrUnknownOutcome) {
		return errors.Join(catalog.ErrUnknownOutcome, &sum)
	}
	return &sum
}

// UpdateStock changes a stock in the database and in the caches, and returns
// the row as it is stored. Its errors are those of [Shop.UpdateUser].
func (s *Shop) UpdateStock(ctx context.Context, id int64, change catalog.StockChange) (catalog.Stock, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	st, err := s.caches.Inventory.Update(ctx, id, func(ctx context.Context) (catalog.Stock, error) {
		st, err := s.db.UpdateInventory(ctx, id, change, s.intend)
		return st, absent(err)
	})
	return st, in("update stock", err)
}
