package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/mail"
	"strings"
	"unicode"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
)

const (
	maxField = 200
	maxPrice = 100_000_000 // in cents
)

// While pending in an answer is not 0, other shops may show what was there
// before; this one goes on trying to tell them.
type (
	updatedUser struct {
		catalog.User
		Pending int `json:"pending"`
	}
	updatedProduct struct {
		catalog.Product
		Pending int `json:"pending"`
	}
	updatedStock struct {
		catalog.Stock
		Pending int `json:"pending"`
	}
)

// written writes what a change has come to. Body is the answer if it is
// committed, with what other shops have not been told of yet.
func (a *api) written(w http.ResponseWriter, r *http.Request, err error, committed bool, absent string, body func(pending int) any) {
	pending, isPending := errors.AsType[*larder.PendingError](err)
	conflict, isConflict := errors.AsType[*catalog.ConflictError](err)
	switch {
	case err == nil:
		reply(w, http.StatusOK, body(0))
	case errors.Is(err, larder.ErrNotFound):
		refuse(w, http.StatusNotFound, absent)
	case isConflict:
		refuse(w, http.StatusConflict, conflict.Reason)
	case isPending && committed:
		a.log.Warn("invalidation pending", "path", r.URL.Path, "err", pending)
		reply(w, http.StatusOK, body(pending.Pending+pending.Dropped))
	default:
		a.unavailable(w, r, err)
	}
}

func (a *api) updateUser(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	var change catalog.UserChange
	if err == nil {
		err = readObject(w, r, fields{"name": intoText(&change.Name), "email": intoText(&change.Email)})
	}
	if err == nil {
		err = checkChange(&change)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	u, err := a.shop.UpdateUser(r.Context(), id, change)
	a.written(w, r, err, u.ID != 0, fmt.Sprintf("there is no user %d", id), func(pending int) any { return updatedUser{u, pending} })
}

// updateProduct takes the fields to change, or the whole product as a GET has
// shown it: then nobody must have changed it meanwhile.
func (a *api) updateProduct(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	var change catalog.ProductChange
	var same, version *int64
	if err == nil {
		err = readObject(w, r, fields{
			"id":          intoNumber(&same, 1, math.MaxInt64),
			"name":        intoText(&change.Name),
			"category":    intoText(&change.Category),
			"price_cents": intoNumber(&change.PriceCents, 0, maxPrice),
			"version":     intoNumber(&version, 1, math.MaxInt64),
		})
	}
	if err == nil {
		err = checkProduct(&change)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if same != nil && *same != id {
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("id is %d in the body and %d in the path", *same, id))
		return
	}
	if version != nil {
		change.IfVersion = uint64(*version)
	}
	ctx, receipts := shop.WithReceipts(r.Context())
	p, err := a.shop.UpdateProduct(ctx, id, change)
	setReceipt(w, receipts)
	a.written(w, r, err, p.ID != 0, fmt.Sprintf("there is no product %d", id), func(pending int) any { return updatedProduct{p, pending} })
}

// updateStock sets a stock or adds to it. With the version that a GET has
// shown, nobody must have changed it meanwhile.
func (a *api) updateStock(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	var same, stock, delta, version *int64
	if err == nil {
		err = readObject(w, r, fields{
			"product_id": intoNumber(&same, 1, math.MaxInt64),
			"stock":      intoNumber(&stock, 0, catalog.MaxStock),
			"delta":      intoNumber(&delta, -catalog.MaxStock, catalog.MaxStock),
			"version":    intoNumber(&version, 1, math.MaxInt64),
		})
	}
	if err == nil && (stock == nil) == (delta == nil) {
		err = errors.New("give either stock or delta")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if same != nil && *same != id {
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("product_id is %d in the body and %d in the path", *same, id))
		return
	}
	change := catalog.StockChange{Set: stock}
	if delta != nil {
		change.Delta = *delta
	}
	if version != nil {
		change.IfVersion = uint64(*version)
	}
	s, err := a.shop.UpdateStock(r.Context(), id, change)
	a.written(w, r, err, s.ProductID != 0, fmt.Sprintf("there is no stock of product %d", id), func(pending int) any { return updatedStock{s, pending} })
}

// checkProduct refuses what must not be stored.
func checkProduct(change *catalog.ProductChange) error {
	if change.Name == nil && change.Category == nil && change.PriceCents == nil {
		return errors.New("nothing to change: give name, category, price_cents or some of them")
	}
	if err := errors.Join(checkText("name", change.Name, maxField), checkText("category", change.Category, shop.MaxCategory)); err != nil {
		return err
	}
	if c := change.Category; c != nil && *c != strings.Join(strings.Fields(strings.ToLower(*c)), " ") {
		return fmt.Errorf("category is %.60q, want it in lower case with one space between words", *c)
	}
	return nil
}

// checkChange refuses what must not be stored.
func checkChange(change *catalog.UserChange) error {
	if change.Name == nil && change.Email == nil {
		return errors.New("nothing to change: give name, email or both")
	}
	if err := errors.Join(checkText("name", change.Name, maxField), checkText("email", change.Email, maxField)); err != nil {
		return err
	}
	if change.Email == nil {
		return nil
	}
	if parsed, err := mail.ParseAddress(*change.Email); err != nil || parsed.Address != *change.Email {
		return fmt.Errorf("email %.60q is not an address", *change.Email)
	}
	return nil
}

func checkText(name string, value *string, most int) error {
	switch {
	case value == nil:
	case strings.TrimSpace(*value) == "":
		return fmt.Errorf("%s is empty", name)
	case len(*value) > most:
		return fmt.Errorf("%s has %d bytes, want at most %d", name, len(*value), most)
	case strings.ContainsFunc(*value, unicode.IsControl):
		return fmt.Errorf("%s holds control characters", name)
	}
	return nil
}

// invalidation is the answer to POST /api/users/invalidate. Pending are those
// that the shop goes on trying to deliver.
type invalidation struct {
	Invalidated int `json:"invalidated"`
	Pending     int `json:"pending"`
}

func (a *api) invalidateUsers(w http.ResponseWriter, r *http.Request) {
	var ids []int64
	_, _, err := parameters(r)
	if err == nil {
		err = readObject(w, r, fields{"ids": intoIDs(&ids)})
	}
	if err == nil && len(ids) == 0 {
		err = errors.New("no ids: give at least one")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	err = a.shop.InvalidateUsers(r.Context(), ids)
	pending, isPending := errors.AsType[*larder.PendingError](err)
	switch {
	case err == nil:
		reply(w, http.StatusOK, invalidation{Invalidated: len(ids)})
	case isPending && pending.Dropped == 0: // accepted, and not yet done
		a.log.Warn("invalidation pending", "path", r.URL.Path, "err", pending)
		reply(w, http.StatusAccepted, invalidation{Invalidated: len(ids) - pending.Pending, Pending: pending.Pending})
	default:
		a.unavailable(w, r, err)
	}
}
