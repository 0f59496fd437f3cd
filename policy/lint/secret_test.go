package lint

import (
	"reflect"
	"strings"
	"testing"

	"github.com/larderdev/larder/policy"
)

// secrets are made up, and put together here so that nobody's scanner takes them for
// real ones.
var secrets = []string{
	"postgres://reader:" + "hunter2hunter2@db",
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

func TestSecretIn(t *testing.T) {
	for _, text := range secrets {
		if secretIn(text) == "" || secretIn("say "+text+" to it") == "" {
			t.Errorf("%.12s… is not found", text)
		}
		if got := hide("say " + text); strings.Contains(got, text) || strings.Contains(got, text[len(text)/2:]) {
			t.Errorf("%.12s… is shown: %s", text, got)
		}
	}
	for _, text := range []string{
		"", "the search index", "example.com/shop/catalog.Product", "CLOUDFLARE_API_TOKEN", "GET /api/products/{id}",
		"github.com/larderdev/larder/examples/storefront/internal/catalog.ProductWithReviews2",
		"https://search.internal:9200/index", "https://user@example.com/", "postgres://{user}:{password}@db/shop",
		"AVeryLongNameInCamelCaseThatSomebodyLikes", "a-very-long-name-with-hyphens-2026-11-26", "00000000000000000000000000000000",
		"the-table-of-2024-and-of-2025-and-2026", "product-{id}",
	} {
		if what := secretIn(text); what != "" {
			t.Errorf("%q is taken for %s", text, what)
		}
	}
}

// TestCheck_SecretsAreNotShown puts a secret into every text of a policy, one at a
// time: it is found there, and in no output.
func TestCheck_SecretsAreNotShown(t *testing.T) {
	for i := 0; ; i++ {
		p := &policy.Policy{
			Version: 1, Go: policy.Go{Package: "a", Out: "b"},
			Classes: map[string]policy.Class{"a": {
				Description: "a", Type: "a", Profile: "a", Tags: []string{"a"}, Tiers: []policy.Tier{policy.Shared}, RowVersion: "column",
				Key: policy.Key{Type: "string"}, Source: policy.Source{From: "a", Tables: []policy.Table{{Name: "a", Key: "a", Tags: []string{"a"}, Version: "a", Sequence: "a"}}},
				Ignore: map[string]string{"x": "a"},
			}},
			Routes: map[string]policy.Route{"GET /a": {Class: "a", Profile: "a", Tags: []string{"a"}, Query: []string{"a"}, Vary: []string{"a"}, Ignore: map[string]string{"x": "a"}}},
			CDNs:   []policy.CDN{{Kind: "akamai", Zone: "A", Token: "A", Hosts: []string{"a"}}},
		}
		secret := secrets[i%len(secrets)]
		n := 0
		if !replace(reflect.ValueOf(p).Elem(), secret, i, &n) {
			if i < 20 {
				t.Fatalf("only %d texts were found", i)
			}
			return
		}
		found := Check(p)
		text := lines(found)
		for _, format := range Formats() {
			text += write(t, format, found, func(string) Place { return Place{File: "larder.yaml", Line: 1, Column: 1, Shown: "x: " + secret} })
		}
		if !strings.Contains(text, "secret-in-file") {
			t.Errorf("text %d: %.12s… is not found:\n%s", i, secret, lines(found))
		}
		if strings.Contains(text, secret[:min(20, len(secret))]) || strings.Contains(text, secret[len(secret)-8:]) {
			t.Errorf("text %d: %.12s… is shown:\n%s", i, secret, lines(found))
		}
	}
}

// replace puts text in the place of the text with number at, and tells whether there
// is one.
func replace(v reflect.Value, text string, at int, n *int) bool {
	switch v.Kind() {
	case reflect.String:
		*n++
		if *n-1 == at {
			v.SetString(text)
			return true
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if replace(v.Field(i), text, at, n) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if replace(v.Index(i), text, at, n) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if k.Kind() == reflect.String {
				*n++
				if *n-1 == at {
					v.SetMapIndex(reflect.ValueOf(text), v.MapIndex(k))
					return true
				}
			}
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(k))
			if replace(value, text, at, n) {
				v.SetMapIndex(k, value)
				return true
			}
		}
	}
	return false
}
