// Package catalogtest makes databases for tests.
package catalogtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
)

// TB is the part of testing.TB that is needed. With the whole of it this package
// would link package testing, which only those may that end in _test.
type TB interface {
	Helper()
	Fatal(args ...any)
	TempDir() string
	Context() context.Context
	Cleanup(f func())
}

// File returns the path of a new SQLite file with the seed in it.
func File(t TB) string {
	t.Helper()
	content, err := seeded()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "shop.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Open opens an SQLite file until the test ends.
func Open(t TB, path string) *catalog.DB {
	t.Helper()
	db, err := catalog.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// seeded is the content of a fresh file. The seed takes a second with the race
// detector, so it is made once and copied.
var seeded = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "storefront-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "seed.db")
	db, err := catalog.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // empties the write-ahead log into the file
		return nil, err
	}
	return os.ReadFile(path)
})
