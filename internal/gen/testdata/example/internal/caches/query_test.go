package caches_test

import (
	"net/url"
	"testing"

	caches "github.com/larderdev/larder/internal/gen/testdata/example/internal/caches"
)

func parse(t *testing.T, query string) caches.SearchKey {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	key, err := caches.ParseSearchKey(values)
	if err != nil {
		t.Fatalf("ParseSearchKey(%s): %v", query, err)
	}
	return key
}
