// Package pgtest gives a test a PostgreSQL of its own.
//
// The server is new and empty, and is gone when the test ends. A machine
// without PostgreSQL fails the test: one that skips it proves nothing and
// looks as if it did.
package pgtest

import (
	"testing"

	"github.com/larderdev/larder/internal/pgproc"
)

// Start runs a private PostgreSQL for t and returns its address. The settings
// are server parameters, as "name=value".
func Start(t testing.TB, settings ...string) (dsn string) {
	t.Helper()
	c, err := pgproc.Start(t.Context(), pgproc.Options{Settings: settings})
	if err != nil {
		t.Fatalf("%v\nTo install what the tests need: scripts/install-test-services", err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return c.DSN()
}
