package catalog_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
)

// TestOpen_AllAtOnce makes one database from several sides. That the seed is
// the same everywhere is what TestPostgres shows.
func TestOpen_AllAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := catalog.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait()
	db := catalogtest.Open(t, path)
	products, err1 := db.Products(t.Context(), []int64{1, catalog.SeedProducts, catalog.SeedProducts + 1})
	users, err2 := db.Users(t.Context(), []int64{1, catalog.SeedUsers, catalog.SeedUsers + 1})
	if err := errors.Join(err1, err2); err != nil || len(products) != 2 || len(users) != 2 {
		t.Errorf("of first, last and none: %v and %v, %v; want two of each", products, users, err)
	}
}

// everything is the content of a new database as text.
func everything(t *testing.T, db *catalog.DB) string {
	t.Helper()
	var ids []int64
	for id := int64(1); id <= catalog.SeedProducts+1; id++ {
		ids = append(ids, id)
	}
	products, err1 := db.Products(t.Context(), ids)
	stocks, err2 := db.Stocks(t.Context(), ids)
	users, err3 := db.Users(t.Context(), ids)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if p, s, u := len(products), len(stocks), len(users); p != catalog.SeedProducts || s != p || u != catalog.SeedUsers {
		t.Errorf("%d products, %d stocks, %d users; want %d, as many, %d", p, s, u, catalog.SeedProducts, catalog.SeedUsers)
	}
	return fmt.Sprint(products, stocks, users) // maps are printed in the order of their keys
}

func TestOpen_BadSources(t *testing.T) {
	for _, source := range []string{
		"",
		":memory:",
		"mysql://u:hunter2@localhost/db",
		"shop.db?mode=ro",
		"postgres://u:hunter2@localhost:port/db",
		"postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=1",
		filepath.Join(t.TempDir(), "no", "such", "folder.db"),
	} {
		_, err := catalog.Open(t.Context(), source)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) = %v, want an error without the password", source, err)
		}
	}
}

// openRaw opens a database without the shop, and runs statements.
func openRaw(t *testing.T, driver, source string, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

// TestOpen_RefusesForeignFiles also sees that nothing in them changes.
func TestOpen_RefusesForeignFiles(t *testing.T) {
	for statement, want := range map[string]string{
		"CREATE TABLE orders (id INT)":          "(orders)",
		"CREATE TABLE users (id INT, nick INT)": "(users)",
		"CREATE VIEW products AS SELECT 1":      "(products)",
	} {
		path := filepath.Join(t.TempDir(), "theirs.db")
		openRaw(t, "sqlite", path, statement).Close()
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = catalog.Open(t.Context(), path)
		if _, ok := errors.AsType[*catalog.ForeignError](err); !ok || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("%s: Open = %v, want a ForeignError with %s and the mend", statement, err, want)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: Open has changed the file, %v", statement, err)
		}
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := catalog.Open(t.Context(), text); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("Open(a text) = %v", err)
	}
}

func TestOpen_Unreachable(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for source, want := range map[string]bool{
		"postgres://u@127.0.0.1:1/db":                                      true,
		"postgres://u@" + silent.Addr().String() + "/db?connect_timeout=1": true,
		"postgres://u@127.0.0.1:1/db?sslmode=nonsense":                     false,
		filepath.Join(t.TempDir(), "no", "such", "folder.db"):              false,
	} {
		_, err := catalog.Open(t.Context(), source)
		if err == nil || errors.Is(err, catalog.ErrUnreachable) != want {
			t.Errorf("Open(%q) = %v, want ErrUnreachable: %v", source, err, want)
		}
	}
}

func TestDB_CountsReads(t *testing.T) {
	db := catalogtest.Open(t, catalogtest.File(t))
	ctx := t.Context()
	reads := []func() error{
		func() error { _, err := db.Products(ctx, []int64{1, 2, 3}); return err },
		func() error { _, err := db.Stocks(ctx, []int64{1}); return err },
		func() error { _, err := db.Users(ctx, []int64{1, 2}); return err },
		func() error { _, err := db.Page(ctx, "books", 0, 50); return err },
		func() error { _, err := db.Search(ctx, catalog.Filter{Words: []string{"oak"}}); return err },
	}
	for i, read := range reads {
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if got, want := db.Queries(), uint64(i+1); got != want {
			t.Errorf("after read %d: %d queries, want %d", i, got, want)
		}
	}
}

func TestSearch_TakesWildcardsAsText(t *testing.T) {
	db := catalogtest.Open(t, catalogtest.File(t))
	for _, word := range []string{"%", "_", `\`, "'"} {
		ids, err := db.Search(t.Context(), catalog.Filter{Words: []string{word}})
		if err != nil || len(ids) != 0 {
			t.Errorf("Search(%q) = %d ids, %v; want none", word, len(ids), err)
		}
	}
}

func TestUpdateUser(t *testing.T) {
	db := catalogtest.Open(t, catalogtest.File(t))
	before, err := db.Users(t.Context(), []int64{7})
	if err != nil {
		t.Fatal(err)
	}
	name := "Someone Else"
	got, err := db.UpdateUser(t.Context(), 7, catalog.UserChange{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	want := before[7]
	want.Name, want.Version = name, got.Version
	if got != want || got.Version <= before[7].Version {
		t.Errorf("UpdateUser = %+v, want %+v and a higher version than %d", got, want, before[7].Version)
	}
	if _, err := db.UpdateUser(t.Context(), 1<<40, catalog.UserChange{Name: &name}); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("UpdateUser(no such id) = %v, want ErrNotFound", err)
	}
}

// TestUpdateUser_VersionsNeverRepeat also opens the database anew: the numbers
// must go on.
func TestUpdateUser_VersionsNeverRepeat(t *testing.T) {
	path := catalogtest.File(t)
	seen := map[uint64]bool{}
	var mu sync.Mutex
	for range 2 {
		db := catalogtest.Open(t, path)
		var wg sync.WaitGroup
		for id := int64(1); id <= 8; id++ {
			wg.Go(func() {
				email := fmt.Sprintf("new.%d@example.com", id)
				u, err := db.UpdateUser(t.Context(), id, catalog.UserChange{Email: &email})
				mu.Lock()
				defer mu.Unlock()
				if err != nil || seen[u.Version] {
					t.Errorf("version %d is not new, or %v", u.Version, err)
				}
				seen[u.Version] = true
			})
		}
		wg.Wait()
		db.Close()
	}
}
