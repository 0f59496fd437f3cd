package redisstore_test

import (
	"testing"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

func TestConformance(t *testing.T) {
	server := redistest.Start(t)
	lardertest.TestStore(t, func(t *testing.T) store.Store {
		return open(t, redisstore.Options{Addrs: []string{server.Addr()}})
	})
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, opts redisstore.Options) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
