// Package bunny purges a pull zone of Bunny by tag, and by URL: one of either
// in a call, POST /pullzone/{id}/purgeCache with {"CacheTag": "…"} and POST
// /purge?url=….
//
// Tags are those of the header CDN-Tag, which has 1,024 bytes in all. There is
// no soft purge: what is purged softly is forgotten. Purging by tag one by one
// is slow; a response that many changes concern wants a tag that they share.
//
// Source: Bunny's API reference, "Purge Cache" and "Purge URL".
package bunny

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options configures a [Purger].
type Options struct {
	// PullZone is the number of the pull zone, above 0.
	PullZone int64
	// Key is the account's API key.
	Key purgeapi.Secret
	// Rate and Burst bound the purges by tag, a second and at once. Give both
	// or neither.
	//
	// Default: 0.5 and 20, what the account may do by prefix. What it may by
	// tag is not documented.
	Rate  float64
	Burst int
	// Name names the purger in receipts and errors.
	//
	// Default: "bunny".
	Name string
	// BaseURL is the address of the API.
	//
	// Default: https://api.bunny.net.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one pull zone.
type Purger struct {
	api  caller.Caller
	zone int64
	key  purgeapi.Secret
}

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var errs []error
	if o.PullZone < 1 {
		errs = append(errs, fmt.Errorf("PullZone is %d, want its number", o.PullZone))
	}
	if o.Key.IsZero() {
		errs = append(errs, errors.New("Key is empty, want the account's API key"))
	}
	api, err := caller.New(caller.Options{
		Vendor: "bunny", API: "https://api.bunny.net", Name: o.Name, BaseURL: o.BaseURL, HTTP: o.HTTP,
		Secrets: []purgeapi.Secret{o.Key}, Explain: explain, Rate: o.Rate, Burst: o.Burst,
		Limits: purge.Limits{
			Tags: 1, URLs: 1, Rate: 0.5, Burst: 20, URLRate: 5, URLBurst: 120,
			Tag: purgeapi.PrintableTag(1024, ","),
		},
	}, errs...)
	if err != nil {
		return nil, err
	}
	return &Purger{api: api, zone: o.PullZone, key: o.Key}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are one tag or one URL.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	r := purgeapi.Request{Header: http.Header{"Accesskey": {p.key.Reveal()}}}
	if len(what.URLs) > 0 {
		// Without exactPath a URL that ends in a slash is all that lies below
		// it.
		r.URL = "/purge?" + url.Values{"url": {what.URLs[0]}, "async": {"false"}, "exactPath": {"true"}}.Encode()
	} else {
		r.URL, r.Body = fmt.Sprintf("/pullzone/%d/purgeCache", p.zone), caller.JSON(map[string]string{"CacheTag": what.Tags[0]})
		r.Header.Set("Content-Type", "application/json")
	}
	_, err := p.api.Call(ctx, r)
	return err
}

// explain reads what the API says of an error.
func explain(a purgeapi.Answer) (string, time.Duration) {
	var says struct{ Message string }
	_ = json.Unmarshal(a.Body, &says) // a page of a proxy says nothing
	return says.Message, 0
}
