package catalog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// email is a user's address.
func (db *database) email(t *testing.T, id int64) string {
	t.Helper()
	users, err := db.Users(t.Context(), []int64{id})
	if err != nil || len(users) != 1 {
		t.Fatal(users, err)
	}
	return users[id].Email
}

func login(t *testing.T, db *database) {
	const user = 21
	email := db.email(t, user)
	for _, tt := range [][2]string{
		{email, "larder-sho"},
		{email, ""},
		{"nobody@example.com", catalog.SeedPassword},
		{"", ""},
	} {
		if token, s, err := db.Login(t.Context(), tt[0], tt[1]); !errors.Is(err, catalog.ErrBadLogin) || token != "" || s.UserID != 0 {
			t.Errorf("Login(%q) = %q, %v, %v", tt, token, s, err)
		}
	}
	before := time.Now()
	token, s, err := db.Login(t.Context(), email, catalog.SeedPassword)
	if err != nil {
		t.Fatal(err)
	}
	if left := s.ExpiresAt.Sub(before); s.UserID != user || len(token) != 43 || left < catalog.SessionLife-time.Second || left > catalog.SessionLife+time.Minute {
		t.Errorf("Login = %d characters, %+v", len(token), s)
	}
	again, _, err := db.Login(t.Context(), email, catalog.SeedPassword)
	if err != nil || again == token {
		t.Errorf("the second token is the first, or %v", err)
	}
	var stored int
	err = db.raw.QueryRow("SELECT count(*) FROM "+db.schema+"sessions WHERE token_hash = $1", catalog.HashToken(token)).Scan(&stored)
	if err != nil || stored != 1 {
		t.Errorf("%d sessions with the hash, %v", stored, err)
	}
	if _, err := db.Session(t.Context(), token); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the token itself is stored: %v", err)
	}
	if got, err := db.Session(t.Context(), catalog.HashToken(token)); err != nil || got != s {
		t.Errorf("Session = %+v, %v; want %+v", got, err, s)
	}
	if err := db.Logout(t.Context(), catalog.HashToken(token), nil); err != nil {
		t.Error(err)
	}
	if _, err := db.Session(t.Context(), catalog.HashToken(token)); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("after the logout: %v", err)
	}
	if err := db.Logout(t.Context(), catalog.HashToken(token), nil); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a second logout: %v", err)
	}
	if _, err := db.Session(t.Context(), catalog.HashToken(again)); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

// longPassword: bcrypt reads 72 bytes, and who has more must not get in with
// them.
func longPassword(t *testing.T, db *database) {
	email, password := db.email(t, 24), strings.Repeat("p", catalog.MaxPassword)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	db.exec(t, "UPDATE TABLE.users SET password_hash = $1 WHERE email = $2", string(hash), email)
	if _, _, err := db.Login(t.Context(), email, password+"x"); !errors.Is(err, catalog.ErrBadLogin) {
		t.Errorf("with a byte too many: %v", err)
	}
	if _, _, err := db.Login(t.Context(), email, password); err != nil {
		t.Error(err)
	}
}

// sessionOver also sees that those that are over are removed.
func sessionOver(t *testing.T, db *database) {
	email := db.email(t, 22)
	token, _, err := db.Login(t.Context(), email, catalog.SeedPassword)
	if err != nil {
		t.Fatal(err)
	}
	hash := catalog.HashToken(token)
	db.exec(t, "UPDATE TABLE.sessions SET expires_at = $1 WHERE token_hash = $2", time.Now().Unix(), hash)
	if s, err := db.Session(t.Context(), hash); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Session = %v, %v; it is over", s, err)
	}
	if _, _, err := db.Login(t.Context(), email, catalog.SeedPassword); err != nil {
		t.Fatal(err)
	}
	if err := db.Logout(t.Context(), hash, nil); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the next login has not removed it: %v", err)
	}
}

// addressesHidden: an answer takes as long for an address that nobody has.
func addressesHidden(t *testing.T, db *database) {
	email := db.email(t, 23)
	try := func(email string) time.Duration {
		began := time.Now()
		if _, _, err := db.Login(t.Context(), email, "wrong"); !errors.Is(err, catalog.ErrBadLogin) {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	// The fastest of each by turns, until they are alike: other work on this
	// machine makes some slow. Without a hash to compare with, nobody's is always
	// a hundred times as fast.
	known, unknown := try(email), try("nobody@example.com")
	for range 30 {
		if unknown >= known/2 {
			break
		}
		known, unknown = min(known, try(email)), min(unknown, try("nobody@example.com"))
	}
	if unknown < known/2 {
		t.Errorf("%v for a user's address, %v for nobody's", known, unknown)
	}
	db.exec(t, "UPDATE TABLE.users SET password_hash = '' WHERE email = $1", email)
	if _, _, err := db.Login(t.Context(), email, ""); !errors.Is(err, catalog.ErrBadLogin) {
		t.Errorf("a user without a password logs in: %v", err)
	}
}
