package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

func (a *api) cart(w http.ResponseWriter, r *http.Request, c customer) {
	if _, _, err := parameters(r); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	cart, err := a.shop.Cart(r.Context(), c.session.UserID)
	if err != nil {
		a.unavailable(w, r, err)
		return
	}
	reply(w, http.StatusOK, cart)
}

// addToCart takes a negative quantity to take something out.
func (a *api) addToCart(w http.ResponseWriter, r *http.Request, c customer) {
	one := int64(1)
	product, quantity := (*int64)(nil), &one
	_, _, err := parameters(r)
	if err == nil {
		err = readObject(w, r, fields{
			"product_id": intoNumber(&product, 1, math.MaxInt64),
			"quantity":   intoNumber(&quantity, -catalog.MaxQuantity, catalog.MaxQuantity),
		})
	}
	switch {
	case err != nil:
	case product == nil:
		err = errors.New("give product_id")
	case *quantity == 0:
		err = errors.New("quantity is 0: nothing to change")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	cart, err := a.shop.AddToCart(r.Context(), c.session.UserID, *product, *quantity)
	if errors.Is(err, larder.ErrNotFound) { // of the body, not of the path
		refuse(w, http.StatusUnprocessableEntity, fmt.Sprintf("there is no product %d", *product))
		return
	}
	a.written(w, r, err, false, "", func(int) any { return cart })
}

// ordered is the answer to POST /api/checkout.
type ordered struct {
	catalog.Order
	Pending int `json:"pending"`
}

// checkout orders the cart, for the total that the customer has seen if it is
// given.
func (a *api) checkout(w http.ResponseWriter, r *http.Request, c customer) {
	var total *int64
	_, _, err := parameters(r)
	if err == nil {
		err = readOptional(w, r, fields{"total_cents": intoNumber(&total, 0, math.MaxInt64)})
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	o, err := a.shop.Checkout(r.Context(), c.session.UserID, total)
	a.written(w, r, err, o.ID != 0, "there is no account", func(pending int) any { return ordered{o, pending} })
}

func (a *api) balance(w http.ResponseWriter, r *http.Request, c customer) {
	if _, _, err := parameters(r); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	balance, err := a.shop.Balance(r.Context(), c.session.UserID)
	switch {
	case err == nil:
		reply(w, http.StatusOK, balance)
	case errors.Is(err, larder.ErrNotFound):
		refuse(w, http.StatusNotFound, "there is no account")
	default:
		a.unavailable(w, r, err)
	}
}
