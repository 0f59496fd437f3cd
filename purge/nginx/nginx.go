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
	"net/http"
	"net/url"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
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
type Purger struct{ api caller.Caller }

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	// Nothing secret goes there: the server tells by the address who may purge.
	api, err := caller.New(caller.Options{
		Vendor: "nginx", Name: o.Name, BaseURL: o.Server, Field: "Server", PlainHTTP: true, HTTP: o.HTTP, Limits: purge.Limits{URLs: 1},
	})
	if err != nil {
		return nil, err
	}
	return &Purger{api}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are one URL a call, and no tags.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	u, err := url.Parse(what.URLs[0])
	if err != nil {
		return p.api.Impossible(errors.New("the URL cannot be parsed"))
	}
	a, err := p.api.Call(ctx, purgeapi.Request{
		Method: "PURGE",
		URL:    u.RequestURI(),
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
		return p.api.Fail(a, "the answer has no field Larder-Purged: larder.conf is not included, or another server answers", true)
	}
	return nil
}
