package catalog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// SessionLife is how long a login counts.
const SessionLife = 24 * time.Hour

// MaxPassword is the length of the longest password, in bytes. Bcrypt reads no
// more.
const MaxPassword = 72

// ErrBadLogin says that there is no user with this e-mail address and
// password.
var ErrBadLogin = errors.New("catalog: wrong e-mail address or password")

// Session is a login that counts.
type Session struct {
	UserID    int64     `json:"user_id"`
	ExpiresAt time.Time `json:"expires_at"`
}

// nobodyHash is of a random password that was thrown away. It is compared with
// where there is no user, so that the time of an answer does not tell which
// addresses exist. It costs as much as the others.
const nobodyHash = "$2a$10$9lOoTfj/XXFrQuMDP91/We9NvBI2w5AOhDKrcgoexZUMoIWOOVktG"

// tokenBytes are random: nobody guesses one of 2^256.
const tokenBytes = 32

// HashToken is what is stored of a token: who reads the database cannot log in
// with it. A token is random throughout, so a fast hash without salt will do.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Login begins a session and returns its token, which is kept nowhere. It
// takes some 60 ms of processor time, for a wrong address as for a right one;
// the caller bounds how many run at a time. Its errors are [ErrBadLogin],
// [ErrUnknownOutcome], and those of the database.
func (db *DB) Login(ctx context.Context, email, password string) (token string, s Session, err error) {
	hash := ""
	err = db.sql.QueryRowContext(ctx, "SELECT id, password_hash FROM "+db.table("users")+" WHERE email = $1", email).Scan(&s.UserID, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", Session{}, err
	}
	known := hash != ""
	if !known {
		hash = nobodyHash
	}
	same := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	if !known || !same || len(password) > MaxPassword {
		return "", Session{}, ErrBadLogin
	}
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // it never fails
	token = base64.RawURLEncoding.EncodeToString(random)
	s.ExpiresAt = time.Now().Add(SessionLife).UTC().Truncate(time.Second)
	if err := db.addSession(ctx, HashToken(token), s); err != nil {
		return "", Session{}, err
	}
	return token, s, nil
}

// sweep is how many sessions that are over one login removes: more than it
// adds, so that they come to an end.
const sweep = 100

func (db *DB) addSession(ctx context.Context, hash string, s Session) error {
	return db.write(ctx, nil, func(tx *sql.Tx) error {
		sessions := db.table("sessions")
		_, err := tx.ExecContext(ctx, "INSERT INTO "+sessions+" (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
			hash, s.UserID, s.ExpiresAt.Unix())
		if err != nil {
			return err
		}
		// Those that another login is removing are left to it.
		_, err = tx.ExecContext(ctx, "DELETE FROM "+sessions+" WHERE token_hash IN (SELECT token_hash FROM "+sessions+
			" WHERE expires_at <= $1 LIMIT $2"+db.dialect.skipLocked+")", time.Now().Unix(), sweep)
		return err
	})
}

// Session returns the session of the token with this hash, or [ErrNotFound]
// if there is none or it is over.
func (db *DB) Session(ctx context.Context, hash string) (s Session, err error) {
	err = db.read(ctx, func(scan func(...any) error) error {
		var end int64
		err := scan(&s.UserID, &end)
		s.ExpiresAt = time.Unix(end, 0).UTC()
		return err
	}, "SELECT user_id, expires_at FROM "+db.table("sessions")+" WHERE token_hash = $1 AND expires_at > $2", hash, time.Now().Unix())
	if err == nil && s.UserID == 0 {
		err = ErrNotFound
	}
	return s, err
}

// Logout ends the session of the token with this hash. beforeCommit is as in
// [DB.UpdateInventory]. The errors are [ErrNotFound], if it has ended before,
// [ErrUnknownOutcome], that of beforeCommit, and those of the database.
func (db *DB) Logout(ctx context.Context, hash string, beforeCommit func(context.Context) error) error {
	return db.write(ctx, beforeCommit, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM "+db.table("sessions")+" WHERE token_hash = $1", hash)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); n == 0 {
			return errors.Join(err, ErrNotFound)
		}
		return nil
	})
}
