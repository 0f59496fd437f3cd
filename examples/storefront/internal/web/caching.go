package web

import (
	"net/http"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/httpcache"
)

// policies say which answers caches may keep. Those of all other routes nobody
// keeps: searches, stocks, users, and whatever is one customer's.
//
// Tags are named by the handlers, by the ids that they have understood: a path
// may write the same id in several ways.
var policies = func() map[string]httpcache.Policy {
	list := httpcache.Policy{Edge: time.Minute, StaleWhileRevalidate: 5 * time.Minute, Tags: []string{"products"}}
	product := httpcache.Policy{Edge: time.Hour, Browser: time.Minute, Tags: []string{"products"}}
	const year = 365 * 24 * time.Hour
	return map[string]httpcache.Policy{
		"GET /{$}":               list,
		"GET /api/products":      list,
		"GET /products/{id}":     product,
		"GET /api/products/{id}": product,
		"GET /assets/{name}":     {Edge: year, Browser: year, Immutable: true},
	}
}()

// newLayer returns what puts the policies into answers. The caches before the
// shop are Larder's edges.
func newLayer(mux *http.ServeMux) *httpcache.Layer {
	layer, err := httpcache.New(policies, httpcache.Options{CDNs: []httpcache.CDN{httpcache.LarderEdge}})
	if err == nil {
		err = layer.Check(mux)
	}
	if err != nil {
		panic(err) // a mistake in this package, which every test finds
	}
	return layer
}

// maxTagged is how many products an answer may show to be kept: a tag for each
// has to go with it.
const maxTagged = 100

// describe says by which tags an answer can be purged that shows the given
// products. One that is past its time here is kept by nobody: it would have a
// second life there.
func describe(r *http.Request, report *larder.Report, ids []int64, tags ...string) {
	answer := httpcache.From(r.Context())
	if report.Stale > 0 || len(ids) > maxTagged {
		answer.NoStore()
		return
	}
	for _, tag := range tags {
		answer.Tag(shop.EdgeTag(tag))
	}
	for _, id := range ids {
		answer.Tag(shop.ProductTag(id))
	}
}

// shown are the ids of the products that a list shows, and of those that it
// would show if they were there.
func shown(list *shop.Listing) []int64 {
	ids := make([]int64, 0, len(list.Products)+len(list.Missing))
	for i := range list.Products {
		ids = append(ids, list.Products[i].ID)
	}
	return append(ids, list.Missing...)
}
