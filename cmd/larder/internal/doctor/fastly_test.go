package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge/purgeapi"
)

// TestFastly asks a stand-in of the API for each answer that it may have.
func TestFastly(t *testing.T) {
	t.Setenv("FASTLY_TOKEN", "hunter2")
	secret, err := purgeapi.SecretFromEnv("FASTLY_TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   Status
		says   string
	}{
		{"purges", 200, `{"scope": "purge_select", "services": ["SVC"], "expires_at": "2027-01-02T03:04:05Z"}`, OK, "until 2027-01-02 03:04:05 UTC"},
		{"all services", 200, `{"scope": "purge_select purge_all", "services": [], "expires_at": null}`, OK, "purge_select purge_all"},
		{"too much", 200, `{"scope": "global"}`, Warn, "far more than purge"},
		{"all only", 200, `{"scope": "purge_all"}`, Fail, "may not purge by tag"},
		{"reads", 200, `{"scope": "global:read"}`, Fail, "its scope is global:read"},
		{"another service", 200, `{"scope": "global purge_select", "services": ["OTHER"]}`, Fail, "other services"},
		{"expired", 401, `{"msg": "Provided credentials are missing or invalid"}`, Fail, "401"},
		{"unknown", 403, `{}`, Fail, "403"},
		{"a page", 200, `<html>`, Warn, "does not say"},
		{"ill", 503, ``, Warn, "503"},
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || r.URL.Path != "/tokens/self" || r.Header.Get("Fastly-Key") != "hunter2" {
				t.Errorf("%s: it asks %s %s with the key %q", tt.name, r.Method, r.URL, r.Header.Get("Fastly-Key"))
			}
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		got := Fastly{BaseURL: api.URL, Service: "SVC", Token: secret}.Look(t.Context(), "cdn[0]")
		api.Close()
		if len(got) != 1 || got[0].Status != tt.want || !strings.Contains(got[0].Says, tt.says) || (got[0].Mend == "") != (tt.want == OK) {
			t.Errorf("%s: %+v, want %s that says %q", tt.name, got, tt.want, tt.says)
		}
		for _, c := range got {
			if strings.Contains(c.Says+c.Mend, os.Getenv("FASTLY_TOKEN")) {
				t.Errorf("%s: the token is shown: %+v", tt.name, c)
			}
		}
	}
	if got := (Fastly{BaseURL: "http://127.0.0.1:1", Service: "SVC", Token: secret}).Look(t.Context(), "cdn[0]"); len(got) != 1 || got[0].Status != Fail {
		t.Errorf("without an API: %+v, want one that has failed", got)
	}
}
