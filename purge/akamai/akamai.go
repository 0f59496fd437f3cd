// Package akamai purges Akamai by tags and URLs with the Fast Purge API v3:
// POST /ccu/v3/{invalidate|delete}/{tag|url}/{production|staging}, signed with
// EdgeGrid. A soft purge invalidates: what is cached is stale from then on, and
// served only as far as the property allows stale content. A hard one deletes.
//
// An accepted purge (201) takes effect in about five seconds.
//
// # Limits
//
// Tags are those of the field Edge-Cache-Tag: 128 characters at most, letters,
// digits and !#$%'+./^_`|~- (techdocs.akamai.com, Property Manager, "Cache
// Tag"), upper and lower case told apart, 128 an object. The usual "product:42"
// is none: write "product-42". Akamai takes tags from responses with status 200
// only: a 304 changes none.
//
// A body has 50,000 bytes at most, and there are 50 calls a second, 100 at
// once, for all of an account (Fast Purge, "Rate limiting", 2026). Tags and URLs
// are counted too, 500 tags a minute and 5,000 at once, 12,000 URLs a minute and
// 10,000 at once. Calls with more are answered 429 and cost nothing; the error
// then says in After when there are enough.
package akamai

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

const (
	maxItems = 1_000
	maxBody  = 50_000
	// maxBytes leaves room for the quotes and commas around maxItems items.
	maxBytes = 46_900
	// pause is what Akamai asks for after 429.
	pause = 5 * time.Second
)

// Options configures a [Purger]. The credentials are those of an API client with
// access to CCU APIs; Akamai hands them out as a file .edgerc, with these names.
type Options struct {
	// Host is the host of the API client: "akab-….luna.akamaiapis.net".
	Host string
	// ClientToken, ClientSecret and AccessToken are the credentials.
	ClientToken, ClientSecret, AccessToken purgeapi.Secret
	// Staging purges the staging network.
	//
	// Default: the production network.
	Staging bool
	// Name names the purger in receipts and errors.
	//
	// Default: "akamai".
	Name string
	// BaseURL is the address of the API, where it is not https://Host: that of a
	// gateway, or of a test. Host is then not used.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for an account's properties.
type Purger struct {
	api     caller.Caller
	signer  signer
	network string
}

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var errs []error
	address := "BaseURL"
	if o.BaseURL == "" {
		o.BaseURL, address = "https://"+o.Host, "Host"
		if strings.Contains(o.Host, "/") {
			errs = append(errs, errors.New("Host is not a host name, want that of the API client, without https://"))
		}
	}
	for _, field := range []struct {
		name   string
		secret purgeapi.Secret
	}{{"ClientToken", o.ClientToken}, {"ClientSecret", o.ClientSecret}, {"AccessToken", o.AccessToken}} {
		if field.secret.IsZero() {
			errs = append(errs, fmt.Errorf("%s is empty, want that of the API client", field.name))
		}
	}
	api, err := caller.New(caller.Options{
		Vendor: "akamai", Name: o.Name, BaseURL: o.BaseURL, Field: address, HTTP: o.HTTP,
		Secrets: []purgeapi.Secret{o.ClientSecret, o.ClientToken, o.AccessToken}, Explain: explain,
		Limits: purge.Limits{
			Tags: maxItems, URLs: maxItems, Bytes: maxBytes, Rate: 50, Burst: 100,
			Tag: purgeapi.PrintableTag(128, `"&()*,:;<=>?@[\]{}`),
		},
	}, errs...)
	if err != nil {
		return nil, err
	}
	p := &Purger{api: api, signer: signer{o.ClientToken, o.AccessToken, o.ClientSecret}, network: "production"}
	if o.Staging {
		p.network = "staging"
	}
	return p, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are 1,000 tags or URLs a call.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	method, kind, objects := "delete", "tag", what.Tags
	if what.Soft {
		method = "invalidate"
	}
	if len(what.URLs) > 0 {
		kind, objects = "url", what.URLs
	}
	body := caller.JSON(map[string][]string{"objects": objects})
	if len(body) > maxBody {
		return p.api.Impossible(fmt.Errorf("the body has %d bytes, at most %d: escape quotes and backslashes in URLs", len(body), maxBody))
	}
	a, err := p.api.Call(ctx, purgeapi.Request{
		URL:    "/ccu/v3/" + method + "/" + kind + "/" + p.network,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   body,
		Sign: func(r *http.Request, body []byte) error {
			r.Header.Set("Authorization", p.signer.sign(r, body, time.Now(), rand.Text()))
			return nil
		},
	})
	if err != nil {
		return err
	}
	return p.judge(a)
}

// answer is the body of every answer, a success or not.
type answer struct {
	HTTPStatus int    `json:"httpStatus"`
	PurgeID    string `json:"purgeId"`
	Title      string `json:"title"`
	Detail     string `json:"detail"`
	// Size is how many objects a call that was denied had.
	Size float64 `json:"rateLimitCurrentRequestSize"`
}

// judge looks for the acceptance in an answer whose status is 2xx.
func (p *Purger) judge(a purgeapi.Answer) error {
	var said answer
	if err := json.Unmarshal(a.Body, &said); err != nil || said.HTTPStatus == 0 {
		return p.api.Fail(a, "the answer does not say whether the purge was accepted", false)
	}
	if said.HTTPStatus != http.StatusCreated {
		return p.api.Fail(a, fmt.Sprintf("%s (httpStatus %d)", said.text(), said.HTTPStatus), false)
	}
	return nil
}

func (s *answer) text() string {
	switch {
	case s.Title == "":
		return s.Detail
	case s.Detail == "":
		return s.Title
	}
	return s.Title + ": " + s.Detail
}

// explain reads a problem (application/problem+json), and when there will be
// tokens enough: for calls, or for what the call had.
func explain(a purgeapi.Answer) (string, time.Duration) {
	var said answer
	_ = json.Unmarshal(a.Body, &said) // without it there is less to say
	if a.Status != http.StatusTooManyRequests || a.Header.Get("X-Ratelimit-Limit") == "" {
		return said.text(), 0
	}
	return said.text(), max(pause, until(a.Header, "", 1), until(a.Header, "-Objects", said.Size))
}

// until is how long it takes until a bucket has size tokens.
func until(h http.Header, kind string, size float64) time.Duration {
	left, err1 := strconv.ParseFloat(h.Get("X-Ratelimit-Remaining"+kind), 64)
	rate, err2 := strconv.ParseFloat(h.Get("X-Ratelimit-Limit-Per-Second"+kind), 64)
	if err1 != nil || err2 != nil || !(rate > 0) || !(size > left) {
		return 0
	}
	// Not more than a day, whatever the numbers are: a float beyond the range of
	// a Duration would become any number.
	return time.Duration(min((size-left)/rate, 24*3600) * float64(time.Second))
}
