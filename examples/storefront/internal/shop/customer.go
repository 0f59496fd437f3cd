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

// loginTimeout is longer than loadTimeout: on a busy machine it is the processor
// that takes the time.
const loginTimeout = 15 * time.Second

// Login begins a session and returns its token. It takes much processor time:
// the caller bounds how many run at once. Its errors are [catalog.ErrBadLogin]
// and those of the database.
func (s *Shop) Login(ctx context.Context, email, password string) (token string, session catalog.Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	return s.db.Login(ctx, email, password)
}

// Session returns the session of a token, or [larder.ErrNotFound] if there is
// none or it is over.
func (s *Shop) Session(ctx context.Context, token string) (session catalog.Session, r larder.Report, err error) {
	session, err = s.caches.AuthToken.Get(ctx, catalog.HashToken(token), larder.Into(&r))
	if failed, ok := errors.AsType[*larder.LoadError](err); ok {
		err = fmt.Errorf("session: %w", failed.Err) // its own text names the key
	}
	if err == nil && !time.Now().Before(session.ExpiresAt) {
		return catalog.Session{}, r, larder.ErrNotFound
	}
	return session, r, err
}

// Logout ends the session of a token: once it has returned nil no shop accepts
// it. Its errors are [larder.ErrNotFound], if it has ended before, a
// [larder.PendingError], and those of the database. If ended is true beside a
// PendingError, the session has ended and other shops may not know it.
func (s *Shop) Logout(ctx context.Context, token string) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	hash := catalog.HashToken(token)
	// No values: the row is gone.
	_, err = s.caches.AuthToken.UpdateMany(ctx, []string{hash}, func(ctx context.Context) (map[string]catalog.Session, error) {
		err := s.db.Logout(ctx, hash, nil)
		ended = err == nil
		return nil, absent(err)
	})
	return ended, in("log out", err)
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
	return c, in("add to cart", absent(err))
}

// errCartChanged says that a product has come into the cart whose stock is not
// going to be changed in the caches.
var errCartChanged = errors.New("the cart was changed meanwhile")

// checkoutTries is how often a cart that somebody is changing is looked at.
const checkoutTries = 5

// Checkout orders what is in a user's cart, for total cents if total is not
// nil. The stocks that it changes are changed in the caches, too. Its errors are
// a [catalog.ConflictError], a [larder.PendingError] beside the order, and those
// of the database.
func (s *Shop) Checkout(ctx context.Context, userID int64, total *int64) (catalog.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	for range checkoutTries {
		if o, err := s.tryCheckout(ctx, userID, total); !errors.Is(err, errCartChanged) {
			return o, in("check out", err)
		}
	}
	return catalog.Order{}, &catalog.ConflictError{Reason: "the cart is being changed, look at it again"}
}

// tryCheckout must know the products before the order is made, because the
// caches do: if others are in the cart then, it is undone.
func (s *Shop) tryCheckout(ctx context.Context, userID int64, total *int64) (o catalog.Order, err error) {
	cart, err := s.db.Cart(ctx, userID)
	if err != nil {
		return o, err
	}
	ids := make([]int64, len(cart.Items))
	for i, l := range cart.Items {
		ids[i] = l.ProductID
	}
	_, err = s.caches.Inventory.UpdateMany(ctx, ids, func(ctx context.Context) (map[int64]catalog.Stock, error) {
		var err error
		o, err = s.db.Checkout(ctx, userID, total, func(ctx context.Context, locked []int64) error {
			for _, id := range locked {
				if !slices.Contains(ids, id) {
					return errCartChanged
				}
			}
			return s.intend(ctx)
		})
		stocks := make(map[int64]catalog.Stock, len(o.Stocks))
		for _, st := range o.Stocks {
			stocks[st.ProductID] = st
		}
		return stocks, absent(err)
	})
	return o, err
}

// Balance returns how much a user has to spend, or [larder.ErrNotFound].
func (s *Shop) Balance(ctx context.Context, userID int64) (catalog.Balance, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	b, err := s.db.Balance(ctx, userID)
	return b, in("balance", absent(err))
}
