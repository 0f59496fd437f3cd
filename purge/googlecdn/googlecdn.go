// Package googlecdn purges a URL map of Google Cloud CDN by tags and URLs with
// compute.urlMaps.invalidateCache (Compute Engine API v1). The access token
// comes from a function: see [TokenSource].
//
// Tags are those of the field Cache-Tag. A URL is purged by its host and path:
// its query is not looked at, so that all URLs that differ in it go too. There is
// no soft purge.
//
// An accepted invalidation is an operation that takes effect in about ten
// seconds.
//
// # Limits
//
// Ten tags or one path a call, and 500 calls a minute (Cloud CDN, "Cache
// invalidation overview", and the reference of CacheInvalidationRule, November
// 2026). How long a tag may be is not documented; here it is 1,024 bytes.
package googlecdn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options configures a [Purger].
type Options struct {
	// Project is the id of the project: "shop-production".
	Project string
	// URLMap is the name of the URL map, which the console calls a load
	// balancer.
	URLMap string
	// Token returns the access token of a call.
	Token TokenSource
	// Name names the purger in receipts and errors.
	//
	// Default: "googlecdn".
	Name string
	// BaseURL is the address of the API.
	//
	// Default: https://compute.googleapis.com.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one URL map.
type Purger struct {
	api   caller.Caller
	token TokenSource
	path  string
}

var (
	// projectID is "name-1", or "example.com:name-1" for those of old domains.
	projectID = regexp.MustCompile(`^([a-z0-9.-]{1,100}:)?[a-z][a-z0-9-]{0,62}$`)
	mapName   = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var errs []error
	if !projectID.MatchString(o.Project) {
		// Not repeated: it comes from the environment, and may be a token in the wrong place.
		errs = append(errs, errors.New("Project is none, want the id of the project"))
	}
	if !mapName.MatchString(o.URLMap) {
		errs = append(errs, errors.New("URLMap is none, want the name of the URL map"))
	}
	if o.Token == nil {
		errs = append(errs, errors.New("Token is nil, want a function that returns access tokens: MetadataToken, on Google Cloud"))
	}
	api, err := caller.New(caller.Options{
		Vendor: "googlecdn", API: "https://compute.googleapis.com", Name: o.Name, BaseURL: o.BaseURL, HTTP: o.HTTP,
		Explain: explain, Passes: passes,
		// In no minute more than 500 calls: 8 a second and 20 at once.
		Limits: purge.Limits{Tags: 10, URLs: 1, Rate: 8, Burst: 20, Tag: purgeapi.PrintableTag(1024, ",")},
	}, errs...)
	if err != nil {
		return nil, err
	}
	path := "/compute/v1/projects/" + o.Project + "/global/urlMaps/" + o.URLMap + "/invalidateCache"
	return &Purger{api: api, token: o.Token, path: path}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are ten tags or one URL a call.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call. It names no requestId, by which the API would know a call
// that is made again: it would answer one that has failed as before, and a second
// invalidation costs nothing.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	body, err := encode(what)
	if err != nil {
		return p.api.Impossible(err)
	}
	token, err := p.token(ctx)
	if err == nil && token.IsZero() {
		err = errors.New("the source returned an empty one")
	}
	if err != nil {
		return &purge.Error{Target: p.Name(), Reason: "no access token", Err: err}
	}
	api := p.api.With(token)
	a, err := api.Call(ctx, purgeapi.Request{
		URL: p.path, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + token.Reveal()}},
	})
	if err != nil {
		return err
	}
	return judge(&api, a)
}

// rule is the body of a request, a CacheInvalidationRule.
type rule struct {
	Tags []string `json:"cacheTags,omitempty"`
	Host string   `json:"host,omitempty"`
	Path string   `json:"path,omitempty"`
}

func encode(what purge.Purge) ([]byte, error) {
	r := rule{Tags: what.Tags}
	if len(what.URLs) > 0 {
		u, err := url.Parse(what.URLs[0])
		if err != nil {
			return nil, errors.New("the URL cannot be parsed")
		}
		if r.Host, r.Path = purgeapi.HostField(u), u.EscapedPath(); r.Path == "" {
			r.Path = "/"
		}
		if strings.Contains(r.Path, "*") {
			return nil, errors.New("the URL has * in its path, which stands for any text here: purge by a tag")
		}
	}
	return caller.JSON(r), nil
}

// operation is the body of an answer whose status is 2xx.
type operation struct {
	Name  string `json:"name"`
	Error *struct {
		Errors []fault `json:"errors"`
	} `json:"error"`
}

type fault struct {
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// judge looks for the operation in an answer whose status is 2xx. One that has
// failed already may be tried again: the API does not say.
func judge(api *caller.Caller, a purgeapi.Answer) error {
	var o operation
	if err := json.Unmarshal(a.Body, &o); err != nil || o.Name == "" {
		return api.Fail(a, "the answer has no operation", false)
	}
	if o.Error == nil {
		return nil
	}
	reason := "the operation has failed"
	for _, f := range o.Error.Errors {
		reason += fmt.Sprintf(": %s (%s)", f.Message, f.Code)
	}
	return api.Fail(a, reason, false)
}

// problem is the body of an answer that is no success.
type problem struct {
	Error struct {
		Message string  `json:"message"`
		Status  string  `json:"status"`
		Errors  []fault `json:"errors"`
	} `json:"error"`
}

func parse(a purgeapi.Answer) problem {
	var p problem
	_ = json.Unmarshal(a.Body, &p) // without it there is less to say
	return p
}

// passes tells whether a failure with a status that stands for ever, 403, does
// not: quotas are told so.
func passes(a purgeapi.Answer) bool {
	p := parse(a)
	for _, f := range p.Error.Errors {
		switch f.Reason {
		case "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded":
			return true
		}
	}
	return p.Error.Status == "RESOURCE_EXHAUSTED"
}

func explain(a purgeapi.Answer) (string, time.Duration) {
	e := parse(a).Error
	if e.Status != "" && e.Message != "" {
		return e.Status + ": " + e.Message, 0
	}
	return e.Message + e.Status, 0
}
