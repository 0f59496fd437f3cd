package strategy

import (
	"slices"
	"testing"
)

// TestDeriveClass names classes by words of people. "" is no name.
func TestDeriveClass(t *testing.T) {
	for words, want := range map[string]string{
		"Product catalog": "product", "Products": "product", "the product catalogue": "product",
		"Search results": "search", "search": "search", "User profiles": "user-profile", "Auth tokens": "auth-token",
		"Inventory": "inventory", "Categories": "category", "Addresses": "address", "Tax boxes": "tax-box",
		"Status": "status", "Analysis data": "analysis", "Cookies": "cookie", "One-time passwords": "one-time-password",
		"Results": "result", "cache": "cache", "v2 prices": "v2-price",
		"": "", "…": "", "anything with a name": "", "a very long name that goes on": "", "order:{id}": "", "< 10%": "",
	} {
		if got := deriveClass(words); got != want {
			t.Errorf("deriveClass(%q) = %q, want %q", words, got, want)
		}
	}
}

// TestPlural makes the tags of all values of a class.
func TestPlural(t *testing.T) {
	for name, want := range map[string]string{
		"product": "products", "category": "categories", "user-day": "user-days", "address": "addresses", "tax-box": "tax-boxes", "y": "ys",
	} {
		if got := plural(name); got != want {
			t.Errorf("plural(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestCalled finds the classes that words may mean.
func TestCalled(t *testing.T) {
	names := []string{"auth-token", "product", "product-page", "search"}
	for words, want := range map[string][]string{
		"product catalog": {"product"}, "search results": {"search"}, "tokens": {"auth-token"},
		"pages": {"product-page"}, "product pages of the shop": {"product", "product-page"}, "orders": nil, "": nil,
	} {
		if got := called(words, names); !slices.Equal(got, want) {
			t.Errorf("called(%q) = %q, want %q", words, got, want)
		}
	}
}
