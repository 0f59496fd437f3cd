package googlecdn_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/googlecdn"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func token(context.Context) (purgeapi.Secret, error) { return purgeapi.NewSecret("ya29.s3cr3t"), nil }

// The forms of the vendor's API reference: Operation, and "Handling errors".
const (
	started  = `{"kind":"compute#operation","id":"7128783508312083402","name":"operation-1","operationType":"invalidateCache","status":"PENDING","progress":0}`
	exceeded = `{"error":{"code":403,"message":"Rate Limit Exceeded","errors":[{"message":"Rate Limit Exceeded","domain":"usageLimits","reason":"rateLimitExceeded"}]}}`
	denied   = `{"error":{"code":403,"message":"Required 'compute.urlMaps.invalidateCache' permission","errors":[{"reason":"forbidden"}],"status":"PERMISSION_DENIED"}}`
)

func TestPurger(t *testing.T) {
	const path = "/compute/v1/projects/shop-1/global/urlMaps/front/invalidateCache"
	fields := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer ya29.s3cr3t"}
	star := purge.Purge{URLs: []string{"https://www.example.com/a/*"}}
	purgetest.Test(t, purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			p, err := googlecdn.New(googlecdn.Options{Project: "shop-1", URLMap: "front", Token: token, BaseURL: base, HTTP: client})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{"ya29.s3cr3t"},
		Accept:  answer(200, started),
		Calls: []purgetest.Call{
			{
				Name: "tags", Purge: purge.Purge{Tags: []string{"product:42", "category-7"}},
				Want: []purgetest.Request{{Method: "POST", Path: path, Header: fields, Body: `{"cacheTags":["product:42","category-7"]}`}},
			},
			{
				Name: "soft is hard", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
				Want: []purgetest.Request{{Method: "POST", Path: path, Header: fields, Body: `{"cacheTags":["products"]}`}},
			},
			{
				Name: "url", Purge: purge.Purge{URLs: []string{"https://WWW.example.com:443/a%20b/c?x=1#top"}},
				Want: []purgetest.Request{{Method: "POST", Path: path, Header: fields, Body: `{"host":"www.example.com","path":"/a%20b/c"}`}},
			},
			{
				Name: "url without a path", Purge: purge.Purge{URLs: []string{"https://www.example.com?a"}},
				Want: []purgetest.Request{{Method: "POST", Path: path, Header: fields, Body: `{"host":"www.example.com","path":"/"}`}},
			},
		},
		Failures: []purgetest.Failure{
			{Name: "rate limit", Answer: answer(403, exceeded), Want: purge.Error{Status: 403, Reason: "Rate Limit Exceeded"}},
			{Name: "resource exhausted", Answer: answer(403, `{"error":{"status":"RESOURCE_EXHAUSTED"}}`), Want: purge.Error{Status: 403, Reason: "RESOURCE_EXHAUSTED"}},
			{Name: "no permission", Answer: answer(403, denied), Want: purge.Error{Status: 403, Final: true, Reason: "PERMISSION_DENIED: Required 'compute"}},
			{
				Name: "an operation that has failed", Want: purge.Error{Status: 200, Reason: "has failed: try later (RESOURCE_NOT_READY)"},
				Answer: answer(200, `{"name":"operation-1","status":"DONE","error":{"errors":[{"code":"RESOURCE_NOT_READY","message":"try later"}]}}`),
			},
			{Name: "200 that says nothing", Answer: answer(200, `{}`), Want: purge.Error{Status: 200, Reason: "no operation"}},
			{Name: "200 with a page", Answer: answer(200, `<html>`), Want: purge.Error{Status: 200, Reason: "no operation"}},
			{Name: "a wildcard", Answer: answer(200, started), Purge: &star, Want: purge.Error{Final: true, Reason: "purge by a tag"}},
		},
		GoodTags: []string{"product:42"},
		BadTags:  []string{"a b", "a,b", "größe", strings.Repeat("x", 1025)},
	})
}

func TestPurge_NoToken(t *testing.T) {
	broken := errors.New("the key file is gone")
	for _, source := range []googlecdn.TokenSource{
		func(context.Context) (purgeapi.Secret, error) { return purgeapi.Secret{}, broken },
		func(context.Context) (purgeapi.Secret, error) { return purgeapi.Secret{}, nil },
	} {
		p, err := googlecdn.New(googlecdn.Options{Project: "shop-1", URLMap: "front", Token: source, BaseURL: "http://127.0.0.1:1"})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Purge(t.Context(), purge.Purge{Tags: []string{"products"}})
		e := (*purge.Error)(nil)
		if !errors.As(err, &e) || e.Final || e.Target != "googlecdn" || !strings.Contains(e.Error(), "no access token") {
			t.Errorf("Purge = %v, want an error about the token that is not final", err)
		}
	}
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	_, err := googlecdn.New(googlecdn.Options{Project: "../x", URLMap: "a/b", BaseURL: "http://api.example.com"})
	if err == nil {
		t.Fatal("New took them all")
	}
	for _, want := range []string{"Project", "URLMap", "Token", "BaseURL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
	for _, project := range []string{"shop-1", "example.com:shop-1"} {
		if _, err := googlecdn.New(googlecdn.Options{Project: project, URLMap: "front", Token: token}); err != nil {
			t.Errorf("New with the project %q = %v", project, err)
		}
	}
}
