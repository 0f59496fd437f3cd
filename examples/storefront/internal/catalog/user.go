package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// User is a row of users, as the API shows it.
type User struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Version uint64 `json:"version"`
}

// UserChange is what an update changes; nil fields stay as they are.
type UserChange struct {
	Name, Email *string
}

// Users returns the users under ids that exist.
func (db *DB) Users(ctx context.Context, ids []int64) (map[int64]User, error) {
	found := make(map[int64]User, len(ids))
	err := db.read(ctx, func(scan func(...any) error) error {
		var u User
		err := scan(&u.ID, &u.Name, &u.Email, &u.Version)
		found[u.ID] = u
		return err
	}, "SELECT id, name, email, version FROM "+db.table("users")+" WHERE id "+db.dialect.anyOf, db.dialect.list(ids))
	return found, err
}

// UpdateUser changes a user and returns the row as it is stored. Its errors
// are [ErrNotFound], [ErrUnknownOutcome], and those of the database, after
// which nothing has changed.
func (db *DB) UpdateUser(ctx context.Context, id int64, change UserChange) (User, error) {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return User{}, err
	}
	defer tx.Rollback() // does nothing after a commit
	version, err := db.nextVersion(ctx, tx)
	if err != nil {
		return User{}, err
	}
	var u User
	err = tx.QueryRowContext(ctx, "UPDATE "+db.table("users")+` SET name = COALESCE($1, name), email = COALESCE($2, email), version = $3
		WHERE id = $4 RETURNING id, name, email, version`, change.Name, change.Email, version, id).
		Scan(&u.ID, &u.Name, &u.Email, &u.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, ErrNotFound
	}
	if err != nil {
		return User{}, err
	}
	if err := tx.Commit(); err != nil {
		return User{}, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	return u, nil
}

// nextVersion numbers a change. Its row stays locked until tx ends.
func (db *DB) nextVersion(ctx context.Context, tx *sql.Tx) (version int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE "+db.table("versions")+" SET last = last + 1 RETURNING last").Scan(&version)
	return version, err
}
