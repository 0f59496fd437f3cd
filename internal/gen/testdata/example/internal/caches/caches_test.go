package caches_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/httpcache"
	caches "github.com/larderdev/larder/internal/gen/testdata/example/internal/caches"
	"github.com/larderdev/larder/internal/gen/testdata/shop/catalog"
	"github.com/larderdev/larder/localstore"
)

// origin has the loaders of all classes.
type origin struct {
	users    catalog.Table[int64, catalog.User]
	products catalog.Table[int64, catalog.Product]
	stock    catalog.Table[int64, catalog.Stock]
	hits     catalog.Table[caches.SearchKey, []catalog.Hit]
	sessions catalog.Table[string, catalog.Session]
}

func (o *origin) LoadUserProfileBatch(ctx context.Context, ids []int64) (map[int64]catalog.User, error) {
	return o.users.LoadBatch(ctx, ids)
}

func (o *origin) LoadProductBatch(ctx context.Context, ids []int64) (map[int64]catalog.Product, error) {
	return o.products.LoadBatch(ctx, ids)
}

func (o *origin) LoadInventory(ctx context.Context, id int64) (catalog.Stock, error) {
	return o.stock.Load(ctx, id)
}

func (o *origin) LoadSearch(ctx context.Context, key caches.SearchKey) ([]catalog.Hit, error) {
	return o.hits.Load(ctx, key)
}

func (o *origin) LoadAuthToken(ctx context.Context, digest string) (catalog.Session, error) {
	return o.sessions.Load(ctx, digest)
}

func (o *origin) UserProfileVersion(u catalog.User) uint64                     { return u.Version }
func (o *origin) ProductVersion(p catalog.Product) uint64                      { return p.Version }
func (o *origin) InventoryVersion(s catalog.Stock) uint64                      { return s.Version }
func (o *origin) AuthTokenExpires(_ string, session catalog.Session) time.Time { return session.End }

var keys = [][]byte{[]byte("0123456789abcdef")}

// open returns caches over a shared tier that all of them trust, and their origin.
func open(t *testing.T) (*caches.Caches, *origin) {
	t.Helper()
	shared := localstore.New(localstore.Options{})
	t.Cleanup(func() { shared.Close() })
	o := &origin{}
	c, err := caches.Open(t.Context(), o, larder.Options{Shared: shared, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	now, err := c.Larder().Checkpoint(t.Context())
	if err == nil {
		err = c.Larder().Confirm(t.Context(), now) // as a relay does that has delivered all
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // until the caches have heard of it
	return c, o
}

func TestProduct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, o := open(t)
		for id, name := range map[int64]string{1: "tea", 2: "pot"} {
			o.products.Put(id, catalog.Product{ID: id, Name: name, Version: 1})
		}
		expect := func(what string, id int64, name string, asked int) {
			t.Helper()
			got, err := c.Product.Get(t.Context(), id)
			if err != nil || got.Name != name {
				t.Errorf("%s: Get(%d) = %+v, %v, want %s", what, id, got, err, name)
			}
			if n := o.products.Asked(); n != asked {
				t.Errorf("%s: the origin was asked %d times, want %d", what, n, asked)
			}
		}
		expect("first", 1, "tea", 1)
		expect("again", 1, "tea", 0)

		many, err := c.Product.GetMany(t.Context(), []int64{1, 2, 3})
		if err != nil || len(many) != 2 || many[2].Name != "pot" {
			t.Errorf("GetMany(1, 2, 3) = %v, %v, want 1 and 2", many, err)
		}
		if n := o.products.Asked(); n != 1 {
			t.Errorf("GetMany asked the origin %d times, want once for what is missing", n)
		}
		if _, err := c.Product.Get(t.Context(), 3); !errors.Is(err, larder.ErrNotFound) {
			t.Errorf("Get(3) = %v, want ErrNotFound", err)
		}

		green := catalog.Product{ID: 1, Name: "green tea", Version: 2}
		_, err = c.Product.Update(t.Context(), 1, func(context.Context) (catalog.Product, error) {
			o.products.Put(1, green)
			return green, nil
		})
		if err != nil {
			t.Errorf("Update: %v", err)
		}
		o.products.Asked()
		expect("written through", 1, "green tea", 0)

		o.products.Put(1, catalog.Product{ID: 1, Name: "black tea", Version: 3})
		if err := c.Product.Invalidate(t.Context(), 1); err != nil {
			t.Errorf("Invalidate: %v", err)
		}
		synctest.Wait() // rebuild: 100 loads it at once
		o.products.Asked()
		expect("invalidated and built again", 1, "black tea", 0)

		o.products.Put(2, catalog.Product{ID: 2, Name: "cup", Version: 2})
		if err := c.Larder().InvalidateTags(t.Context(), "product-2"); err != nil {
			t.Errorf("InvalidateTags: %v", err)
		}
		if p, err := c.Product.Get(t.Context(), 2); err != nil || p.Name != "cup" {
			t.Errorf("after its tag was invalidated: Get(2) = %+v, %v, want cup", p, err)
		}
	})
}

// TestAuthToken: a session ends when it says so, and is not read in the shared
// tier by who has no key.
func TestAuthToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, o := open(t)
		o.sessions.Put("d", catalog.Session{User: 7, End: time.Now().Add(10 * time.Minute)})
		for range 2 {
			if s, err := c.AuthToken.Get(t.Context(), "d"); err != nil || s.User != 7 {
				t.Fatalf("Get = %+v, %v, want user 7", s, err)
			}
		}
		if n := o.sessions.Asked(); n != 1 {
			t.Errorf("two Gets: the origin was asked %d times, want 1", n)
		}
		time.Sleep(10*time.Minute + time.Second)
		if _, err := c.AuthToken.Get(t.Context(), "d"); err != nil {
			t.Error(err)
		}
		if n := o.sessions.Asked(); n != 1 {
			t.Errorf("after the token's end the origin was asked %d times, want 1", n)
		}
	})
}

// TestSearch: queries that ask for the same are one key.
func TestSearch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, o := open(t)
		tea := caches.SearchKey{Query: "tea", Page: 2}
		o.hits.Put(tea, []catalog.Hit{{ID: 1}})
		for _, query := range []string{"query=tea&page=2", "page=02&query=tea", "query=tea&page=2&category="} {
			key := parse(t, query)
			if hits, err := c.Search.Get(t.Context(), key); err != nil || len(hits) != 1 {
				t.Errorf("Get(%s) = %v, %v, want one hit", query, hits, err)
			}
		}
		if n := o.hits.Asked(); n != 1 {
			t.Errorf("the origin was asked %d times, want once: all ask for the same", n)
		}
		if _, err := c.Search.Get(t.Context(), parse(t, "query=Tea&page=2")); !errors.Is(err, larder.ErrNotFound) {
			t.Errorf("Get(Tea) = %v, want ErrNotFound: the case of a query is its own", err)
		}
	})
}

func TestInventoryAndUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, o := open(t)
		o.stock.Put(1, catalog.Stock{Count: 5, Version: 1})
		o.users.Put(1, catalog.User{ID: 1, Name: "Ada", Version: 1})
		if s, err := c.Inventory.Get(t.Context(), 1); err != nil || s.Count != 5 {
			t.Errorf("Inventory.Get = %+v, %v, want 5", s, err)
		}
		_, err := c.Inventory.Update(t.Context(), 1, func(ctx context.Context) (catalog.Stock, error) {
			next := catalog.Stock{Count: 4, Version: 2}
			if err := larder.Intend(ctx); err != nil { // the class is strict
				return next, err
			}
			o.stock.Put(1, next)
			return next, nil
		})
		if s, getErr := c.Inventory.Get(t.Context(), 1); err != nil || getErr != nil || s.Count != 4 {
			t.Errorf("after Update (%v): Get = %+v, %v, want 4", err, s, getErr)
		}
		if u, err := c.UserProfile.Get(t.Context(), 1); err != nil || u.Name != "Ada" {
			t.Errorf("UserProfile.Get = %+v, %v, want Ada", u, err)
		}
	})
}

// TestOpenRefuses: what contradicts the policy does not open.
func TestOpenRefuses(t *testing.T) {
	for want, options := range map[string]larder.Options{
		"Options.Policies is set":                            {Keys: keys, Policies: map[string]larder.Policy{"a": {TTL: time.Hour}}},
		"Options.MaxStaleness is 2s, and the policy says 1s": {Keys: keys, MaxStaleness: 2 * time.Second},
		"class \"auth-token\": Encrypt needs Options.Keys":   {},
	} {
		c, err := caches.Open(t.Context(), &origin{}, options)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%+v) = %v, want %q", options, err, want)
		}
		if err == nil {
			c.Close()
		}
	}
	if _, err := caches.Open(t.Context(), nil, larder.Options{Keys: keys}); err == nil {
		t.Error("Open without loaders: no error")
	}
	c, err := caches.Open(t.Context(), &origin{}, larder.Options{Keys: keys, MaxStaleness: time.Second})
	if err != nil {
		t.Fatalf("Open with the policy's own MaxStaleness: %v", err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// TestRoutes: the table opens, and a route of what is never cached is in it.
func TestRoutes(t *testing.T) {
	routes := caches.Routes()
	if _, err := httpcache.New(routes, httpcache.Options{CDNs: caches.CDNs()}); err != nil {
		t.Error(err)
	}
	for _, pattern := range []string{"POST /api/checkout", "GET /api/balance"} {
		if !routes[pattern].NoStore {
			t.Errorf("%s: %+v, want NoStore", pattern, routes[pattern])
		}
	}
	if got := routes["GET /api/products/{id}"].Edge; got != time.Hour {
		t.Errorf("GET /api/products/{id}: Edge is %v, want that of its class, 1h", got)
	}
}
