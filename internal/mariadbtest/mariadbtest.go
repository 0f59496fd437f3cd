// Package mariadbtest gives a test a MariaDB of its own.
//
// The server is new and empty, and is gone when the test ends. A machine
// without MariaDB fails the test: one that skips it proves nothing and looks as
// if it did.
package mariadbtest

import (
	"testing"

	"github.com/larderdev/larder/internal/mariadbproc"
)

// Start runs a private MariaDB for t. The settings are server variables, as
// "name=value".
func Start(t testing.TB, settings ...string) *mariadbproc.Server {
	t.Helper()
	s, err := mariadbproc.Start(t.Context(), mariadbproc.Options{Settings: settings})
	if err != nil {
		t.Fatalf("%v\nTo install what the tests need: scripts/install-test-services", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop MariaDB: %v", err)
		}
	})
	return s
}
