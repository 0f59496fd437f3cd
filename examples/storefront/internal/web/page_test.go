package web_test

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// see asks for a page, which is HTML, or a file.
func (s *site) see(path string) answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return answer{w.Code, w.Header(), w.Body.String()}
}

// wantPage checks a page. parts are in it.
func (s *site) wantPage(path string, status int, parts ...string) answer {
	s.t.Helper()
	a := s.see(path)
	if a.status != status || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		s.t.Errorf("%s: %d of type %q, want %d and HTML", path, a.status, a.header.Get("Content-Type"), status)
	}
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			s.t.Errorf("%s: %q is not in\n%s", path, part, a.body)
		}
	}
	return a
}

func TestPages(t *testing.T) {
	s := alone(t)
	home := s.wantPage("/", 200, "<h1>bath</h1>", `href="/?category=wall&#43;art"`, `href="/?category=bath&amp;page=2"`, `aria-current="page">bath`)
	if n := strings.Count(home.body, `href="/products/`); n != 50 {
		t.Errorf("%d products on a page, want 50", n)
	}
	s.wantPage("/?category=wall+art&page=2", 200, "<h1>wall art</h1>", "Page 2", "← Page 1")
	s.wantPage("/?category=bath&page=99999", 404, "There is no such page")
	s.wantPage("/?category=cars", 404, "There is no such page")
	s.wantPage("/?category=bath&page=x", 400, "page is")
	s.wantPage("/?category=bath&category=wall", 400, "more than once")
	s.wantPage("/products/99999999", 404, "There is no such product")
	s.wantPage("/products/x", 400, "is not an id")
	s.want(s.ask("PUT", "/api/products/1", `{"name":"<b>Oak & Steel</b>","price_cents":205}`), 200, `"version"`, written)
	s.wantPage("/products/1", 200, "&lt;b&gt;Oak &amp; Steel&lt;/b&gt;", "2.05 €", `data-stock="/api/inventory/1"`)
}

// Parameters that a page does not know are no mistake, and make no other entry at
// the edge: they lead to the page's own URL, by an answer that nobody keeps.
func TestPages_LeaveOutWhatTheyDoNotKnow(t *testing.T) {
	s := alone(t)
	css := s.link("css")
	for path, want := range map[string]string{
		"/?utm_source=news":                                    "/",
		"/?utm_source=a&utm_source=b":                          "/",
		"/?utm_campaign=50%25+off&category=wall+art&page=2":    "/?category=wall+art&page=2",
		"/?fbclid=1&category=BATH&Category=x":                  "/?category=BATH",
		"/?utm_campaign=50%off&category=bath":                  "/?category=bath", // no escape
		"/?a;b":                                                "/",
		"/?x=1&category=bath&page=x":                           "/?category=bath&page=x", // which says 400
		"/products/1?utm_source=news":                          "/products/1",
		"/products/1?category=bath":                            "/products/1",
		"/products/%31?gclid=%0d%0aSet-Cookie:+a":              "/products/%31",
		css + "?v=1":                                           css,
		"/?u=//elsewhere.example&category=//elsewhere.example": "/?category=%2F%2Felsewhere.example",
	} {
		a := s.see(path)
		if got := a.header.Get("Location"); a.status != 301 || got != want {
			t.Errorf("%s: %d to %q, want 301 to %q", path, a.status, got, want)
		}
		if got := a.header.Get("Cache-Control") + "|" + a.header.Get("CDN-Cache-Control"); got != "private, no-store|private, no-store" {
			t.Errorf("%s: the redirect may be kept: %q", path, got)
		}
		if tags := a.header["Cache-Groups"]; tags != nil {
			t.Errorf("%s: the redirect carries tags %q", path, tags)
		}
		if again := s.see(want); again.header.Get("Location") != "" {
			t.Errorf("%s leads on to %s", want, again.header.Get("Location"))
		}
	}
}

// link is where a page says that its file of a kind is.
func (s *site) link(ext string) string {
	s.t.Helper()
	home := s.see("/").body
	found := regexp.MustCompile(`(?:href|src)="(/assets/shop\.[0-9a-f]{12}\.` + ext + `)"`).FindStringSubmatch(home)
	if found == nil {
		s.t.Fatalf("no file of kind %s in\n%s", ext, home)
	}
	return found[1]
}

// The name of a file holds its hash: it may be kept for ever.
func TestAssets(t *testing.T) {
	s := alone(t)
	for kind, ext := range map[string]string{"text/css; charset=utf-8": "css", "text/javascript; charset=utf-8": "js"} {
		if a := s.see(s.link(ext)); a.status != 200 || a.header.Get("Content-Type") != kind || a.body == "" {
			t.Errorf("shop.%s: %d of type %q, %d bytes", ext, a.status, a.header.Get("Content-Type"), len(a.body))
		}
	}
	s.want(s.get("/assets/shop.css"), 404, "no such file", "larder; fwd=bypass")
	s.want(s.get("/assets/../web.go"), 404, "not clean", "larder; fwd=bypass")
}
