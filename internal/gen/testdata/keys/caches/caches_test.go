package caches_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/gen/testdata/keys/caches"
	shop "github.com/larderdev/larder/internal/gen/testdata/shop/catalog"
	stock "github.com/larderdev/larder/internal/gen/testdata/shop/go-stock"
	"github.com/larderdev/larder/internal/gen/testdata/shop/options"
	"github.com/larderdev/larder/internal/gen/testdata/shop/price/v2"
	"github.com/larderdev/larder/internal/gen/testdata/stock/catalog"
	"github.com/larderdev/larder/localstore"
)

// origin makes values out of keys, and counts the listings that were asked for.
type origin struct{ listings int }

func (*origin) LoadClass2faIDs(_ context.Context, key uint32) (int64, error) { return int64(key), nil }

func (*origin) LoadAPIBaseURL(_ context.Context, key string) ([]byte, error) { return []byte(key), nil }

func (*origin) LoadArticleBatch(_ context.Context, keys []catalog.ID) (map[catalog.ID]*catalog.Article, error) {
	found := map[catalog.ID]*catalog.Article{}
	for _, key := range keys {
		found[key] = &catalog.Article{Shelf: "shelf " + string(key)}
	}
	return found, nil
}

func (*origin) LoadChoice(context.Context, string) (options.Set, error) {
	return options.Set{Dark: true}, nil
}

func (*origin) LoadFilter(_ context.Context, key caches.FilterKey) (string, error) {
	return strings.Join(key.Colours.Members(), " "), nil
}

func (o *origin) LoadListing(_ context.Context, key caches.ListingKey) ([]*shop.Product, error) {
	o.listings++
	return []*shop.Product{{ID: int64(o.listings), Name: key.Q}}, nil
}

func (*origin) ListingTags(key caches.ListingKey, value []*shop.Product) []string {
	return []string{"query-" + key.Q, "product-" + value[0].Name}
}

func (*origin) LoadOpening(context.Context, string) (time.Time, error) {
	return time.Now().Add(time.Minute), nil
}

func (*origin) OpeningExpires(_ string, value time.Time) time.Time { return value }

func (*origin) LoadPrices(context.Context, string) (price.List, error) { return price.List{1}, nil }

func (*origin) PricesVersion(value price.List) uint64 { return uint64(value[0]) }

func (*origin) LoadStock(context.Context, string) (stock.Level, error) { return 3, nil }

var secret = [][]byte{[]byte("0123456789abcdef")}

func TestCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := localstore.New(localstore.Options{})
		defer shared.Close()
		o := &origin{}
		c, err := caches.Open(t.Context(), o, larder.Options{Shared: shared, Keys: secret})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx := t.Context()

		if id, err := c.Class2faIDs.Get(ctx, 7); err != nil || id != 7 {
			t.Errorf("Class2faIDs.Get = %v, %v", id, err)
		}
		if url, err := c.APIBaseURL.Get(ctx, "a"); err != nil || string(url) != "a" {
			t.Errorf("APIBaseURL.Get = %s, %v", url, err)
		}
		if all, err := c.Article.GetMany(ctx, []catalog.ID{"a", "b"}); err != nil || all["b"].Shelf != "shelf b" {
			t.Errorf("Article.GetMany = %v, %v", all, err)
		}
		if text, err := c.Filter.Get(ctx, caches.FilterKey{Colours: caches.NewList("red", "blue", "red")}); err != nil || text != "blue red" {
			t.Errorf("Filter.Get = %q, %v", text, err)
		}
		if set, err := c.Choice.Get(ctx, "a"); err != nil || !set.Dark {
			t.Errorf("Choice.Get = %v, %v", set, err)
		}
		if level, err := c.Stock.Get(ctx, "a"); err != nil || level != 3 {
			t.Errorf("Stock.Get = %v, %v", level, err)
		}
		if at, err := c.Opening.Get(ctx, "a"); err != nil || !at.After(time.Now()) {
			t.Errorf("Opening.Get = %v, %v", at, err)
		}
		if list, err := c.Prices.Get(ctx, "a", larder.MinVersion(1)); err != nil || len(list) != 1 {
			t.Errorf("Prices.Get = %v, %v", list, err)
		}
	})
}

// TestListing: tags that values name are invalidated, equal keys share a value, and
// one without a text is an error and no panic.
func TestListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := localstore.New(localstore.Options{})
		defer shared.Close()
		o := &origin{}
		c, err := caches.Open(t.Context(), o, larder.Options{Shared: shared, Keys: secret})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		get := func(key caches.ListingKey, want int) {
			t.Helper()
			if _, err := c.Listing.Get(t.Context(), key); err != nil || o.listings != want {
				t.Errorf("Get(%+v): %d loads, %v, want %d", key, o.listings, err, want)
			}
		}
		get(caches.ListingKey{Q: "tea", Sizes: caches.NewList("s", "l")}, 1)
		get(caches.ListingKey{Q: "tea", Sizes: caches.NewList("l", "s", "l"), MinPrice: math.Copysign(0, -1)}, 1)
		get(caches.ListingKey{Q: "tea"}, 2)
		if err := c.Larder().InvalidateTags(t.Context(), "query-tea"); err != nil {
			t.Error(err)
		}
		get(caches.ListingKey{Q: "tea"}, 3)
		if _, err := c.Listing.Get(t.Context(), caches.ListingKey{MinPrice: math.NaN()}); err == nil {
			t.Error("Get with NaN: no error")
		}
	})
}

// TestOpenRefuses: each setting of the fleet may be said again, and not otherwise.
func TestOpenRefuses(t *testing.T) {
	for want, options := range map[string]larder.Options{
		"Options.MaxStaleness is 1s, and the policy says 1.5s": {MaxStaleness: time.Second},
		"Options.SharedTimeout is 1s, and":                     {SharedTimeout: time.Second},
		"Options.Lease is 2s, and":                             {Lease: 2 * time.Second},
		"Options.Hold is 1s, and":                              {Hold: time.Second},
	} {
		options.Keys = secret
		c, err := caches.Open(t.Context(), &origin{}, options)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open: %v, want %q", err, want)
		}
	}
	all := larder.Options{
		Keys: secret, MaxStaleness: 1500 * time.Millisecond, SharedTimeout: 75 * time.Millisecond, Lease: time.Second, Hold: time.Minute,
	}
	c, err := caches.Open(t.Context(), &origin{}, all)
	if err != nil {
		t.Fatalf("Open with what the policy says: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
