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
	s.wantPage("/?colour=red", 400, "colour")
	s.wantPage("/products/99999999", 404, "There is no such product")
	s.wantPage("/products/x", 400, "is not an id")
	s.want(s.ask("PUT", "/api/products/1", `{"name":"<b>Oak & Steel</b>","price_cents":205}`), 200, `"version"`, written)
	s.wantPage("/products/1", 200, "&lt;b&gt;Oak &amp; Steel&lt;/b&gt;", "2.05 €", `data-stock="/api/inventory/1"`)
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
