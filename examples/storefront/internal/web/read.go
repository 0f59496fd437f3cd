package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
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
	values, err := parameters(r)
	switch {
	case err != nil:
	case values.Has("ids") && values.Has("category"):
		err = errors.New("give ids or category, not both")
	case values.Has("ids"):
		a.productList(w, r, values)
		return
	case values.Has("category"):
		a.productPage(w, r, values)
		return
	default:
		err = errors.New("give ids or category")
	}
	refuse(w, http.StatusBadRequest, err.Error())
}

func (a *api) productList(w http.ResponseWriter, r *http.Request, values url.Values) {
	ids, err := parseIDs(values["ids"])
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	list, report, err := a.shop.Products(r.Context(), ids)
	a.answer(w, r, list, report, err, "")
}

func (a *api) productPage(w http.ResponseWriter, r *http.Request, values url.Values) {
	page, err := shop.ParsePage(values)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	list, report, err := a.shop.Page(r.Context(), page)
	a.answer(w, r, list, report, err, "there is no such page of this category")
}

func (a *api) search(w http.ResponseWriter, r *http.Request) {
	values, err := parameters(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	query, err := shop.ParseQuery(values)
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

// unavailable says that the database is needed and does not answer.
func (a *api) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil { // else nobody waits for the answer
		a.log.Error("no answer", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusServiceUnavailable, "the database does not answer, try again")
}

// parameters parses the query strictly: what url.Values would leave out is an
// error here.
func parameters(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be parsed: %w", err)
	}
	return values, nil
}

func pathID(r *http.Request) (int64, error) { return parseID(r.PathValue("id")) }

func parseID(text string) (int64, error) {
	id, err := strconv.ParseUint(strings.TrimSpace(text), 10, 63)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%.30q is not an id, want a number from 1 on", text)
	}
	return int64(id), nil
}

// parseIDs parses "1,2,3", given once.
func parseIDs(texts []string) ([]int64, error) {
	if len(texts) > 1 {
		return nil, errors.New("ids is there more than once")
	}
	if n := strings.Count(texts[0], ",") + 1; n > maxIDs {
		return nil, fmt.Errorf("%d ids, want at most %d", n, maxIDs)
	}
	var ids []int64
	for text := range strings.SplitSeq(texts[0], ",") {
		id, err := parseID(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
