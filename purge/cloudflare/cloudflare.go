// Package cloudflare purges a zone of Cloudflare by tags and URLs: hard with
// POST /zones/{zone}/purge_cache, soft with /zones/{zone}/invalidate_cache.
//
// Tags are those of the header Cache-Tag, on every plan. Cloudflare does not
// tell upper from lower case in them. An answer with status 200 whose
// "success" is not true is a failure.
//
// The limits are of the plan (Cloudflare's guide "Purge cache", November 2026).
// They are an account's: services that share one share them, and are then given
// parts of them.
package cloudflare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/internal/zone"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Plan is a zone's plan, of which the limits are.
type Plan string

// The plans. Their purges by tag: calls a minute or second, and at once.
const (
	// Free: 5 a minute, 25 at once.
	Free Plan = "free"
	// Pro: 5 a second, 25 at once.
	Pro Plan = "pro"
	// Business: 10 a second, 50 at once.
	Business Plan = "business"
	// Enterprise: 50 a second, 500 at once; 500 URLs a call.
	Enterprise Plan = "enterprise"
)

// Options configures a [Purger].
type Options struct {
	// Zone is the zone's id: 32 hexadecimal digits, from its overview.
	Zone string
	// Token is an API token with the permission Zone > Cache Purge.
	Token purgeapi.Secret
	// Plan is the zone's.
	//
	// Default: Free.
	Plan Plan
	// TagsPerCall is how many tags a call may carry.
	//
	// Default: 100.
	TagsPerCall int
	// FilesPerCall is how many URLs a call may carry.
	//
	// Default: 30, which older zones allow too; 500 on Enterprise.
	FilesPerCall int
	// Rate and Burst bound the calls with tags, a second and at once. Give
	// both or neither.
	//
	// Default: those of the plan.
	Rate  float64
	Burst int
	// Name names the purger in receipts and errors.
	//
	// Default: "cloudflare".
	Name string
	// BaseURL is the address of the API.
	//
	// Default: https://api.cloudflare.com/client/v4.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// quota are the limits of a plan. Single URLs are counted one by one: urls is
// how many a second.
type quota struct {
	rate  float64
	burst int
	files int
	urls  int
}

func quotaOf(p Plan) (quota, bool) {
	switch p {
	case "", Free:
		return quota{5.0 / 60, 25, 30, 800}, true
	case Pro:
		return quota{5, 25, 30, 1500}, true
	case Business:
		return quota{10, 50, 30, 1500}, true
	case Enterprise:
		return quota{50, 500, 500, 3000}, true
	}
	return quota{}, false
}

// Purger is a [purge.Purger] for one zone.
type Purger struct{ zone zone.Zone }

var zoneID = regexp.MustCompile(`^[0-9a-zA-Z]{1,64}$`)

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var errs []error
	if !zoneID.MatchString(o.Zone) {
		// Not repeated: it comes from the environment, and may be a token in the wrong place.
		errs = append(errs, errors.New("Zone is none, want the 32 hexadecimal digits of its id"))
	}
	if o.Token.IsZero() {
		errs = append(errs, errors.New("Token is empty, want an API token with the permission Cache Purge"))
	}
	if o.BaseURL == "" {
		o.BaseURL = "https://api.cloudflare.com/client/v4"
	}
	limits, err := o.limits()
	z, err := zone.New(caller.Options{
		Vendor: "cloudflare", Name: o.Name, BaseURL: strings.TrimSuffix(o.BaseURL, "/") + "/zones/" + o.Zone, HTTP: o.HTTP,
		Limits: limits, Rate: o.Rate, Burst: o.Burst,
	}, o.Token, append(errs, err)...)
	if err != nil {
		return nil, err
	}
	return &Purger{z}, nil
}

// limits are those of the plan, as far as o does not say otherwise.
func (o *Options) limits() (purge.Limits, error) {
	q, ok := quotaOf(o.Plan)
	if !ok {
		return purge.Limits{}, fmt.Errorf("Plan is %q, want free, pro, business or enterprise", o.Plan)
	}
	var errs []error
	if o.TagsPerCall < 0 || o.TagsPerCall > 1_000 {
		errs = append(errs, fmt.Errorf("TagsPerCall is %d, want 1 to 1,000", o.TagsPerCall))
	}
	if o.FilesPerCall < 0 || o.FilesPerCall > 1_000 {
		errs = append(errs, fmt.Errorf("FilesPerCall is %d, want 1 to 1,000", o.FilesPerCall))
	}
	l := purge.Limits{
		Tags: cmp.Or(o.TagsPerCall, 100), URLs: cmp.Or(o.FilesPerCall, q.files), Rate: q.rate, Burst: q.burst,
		Tag: purgeapi.PrintableTag(1024, ","), FoldsCase: true,
	}
	// Single URLs are counted one by one, and calls here: a call costs as much as it carries.
	l.URLRate, l.URLBurst = float64(q.urls)/float64(l.URLs), max(1, q.urls/l.URLs)
	return l, errors.Join(errs...)
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.zone.Target }

// Limits are those of the plan.
func (p *Purger) Limits() purge.Limits { return p.zone.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	return p.zone.Purge(ctx, what)
}
