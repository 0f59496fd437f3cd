package varnish_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgetest"
	"github.com/larderdev/larder/purge/varnish"
)

// plain answers as Varnish does, in text.
func plain(status int, purged, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if purged != "" {
			w.Header().Set("Larder-Purged", purged)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

// host is the field Host of a request, which Go keeps elsewhere.
func host(want string) func(*http.Request, []byte) error {
	return func(r *http.Request, _ []byte) error {
		if r.Host != want {
			return fmt.Errorf("Host %q, want %q", r.Host, want)
		}
		return nil
	}
}

func kit(o varnish.Options) purgetest.Kit {
	return purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			o.Server, o.HTTP = base, client
			p, err := varnish.New(o)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Accept: plain(200, "3", "purged"),
		Failures: []purgetest.Failure{
			{
				Name: "200 of the origin", Answer: plain(200, "", "hello"),
				Want: purge.Error{Status: 200, Final: true, Reason: "is not loaded"},
			},
			{
				Name: "403 with a reason", Answer: plain(403, "", "the client is not in larder_purgers, or is a proxy"),
				Want: purge.Error{Status: 403, Final: true, Reason: "larder_purgers"},
			},
		},
		GoodTags: []string{"product:42", `a"b`, "a|b.c(*)", strings.Repeat("x", 1024)},
		BadTags:  []string{"a b", "a,b", "größe", strings.Repeat("x", 1025)},
	}
}

// url and softURL are the same for both files.
var (
	url = purgetest.Call{
		Name: "url", Purge: purge.Purge{URLs: []string{"https://WWW.example.com:443/a%20b/c?x=1&y=%2F#top"}},
		Want: []purgetest.Request{{
			Method: "PURGE", Path: "/a%20b/c?x=1&y=%2F", Check: host("www.example.com"),
			Header: map[string]string{"Larder-Soft": "", "Xkey-Purge": "", "Xkey-Softpurge": ""},
		}},
	}
	softURL = purgetest.Call{
		Name: "soft url", Purge: purge.Purge{URLs: []string{"http://www.example.com:8080"}, Soft: true},
		Want: []purgetest.Request{{
			Method: "PURGE", Path: "/", Check: host("www.example.com:8080"), Header: map[string]string{"Larder-Soft": "1"},
		}},
	}
)

func TestPurger(t *testing.T) {
	k := kit(varnish.Options{})
	k.Calls = []purgetest.Call{
		{
			Name: "tags", Purge: purge.Purge{Tags: []string{"product-42", "category:7"}},
			Want: []purgetest.Request{{
				Method: "PURGE", Path: "/", Header: map[string]string{"xkey-purge": "product-42 category:7", "xkey-softpurge": ""},
			}},
		},
		{
			Name: "soft tags", Purge: purge.Purge{Tags: []string{"product-42", "category:7"}, Soft: true},
			Want: []purgetest.Request{{
				Method: "PURGE", Path: "/", Header: map[string]string{"xkey-softpurge": "product-42 category:7", "xkey-purge": ""},
			}},
		},
		url, softURL,
	}
	purgetest.Test(t, k)
}

func TestPurger_Ban(t *testing.T) {
	k := kit(varnish.Options{Ban: true})
	k.Calls = []purgetest.Call{
		{
			Name: "tags", Purge: purge.Purge{Tags: []string{"product-42", "a.b|c"}},
			Want: []purgetest.Request{{
				Method: "BAN", Path: "/", Header: map[string]string{"Larder-Ban": `,(?:product-42|a\.b\|c),`},
			}},
		},
		{
			Name: "soft tags", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
			Want: []purgetest.Request{{Method: "BAN", Path: "/", Header: map[string]string{"Larder-Ban": ",(?:products),"}}},
		},
		url, softURL,
	}
	purgetest.Test(t, k)
}

func TestNew_SaysWhatIsWrong(t *testing.T) {
	for _, server := range []string{"", "varnish:6081", "http://user:s3cr3t@varnish:6081", "http://varnish:6081/cache", "http://varnish/?a"} {
		_, err := varnish.New(varnish.Options{Server: server})
		if err == nil || !strings.Contains(err.Error(), "Server") || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("New(%q) = %v, want an error about Server without the password", server, err)
		}
	}
}
