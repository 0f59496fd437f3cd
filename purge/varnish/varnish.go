// Package varnish purges a Varnish server by tags and URLs. Each server is a
// purger of its own, since one knows nothing of the others.
//
// The server must load one of the files beside this package, which say what the
// requests mean and who may make them:
//
//   - larder.vcl purges tags through the index of the module xkey, softly too.
//     The tags are those of the field Cache-Tag, else Surrogate-Key or xkey, of
//     the origin's response.
//   - larder-ban.vcl needs no module, and makes a ban of each call with tags
//     ([Options.Ban]). A ban is compared with every object that is older, and
//     tags cannot be purged softly.
//
// # Requests
//
//	PURGE / with xkey-purge: a b        the objects with one of the tags
//	PURGE / with xkey-softpurge: a b    the same, softly
//	BAN / with Larder-Ban: ,(?:a|b),    the same, hard, in larder-ban.vcl
//	PURGE /path?query with Host         all variants of a URL; softly with
//	                                    Larder-Soft: 1
//
// After a soft purge an object is stale and its grace, which Varnish takes from
// stale-while-revalidate, begins: the next request gets it and has it fetched.
//
// An answer counts only if it has the field Larder-Purged: without the file
// Varnish passes a PURGE on to the origin, and an origin may say 200 to it.
//
// # Limits
//
// A field of a request may have 8,192 bytes (parameter http_req_hdr_len of
// varnishd 7.1). Tags are words between commas or spaces; upper and lower case
// are told apart. There is no limit to the rate.
package varnish

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

const (
	maxTags = 250
	maxTag  = 1024
	// maxBytes leaves room in a field for the spaces between maxTags tags, and
	// maxBan for the worst that quoting can do to them.
	maxBytes = 7_500
	maxBan   = 3_500
)

// Options configures a [Purger].
type Options struct {
	// Server is the address of the server: "http://10.0.0.7:6081". Varnish
	// speaks no TLS itself.
	Server string
	// Ban says that the server has loaded larder-ban.vcl.
	//
	// Default: it has loaded larder.vcl.
	Ban bool
	// Name names the purger in receipts and errors. Several servers need
	// several names.
	//
	// Default: "varnish".
	Name string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one server.
type Purger struct {
	api caller.Caller
	ban bool
}

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	var mistake error
	if u, err := purgeapi.Base(o.Server, false); err == nil && u.Path != "" && u.Path != "/" {
		mistake = errors.New("Server has a path, want scheme and host alone")
	}
	limits := purge.Limits{Tags: maxTags, URLs: 1, Bytes: maxBytes, Tag: purgeapi.PrintableTag(maxTag, ",")}
	if o.Ban {
		limits.Bytes = maxBan
	}
	// Nothing secret goes there: the server tells by the address who may purge.
	api, err := caller.New(caller.Options{
		Vendor: "varnish", Name: o.Name, BaseURL: o.Server, Field: "Server", PlainHTTP: true, HTTP: o.HTTP, Limits: limits,
	}, mistake)
	if err != nil {
		return nil, err
	}
	return &Purger{api: api, ban: o.Ban}, nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are those of the server: 250 tags or one URL a call.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	r, err := p.request(what)
	if err != nil {
		return p.api.Impossible(err)
	}
	a, err := p.api.Call(ctx, r)
	if err != nil {
		return err
	}
	if a.Header.Get("Larder-Purged") == "" {
		return p.api.Fail(a, "the answer has no field Larder-Purged: "+p.file()+" is not loaded, or another server answers", true)
	}
	return nil
}

func (p *Purger) file() string {
	if p.ban {
		return "larder-ban.vcl"
	}
	return "larder.vcl"
}

// request is that for tags, or for one URL.
func (p *Purger) request(what purge.Purge) (purgeapi.Request, error) {
	r := purgeapi.Request{Method: "PURGE", URL: "/", Header: http.Header{}}
	switch {
	case len(what.URLs) > 0:
		u, err := url.Parse(what.URLs[0])
		if err != nil {
			return r, errors.New("the URL cannot be parsed")
		}
		r.URL = u.RequestURI()
		r.Sign = func(r *http.Request, _ []byte) error {
			r.Host = purgeapi.HostField(u)
			return nil
		}
		if what.Soft {
			r.Header.Set("Larder-Soft", "1")
		}
	case p.ban:
		r.Method = "BAN"
		quoted := make([]string, len(what.Tags))
		for i, tag := range what.Tags {
			quoted[i] = regexp.QuoteMeta(tag)
		}
		r.Header.Set("Larder-Ban", ",(?:"+strings.Join(quoted, "|")+"),")
	case what.Soft:
		r.Header.Set("Xkey-Softpurge", strings.Join(what.Tags, " "))
	default:
		r.Header.Set("Xkey-Purge", strings.Join(what.Tags, " "))
	}
	return r, nil
}
