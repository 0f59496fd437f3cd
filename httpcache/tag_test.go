package httpcache_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// products serves /p/{id} with a policy, and notes tag errors.
func products(t *testing.T, p httpcache.Policy, cdns []httpcache.CDN, do ...func(http.ResponseWriter, *http.Request)) (http.Handler, *[]*httpcache.TagError) {
	t.Helper()
	var errs []*httpcache.TagError
	layer := newLayer(t, map[string]httpcache.Policy{"GET /p/{id}": p}, httpcache.Options{
		CDNs:       cdns,
		OnTagError: func(_ *http.Request, err *httpcache.TagError) { errs = append(errs, err) },
	})
	mux := http.NewServeMux()
	mux.Handle("GET /p/{id}", answer("body", do...))
	return layer.Handler(mux), &errs
}

// tag returns a function for answer that names tags.
func tag(tags ...string) func(http.ResponseWriter, *http.Request) {
	return func(_ http.ResponseWriter, r *http.Request) { httpcache.From(r.Context()).Tag(tags...) }
}

func TestTags(t *testing.T) {
	h, errs := products(t, httpcache.Policy{Edge: time.Hour, Tags: []string{"product-{id}", "products"}},
		[]httpcache.CDN{httpcache.Cloudflare, httpcache.Fastly, httpcache.LarderEdge}, tag("category-tea", "products"), tag("shop"))
	got := get(h, "/p/42").Header
	for name, want := range map[string]string{
		"Cache-Tag":     "product-42,products,category-tea,shop",
		"Surrogate-Key": "product-42 products category-tea shop",
		"Cache-Groups":  `"product-42", "products", "category-tea", "shop"`,
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Get(name), want)
		}
	}
	if groups, ok := httpcache.ParseGroups(got["Cache-Groups"]); !ok || len(groups) != 4 {
		t.Errorf("Cache-Groups %q is read as %q, %v", got["Cache-Groups"], groups, ok)
	}
	if len(*errs) > 0 {
		t.Errorf("errors: %v", *errs)
	}
}

// TestTags_Limits: a response that cannot carry all of its tags to all of the
// CDNs is kept by no shared cache, and somebody hears of it. No tag is cut.
func TestTags_Limits(t *testing.T) {
	many := func(n int, form string) (tags []string) {
		for i := range n {
			tags = append(tags, fmt.Sprintf(form, i))
		}
		return tags
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name string
		cdn  httpcache.CDN
		tags []string
		want string // "": fine
	}{
		{"longest", httpcache.Cloudflare, []string{x(1024)}, ""},
		{"longer", httpcache.Cloudflare, []string{x(1025)}, "it has 1025 bytes, at most 1024"},
		{"all", httpcache.Cloudflare, many(16, x(1019)+"%04d")[:16], ""},                  // 16·1023 + 15 = 16,383
		{"too much", httpcache.Cloudflare, many(17, x(960)+"%04d"), "17 tags have 16404"}, // 17·964 + 16
		{"longest", httpcache.Fastly, []string{x(1024)}, ""},
		{"longer", httpcache.Fastly, []string{x(1025)}, "at most 1024"},
		{"too much", httpcache.Fastly, many(17, x(960)+"%04d"), "at most 16384"},
		{"longest", httpcache.CloudFront, []string{x(256)}, ""},
		{"longer", httpcache.CloudFront, []string{x(257)}, "at most 256"},
		{"most", httpcache.CloudFront, many(50, "t%d"), ""},
		{"more", httpcache.CloudFront, many(51, "t%d"), "there are 51 tags, at most 50"},
		{"longest", httpcache.Akamai, []string{x(128)}, ""},
		{"longer", httpcache.Akamai, []string{x(129)}, "at most 128"},
		{"most", httpcache.Akamai, many(128, "t%d"), ""},
		{"more", httpcache.Akamai, many(129, "t%d"), "there are 129 tags, at most 128"},
		{"marks", httpcache.Akamai, []string{"a!#$%'+./^_`|~-Z9"}, ""},
		{"colon", httpcache.Akamai, []string{"product:42"}, "':' in it"},
		{"star", httpcache.Akamai, []string{"a*"}, "'*' in it"},
		{"braces", httpcache.Akamai, []string{"a{"}, "'{' in it"},
		{"all", httpcache.Bunny, []string{x(512), x(511) + "y"}[:1], ""},
		{"all", httpcache.Bunny, []string{x(512), x(510) + "y"}, ""},                     // 512 + 1 + 511 = 1024
		{"too much", httpcache.Bunny, []string{x(512), x(511) + "y"}, "have 1025 bytes"}, // one more
		{"longest", httpcache.GoogleCDN, []string{x(100)}, ""},
		{"longer", httpcache.GoogleCDN, []string{x(101)}, "at most 100"},
		{"more", httpcache.GoogleCDN, many(51, "t%d"), "at most 50"},
		{"too much", httpcache.Varnish, []string{x(4000), x(3999) + "y"}, "have 8001 bytes"},
		{"longest", httpcache.LarderEdge, []string{x(256)}, ""},
		{"more", httpcache.LarderEdge, many(129, "t%d"), "at most 128"},
		{"colon", httpcache.LarderEdge, []string{"a:b"}, ""},
		{"quotes that count twice", httpcache.LarderEdge, many(64, strings.Repeat(`"`, 126)+"%02d"), "the 64 tags have"}, // 64·254 + …
		{"any", httpcache.Cloudflare, many(1001, "%d"), "more than 1000 tags"},
		{"space", httpcache.Cloudflare, []string{"a b"}, "' ' in it"},
		{"comma", httpcache.Fastly, []string{"a,b"}, "',' in it"},
		{"line", httpcache.LarderEdge, []string{"a\r\nSet-Cookie: b"}, `'\r' in it`},
		{"beyond ASCII", httpcache.LarderEdge, []string{"té"}, "'é' in it: want printable ASCII"},
		{"delete", httpcache.LarderEdge, []string{"t\x7f"}, "printable ASCII"},
		{"empty", httpcache.LarderEdge, []string{""}, "a tag is empty"},
	} {
		policy := httpcache.Policy{Edge: time.Hour, Browser: time.Minute}
		h, errs := products(t, policy, []httpcache.CDN{tt.cdn}, tag(tt.tags...))
		got := get(h, "/p/1")
		if tt.want == "" {
			if len(*errs) != 0 || !strings.HasPrefix(got.Header.Get("Cache-Control"), "public") || len(cacheFields(got.Header)) != 4 {
				t.Errorf("%v, %s: errors %v, Cache-Control %q, want none, public", tt.cdn, tt.name, *errs, got.Header.Get("Cache-Control"))
			}
			continue
		}
		if len(*errs) != 1 || !strings.Contains((*errs)[0].Error(), tt.want) {
			t.Errorf("%v, %s: errors %v, want one with %q", tt.cdn, tt.name, *errs, tt.want)
		}
		checkFields(t, tt.cdn.String()+", "+tt.name, got,
			"cache-control: private, max-age=60", "cdn-cache-control: private, no-store", "surrogate-control: private, no-store")
	}
}

// TestTags_FromPath: nothing that a client writes into a path becomes another
// tag, another field or another line.
func TestTags_FromPath(t *testing.T) {
	for _, id := range []string{"1,products", "1 products", "1\tproducts", "1\r\nSet-Cookie: a=b", "1\nX: y", "1\x00", "é", `1"`, `1\`, "1;2", "1:2", "{id}"} {
		for _, cdn := range append(all, httpcache.Varnish, httpcache.CloudFront, httpcache.GoogleCDN) {
			h, errs := products(t, httpcache.Policy{Edge: time.Hour, Tags: []string{"product-{id}"}}, []httpcache.CDN{cdn})
			got := get(h, "/p/"+url.PathEscape(id))
			if got.StatusCode != http.StatusOK {
				t.Fatalf("%q: status %d", id, got.StatusCode)
			}
			carried := 0
			for _, name := range []string{"Cache-Tag", "Surrogate-Key", "Edge-Cache-Tag", "Cdn-Tag", "Xkey"} {
				for _, value := range got.Header[name] {
					carried++
					if value != "product-"+id || strings.ContainsAny(value, ", \t\r\n") {
						t.Errorf("%v: the id %q became %s: %q", cdn, id, name, value)
					}
				}
			}
			if lines := got.Header["Cache-Groups"]; lines != nil {
				carried++
				if groups, ok := httpcache.ParseGroups(lines); !ok || len(groups) != 1 || groups[0] != "product-"+id {
					t.Errorf("%v: the id %q became the groups %q", cdn, id, groups)
				}
			}
			public := strings.HasPrefix(got.Header.Get("Cache-Control"), "public")
			if refused := len(*errs) == 1; carried+len(*errs) != 1 || public == refused {
				t.Errorf("%v: the id %q: carried %d times, errors %v, public: %v", cdn, id, carried, *errs, public)
			}
		}
	}
}

// TestTags_NoValue: a tag whose wildcard has no value is not the tag.
func TestTags_NoValue(t *testing.T) {
	var errs []error
	layer := newLayer(t, nil, httpcache.Options{
		CDNs:       []httpcache.CDN{httpcache.Cloudflare},
		OnTagError: func(_ *http.Request, err *httpcache.TagError) { errs = append(errs, err) },
	})
	h, err := layer.Wrap(httpcache.Policy{Edge: time.Hour, Tags: []string{"product-{id}"}}, answer("x"))
	if err != nil {
		t.Fatal(err)
	}
	got := get(h, "/")
	if len(errs) != 1 || got.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("errors %v, Cache-Control %q, want one, private, no-cache", errs, got.Header.Get("Cache-Control"))
	}
}

// TestTags_Error: an error page whose tags cannot be written is kept by nobody.
func TestTags_Error(t *testing.T) {
	h, errs := products(t, httpcache.Policy{Edge: time.Hour, Browser: time.Minute, Statuses: map[int]time.Duration{404: time.Minute}},
		all, tag("a b"), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	checkFields(t, "404 with a bad tag", get(h, "/p/1"), nobody...)
	if len(*errs) != 1 {
		t.Errorf("errors %v, want one", *errs)
	}
}

// FuzzTags: whatever tags a handler names, all CDNs get exactly these or none.
func FuzzTags(f *testing.F) {
	f.Add("a", "b")
	f.Add("a,b", "c d")
	f.Add("\"\\", "\r\nX: y")
	f.Fuzz(func(t *testing.T, a, b string) {
		layer, err := httpcache.New(nil, httpcache.Options{CDNs: all, OnTagError: func(*http.Request, *httpcache.TagError) {}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := layer.Wrap(httpcache.Policy{Edge: time.Hour}, answer("x", tag(a, b)))
		if err != nil {
			t.Fatal(err)
		}
		got := get(h, "/").Header
		if !strings.HasPrefix(got.Get("Cache-Control"), "public") {
			if lines := cacheFields(got); len(lines) != 3 {
				t.Errorf("%q, %q: not kept, and yet %q", a, b, lines)
			}
			return
		}
		want := []string{a, b}
		if a == b {
			want = want[:1]
		}
		if list := strings.Join(want, ","); got.Get("Cache-Tag") != list || strings.Count(got.Get("Cache-Tag"), ",") != len(want)-1 {
			t.Errorf("%q, %q: Cache-Tag %q", a, b, got.Get("Cache-Tag"))
		}
		if list := strings.Join(want, " "); got.Get("Surrogate-Key") != list || len(strings.Fields(got.Get("Surrogate-Key"))) != len(want) {
			t.Errorf("%q, %q: Surrogate-Key %q", a, b, got.Get("Surrogate-Key"))
		}
		if groups, ok := httpcache.ParseGroups(got["Cache-Groups"]); !ok || strings.Join(groups, " ") != strings.Join(want, " ") {
			t.Errorf("%q, %q: Cache-Groups %q", a, b, got["Cache-Groups"])
		}
	})
}
