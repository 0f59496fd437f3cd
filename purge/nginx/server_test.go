package nginx_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larderdev/larder/internal/proxyproc"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/nginx"
)

// cache is an nginx with larder.conf before an origin, each of whose responses
// has another body.
type cache struct {
	t            *testing.T
	addr, purges string
}

func start(t *testing.T) *cache {
	t.Helper()
	var asked atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		fmt.Fprintf(w, "%s%s %d", r.Host, r.RequestURI, asked.Add(1))
	}))
	t.Cleanup(origin.Close)
	shipped, err := os.ReadFile("larder.conf")
	if err != nil {
		t.Fatal(err)
	}
	s, err := proxyproc.Nginx(t.Context(), func(addr, second string) string {
		conf := string(shipped)
		for from, to := range map[string]string{"listen 127.0.0.1:8079;": "listen " + second + ";", "/var/cache/nginx/larder": "cache"} {
			if strings.Count(conf, from) != 1 {
				t.Fatalf("larder.conf has %q %d times, want once", from, strings.Count(conf, from))
			}
			conf = strings.Replace(conf, from, to, 1)
		}
		return conf + fmt.Sprintf(`server {
			listen %s;
			location / {
				proxy_cache larder;
				proxy_cache_key $host$request_uri;
				proxy_set_header Host $host;
				proxy_pass %s;
			}
		}`, addr, origin.URL)
	})
	if err != nil {
		t.Fatalf("%v\nTo install what the tests need: scripts/install-test-services", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop nginx: %v", err)
		}
	})
	return &cache{t, s.Addrs()[0], s.Addrs()[1]}
}

// want asks as a visitor of a site does, and compares the body.
func (c *cache) want(host, path string, number int) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+c.addr+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Host = host
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if want := fmt.Sprintf("%s%s %d", strings.ToLower(host), path, number); string(body) != want || err != nil {
		c.t.Errorf("GET %s from %s = %q, %v, want %q", path, host, body, err, want)
	}
}

// purger returns one for the server block at addr.
func (c *cache) purger(addr string, client *http.Client) *nginx.Purger {
	c.t.Helper()
	p, err := nginx.New(nginx.Options{Server: "http://" + addr, HTTP: client})
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func TestServer_URLs(t *testing.T) {
	c := start(t)
	p := c.purger(c.purges, nil)
	paths := []string{"/", "/a?x=1", "/a?x=2", "/a%20b//c/../d?y=%2F&z"}
	for i, path := range paths {
		for range 2 { // the second time from the cache
			c.want("www.example.com", path, i+1)
		}
	}
	c.want("shop.example.com", "/", 5)
	for i, path := range paths {
		for range 2 { // the second time there is nothing to purge
			if err := p.Purge(t.Context(), purge.Purge{URLs: []string{"https://WWW.example.com:443" + path}}); err != nil {
				t.Fatalf("Purge(%s) = %v", path, err)
			}
		}
		c.want("www.example.com", path, 6+i)
		c.want("WWW.example.com", path, 6+i)
	}
	c.want("shop.example.com", "/", 5)
}

func TestServer_RefusesStrangers(t *testing.T) {
	c := start(t)
	c.want("www.example.com", "/", 1)
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	transport := &http.Transport{DialContext: from.DialContext}
	defer transport.CloseIdleConnections()
	e := (*purge.Error)(nil)
	err := c.purger(c.purges, &http.Client{Transport: transport}).Purge(t.Context(), purge.Purge{URLs: []string{"http://www.example.com/"}})
	if !errors.As(err, &e) || e.Status != http.StatusForbidden || !e.Final {
		t.Errorf("Purge from 127.0.0.2 = %v, want a final 403", err)
	}
	c.want("www.example.com", "/", 1)
}

// The server block for visitors passes a PURGE on to the origin, which says 200.
func TestServer_NotThePurgingOne(t *testing.T) {
	c := start(t)
	e := (*purge.Error)(nil)
	err := c.purger(c.addr, nil).Purge(t.Context(), purge.Purge{URLs: []string{"http://www.example.com/"}})
	if !errors.As(err, &e) || !e.Final || !strings.Contains(e.Error(), "larder.conf") {
		t.Errorf("Purge = %v, want a final error that names larder.conf", err)
	}
}
