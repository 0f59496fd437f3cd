package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// groups are the tags of an answer.
func (a answer) groups() []string {
	var all []string
	for part := range strings.SplitSeq(strings.Join(a.header["Cache-Groups"], ", "), ", ") {
		all = append(all, strings.Trim(part, `"`))
	}
	return all
}

// What an answer shows is among its tags, so that a change of it purges the answer.
func TestCaching_TagsNameWhatIsShown(t *testing.T) {
	s := alone(t)
	for path, want := range map[string][]string{
		"/api/products/7":                         {"products", "product-7"},
		"/api/products/007":                       {"products", "product-7"},
		"/products/7":                             {"products", "product-7"},
		"/api/products?ids=4,99999999":            {"products", "product-4", "product-99999999"},
		"/api/products?category=WALL++art&page=2": {"products", "category-wall+art"},
		"/?category=wall+art":                     {"products", "category-wall+art"},
	} {
		a := s.see(path)
		for _, tag := range want {
			if got := a.groups(); !slices.Contains(got, tag) {
				t.Errorf("%s carries %q, want %s among them", path, got, tag)
			}
		}
		if list := strings.Contains(path, "category"); list != (len(a.groups()) > 10) {
			t.Errorf("%s carries %d tags", path, len(a.groups()))
		}
	}
}

func TestCaching_Lives(t *testing.T) {
	s := alone(t)
	var many []string
	for id := range 101 {
		many = append(many, fmt.Sprint(id+1))
	}
	const never = "private, no-store|private, no-store"
	for path, want := range map[string]string{
		"/api/products?category=bath": "public, max-age=0, must-revalidate|max-age=60, stale-while-revalidate=300",
		"/":                           "public, max-age=0, must-revalidate|max-age=60, stale-while-revalidate=300",
		"/api/products/1":             "public, max-age=60|max-age=3600",
		"/products/1":                 "public, max-age=60|max-age=3600",
		s.link("css"):                 "public, max-age=31536000, immutable|max-age=31536000",
		"/api/products?ids=" + strings.Join(many, ","): never, // more tags than a cache takes
		"/api/products/99999999":                       never,
		"/api/products/x":                              never,
		"/products/99999999":                           never,
		"/api/inventory/1":                             never,
		"/api/users/1":                                 never,
		"/api/search?q=oak":                            never,
		"/healthz":                                     never,
		"/nowhere":                                     never,
		"/api//products":                               never,
		"/api/users/invalidate":                        never,
	} {
		a := s.see(path)
		if got := a.header.Get("Cache-Control") + "|" + a.header.Get("CDN-Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if want == never && len(a.header["Cache-Groups"]) > 0 {
			t.Errorf("%s: tags %q on what nobody may keep", path, a.groups())
		}
	}
}
