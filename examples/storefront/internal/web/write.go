package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"unicode"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

const (
	maxBody  = 64 << 10
	maxField = 200
)

// pendingWarning tells the client that the change is stored and that other
// shops may show the old value for a while. The shop goes on trying.
const pendingWarning = `199 larder "stored; the invalidation is not acknowledged yet"`

func (a *api) updateUser(w http.ResponseWriter, r *http.Request) {
	id, err := pathID(r)
	var change catalog.UserChange
	if err == nil {
		err = decode(w, r, &change)
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
		reply(w, http.StatusOK, u)
	case errors.Is(err, larder.ErrNotFound):
		refuse(w, http.StatusNotFound, fmt.Sprintf("there is no user %d", id))
	case isPending && u.ID != 0: // the row is committed
		a.warn(w, r, pending)
		reply(w, http.StatusOK, u)
	default:
		a.unavailable(w, r, err)
	}
}

// warn says, in the log and in the answer, that an invalidation is pending.
func (a *api) warn(w http.ResponseWriter, r *http.Request, pending *larder.PendingError) {
	a.log.Warn("invalidation pending", "path", r.URL.Path, "err", pending)
	w.Header().Set("Warning", pendingWarning)
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

// invalidation is the answer to POST /api/users/invalidate.
type invalidation struct {
	Invalidated int `json:"invalidated"`
	Pending     int `json:"pending"`
}

func (a *api) invalidateUsers(w http.ResponseWriter, r *http.Request) {
	var body struct {
		IDs []int64 `json:"ids"`
	}
	err := decode(w, r, &body)
	if err == nil {
		err = checkIDs(body.IDs)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	err = a.shop.InvalidateUsers(r.Context(), body.IDs)
	pending, isPending := errors.AsType[*larder.PendingError](err)
	switch {
	case err == nil:
		reply(w, http.StatusOK, invalidation{Invalidated: len(body.IDs)})
	case isPending && pending.Dropped == 0: // accepted, and not yet done
		a.warn(w, r, pending)
		reply(w, http.StatusAccepted, invalidation{Invalidated: len(body.IDs) - pending.Pending, Pending: pending.Pending})
	default:
		a.unavailable(w, r, err)
	}
}

func checkIDs(ids []int64) error {
	if len(ids) == 0 {
		return errors.New("no ids")
	}
	if len(ids) > maxIDs {
		return fmt.Errorf("%d ids, want at most %d", len(ids), maxIDs)
	}
	for _, id := range ids {
		if id < 1 {
			return fmt.Errorf("%d is not an id, want a number from 1 on", id)
		}
	}
	return nil
}

// decode reads a body that holds one JSON object with known fields only.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, end := d.Token(); end == io.EOF {
			return nil
		}
		err = errors.New("something stands after it")
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Errorf("the body has more than %d bytes", tooLarge.Limit)
	}
	return fmt.Errorf("the body is not the one JSON object that is wanted: %w", err)
}
