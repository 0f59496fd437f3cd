package localstore_test

import (
	"testing"

	"github.com/larderdev/larder/lardertest"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

func TestConformance(t *testing.T) {
	lardertest.TestStore(t, func(*testing.T) store.Store {
		return localstore.New(localstore.Options{})
	})
}
