package shop

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// loadTimeout bounds a load, so that a database that hangs becomes an error
// while the customer is still there.
const loadTimeout = 3 * time.Second

// absentFor is how long it is remembered that there is no such page, and no such
// token.
const absentFor = 10 * time.Second

// hottest is how many products are loaded again at once when all of them are
// invalidated.
const hottest = 1_000

// Policies says how each class is cached.
func Policies() map[string]larder.Policy {
	both := larder.Memory | larder.Shared
	list := larder.Policy{
		TTL: 5 * time.Minute, Tiers: both, Target: 0.20, Tags: []string{"products"},
		StaleWhileRevalidate: time.Minute, StaleIfError: time.Hour, HardTimeout: loadTimeout,
	}
	never := larder.Policy{Pattern: larder.Never}
	return map[string]larder.Policy{
		"product": {
			Pattern: larder.WriteThrough, Version: "sequence", Tags: []string{"product-{key}", "products"},
			TTL: time.Hour, Tiers: both, Target: 0.10, Rebuild: hottest,
			StaleIfError: time.Hour, HardTimeout: loadTimeout,
		},
		"inventory": {
			Pattern: larder.WriteThrough, Version: "sequence", Strict: true,
			TTL: 5 * time.Minute, Tiers: larder.Shared, HardTimeout: loadTimeout,
		},
		"user-profile": {
			Version: "sequence",
			TTL:     time.Hour, Tiers: both,
			StaleIfError: 10 * time.Minute, HardTimeout: loadTimeout,
		},
		"search":        list,
		"category-page": list,
		"categories":    list,
		"auth-token": {
			TTL: catalog.SessionLife, NegativeTTL: absentFor, Tiers: larder.Shared,
			Jitter: -1, EarlyRefresh: -1, HardTimeout: loadTimeout,
		},
		"cart":     never,
		"checkout": never,
		"payment":  never,
		"balance":  never,
	}
}

func (s *Shop) openCaches() error {
	var errs [7]error
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
		Tags: func(q Query, _ []int64) []string { return categoryTags(q.category) },
	})
	s.pages, errs[4] = larder.NewCache(s.lard, "category-page", larder.Loader[Page, []int64]{
		Key: Page.key,
		Load: func(ctx context.Context, p Page) ([]int64, error) {
			return s.db.Page(ctx, p.category, int64(p.number-1)*PageSize, PageSize)
		},
		// A page without products is a value and not larder.ErrNotFound, which
		// would not carry the tag: the first product of a category makes it a page.
		Tags: func(p Page, _ []int64) []string { return categoryTags(p.category) },
		TTL:  pageTTL,
	})
	s.tokens, errs[5] = larder.NewCache(s.lard, "auth-token", larder.Loader[string, catalog.Session]{
		Load:    s.loadToken,
		Expires: func(_ string, session catalog.Session) time.Time { return session.ExpiresAt },
	})
	s.names, errs[6] = larder.NewCache(s.lard, "categories", larder.Loader[string, []string]{
		Load: func(ctx context.Context, _ string) ([]string, error) { return s.db.Categories(ctx) },
	})
	return errors.Join(errs[:]...)
}

// MaxCategory is the length of the longest name of a category that the shop
// gives, in bytes: a tag has room for it.
const MaxCategory = 100

// ProductTag is the tag of one product.
func ProductTag(id int64) string { return "product-" + strconv.FormatInt(id, 10) }

// EdgeTag is a tag as HTTP answers carry it: in a field there is no room for
// spaces and commas.
func EdgeTag(tag string) string { return url.QueryEscape(tag) }

// categoryTag and the name of a category are its tag.
const categoryTag = "category-"

// categoryTags are the tags of categories. One with a name longer than
// MaxCategory has none: its pages live as long as they do.
func categoryTags(names ...string) (tags []string) {
	for _, name := range names {
		if name != "" && len(name) <= MaxCategory {
			tags = append(tags, categoryTag+name)
		}
	}
	return tags
}

func pageTTL(_ Page, ids []int64) time.Duration {
	if len(ids) == 0 {
		return absentFor
	}
	return 0 // that of the class
}

func (s *Shop) loadToken(ctx context.Context, hash string) (catalog.Session, error) {
	session, err := s.db.Session(ctx, hash)
	return session, absent(err)
}

// absent says what the database says of no row in the words of the caches.
func absent(err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return larder.ErrNotFound
	}
	return err
}
