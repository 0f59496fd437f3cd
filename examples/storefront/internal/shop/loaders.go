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

// absentFor is how long a page without products is kept.
const absentFor = 10 * time.Second

// loaders read what is cached from the catalog: the interface that was generated
// from larder.yaml.
type loaders struct{ db *catalog.DB }

func (l loaders) LoadProductBatch(ctx context.Context, ids []int64) (map[int64]catalog.Product, error) {
	return l.db.Products(ctx, ids)
}

func (l loaders) ProductVersion(p catalog.Product) uint64 { return p.Version }

func (l loaders) LoadInventoryBatch(ctx context.Context, ids []int64) (map[int64]catalog.Stock, error) {
	return l.db.Stocks(ctx, ids)
}

func (l loaders) InventoryVersion(s catalog.Stock) uint64 { return s.Version }

func (l loaders) LoadUserProfileBatch(ctx context.Context, ids []int64) (map[int64]catalog.User, error) {
	return l.db.Users(ctx, ids)
}

func (l loaders) UserProfileVersion(u catalog.User) uint64 { return u.Version }

func (l loaders) LoadSearch(ctx context.Context, q Query) ([]int64, error) {
	return l.db.Search(ctx, filter(q))
}

func (l loaders) SearchTags(q Query, _ []int64) []string { return categoryTags(q.Category) }

func (l loaders) LoadCategoryPage(ctx context.Context, p Page) ([]int64, error) {
	return l.db.Page(ctx, p.Category, (p.Page-1)*PageSize, PageSize)
}

// CategoryPageTags: a page without products is a value and not larder.ErrNotFound,
// which would not carry the tag. The first product of a category makes it a page.
func (l loaders) CategoryPageTags(p Page, _ []int64) []string { return PageTags(p) }

func (l loaders) CategoryPageTTL(_ Page, ids []int64) time.Duration {
	if len(ids) == 0 {
		return absentFor
	}
	return 0 // that of the class
}

func (l loaders) LoadCategories(ctx context.Context, _ string) ([]string, error) {
	return l.db.Categories(ctx)
}

func (l loaders) LoadAuthToken(ctx context.Context, hash string) (catalog.Session, error) {
	session, err := l.db.Session(ctx, hash)
	return session, absent(err)
}

func (l loaders) AuthTokenExpires(_ string, session catalog.Session) time.Time {
	return session.ExpiresAt
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

// absent says what the database says of no row in the words of the caches.
func absent(err error) error {
	if errors.Is(err, catalog.ErrNotFound) {
		return larder.ErrNotFound
	}
	return err
}
