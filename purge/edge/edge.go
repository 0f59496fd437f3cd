// Package edge purges Larder's own edge, or anything else that speaks the same
// API: POST {base}/purge_cache, and {base}/invalidate_cache for soft purges,
// with {"tags": […]} or {"files": […]} and a bearer token. An edge on loopback
// may go without a token.
//
// It is Cloudflare's API without its zones; see package cloudflare. An edge has
// no rate limit of its own.
package edge

import (
	"context"
	"errors"
	"net/http"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/internal/zone"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options configures a [Purger].
type Options struct {
	// BaseURL is the address of the edge's purge API: https, and http on
	// loopback or with PlainHTTP.
	BaseURL string
	// Token is the edge's. It may be empty for an edge on loopback.
	Token purgeapi.Secret
	// PlainHTTP allows an address that begins with http:// beyond loopback:
	// whoever sees the traffic of that network can then read the token, and
	// purge.
	//
	// Default: false.
	PlainHTTP bool
	// Name names the purger in receipts and errors. Several edges have
	// different names. UTF-8 without control characters.
	//
	// Default: "edge".
	Name string
	// Rate and Burst bound the calls, a second and at once. Give both or
	// neither.
	//
	// Default: no bound.
	Rate  float64
	Burst int
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one edge.
type Purger struct{ zone zone.Zone }

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var mistake error
	if u, err := purgeapi.Base(o.BaseURL, false); err == nil && o.Token.IsZero() && !purgeapi.Loopback(u) {
		mistake = errors.New("Token is empty, which an edge allows on loopback only")
	}
	z, err := zone.New(caller.Options{
		Vendor: "edge", Name: o.Name, BaseURL: o.BaseURL, PlainHTTP: o.PlainHTTP, HTTP: o.HTTP, Rate: o.Rate, Burst: o.Burst,
		Limits: purge.Limits{Tags: 100, URLs: 100, Tag: purgeapi.PrintableTag(1024, ",")},
	}, o.Token, mistake)
	if err != nil {
		return nil, err
	}
	return &Purger{z}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.zone.Target }

// Limits are 100 tags or 100 URLs.
func (p *Purger) Limits() purge.Limits { return p.zone.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	return p.zone.Purge(ctx, what)
}
