package purgeapi_test

import (
	"net/url"
	"testing"

	"github.com/larderdev/larder/purge/purgeapi"
)

func TestHostField(t *testing.T) {
	for text, want := range map[string]string{
		"https://WWW.Example.com/a":       "www.example.com",
		"https://www.example.com:443":     "www.example.com",
		"http://www.example.com:80/":      "www.example.com",
		"http://www.example.com:443/":     "www.example.com:443",
		"https://www.example.com:80/":     "www.example.com:80",
		"https://www.example.com:1443/":   "www.example.com:1443",
		"http://[2001:DB8::80]/":          "[2001:db8::80]",
		"https://[2001:db8::1]:443/a?b#c": "[2001:db8::1]",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := purgeapi.HostField(u); got != want {
			t.Errorf("HostField(%s) = %q, want %q", text, got, want)
		}
	}
}
