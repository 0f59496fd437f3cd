package web

import (
	"net/http"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/caches"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/httpcache"
)

// newLayer returns what puts the policies of larder.yaml into answers. Those of
// routes that it does not name nobody keeps. The tags are named by the handlers.
func newLayer(mux *http.ServeMux) *httpcache.Layer {
	layer, err := httpcache.New(caches.Routes(), httpcache.Options{CDNs: caches.CDNs()})
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
