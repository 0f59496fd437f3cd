package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"
	"unicode"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

const maxField = 200

// updated is the answer to PUT /api/users/{id}: the row as it is stored. While
// Pending is not 0, other shops may show the row before; this one goes on
// trying to tell them.
type updated struct {
	catalog.User
	Pending int `json:"pending"`
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
	pending, isPending := errors.AsType[*larder.PendingError](err)
	switch {
	case err == nil:
		reply(w, http.StatusOK, updated{User: u})
	case errors.Is(err, larder.ErrNotFound):
		refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %d", id))
	case isPending && u.ID != 0: // the row is committed
		a.log.Warn("invalidation pending", "path", r.URL.Path, "err", pending)
		reply(w, http.StatusOK, updated{User: u, Pending: pending.Pending + pending.Dropped})
	default:
		a.unavailable(w, r, err)
	}
}

// checkChange refuses what must not be stored.
func checkChange(change *catalog.UserChange) error {
	if change.Name == nil && change.Email == nil {
		return errors.New("nothing to change: give name, email or both")
	}
	if err := errors.Join(checkText("name", change.Name), checkText("email", change.Email)); err != nil {
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

func checkText(name string, value *string) error {
	switch {
	case value == nil:
	case strings.TrimSpace(*value) == "":
		return fmt.Errorf("%s is empty", name)
	case len(*value) > maxField:
		return fmt.Errorf("%s has %d bytes, want at most %d", name, len(*value), maxField)
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
