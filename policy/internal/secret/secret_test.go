package secret

import (
	"strings"
	"testing"
)

// secrets are made up, and put together here so that nobody's scanner takes them for
// real ones.
var secrets = []string{
	"postgres://reader:" + "hunter2hunter2@db",
	"mysql://reader:" + "a-password-that-is-longer-than-what-a-message-repeats-of-it@db",
	"AKIA" + "IOSFODNN7EXAMPLE",
	"ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
	"glpat-" + "aBcDeFgHiJkLmNoPqRsT",
	"xoxb-" + "17653672481-19874698323",
	"sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
	"AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
	"eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
	"Bearer " + "abcdefghijklmnopqrstuvwxyz",
	"-----BEGIN RSA " + "PRIVATE KEY-----MIIEow",
	"v1Kx8Zq0" + "TnR4uW7yB2mC5pL9sD3fG6hJ",
	"9a7806061c88ada1" + "91ed06f989cc3dac",
}

func TestIn(t *testing.T) {
	for _, text := range secrets {
		if In(text) == "" || In("say "+text+" to it") == "" {
			t.Errorf("%.12s… is not found", text)
		}
		if got := Hide("say " + text); strings.Contains(got, text) || strings.Contains(got, text[len(text)/2:]) {
			t.Errorf("%.12s… is shown: %s", text, got)
		}
	}
	for _, text := range []string{
		"", "the search index", "example.com/shop/catalog.Product", "CLOUDFLARE_API_TOKEN", "GET /api/products/{id}",
		"github.com/larderdev/larder/examples/storefront/internal/catalog.ProductWithReviews2",
		"https://search.internal:9200/index", "https://user@example.com/", "postgres://{user}:{password}@db/shop",
		"AVeryLongNameInCamelCaseThatSomebodyLikes", "a-very-long-name-with-hyphens-2026-11-26", "00000000000000000000000000000000",
		"the-table-of-2024-and-of-2025-and-2026", "product-{id}",
		"Ab1111111111111111111111", "aaaaaaaaaaaaaaaa0000000000000000",
	} {
		if what := In(text); what != "" {
			t.Errorf("%q is taken for %s", text, what)
		}
	}
}
