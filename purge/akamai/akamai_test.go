package akamai_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/akamai"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/purgetest"
)

func answer(status int, body string, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const accepted = `{"httpStatus":201,"estimatedSeconds":5,"purgeId":"e535071c-26b2-11e7-94d7-276f2f54d938",` +
	`"supportId":"17PY1492793544958045-219026624","detail":"Request accepted"}`

// The examples of the vendor's page "Rate limit response examples", and others
// of the same form.
func denied(title string, size int, fields ...string) http.HandlerFunc {
	return answer(429, fmt.Sprintf(`{"supportId":"17PY1552425241133633-211776704","title":%q,"httpStatus":429,`+
		`"describedBy":"https://developer.akamai.com/","rateLimit":100,"rateLimitCurrentRequestSize":%d,"rateLimitRemaining":0}`, title, size), fields...)
}

var authorization = regexp.MustCompile(`^EG1-HMAC-SHA256 client_token=akab-client;access_token=akab-access;` +
	`timestamp=20000101T00:00:0\d\+0000;nonce=[A-Z2-7]{26};signature=[A-Za-z0-9+/]{43}=$`)

// signed looks at the form of the signature; its value is compared with the
// published ones elsewhere. No nonce comes twice.
func signed() func(*http.Request, []byte) error {
	last := ""
	return func(r *http.Request, _ []byte) error {
		got := r.Header.Get("Authorization")
		if !authorization.MatchString(got) || got == last {
			return fmt.Errorf("Authorization %q, want the form %s and not what it was", got, authorization)
		}
		last = got
		return nil
	}
}

func kit(staging bool) purgetest.Kit {
	return purgetest.Kit{
		New: func(t *testing.T, base string, client *http.Client) purge.Purger {
			p, err := akamai.New(akamai.Options{
				ClientToken: purgeapi.NewSecret("akab-client"), AccessToken: purgeapi.NewSecret("akab-access"),
				ClientSecret: purgeapi.NewSecret("s3cr3t+/key="), Staging: staging, BaseURL: base, HTTP: client,
			})
			if err != nil {
				t.Fatal(err)
			}
			return p
		},
		Secrets: []string{"akab-client", "akab-access", "s3cr3t+/key="},
		Accept:  answer(201, accepted),
	}
}

func TestPurger(t *testing.T) {
	k := kit(false)
	fields := map[string]string{"Content-Type": "application/json", "Authorization": "*"}
	k.Calls = []purgetest.Call{
		{
			Name: "tags", Purge: purge.Purge{Tags: []string{"product-42", "category-7"}},
			Want: []purgetest.Request{{
				Method: "POST", Path: "/ccu/v3/delete/tag/production", Header: fields, Check: signed(),
				Body: `{"objects":["product-42","category-7"]}`,
			}},
		},
		{
			Name: "soft tags", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
			Want: []purgetest.Request{{
				Method: "POST", Path: "/ccu/v3/invalidate/tag/production", Header: fields, Check: signed(),
				Body: `{"objects":["products"]}`,
			}},
		},
		{
			Name: "urls", Purge: purge.Purge{URLs: []string{"https://www.example.com/a?b=1&c=<2>"}},
			Want: []purgetest.Request{{
				Method: "POST", Path: "/ccu/v3/delete/url/production", Header: fields,
				Check: func(_ *http.Request, body []byte) error {
					if want := `{"objects":["https://www.example.com/a?b=1&c=<2>"]}`; string(body) != want {
						return fmt.Errorf("body %s, want %s byte by byte", body, want)
					}
					return nil
				},
				Body: `{"objects":["https://www.example.com/a?b=1&c=<2>"]}`,
			}},
		},
		{
			Name: "soft urls", Purge: purge.Purge{URLs: []string{"https://www.example.com/a"}, Soft: true},
			Want: []purgetest.Request{{
				Method: "POST", Path: "/ccu/v3/invalidate/url/production", Body: `{"objects":["https://www.example.com/a"]}`,
			}},
		},
	}
	calls := []string{"X-Ratelimit-Limit", "100", "X-Ratelimit-Limit-Per-Second", "50.00"}
	k.Failures = []purgetest.Failure{
		{
			Name: "429 for calls", Want: purge.Error{Status: 429, After: 5 * time.Second, Reason: "Rate Limit exceeded"},
			Answer: denied("Rate Limit exceeded", 1, append(calls, "X-Ratelimit-Remaining", "0",
				"X-Ratelimit-Remaining-Objects", "9904", "X-Ratelimit-Limit-Per-Second-Objects", "200.00", "X-Ratelimit-Limit-Objects", "10000")...),
		},
		{
			Name: "429 for slow calls", Want: purge.Error{Status: 429, After: 15 * time.Second},
			Answer: denied("", 1, "X-Ratelimit-Limit", "100", "X-Ratelimit-Limit-Per-Second", "0.05", "X-Ratelimit-Remaining", "0.25"),
		},
		{
			Name: "429 without a rate", Want: purge.Error{Status: 429, After: 5 * time.Second},
			Answer: denied("", 1, "X-Ratelimit-Limit", "100", "X-Ratelimit-Limit-Per-Second", "0", "X-Ratelimit-Remaining", "0"),
		},
		{
			Name: "429 for tags", Want: purge.Error{Status: 429, After: 90 * time.Second, Reason: "Tag Rate Limit exceeded"},
			Answer: denied("Tag Rate Limit exceeded", 800, append(calls, "X-Ratelimit-Remaining", "99",
				"X-Ratelimit-Remaining-Objects", "50", "X-Ratelimit-Limit-Per-Second-Objects", "8.333333333333", "X-Ratelimit-Limit-Objects", "5000")...),
		},
		{
			Name: "429 with nonsense", Want: purge.Error{Status: 429, After: 5 * time.Second},
			Answer: denied("", 800, append(calls, "X-Ratelimit-Remaining", "NaN", "X-Ratelimit-Remaining-Objects", "-1e300",
				"X-Ratelimit-Limit-Per-Second-Objects", "-0")...),
		},
		{
			Name: "429 with no end", Want: purge.Error{Status: 429, After: 24 * time.Hour},
			Answer: denied("", 800, append(calls, "X-Ratelimit-Remaining-Objects", "-1e300", "X-Ratelimit-Limit-Per-Second-Objects", "1e-300")...),
		},
		{
			Name: "403 with a reason", Want: purge.Error{Status: 403, Final: true, Reason: "unauthorized cpcode: 12345"},
			Answer: answer(403, `{"httpStatus":403,"title":"unauthorized cpcode","detail":"12345","supportId":"17PY"}`),
		},
		{Name: "201 that says nothing", Answer: answer(201, `{}`), Want: purge.Error{Status: 201, Reason: "does not say"}},
		{Name: "200 with a page", Answer: answer(200, `<html>`), Want: purge.Error{Status: 200, Reason: "does not say"}},
		{
			Name: "200 that failed", Want: purge.Error{Status: 200, Reason: "not now (httpStatus 507)"},
			Answer: answer(200, `{"httpStatus":507,"detail":"not now"}`),
		},
	}
	k.GoodTags = []string{"Product-42", "!#$%'+./^_`|~-", strings.Repeat("x", 128)}
	k.BadTags = []string{"product:42", "a b", "a,b", "a*", "a@b", `a\b`, "{a}", "<a>", "größe", strings.Repeat("x", 129)}
	for _, bad := range `"&()*,:;<=>?@[\]{}` {
		k.BadTags = append(k.BadTags, "a"+string(bad))
	}
	purgetest.Test(t, k)
}

func TestPurger_Staging(t *testing.T) {
	k := kit(true)
	k.Calls = []purgetest.Call{{
		Name: "tags", Purge: purge.Purge{Tags: []string{"products"}, Soft: true},
		Want: []purgetest.Request{{Method: "POST", Path: "/ccu/v3/invalidate/tag/staging", Body: `{"objects":["products"]}`}},
	}}
	purgetest.Test(t, k)
}

// The body must stay below what the vendor allows, whatever Limits lets in.
func TestPurge_Body(t *testing.T) {
	p := kit(false).New(t, "http://127.0.0.1:1", &http.Client{Transport: failing{}})
	l := p.Limits()
	long := make([]string, l.URLs)
	for i := range long {
		long[i] = "https://www.example.com/" + strings.Repeat(`&`, l.Bytes/l.URLs-len("https://www.example.com/"))
	}
	if err := p.Purge(t.Context(), purge.Purge{URLs: long}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Purge of %d bytes = %v, want it sent", l.Bytes, err)
	}
	for i := range long {
		long[i] = strings.ReplaceAll(long[i], "&", `"`)
	}
	if err := p.Purge(t.Context(), purge.Purge{URLs: long}); err == nil || !strings.Contains(err.Error(), "body has") {
		t.Errorf("Purge of %d bytes, most of them quotes, = %v, want it refused", l.Bytes, err)
	}
}

// failing sends only bodies of 50,000 bytes or less, and these nowhere.
type failing struct{}

func (failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ContentLength > 50_000 {
		return nil, errors.New("too large")
	}
	return nil, io.ErrUnexpectedEOF
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	_, err := akamai.New(akamai.Options{Host: "https://akab-x.luna.akamaiapis.net"})
	if err == nil {
		t.Fatal("New took them all")
	}
	for _, want := range []string{"Host", "ClientToken", "ClientSecret", "AccessToken"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
	if _, err := akamai.New(akamai.Options{BaseURL: "http://api.example.com"}); err == nil || !strings.Contains(err.Error(), "BaseURL") {
		t.Errorf("New over http = %v, want it refused", err)
	}
}
