// Package fastly purges a service of Fastly by surrogate keys and by URL.
//
// Keys go 256 in a call, in JSON: POST /service/{id}/purge. A soft purge has
// the field Fastly-Soft-Purge. One URL is one call: POST /purge/{host}/{path}.
// Keys are those of the header Surrogate-Key; upper and lower case differ.
//
// Source: Fastly's API reference, "Purge", and its guide "API rate limiting".
package fastly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options configures a [Purger].
type Options struct {
	// Service is the service's id.
	Service string
	// Token is an API token with the scope purge_select.
	Token purgeapi.Secret
	// Rate and Burst bound the calls, a second and at once. Give both or
	// neither.
	//
	// Default: 1,000 an hour, 100 at once, which is what a token may do if
	// purges are counted as all calls are.
	Rate  float64
	Burst int
	// Name names the purger in receipts and errors.
	//
	// Default: "fastly".
	Name string
	// BaseURL is the address of the API.
	//
	// Default: https://api.fastly.com.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one service.
type Purger struct {
	api     caller.Caller
	service string
	token   purgeapi.Secret
}

var serviceID = regexp.MustCompile(`^[0-9a-zA-Z]{1,64}$`)

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var errs []error
	if !serviceID.MatchString(o.Service) {
		// Not repeated: it comes from the environment, and may be a token in the wrong place.
		errs = append(errs, errors.New("Service is none, want the letters and digits of its id"))
	}
	if o.Token.IsZero() {
		errs = append(errs, errors.New("Token is empty, want an API token with the scope purge_select"))
	}
	api, err := caller.New(caller.Options{
		Vendor: "fastly", API: "https://api.fastly.com", Name: o.Name, BaseURL: o.BaseURL, HTTP: o.HTTP,
		Secrets: []purgeapi.Secret{o.Token}, Explain: explain, Rate: o.Rate, Burst: o.Burst,
		Limits: purge.Limits{Tags: 256, URLs: 1, Rate: 1000.0 / 3600, Burst: 100, Tag: purgeapi.PrintableTag(1024, "")},
	}, errs...)
	if err != nil {
		return nil, err
	}
	return &Purger{api: api, service: o.Service, token: o.Token}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are 256 keys, or one URL.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	r := purgeapi.Request{Header: http.Header{
		"Fastly-Key": {p.token.Reveal()},
		"Accept":     {"application/json"},
	}}
	if what.Soft {
		r.Header.Set("Fastly-Soft-Purge", "1")
	}
	if len(what.URLs) > 0 {
		r.URL = "/purge/" + cached(what.URLs[0])
	} else {
		r.URL, r.Body = "/service/"+p.service+"/purge", caller.JSON(map[string][]string{"surrogate_keys": what.Tags})
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := p.api.Call(ctx, r)
	if err != nil {
		return err
	}
	return p.judge(a, what)
}

// cached is a URL as the API has it in its path: without the scheme. A fragment
// is not sent.
func cached(text string) string {
	_, rest, _ := strings.Cut(text, "://")
	return rest
}

// judge reads an answer with status 2xx: {"status":"ok"} for a URL, an id by
// key for keys. Keys without an id were not purged.
func (p *Purger) judge(a purgeapi.Answer, what purge.Purge) error {
	var says map[string]any
	if err := json.Unmarshal(a.Body, &says); err != nil {
		return p.api.Fail(a, "the answer is not a JSON object", false)
	}
	if len(what.URLs) > 0 {
		if says["status"] != "ok" {
			return p.api.Fail(a, "the answer does not say that its status is ok", false)
		}
		return nil
	}
	var missing []string
	for _, tag := range what.Tags {
		if id, ok := says[tag].(string); !ok || id == "" {
			missing = append(missing, tag)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	e := p.api.Fail(a, fmt.Sprintf("the answer has no id for %d of %d keys", len(missing), len(what.Tags)), false)
	e.Items = missing
	return e
}

// explain reads what Fastly says of an error, and when its count of calls
// begins anew.
func explain(a purgeapi.Answer) (string, time.Duration) {
	var says struct{ Msg, Detail string }
	_ = json.Unmarshal(a.Body, &says) // a page of a proxy says nothing
	reason := strings.TrimSuffix(says.Msg+": "+says.Detail, ": ")
	var after time.Duration
	if reset, err := strconv.ParseInt(a.Header.Get("Fastly-RateLimit-Reset"), 10, 64); err == nil && a.Status == http.StatusTooManyRequests {
		after = max(0, time.Until(time.Unix(reset, 0)))
	}
	return strings.TrimPrefix(reason, ": "), after
}
