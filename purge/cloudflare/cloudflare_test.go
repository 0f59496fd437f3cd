package cloudflare_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/cloudflare"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

const zoneID = "023e105f4ecef8ad9ca31a8372d0c353"

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

func TestPurger(t *testing.T) {
	fields := map[string]string{"Authorization": "Bearer cf-secret-token", "Content-Type": "application/json"}
	purgetest.Test(t, purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			p, err := cloudflare.New(cloudflare.Options{
				Zone: zoneID, Token: purgeapi.NewSecret("cf-secret-token"), BaseURL: base + "/client/v4", HTTP: client,
			})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{"cf-secret-token"},
		Accept:  answer(`{"success":true,"errors":[],"messages":[],"result":{"id":"` + zoneID + `"}}`),
		Calls: []purgetest.Call{
			{
				Name: "tags", Purge: purge.Purge{Tags: []string{"product-42", "category-7"}},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/client/v4/zones/" + zoneID + "/purge_cache", Header: fields,
					Body: `{"tags":["product-42","category-7"]}`,
				}},
			},
			{
				Name: "soft tags", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/client/v4/zones/" + zoneID + "/invalidate_cache", Header: fields,
					Body: `{"tags":["products"]}`,
				}},
			},
			{
				Name: "files", Purge: purge.Purge{URLs: []string{"https://www.example.com/a.css"}},
				Want: []purgetest.Request{{
					Method: "POST", Path: "/client/v4/zones/" + zoneID + "/purge_cache", Header: fields,
					Body: `{"files":["https://www.example.com/a.css"]}`,
				}},
			},
		},
		Failures: []purgetest.Failure{
			{
				Name: "200 without success", Answer: answer(`{"success":false,"errors":[{"code":1134,"message":"Unable to purge"}]}`),
				Want: purge.Error{Status: 200, Reason: "Unable to purge (code 1134)"},
			},
			{Name: "200 that says nothing", Answer: answer(`{}`), Want: purge.Error{Status: 200, Reason: "does not say"}},
			{Name: "200 with a page", Answer: answer(`<html>`), Want: purge.Error{Status: 200, Reason: "does not say"}},
			{Name: "403 with a reason", Answer: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(403)
				answer(`{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}`)(w, r)
			}, Want: purge.Error{Status: 403, Final: true, Reason: "Authentication error (code 10000)"}},
		},
		GoodTags: []string{"product:42", strings.Repeat("x", 1024)},
		BadTags:  []string{"a b", "a,b", "größe", strings.Repeat("x", 1025)},
	})
}

// The limits are those of the vendor's table.
func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		o    cloudflare.Options
		want string // tags, URLs, rate, burst, URLs' rate and burst
	}{
		{cloudflare.Options{}, "100 30 0.08 25 26.67 26"},
		{cloudflare.Options{Plan: cloudflare.Pro}, "100 30 5.00 25 50.00 50"},
		{cloudflare.Options{Plan: cloudflare.Business, FilesPerCall: 100}, "100 100 10.00 50 15.00 15"},
		{cloudflare.Options{Plan: cloudflare.Enterprise}, "100 500 50.00 500 6.00 6"},
		{cloudflare.Options{Rate: 2, Burst: 3, TagsPerCall: 30}, "30 30 2.00 3 26.67 26"},
	} {
		tt.o.Zone, tt.o.Token = zoneID, purgeapi.NewSecret("t")
		p, err := cloudflare.New(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		l := p.Limits()
		got := fmt.Sprintf("%d %d %.2f %d %.2f %d", l.Tags, l.URLs, l.Rate, l.Burst, l.URLRate, l.URLBurst)
		if got != tt.want || !l.FoldsCase {
			t.Errorf("plan %q: limits %s, folds case %v, want %s, true", tt.o.Plan, got, l.FoldsCase, tt.want)
		}
	}
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	_, err := cloudflare.New(cloudflare.Options{Zone: "../user", Plan: "gold", BaseURL: "http://user:secret@api.example.com"})
	if err == nil {
		t.Fatal("New took them all")
	}
	for _, want := range []string{"Zone", "Token", "Plan", "BaseURL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("New repeats the password: %v", err)
	}
	if _, err := cloudflare.New(cloudflare.Options{Zone: zoneID, Token: purgeapi.NewSecret("t"), BaseURL: "http://api.example.com"}); err == nil {
		t.Error("New sends a token over http")
	}
}
