package caller_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

func TestNew_ReportsAllMistakes(t *testing.T) {
	own := errors.New("Zone is empty")
	_, err := caller.New(caller.Options{Vendor: "acme", Name: "a\n", BaseURL: "http://api.example.com/s3cr3t", Field: "Server", Burst: 1}, nil, own)
	for _, want := range []string{"acme: ", "Zone is empty", "Name is", "Server: ", "Burst 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
	if !errors.Is(err, own) || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("New = %v, want what the vendor found, and no address", err)
	}
	for _, o := range []caller.Options{{API: "https://api.example.com"}, {BaseURL: "http://api.example.com", PlainHTTP: true}, {BaseURL: "http://127.0.0.1:1"}} {
		if _, err := caller.New(o, nil); err != nil {
			t.Errorf("New(%+v) = %v", o, err)
		}
	}
}

func TestNew_Defaults(t *testing.T) {
	o := caller.Options{Vendor: "acme", API: "https://api.example.com", Limits: purge.Limits{Tags: 3, Rate: 5, Burst: 6}}
	c, err := caller.New(o)
	if err != nil || c.Target != "acme" || c.Limits.Rate != 5 || c.Limits.Burst != 6 {
		t.Errorf("New = %q with %+v, %v; want the vendor's name and limits", c.Target, c.Limits, err)
	}
	o.Name, o.Rate, o.Burst = "front", 0.5, 2
	c, err = caller.New(o)
	if err != nil || c.Target != "front" || c.Limits.Rate != 0.5 || c.Limits.Burst != 2 || c.Limits.Tags != 3 {
		t.Errorf("New = %q with %+v, %v; want the options' name and rate", c.Target, c.Limits, err)
	}
}

func TestCall(t *testing.T) {
	var got *http.Request
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		http.Error(w, r.URL.Query().Get("say"), http.StatusForbidden)
	}))
	defer api.Close()
	c, err := caller.New(caller.Options{
		Vendor: "acme", BaseURL: api.URL + "/v1/", Secrets: []purgeapi.Secret{purgeapi.NewSecret("first")},
		Passes: func(a purgeapi.Answer) bool { return strings.Contains(string(a.Body), "quota") },
	})
	if err != nil {
		t.Fatal(err)
	}
	other := c.With(purgeapi.NewSecret("second"))
	for _, tt := range []struct {
		c      caller.Caller
		say    string
		final  bool
		reason string
	}{
		{c, "no", true, "no"},
		{c, "quota", false, "quota"},
		{c, "first+second", true, "[secret] second"},
		{other, "first+second", true, "first [secret]"},
	} {
		_, err := tt.c.Call(t.Context(), purgeapi.Request{URL: "/purge?say=" + tt.say})
		e, ok := errors.AsType[*purge.Error](err)
		if !ok || e.Final != tt.final || e.Reason != tt.reason || e.Target != "acme" {
			t.Errorf("Call of %s = %#v, want final %v and %q", tt.say, err, tt.final, tt.reason)
		}
		if got.Method != http.MethodPost || got.URL.Path != "/v1/purge" {
			t.Errorf("Call of %s: %s %s, want POST /v1/purge", tt.say, got.Method, got.URL.Path)
		}
	}
}

func TestJSON(t *testing.T) {
	if got := string(caller.JSON(map[string]string{"a": "x&y"})); got != `{"a":"x&y"}` {
		t.Errorf("JSON = %s", got)
	}
}
