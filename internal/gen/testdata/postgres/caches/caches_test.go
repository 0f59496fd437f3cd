package caches_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/gen/testdata/postgres/caches"
	"github.com/larderdev/larder/outbox"
)

// nowhere is a database that is not there.
type nowhere struct{}

func (nowhere) Connect(context.Context) (driver.Conn, error) { return nil, errors.New("no database") }
func (nowhere) Driver() driver.Driver                        { return nil }

// TestMappings: the mappings in Go make the triggers of the script, letter for
// letter, so that a migration and InstallTriggers agree.
func TestMappings(t *testing.T) {
	db := sql.OpenDB(nowhere{})
	defer db.Close()
	box, err := outbox.New(db, outbox.Options{Dialect: outbox.PostgreSQL})
	if err != nil {
		t.Fatal(err)
	}
	want, err := box.Triggers(caches.Mappings()...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("outbox_postgres_gen.sql")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(strings.TrimSpace(string(got)), strings.TrimSpace(want)) || !strings.Contains(want, "shop") {
		t.Errorf("the script is\n%s\nwant it to end with\n%s", got, want)
	}
	if !strings.Contains(string(got), box.Schema()) {
		t.Error("the script does not make the tables of the outbox")
	}
}
