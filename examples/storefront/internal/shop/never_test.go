package shop

import (
	"context"
	"strings"
	"testing"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/caches"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// refuses checks that there can be no cache of a type under a class.
func refuses[V any](t *testing.T, class, reason string) {
	t.Helper()
	lard, err := larder.Open(t.Context(), larder.Options{Policies: caches.Policies(), Keys: [][]byte{make([]byte, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	defer lard.Close()
	c, err := larder.NewCache(lard, class, larder.Loader[int64, V]{
		Load: func(context.Context, int64) (v V, err error) { return v, nil },
	})
	if c != nil || err == nil || !strings.Contains(err.Error(), class) || !strings.Contains(err.Error(), reason) {
		t.Errorf("NewCache(%s) of %T = %v, %v; want an error with %q", class, *new(V), c, err, reason)
	}
}

// TestNever: neither the class nor the type can be cached, whichever of the two
// somebody gets wrong.
func TestNever(t *testing.T) {
	for _, class := range []string{"cart", "checkout", "payment", "balance"} {
		refuses[int64](t, class, "no policy for class")
	}
	const class = "user-profile"
	refuses[catalog.Cart](t, class, "belongs to one customer")
	refuses[*catalog.Cart](t, class, "belongs to one customer")
	refuses[[]catalog.CartLine](t, class, "price of the moment")
	refuses[catalog.Order](t, class, "happens once")
	refuses[catalog.Payment](t, class, "taken once")
	refuses[map[string]catalog.Balance](t, class, "must be there")
}
