package fastly_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/fastly"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

const service = "SU1Z0isxPaozGVKXdv0eY"

// accept answers as the API does: a status for a URL, an id for each key.
func accept(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/purge/") {
		_, _ = io.WriteString(w, `{"status":"ok","id":"108-1391560174-974124"}`)
		return
	}
	var body struct {
		Keys []string `json:"surrogate_keys"`
	}
	data, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(data, &body)
	ids := map[string]string{}
	for _, key := range body.Keys {
		ids[key] = "108-1391560174-974124"
	}
	_ = json.NewEncoder(w).Encode(ids)
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestPurger(t *testing.T) {
	hard := map[string]string{"Fastly-Key": "fastly-secret", "Content-Type": "application/json", "Fastly-Soft-Purge": "", "Accept": "application/json"}
	soft := map[string]string{"Fastly-Key": "fastly-secret", "Fastly-Soft-Purge": "1"}
	url := purge.Purge{URLs: []string{"https://www.example.com/a"}}
	purgetest.Test(t, purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			p, err := fastly.New(fastly.Options{Service: service, Token: purgeapi.NewSecret("fastly-secret"), BaseURL: base, HTTP: client})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{"fastly-secret"},
		Accept:  accept,
		Calls: []purgetest.Call{
			{
				Name: "keys", Purge: purge.Purge{Tags: []string{"product-42", "Category:7"}},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/service/" + service + "/purge", Header: hard, Body: `{"surrogate_keys":["product-42","Category:7"]}`,
				}},
			},
			{
				Name: "soft keys", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/service/" + service + "/purge", Header: soft, Body: `{"surrogate_keys":["products"]}`,
				}},
			},
			{
				Name: "a URL", Purge: purge.Purge{URLs: []string{"https://www.example.com/a%20b?x=1#top"}},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/purge/www.example.com/a%20b?x=1", Header: map[string]string{"Fastly-Key": "fastly-secret", "Fastly-Soft-Purge": ""},
				}},
			},
		},
		Failures: []purgetest.Failure{
			{
				Name: "a key without an id", Answer: answer(200, `{"product-42":"108-1"}`),
				Want: purge.Error{Status: 200, Items: []string{"Category:7"}, Reason: "no id for 1 of 2 keys"},
			},
			{Name: "a URL without ok", Answer: answer(200, `{"status":"busy"}`), Purge: &url, Want: purge.Error{Status: 200, Reason: "status is ok"}},
			{Name: "a page", Answer: answer(200, `<html>`), Want: purge.Error{Status: 200, Reason: "not a JSON object"}},
			{
				Name: "a reason", Answer: answer(401, `{"msg":"Provided credentials are missing or invalid"}`),
				Want: purge.Error{Status: 401, Final: true, Reason: "Provided credentials are missing or invalid"},
			},
			{Name: "429 until its reset", Answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Fastly-RateLimit-Remaining", "0")
				w.Header().Set("Fastly-RateLimit-Reset", strconv.FormatInt(time.Now().Add(90*time.Second).Unix(), 10))
				w.WriteHeader(429)
			}, Want: purge.Error{Status: 429, After: 90 * time.Second}},
		},
		GoodTags: []string{"product:42", "a,b", strings.Repeat("x", 1024)},
		BadTags:  []string{"a b", "größe", strings.Repeat("x", 1025)},
	})
}

func TestLimits(t *testing.T) {
	p, err := fastly.New(fastly.Options{Service: service, Token: purgeapi.NewSecret("t")})
	if err != nil {
		t.Fatal(err)
	}
	if l := p.Limits(); l.Tags != 256 || l.FoldsCase || l.Rate*3600 != 1000 {
		t.Errorf("limits %+v, want 256 keys, case kept, 1,000 calls an hour", l)
	}
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	_, err := fastly.New(fastly.Options{Service: "a/b", Rate: 1, BaseURL: "ftp://x"})
	for _, want := range []string{"Service", "Token", "Rate", "BaseURL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
}
