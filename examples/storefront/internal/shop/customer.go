package shop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// Login begins a session and returns its token. It takes much processor time:
// the caller bounds how many run at once. Its errors are [catalog.ErrBadLogin]
// and those of the database.
func (s *Shop) Login(ctx context.Context, email, password string) (token string, session catalog.Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	return s.db.Login(ctx, email, password)
}

// Session returns the session of a token, or [larder.ErrNotFound] if there is
// none or it is over.
func (s *Shop) Session(ctx context.Context, token string) (catalog.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	session, err := s.db.Session(ctx, catalog.HashToken(token))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && !time.Now().Before(session.ExpiresAt) {
		return catalog.Session{}, larder.ErrNotFound
	}
	return session, err
}

// Logout ends the session of a token. Its errors are [larder.ErrNotFound], if
// it has ended before, and those of the database.
func (s *Shop) Logout(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	err := s.db.Logout(ctx, catalog.HashToken(token), nil)
	return settle("log out", err, func() error { return nil })
}

// Cart returns a user's cart. Like all that follows it comes from the database:
// none of it is ever cached.
func (s *Shop) Cart(ctx context.Context, userID int64) (catalog.Cart, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	return s.db.Cart(ctx, userID)
}

// AddToCart changes how many of a product are in a user's cart, and returns the
// cart. Its errors are [larder.ErrNotFound], if there is no such product, a
// [catalog.ConflictError], and those of the database.
func (s *Shop) AddToCart(ctx context.Context, userID, productID, quantity int64) (catalog.Cart, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	c, err := s.db.AddToCart(ctx, userID, productID, quantity)
	return c, settle("add to cart", err, func() error { return nil })
}

// Checkout orders what is in a user's cart, for total cents if total is not
// nil. Stocks that it changes are changed in the caches, too. Its errors are a
// [catalog.ConflictError], a [larder.PendingError] beside the order, and those
// of the database.
func (s *Shop) Checkout(ctx context.Context, userID int64, total *int64) (catalog.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var changed []int64
	o, err := s.db.Checkout(ctx, userID, total, func(_ context.Context, ids []int64) error {
		changed = slices.Clone(ids) // they must be known if the commit is not answered
		return nil
	})
	return o, settle("check out", err, func() error { return s.stocks.Invalidate(ctx, changed...) })
}

// Balance returns how much a user has to spend, in cents, or
// [larder.ErrNotFound].
func (s *Shop) Balance(ctx context.Context, userID int64) (cents int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	cents, err = s.db.Balance(ctx, userID)
	if errors.Is(err, catalog.ErrNotFound) {
		return 0, larder.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("balance: %w", err)
	}
	return cents, nil
}
