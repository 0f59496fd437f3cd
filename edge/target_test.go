package edge

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestHost_None: of a host that is none no key is made, and the origin is not
// asked.
func TestHost_None(t *testing.T) {
	for _, tt := range []struct {
		host string
		ok   bool
	}{
		{"www.example.com", true},
		{"WWW.example.com:8080", true},
		{"my_host", true},
		{"[::1]:80", true},
		{"[::1]", true},
		{"", true}, // HTTP/1.0
		{"victim/shop", false},
		{"victim?x=1", false},
		{"victim#x", false},
		{"user@victim", false},
		{"victim%2fshop", false},
		{"victim:80/shop", false},
		{"victim:80:80", false},
		{"[::1]/shop", false},
		{"[victim]", false},
		{"vic tim", false},
		{"vict\x00im", false},
		{"víctim", false},
	} {
		asked := false
		h := newEdge(t, func(*http.Request) (*http.Response, error) {
			asked = true
			return respond(200, "one", "Cache-Control: max-age=60"), nil
		})
		r := httptest.NewRequest(http.MethodGet, "/evil", nil)
		r.Host = tt.host // as net/http hands over the :authority of HTTP/2
		w := do(h, r)
		if ok := w.Code == 200; ok != tt.ok || asked != tt.ok || !ok && w.Code != http.StatusBadRequest {
			t.Errorf("host %q: %d, origin asked: %v, want it taken: %v", tt.host, w.Code, asked, tt.ok)
		}
	}
}

// TestHost_OneForm: requests with the same key tell the origin the same host,
// since it may build what is stored from it.
func TestHost_OneForm(t *testing.T) {
	for _, host := range []string{"www.example.com", "WWW.Example.com", "www.example.com:80", "www.example.com:"} {
		var seen http.Header
		var name string
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			seen, name = r.Header, r.Host
			return respond(200, "one"), nil
		}, func(o *Options) { o.PreserveHost = true })
		r := newGet("/a", "X-Forwarded_Host: evil.example", "X_forwarded_host: evil.example")
		r.Host = host
		do(h, r)
		if got := seen.Get("X-Forwarded-Host"); got != "www.example.com" || name != "www.example.com" {
			t.Errorf("Host %q: the origin saw X-Forwarded-Host %q and Host %q, want %q", host, got, name, "www.example.com")
		}
		for field, lines := range seen {
			if len(lines) > 0 && lines[0] == "evil.example" {
				t.Errorf("the origin saw %s: %s", field, lines[0])
			}
		}
	}
}

// TestTarget_OneForm: escapes that mean the same make the same key, and no others;
// the origin sees what was sent.
func TestTarget_OneForm(t *testing.T) {
	for _, tt := range []struct{ sent, key string }{
		{"/a", "/a"},
		{"/%7Ea", "/~a"},
		{"/caf%c3%a9", "/caf%C3%A9"},
		{"/a%2fb", "/a%2Fb"},
		{"/a%2Fb", "/a%2Fb"},
		{"/%41%2e?%7e=%2f%3D", "/A.?~=%2F%3D"},
		{"/a?100%", "/a?100%"},
		{"/caf%c3%a9?100%", "/caf%C3%A9?100%"},
		{"/a?%zz%4", "/a?%zz%4"},
		{"/a?%7E%zz", "/a?%7E%zz"},
		{"/a?%2%35", "/a?%2%35"},
		{"/%257E", "/%257E"},
	} {
		seen := ""
		h := newEdge(t, func(r *http.Request) (*http.Response, error) {
			seen = r.URL.RequestURI()
			return respond(200, "one", "Cache-Control: max-age=60"), nil
		})
		r := httptest.NewRequest(http.MethodGet, "http://www.example.com"+tt.sent, nil)
		do(h, r)
		if got := h.targetOf(r).key; got != "http://www.example.com"+tt.key || seen != tt.sent {
			t.Errorf("%s: key %s and the origin saw %s, want %s, and what was sent", tt.sent, got, seen, tt.key)
		}
	}
}

// TestPurge_DefaultPort: a purge that names the port that goes without saying is
// about what is stored without it.
func TestPurge_DefaultPort(t *testing.T) {
	for _, p := range []Purge{
		{Hosts: []string{"WWW.example.com:80"}},
		{Hosts: []string{"www.example.com:443"}}, // a proxy in front may have taken TLS off
		{Hosts: []string{"www.example.com:"}},
		{Prefixes: []string{"www.example.com:80/a"}},
		{URLs: []string{"http://www.example.com:80/a"}},
	} {
		asked := 0
		h := newEdge(t, func(*http.Request) (*http.Response, error) {
			asked++
			return respond(200, "one", "Cache-Control: max-age=60"), nil
		})
		get(h, "/a")
		if err := h.Purge(p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		get(h, "/a")
		if asked != 2 {
			t.Errorf("%+v: the origin was asked %d times, want twice", p, asked)
		}
		// Another port is another host.
		if err := h.Purge(Purge{Hosts: []string{"www.example.com:8080"}}); err != nil {
			t.Fatal(err)
		}
		get(h, "/a")
		if asked != 2 {
			t.Errorf("after a purge of another port the origin was asked %d times, want twice", asked)
		}
	}
}
