package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/httpcache"
)

// maxIDs bounds the ids of one request.
const maxIDs = 500

func (a *api) product(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	p, report, err := a.shop.Product(r.Context(), id)
	if err == nil {
		httpcache.From(r.Context()).Version(p.Version)
		describe(r, &report, []int64{id})
	}
	a.answer(w, r, p, report, err, fmt.Sprintf("there is no product %d", id))
}

func (a *api) stock(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	stock, report, err := a.shop.Stock(r.Context(), id)
	a.answer(w, r, stock, report, err, fmt.Sprintf("there is no stock of product %d", id))
}

func (a *api) user(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	u, report, err := a.shop.User(r.Context(), id)
	a.answer(w, r, u, report, err, fmt.Sprintf("there is no user %d", id))
}

// products is the list of given ids, or a page of a category.
func (a *api) products(w http.ResponseWriter, r *http.Request) {
	values, given, err := parameters(r, "ids", "category", "page")
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	ids, isList := given["ids"]
	_, isPage := given["category"]
	_, hasNumber := given["page"]
	switch {
	case isList && isPage:
		refuse(w, http.StatusBadRequest, "give ids or category, not both")
	case isList && hasNumber:
		refuse(w, http.StatusBadRequest, "page goes with category, not with ids")
	case isList:
		a.productList(w, r, ids)
	case isPage:
		a.productPage(w, r, values)
	default:
		refuse(w, http.StatusBadRequest, "give ids or category")
	}
}

func (a *api) productList(w http.ResponseWriter, r *http.Request, text string) {
	ids, err := parseIDs(text)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	list, report, err := a.shop.Products(r.Context(), ids)
	describe(r, &report, shown(&list))
	a.answer(w, r, list, report, err, "")
}

func (a *api) productPage(w http.ResponseWriter, r *http.Request, values url.Values) {
	page, err := shop.ParsePage(values)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	list, report, err := a.shop.Page(r.Context(), page)
	describe(r, &report, shown(&list), shop.PageTags(page)...)
	a.answer(w, r, list, report, err, "there is no such page of this category")
}

func (a *api) search(w http.ResponseWriter, r *http.Request) {
	values, err := parseQuery(r)
	var query shop.Query
	if err == nil {
		query, err = shop.ParseQuery(values)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	list, report, err := a.shop.Search(r.Context(), query)
	a.answer(w, r, list, report, err, "")
}

// answer writes what a read has come to.
func (a *api) answer(w http.ResponseWriter, r *http.Request, body any, report larder.Report, err error, absent string) {
	switch {
	case err == nil:
		setStatus(w, answered(&report))
		reply(w, http.StatusOK, body)
	case errors.Is(err, larder.ErrNotFound):
		setStatus(w, answered(&report))
		refuse(w, http.StatusNotFound, absent)
	default:
		setStatus(w, failed)
		a.unavailable(w, r, err)
	}
}

// unavailable says why there is no answer now.
func (a *api) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil { // else nobody waits for the answer
		a.log.Error("no answer", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusServiceUnavailable, reason(err))
}

// reason tells the client which of its next steps makes sense.
func reason(err error) string {
	_, undelivered := errors.AsType[*larder.PendingError](err)
	switch {
	case errors.Is(err, larder.ErrClosed):
		return "this shop is closing, ask another"
	case errors.Is(err, catalog.ErrUnknownOutcome):
		return "the database did not say whether it has made the change, look and try again"
	case undelivered:
		return "too many invalidations wait for the shared tier, try again"
	case errors.Is(err, larder.ErrOverloaded):
		return "too many requests need the database at the moment, try again"
	}
	return "the database fails or does not answer, try again"
}

// parseQuery parses the query strictly: what url.Values would leave out is an
// error here.
func parseQuery(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if escape, ok := errors.AsType[url.EscapeError](err); ok {
		return nil, fmt.Errorf("the query cannot be parsed: %.30q is no escape, want %% and two hexadecimal digits", string(escape))
	}
	if err != nil {
		return nil, errors.New("the query cannot be parsed: want & between parameters, and %3B for a semicolon")
	}
	return values, nil
}

// parameters returns the query, and its parameters by the given names. There
// must be no others.
func parameters(r *http.Request, names ...string) (url.Values, map[string]string, error) {
	values, err := parseQuery(r)
	if err != nil {
		return nil, nil, err
	}
	given, err := shop.Parameters(values, names...)
	return values, given, err
}

// pathID returns the id in the path of a request that takes no parameters.
func pathID(r *http.Request) (int64, error) {
	if _, _, err := parameters(r); err != nil {
		return 0, err
	}
	return parseID(r.PathValue("id"))
}

func parseID(text string) (int64, error) {
	id, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%.30q is not an id, want a number from 1 to %d", text, math.MaxInt64)
	}
	return int64(id), nil
}

// parseIDs parses "1,2,3".
func parseIDs(text string) ([]int64, error) {
	if n := strings.Count(text, ",") + 1; n > maxIDs {
		return nil, fmt.Errorf("%d ids, want at most %d", n, maxIDs)
	}
	var ids []int64
	for part := range strings.SplitSeq(text, ",") {
		id, err := parseID(part)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
