package gen

import (
	"maps"
	"testing"
)

func TestImportNames(t *testing.T) {
	paths := []string{
		"example.com/shop/catalog", "example.com/stock/catalog", "example.com/other/stock/catalog", "example.com/go-tea.v2", "example.com/key",
		"example.com/larder", "time", "example.com/range", "example.com/x/v3", "example.com/99", "strings", "net/netip", "example.com/string",
		"example.com/shop/catalog",
	}
	want := map[string]string{
		"example.com/shop/catalog": "shopcatalog", "example.com/other/stock/catalog": "stockcatalog", "example.com/stock/catalog": "stockcatalog2",
		"example.com/go-tea.v2": "goteav2", "example.com/key": "examplecomkey", "example.com/larder": "examplecomlarder", "time": "time",
		"example.com/range": "examplecomrange", "example.com/x/v3": "x", "example.com/99": "pkg99", "strings": "strings", "net/netip": "netip",
		"example.com/string": "examplecomstring",
	}
	if got := importNames(paths); !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
