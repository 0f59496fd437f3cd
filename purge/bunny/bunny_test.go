package bunny_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/bunny"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

func TestPurger(t *testing.T) {
	fields := map[string]string{"AccessKey": "bunny-secret", "Content-Type": "application/json"}
	purgetest.Test(t, purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			p, err := bunny.New(bunny.Options{PullZone: 1234, Key: purgeapi.NewSecret("bunny-secret"), BaseURL: base + "/", HTTP: client})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{"bunny-secret"},
		Accept:  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		Calls: []purgetest.Call{
			{
				Name: "a tag", Purge: purge.Purge{Tags: []string{"product-42"}},
				Want: []purgetest.Request{{Method: "POST", Path: "/pullzone/1234/purgeCache", Header: fields, Body: `{"CacheTag":"product-42"}`}},
			},
			{
				Name: "a soft purge is a hard one", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
				Want: []purgetest.Request{{Method: "POST", Path: "/pullzone/1234/purgeCache", Header: fields, Body: `{"CacheTag":"products"}`}},
			},
			{
				Name: "a URL", Purge: purge.Purge{URLs: []string{"https://shop.b-cdn.net/a/?x=1&y=2"}},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/purge?async=false&exactPath=true&url=https%3A%2F%2Fshop.b-cdn.net%2Fa%2F%3Fx%3D1%26y%3D2",
					Header: map[string]string{"AccessKey": "bunny-secret"},
				}},
			},
		},
		Failures: []purgetest.Failure{{
			Name: "a reason", Answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "12")
				w.WriteHeader(429)
				_, _ = io.WriteString(w, `{"ErrorKey":"rate","Field":"","Message":"Too many purges"}`)
			},
			Want: purge.Error{Status: 429, After: 12 * time.Second, Reason: "Too many purges"},
		}},
		GoodTags: []string{"product:42"},
		BadTags:  []string{"a b", "a,b", strings.Repeat("x", 1025)},
	})
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	_, err := bunny.New(bunny.Options{Burst: 1, BaseURL: "http://api.example.com"})
	for _, want := range []string{"PullZone", "Key", "Burst", "BaseURL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
}
