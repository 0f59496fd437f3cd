package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/larderdev/larder"
)

// The bounds of what a row may hold, in bytes.
const (
	maxClass = 255
	maxItem  = 8 << 10
	maxTags  = 64 << 10
)

// insertRows is how many rows one INSERT has: four arguments each, and SQLite
// takes a thousand by default in old versions.
const insertRows = 200

// Enqueue writes changes in tx, the transaction that makes them: they are
// delivered if it commits and only then. With a *sql.DB as tx they are
// delivered in any case, in parts if there are more than 200.
//
// A change without a class needs tags and has no key; versions are at most
// [math.MaxInt64]. Nothing is written when a change is refused.
func (b *Box) Enqueue(ctx context.Context, tx Execer, changes ...larder.Change) error {
	var args []any
	for i, c := range changes {
		tags, err := checkChange(c)
		if err != nil {
			return fmt.Errorf("outbox: change %d: %w", i, err)
		}
		var item any // NULL: no key
		if c.Class != "" {
			item = c.Key
		}
		args = append(args, c.Class, item, int64(c.Version), tags)
	}
	for len(args) > 0 {
		n := min(len(args)/4, insertRows)
		query := `INSERT INTO {rows} (class, item, version, tags) VALUES ` + strings.Repeat("(?, ?, ?, ?), ", n-1) + "(?, ?, ?, ?)"
		if _, err := tx.ExecContext(ctx, b.sql(query), args[:4*n]...); err != nil {
			return fmt.Errorf("outbox: enqueue: %w", err)
		}
		args = args[4*n:]
	}
	if b.notify != "" && len(changes) > 0 {
		if _, err := tx.ExecContext(ctx, "SELECT pg_notify($1, '')", b.notify); err != nil {
			return fmt.Errorf("outbox: notify: %w", err)
		}
	}
	return nil
}

// checkChange returns the tags as they are stored, or what is wrong. It refuses
// what the database would refuse, because in PostgreSQL that would cost the
// transaction.
func checkChange(c larder.Change) (tags string, err error) {
	switch {
	case c.Class == "" && c.Key != "":
		return "", errors.New("a key without a class")
	case c.Class == "" && len(c.Tags) == 0:
		return "", errors.New("neither a class nor tags")
	case c.Version > math.MaxInt64:
		return "", fmt.Errorf("version %d is above %d", c.Version, uint64(math.MaxInt64))
	case len(c.Class) > maxClass:
		return "", fmt.Errorf("the class has %d bytes, at most %d", len(c.Class), maxClass)
	case len(c.Key) > maxItem:
		return "", fmt.Errorf("the key has %d bytes, at most %d", len(c.Key), maxItem)
	}
	for _, text := range append([]string{c.Class, c.Key}, c.Tags...) {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return "", errors.New("the class, the key or a tag is not valid UTF-8, or holds a zero byte")
		}
	}
	list := c.Tags
	if list == nil {
		list = []string{}
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	if len(encoded) > maxTags {
		return "", fmt.Errorf("the tags have %d bytes, at most %d", len(encoded), maxTags)
	}
	return string(encoded), nil
}
