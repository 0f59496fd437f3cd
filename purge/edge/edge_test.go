package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/edge"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

func kit(o edge.Options, authorization string) purgetest.Kit {
	fields := map[string]string{"Authorization": authorization, "Content-Type": "application/json"}
	return purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			o.BaseURL, o.HTTP = base+"/purge", client
			p, err := edge.New(o)
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Accept: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"success":true,"errors":[],"messages":[],"result":{"id":"1"}}`)
		},
		Calls: []purgetest.Call{
			{
				Name: "tags", Purge: purge.Purge{Tags: []string{"product-42", "products"}},
				Want: []purgetest.Request{{Method: "POST", Path: "/purge/purge_cache", Header: fields, Body: `{"tags":["product-42","products"]}`}},
			},
			{
				Name: "soft URLs", Purge: purge.Purge{URLs: []string{"https://www.example.com/a?b=1&c=<2>"}, Soft: true},
				Want: []purgetest.Request{{Method: "POST", Path: "/purge/invalidate_cache", Header: fields, Body: `{"files":["https://www.example.com/a?b=1&c=<2>"]}`}},
			},
		},
		Failures: []purgetest.Failure{{
			Name: "200 without success",
			Answer: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"success":false,"errors":[{"code":7,"message":"busy"}]}`)
			},
			Want: purge.Error{Status: 200, Reason: "busy (code 7)"},
		}},
	}
}

func TestPurger(t *testing.T) {
	t.Run("with a token", func(t *testing.T) {
		k := kit(edge.Options{Token: purgeapi.NewSecret("edge-secret")}, "Bearer edge-secret")
		k.Secrets = []string{"edge-secret"}
		purgetest.Test(t, k)
	})
	t.Run("without", func(t *testing.T) { purgetest.Test(t, kit(edge.Options{}, "")) })
}

func TestNew(t *testing.T) {
	token := purgeapi.NewSecret("edge-secret")
	for _, tt := range []struct {
		o    edge.Options
		want string // in the error, "" for none
	}{
		{edge.Options{BaseURL: "http://127.0.0.1:9090/purge"}, ""},
		{edge.Options{BaseURL: "http://localhost:9090"}, ""},
		{edge.Options{BaseURL: "https://edge.example.com", Token: token}, ""},
		{edge.Options{BaseURL: "http://edge:8080", Token: token, PlainHTTP: true}, ""},
		{edge.Options{BaseURL: "http://edge:8080", Token: token}, "https://"},
		{edge.Options{BaseURL: "https://edge.example.com"}, "Token is empty"},
		{edge.Options{BaseURL: "http://edge:8080", PlainHTTP: true}, "Token is empty"},
		{edge.Options{BaseURL: "http://u:edge-secret@localhost"}, "user information"},
		{edge.Options{BaseURL: "http://localhost", Rate: 1}, "Rate"},
		{edge.Options{BaseURL: "http://localhost", Name: "edge \xff"}, `Name is "edge \xff"`},
		{edge.Options{BaseURL: "http://localhost", Name: "edge\n2"}, `Name is "edge\n2"`},
		{edge.Options{BaseURL: "http://localhost", Name: "édge 2"}, ""},
	} {
		_, err := edge.New(tt.o)
		switch {
		case err != nil && strings.Contains(err.Error(), "edge-secret"):
			t.Errorf("New(%+v) = %v, which holds a secret", tt.o, err)
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("New(%+v) = %v, want %q in it", tt.o, err, tt.want)
		}
	}
}
