// Package shop holds the shop's classes of cached data: what is cached, for
// how long, where, and how it is loaded from the [catalog].
//
//	product        1 h    memory, shared
//	inventory      5 min  shared: every read sees every invalidation
//	user-profile   1 h    memory, shared; invalidated by each update
//	search         5 min  memory, shared: a canonical query → ids
//	category-page  5 min  memory, shared: category and number → ids
//
// Searches and pages keep ids only. The products come from their own class, so
// that a product has one copy per tier, and one invalidation reaches it
// wherever it is shown.
package shop

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/store"
)

// Options configures a [Shop].
type Options struct {
	// DB is the origin. Required. The caller closes it after the Shop.
	DB *catalog.DB
	// Shared is the tier that all shops of the fleet share. The caller closes
	// it after the Shop.
	//
	// Default: nil, this shop caches for itself.
	Shared store.Store
	// Node names this shop in its statistics.
	//
	// Default: a random name.
	Node string
	// Logger is told of what goes wrong in the background.
	//
	// Default: slog.Default().
	Logger *slog.Logger
}

// Shop holds the caches. Its methods may be called concurrently.
type Shop struct {
	lard     *larder.Larder
	db       *catalog.DB
	products *larder.Cache[int64, catalog.Product]
	stocks   *larder.Cache[int64, catalog.Stock]
	users    *larder.Cache[int64, catalog.User]
	searches *larder.Cache[Query, []int64]
	pages    *larder.Cache[Page, []int64]
}

// loadTimeout bounds a load, so that a database that hangs becomes an error
// while the customer is still there.
const loadTimeout = 3 * time.Second

// Policies says how each class is cached.
func Policies() map[string]larder.Policy {
	both := larder.Memory | larder.Shared
	return map[string]larder.Policy{
		"product": {
			TTL: time.Hour, Tiers: both, Target: 0.10,
			StaleIfError: time.Hour, HardTimeout: loadTimeout,
		},
		"inventory": {TTL: 5 * time.Minute, Tiers: larder.Shared, HardTimeout: loadTimeout},
		"user-profile": {
			TTL: time.Hour, Tiers: both,
			StaleIfError: 10 * time.Minute, HardTimeout: loadTimeout,
		},
		"search": {
			TTL: 5 * time.Minute, Tiers: both, Target: 0.20,
			StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour, HardTimeout: loadTimeout,
		},
		"category-page": {
			TTL: 5 * time.Minute, Tiers: both, Target: 0.20,
			StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour, HardTimeout: loadTimeout,
		},
	}
}

// Open opens the caches.
func Open(ctx context.Context, o Options) (*Shop, error) {
	lard, err := larder.Open(ctx, larder.Options{
		Policies: Policies(), Shared: o.Shared, Node: o.Node, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	s := &Shop{lard: lard, db: o.DB}
	if err := s.openCaches(); err != nil {
		return nil, errors.Join(err, lard.Close())
	}
	return s, nil
}

func (s *Shop) openCaches() error {
	var errs [5]error
	s.products, errs[0] = larder.NewCache(s.lard, "product", larder.Loader[int64, catalog.Product]{
		LoadMany: s.db.Products,
		Version:  func(p catalog.Product) uint64 { return p.Version },
	})
	s.stocks, errs[1] = larder.NewCache(s.lard, "inventory", larder.Loader[int64, catalog.Stock]{
		LoadMany: s.db.Stocks,
		Version:  func(s catalog.Stock) uint64 { return s.Version },
	})
	s.users, errs[2] = larder.NewCache(s.lard, "user-profile", larder.Loader[int64, catalog.User]{
		LoadMany: s.db.Users,
		Version:  func(u catalog.User) uint64 { return u.Version },
	})
	s.searches, errs[3] = larder.NewCache(s.lard, "search", larder.Loader[Query, []int64]{
		Key:  Query.key,
		Load: func(ctx context.Context, q Query) ([]int64, error) { return s.db.Search(ctx, q.filter()) },
	})
	s.pages, errs[4] = larder.NewCache(s.lard, "category-page", larder.Loader[Page, []int64]{
		Key:  Page.key,
		Load: s.loadPage,
	})
	return errors.Join(errs[:]...)
}

// loadPage takes a page without products for one that does not exist.
func (s *Shop) loadPage(ctx context.Context, p Page) ([]int64, error) {
	ids, err := s.db.Page(ctx, p.category, p.number)
	if err == nil && len(ids) == 0 {
		err = larder.ErrNotFound
	}
	return ids, err
}

// Close ends the caches. It tells of invalidations that could not be
// delivered.
func (s *Shop) Close() error { return s.lard.Close() }

// Listing is a list of products, and the ids for which there is none.
type Listing struct {
	Products []catalog.Product `json:"products"`
	Missing  []int64           `json:"missing"`
}

// Products returns the products under ids, in their order, each once. If one
// of them can be had from nowhere the error says why, and there is no Listing.
func (s *Shop) Products(ctx context.Context, ids []int64) (Listing, larder.Report, error) {
	var r larder.Report
	found, err := s.products.GetMany(ctx, ids, larder.Into(&r))
	if err != nil {
		return Listing{}, r, err
	}
	list := Listing{Products: make([]catalog.Product, 0, len(ids)), Missing: []int64{}}
	seen := make(map[int64]bool, len(ids))
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		if p, ok := found[id]; ok {
			list.Products = append(list.Products, p)
		} else {
			list.Missing = append(list.Missing, id)
		}
	}
	return list, r, nil
}

// Product returns one product, or [larder.ErrNotFound].
func (s *Shop) Product(ctx context.Context, id int64) (p catalog.Product, r larder.Report, err error) {
	p, err = s.products.Get(ctx, id, larder.Into(&r))
	return p, r, err
}

// Stock returns the stock of one product, or [larder.ErrNotFound].
func (s *Shop) Stock(ctx context.Context, id int64) (st catalog.Stock, r larder.Report, err error) {
	st, err = s.stocks.Get(ctx, id, larder.Into(&r))
	return st, r, err
}

// User returns one user, or [larder.ErrNotFound].
func (s *Shop) User(ctx context.Context, id int64) (u catalog.User, r larder.Report, err error) {
	u, err = s.users.Get(ctx, id, larder.Into(&r))
	return u, r, err
}

// Search returns the first products that q describes.
func (s *Shop) Search(ctx context.Context, q Query) (Listing, larder.Report, error) {
	var r larder.Report
	ids, err := s.searches.Get(ctx, q, larder.Into(&r))
	return s.listed(ctx, ids, r, err)
}

// Page returns the products of a page, or [larder.ErrNotFound].
func (s *Shop) Page(ctx context.Context, p Page) (Listing, larder.Report, error) {
	var r larder.Report
	ids, err := s.pages.Get(ctx, p, larder.Into(&r))
	return s.listed(ctx, ids, r, err)
}

// listed fetches the products of a list that was answered as r says.
func (s *Shop) listed(ctx context.Context, ids []int64, r larder.Report, err error) (Listing, larder.Report, error) {
	if err != nil {
		return Listing{}, r, err
	}
	if len(ids) == 0 {
		return Listing{Products: []catalog.Product{}, Missing: []int64{}}, r, nil
	}
	list, products, err := s.Products(ctx, ids)
	return list, merge(r, products), err
}

// merge makes one report of two answers that belong together.
func merge(a, b larder.Report) larder.Report {
	return larder.Report{
		Memory: a.Memory + b.Memory, Shared: a.Shared + b.Shared, Origin: a.Origin + b.Origin,
		Stale: a.Stale + b.Stale, Negative: a.Negative + b.Negative, Coalesced: a.Coalesced + b.Coalesced, Stored: a.Stored + b.Stored,
		FreshFor: min(a.FreshFor, b.FreshFor),
	}
}

// Stats is what the admin address shows.
type Stats struct {
	larder.Stats
	Origin struct {
		// Queries counts the SQL statements sent for reads of cached classes.
		Queries uint64 `json:"queries"`
	} `json:"origin"`
}

// Stats returns the counters.
func (s *Shop) Stats() Stats {
	stats := Stats{Stats: s.lard.Stats()}
	stats.Origin.Queries = s.db.Queries()
	return stats
}
