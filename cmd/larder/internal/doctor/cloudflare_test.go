package doctor

import (
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge/nginx"
	"github.com/larderdev/larder/purge/purgeapi"
)

// TestCloudflare: of a token that the API does not know as a user's only the zone tells
// what it may do, and no error shows the zone or the token.
func TestCloudflare(t *testing.T) {
	t.Setenv("CLOUDFLARE_TOKEN", "hunter2")
	token, err := purgeapi.SecretFromEnv("CLOUDFLARE_TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		base         string // "": that of a stand-in
		verify       int
		hangUp       string
		token, rules Status // "" if there is no such check
		says         string
	}{
		{"a user's", "", 200, "", OK, OK, "active"},
		{"an account's", "", 401, "", Skip, OK, "one of an account"},
		{"an account's, refused otherwise", "", 403, "", Skip, OK, "one of an account"},
		{"ill", "", 500, "", Fail, "", "500"},
		{"gone when the token was known", "", 200, "/rulesets/", OK, Fail, "active"},
		{"nobody there", "http://127.0.0.1:1", 0, "", Fail, "", "does not answer"},
		{"not encrypted", "http://api.example", 0, "", Fail, "", "https"},
		{"no URL", "http://[::1", 0, "", Fail, "", ""},
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if tt.hangUp != "" && strings.Contains(r.URL.Path, tt.hangUp) {
				panic(http.ErrAbortHandler)
			}
			if r.URL.Path == "/user/tokens/verify" {
				w.WriteHeader(tt.verify)
			}
			_, _ = io.WriteString(w, `{"success": true, "result": {"status": "active"}}`)
		}))
		checks := Cloudflare{BaseURL: cmp.Or(tt.base, api.URL), Zone: "THEZONE", Token: token}.Look(t.Context(), "cdn[0]")
		api.Close()
		if c := checks[0]; c.Name != "token" || c.Status != tt.token || !strings.Contains(c.Says, tt.says) || (c.Mend != "") != (tt.token == Fail) {
			t.Errorf("%s: %+v, want %s that says %q", tt.name, c, tt.token, tt.says)
		}
		switch {
		case tt.rules == "" && len(checks) != 1:
			t.Errorf("%s: %+v, want nothing asked after the token", tt.name, checks)
		case tt.rules != "" && (len(checks) != 2 || checks[1].Name != "cache rules" || checks[1].Status != tt.rules):
			t.Errorf("%s: %+v, want cache rules %s", tt.name, checks, tt.rules)
		}
		for _, c := range checks {
			if text := c.Says + c.Mend; strings.Contains(text, "hunter2") || strings.Contains(text, "THEZONE") {
				t.Errorf("%s: the token or the zone is shown: %+v", tt.name, c)
			}
		}
	}
}

// TestProbe_WithoutTags: a purge by URL would be one of what somebody reads.
func TestProbe_WithoutTags(t *testing.T) {
	p, err := nginx.New(nginx.Options{Server: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if c := Probe(t.Context(), p); c.Status != Skip || c.Of != p.Name() {
		t.Errorf("Probe = %+v, want nothing purged", c)
	}
}
