package catalog

import (
	"context"
	"database/sql"
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
// are [ErrNotFound], a [ConflictError] if the e-mail address is another user's,
// [ErrUnknownOutcome], and those of the database, after which nothing has
// changed.
func (db *DB) UpdateUser(ctx context.Context, id int64, change UserChange) (User, error) {
	var u User
	err := db.write(ctx, nil, func(tx *sql.Tx) error {
		if err := db.lockRow(ctx, tx, "users", "id", id, "version", &u.Version); err != nil {
			return err
		}
		version, err := db.nextVersion(ctx, tx, u.Version)
		if err != nil {
			return err
		}
		err = tx.QueryRowContext(ctx, "UPDATE "+db.table("users")+` SET name = COALESCE($1, name), email = COALESCE($2, email), version = $3
			WHERE id = $4 RETURNING id, name, email, version`, change.Name, change.Email, version, id).
			Scan(&u.ID, &u.Name, &u.Email, &u.Version)
		if isDuplicate(err) {
			return conflict("the email is another user's")
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}
