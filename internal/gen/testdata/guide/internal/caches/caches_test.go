package caches_test

import (
	"context"
	"fmt"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/gen/testdata/guide/internal/caches"
	"github.com/larderdev/larder/internal/gen/testdata/shop/catalog"
	"github.com/larderdev/larder/localstore"
)

// loaders implements caches.Loaders: a method that is missing does not compile.
type loaders struct{ db *catalog.DB }

func (l loaders) LoadProductBatch(ctx context.Context, ids []int64) (map[int64]catalog.Product, error) {
	return l.db.Products(ctx, ids)
}

func (l loaders) ProductVersion(p catalog.Product) uint64 { return p.Version }

func (l loaders) LoadSearch(ctx context.Context, key caches.SearchKey) ([]catalog.Hit, error) {
	return l.db.Search(ctx, key.Query, key.Sizes.Members(), key.Page)
}

func run(ctx context.Context, db *catalog.DB) error {
	shared := localstore.New(localstore.Options{})
	defer shared.Close()
	c, err := caches.Open(ctx, loaders{db}, larder.Options{Shared: shared})
	if err != nil {
		return err
	}
	defer c.Close()
	product, err := c.Product.Get(ctx, 42)
	if err != nil {
		return err
	}
	hits, err := c.Search.Get(ctx, caches.SearchKey{Query: "tea", Sizes: caches.NewList("s")})
	fmt.Println(product.Name, len(hits))
	return err
}

func Example() {
	fmt.Println(run(context.Background(), &catalog.DB{}))
	// Output:
	// tea 1
	// <nil>
}
