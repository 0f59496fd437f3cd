package nginx_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/nginx"
	"github.com/larderdev/larder/purge/purgetest"
)

// page answers as the module does, in HTML.
func page(status int, purged string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if purged != "" {
			w.Header().Set("Larder-Purged", purged)
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><head><title>Successful purge</title></head></html>"))
	}
}

func host(want string) func(*http.Request, []byte) error {
	return func(r *http.Request, _ []byte) error {
		if r.Host != want {
			return fmt.Errorf("Host %q, want %q", r.Host, want)
		}
		return nil
	}
}

func kit(path string) purgetest.Kit {
	return purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			p, err := nginx.New(nginx.Options{Server: base + path, HTTP: client})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Accept: page(200, "yes"),
		Fine:   []int{404},
		Failures: []purgetest.Failure{
			{
				Name: "200 of another server", Answer: page(200, ""),
				Want: purge.Error{Status: 200, Final: true, Reason: "larder.conf"},
			},
			{
				Name: "404 of another server", Answer: page(404, ""),
				Want: purge.Error{Status: 404, Final: true},
			},
		},
	}
}

func TestPurger(t *testing.T) {
	k := kit("/")
	k.Calls = []purgetest.Call{
		{
			Name: "url", Purge: purge.Purge{URLs: []string{"https://www.example.com/a%20b//c?x=1&y=%2F#top"}},
			Want: []purgetest.Request{{Method: "PURGE", Path: "/a%20b//c?x=1&y=%2F", Check: host("www.example.com")}},
		},
		{
			Name: "soft is hard", Purge: purge.Purge{URLs: []string{"https://www.example.com"}, Soft: true},
			Want: []purgetest.Request{{Method: "PURGE", Path: "/", Check: host("www.example.com")}},
		},
	}
	purgetest.Test(t, k)
}

func TestPurger_NotThere(t *testing.T) {
	k := kit("/__purge")
	k.Accept = page(404, "yes")
	k.Calls = []purgetest.Call{{
		Name: "url below a path", Purge: purge.Purge{URLs: []string{"http://www.example.com:8080/a?b"}},
		Want: []purgetest.Request{{Method: "PURGE", Path: "/__purge/a?b", Check: host("www.example.com:8080")}},
	}}
	purgetest.Test(t, k)
}

func TestNew_SaysWhatIsWrong(t *testing.T) {
	for _, server := range []string{"", "nginx:8079", "http://user:s3cr3t@nginx:8079", "http://nginx/?a"} {
		_, err := nginx.New(nginx.Options{Server: server})
		if err == nil || !strings.Contains(err.Error(), "Server") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("New(%q) = %v, want an error about Server without the password", server, err)
		}
	}
}
