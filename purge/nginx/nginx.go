// Package nginx purges an nginx server by URLs, through the module
// ngx_cache_purge. Each server is a purger of its own, since one knows nothing
// of the others.
//
// The file larder.conf beside this package sets the server up: purges go to a
// server block of its own, as PURGE /path?query with the Host of the URL, and
// remove the response stored under the key $host$request_uri. An answer counts
// only if it has the field Larder-Purged, which that block adds: 200 says that
// the response was there, 404 that it was not, and any server could say that.
//
// # Limits
//
// nginx has no tags: a purge by tag is [purge.ErrUnsupported], for a cache that
// keeps to a short lifetime, or for URLs that are known. A purge is never soft.
// It goes for one URL, on which there is no limit, and leaves the variants that
// nginx stores because of Vary (FRiCKLE/ngx_cache_purge, issue 16).
package nginx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options configures a [Purger].
type Options struct {
	// Server is the address of the server block that purges:
	// "http://10.0.0.7:8079". A path in it is put before those of the URLs, for
	// a block that purges below a path.
	Server string
	// Name names the purger in receipts and errors. Several servers need
	// several names.
	//
	// Default: "nginx".
	Name string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one server.
type Purger struct {
	client purgeapi.Client
	base   string
}

// New returns a purger.
func New(o Options) (*Purger, error) {
	if o.Name == "" {
		o.Name = "nginx"
	}
	if _, err := purgeapi.Base(o.Server, false); err != nil {
		return nil, fmt.Errorf("nginx: Server: %w", err)
	}
	return &Purger{
		client: purgeapi.Client{Target: o.Name, HTTP: o.HTTP},
		base:   strings.TrimSuffix(o.Server, "/"),
	}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.client.Target }

// Limits are one URL a call, and no tags.
func (p *Purger) Limits() purge.Limits { return purge.Limits{URLs: 1} }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.client.Check(what, p.Limits()); err != nil {
		return err
	}
	u, err := url.Parse(what.URLs[0])
	if err != nil {
		return &purge.Error{Target: p.Name(), Final: true, Err: errors.New("the URL cannot be parsed")}
	}
	a, err := p.client.Call(ctx, purgeapi.Request{
		Method: "PURGE",
		URL:    p.base + u.RequestURI(),
		Sign: func(r *http.Request, _ []byte) error {
			r.Host = purgeapi.HostField(u)
			return nil
		},
	})
	ours := a.Header.Get("Larder-Purged") != ""
	switch {
	case err != nil && a.Status == http.StatusNotFound && ours:
		return nil
	case err != nil:
		return err
	case !ours:
		return p.client.Fail(a, "the answer has no field Larder-Purged: larder.conf is not included, or another server answers", true)
	}
	return nil
}
