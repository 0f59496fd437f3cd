package catalog_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/internal/pgtest"
)

// TestPostgres asks PostgreSQL what SQLite is asked, and compares the answers.
func TestPostgres(t *testing.T) {
	dsn := pgtest.Start(t)
	raw := openRaw(t, "pgx", dsn, "CREATE TABLE users (nick TEXT)", "INSERT INTO users VALUES ('somebody')")
	var wg sync.WaitGroup
	for range 3 { // all of them find an empty database
		wg.Go(func() { catalogtest.Open(t, dsn) })
	}
	wg.Wait()
	pg, lite := catalogtest.Open(t, dsn), catalogtest.Open(t, catalogtest.File(t))
	if everything(t, pg) != everything(t, lite) {
		t.Error("the two databases differ")
	}
	for _, f := range []catalog.Filter{
		{Words: []string{"oak", "chair"}},
		{Words: []string{"%"}},
		{Category: "books", MinCents: 5_000, MaxCents: 6_000, HasMax: true},
		{HasMax: true},
	} {
		got, err1 := pg.Search(t.Context(), f)
		want, err2 := lite.Search(t.Context(), f)
		if err1 != nil || err2 != nil || !slices.Equal(got, want) {
			t.Errorf("Search(%+v) = %v, %v; SQLite: %v, %v", f, got, err1, want, err2)
		}
	}
	got, err1 := pg.Page(t.Context(), "books", 100, 50)
	want, err2 := lite.Page(t.Context(), "books", 100, 50)
	if err1 != nil || err2 != nil || len(got) != 50 || !slices.Equal(got, want) {
		t.Errorf("Page(books, 3) = %v, %v; SQLite: %v, %v", got, err1, want, err2)
	}
	email := "new@example.com"
	for _, db := range []*catalog.DB{pg, lite} {
		u, err := db.UpdateUser(t.Context(), 3, catalog.UserChange{Email: &email})
		if err != nil || u.Email != email || u.Name == "" || u.Version != 2*catalog.SeedProducts+catalog.SeedUsers+1 {
			t.Errorf("%s: UpdateUser = %+v, %v", db.Place(), u, err)
		}
	}
	var nick string
	if err := raw.QueryRow("SELECT nick FROM public.users").Scan(&nick); err != nil || nick != "somebody" {
		t.Errorf("of the other users table: %q, %v", nick, err)
	}
	if _, err := raw.Exec("CREATE TABLE storefront.invoices (id INT)"); err != nil {
		t.Fatal(err)
	}
	_, err := catalog.Open(t.Context(), dsn)
	if foreign, ok := errors.AsType[*catalog.ForeignError](err); !ok || !slices.Equal(foreign.Tables, []string{"invoices"}) {
		t.Errorf("Open(a schema with foreign tables) = %v, want a ForeignError", err)
	}
}
