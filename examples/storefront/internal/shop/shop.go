// Package shop is what the shop does with its classes of cached data: how they
// are loaded from the [catalog], and how they are changed. What is cached, for how
// long and where is in larder.yaml, of which the package caches is generated.
//
// # What a change of a product invalidates
//
// Searches and pages keep ids only. The products come from their own class, so
// that a product has one copy per tier, and one update reaches it wherever it
// is shown: a change of a name or a price changes no page. What is on a page
// depends on the categories alone, and so a page carries the tag of its
// category, which moves when a product comes into it or leaves it. A search in a
// category carries that tag too. Whether a new name or price makes a product
// come into a search is looked at when the search's time to live is over, five
// minutes at most.
//
//	tag               carried by                  moved when
//	category-{name}   pages, searches in it       a product comes into it or leaves it
//	products          products, pages, searches   by hand: a new price list
//	product-{id}      that product                by hand; an update of the product goes by
//	                                              its key and its version
//
// No single update moves products or product-{id}. A thousand updates a second
// that moved products would leave no page, no search and no product in any
// cache; one that moved product-{id} would throw away the value that it has just
// written through.
package shop

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/caches"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/outbox"
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
	// Relay makes the database report changes, whoever makes them, and this shop
	// deliver them. One shop of a fleet at least must, but all may. Until the
	// relay of one says that all is delivered, the shared tier is not trusted.
	//
	// Default: false, the caches hear of what the shops change themselves.
	Relay bool
	// Node names this shop in its statistics.
	//
	// Default: a random name.
	Node string
	// Keys encrypt what the shared tier holds of logins; see larder.Options.
	//
	// Default: a key that this shop makes for itself. It does not share logins
	// with others then.
	Keys [][]byte
	// Edges are told which of their answers are wrong, after the shop's own tiers
	// have forgotten. The caller closes them after the Shop.
	//
	// Default: nil, there are none before the shop.
	Edges Edges
	// Logger is told of what goes wrong in the background.
	//
	// Default: slog.Default().
	Logger *slog.Logger
}

// Shop holds the caches. Its methods may be called concurrently.
type Shop struct {
	caches *caches.Caches
	lard   *larder.Larder // what they share
	db     *catalog.DB
	log    *slog.Logger
	edges  Edges

	delivery *delivery // nil: no relay
	// unwritten says that an invalidation could not be put into the outbox.
	unwritten atomic.Bool
}

// Open opens the caches, and starts the relay if there is to be one.
func Open(ctx context.Context, o Options) (*Shop, error) {
	if len(o.Keys) == 0 {
		o.Keys = [][]byte{make([]byte, 32)}
		_, _ = rand.Read(o.Keys[0]) // it never fails
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	var box *outbox.Box
	if o.Relay {
		var err error
		if box, err = o.DB.Outbox(ctx, categoryTag, caches.Mappings()...); err != nil {
			return nil, err
		}
	}
	s := &Shop{db: o.DB, log: o.Logger, edges: o.Edges}
	options := larder.Options{
		Shared: o.Shared, Node: o.Node, Keys: o.Keys, Outbox: o.Relay, Logger: o.Logger,
	}
	if o.Edges != nil {
		options.OnInvalidate = s.purgeEdges
	}
	var err error
	if s.caches, err = caches.Open(ctx, loaders{o.DB}, options); err != nil {
		return nil, err
	}
	s.lard = s.caches.Larder()
	if o.Relay {
		if err := s.startRelay(ctx, box); err != nil {
			return nil, errors.Join(err, s.caches.Close())
		}
	}
	return s, nil
}

// Listing is a list of products, and the ids for which there is none.
type Listing struct {
	Products []catalog.Product `json:"products"`
	Missing  []int64           `json:"missing"`
}

// Products returns the products under ids, in their order, each once. If one
// of them can be had from nowhere the error says why, and there is no Listing.
func (s *Shop) Products(ctx context.Context, ids []int64) (Listing, larder.Report, error) {
	var r larder.Report
	found, err := s.caches.Product.GetMany(ctx, ids, larder.Into(&r))
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
	p, err = s.caches.Product.Get(ctx, id, larder.Into(&r))
	return p, r, err
}

// Stock returns the stock of one product, or [larder.ErrNotFound].
func (s *Shop) Stock(ctx context.Context, id int64) (st catalog.Stock, r larder.Report, err error) {
	st, err = s.caches.Inventory.Get(ctx, id, larder.Into(&r))
	return st, r, err
}

// User returns one user, or [larder.ErrNotFound].
func (s *Shop) User(ctx context.Context, id int64) (u catalog.User, r larder.Report, err error) {
	u, err = s.caches.UserProfile.Get(ctx, id, larder.Into(&r))
	return u, r, err
}

// Search returns the first products that q describes.
func (s *Shop) Search(ctx context.Context, q Query) (Listing, larder.Report, error) {
	var r larder.Report
	ids, err := s.caches.Search.Get(ctx, q, larder.Into(&r))
	return s.listed(ctx, ids, r, err)
}

// Page returns the products of a page, or [larder.ErrNotFound].
func (s *Shop) Page(ctx context.Context, p Page) (Listing, larder.Report, error) {
	var r larder.Report
	ids, err := s.caches.CategoryPage.Get(ctx, p, larder.Into(&r))
	if err == nil && len(ids) == 0 {
		return Listing{}, r, larder.ErrNotFound
	}
	return s.listed(ctx, ids, r, err)
}

// allCategories is the key of the list of all categories.
const allCategories = "all"

// Categories returns the names of all categories, sorted.
func (s *Shop) Categories(ctx context.Context) ([]string, error) {
	return s.caches.Categories.Get(ctx, allCategories)
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
	// Outbox is nil without a relay.
	Outbox *OutboxStats `json:"outbox,omitempty"`
}

// Stats returns the counters. It asks the database what is in the outbox.
func (s *Shop) Stats(ctx context.Context) Stats {
	stats := Stats{Stats: s.lard.Stats()}
	stats.Origin.Queries = s.db.Queries()
	if s.delivery != nil {
		stats.Outbox = s.delivery.stats(ctx)
	}
	return stats
}
