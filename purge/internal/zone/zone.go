// Package zone speaks the purge API of Cloudflare's zones, which Larder's own
// edge speaks too: POST {base}/purge_cache and {base}/invalidate_cache with a
// bearer token and one selector in JSON, answered by an envelope that says
// whether it succeeded.
//
// Source: Cloudflare's API reference, "Purge cached content", and its guide
// "Invalidate cache".
package zone

import (
	"context"
	"net/http"

	"github.com/larderdev/larder/internal/cfapi"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Zone is a zone, or an edge. Its methods may be called concurrently.
type Zone struct {
	caller.Caller
	token purgeapi.Secret
}

// New returns a zone. The token is sent if there is one.
func New(o caller.Options, token purgeapi.Secret, mistakes ...error) (Zone, error) {
	o.Secrets, o.Explain = []purgeapi.Secret{token}, cfapi.Explain
	c, err := caller.New(o, mistakes...)
	return Zone{c, token}, err
}

// Purge makes one call.
func (z *Zone) Purge(ctx context.Context, p purge.Purge) error {
	if err := z.Check(p); err != nil {
		return err
	}
	r := purgeapi.Request{
		URL:    "/purge_cache",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   caller.JSON(selector{Tags: p.Tags, Files: p.URLs}),
	}
	if p.Soft {
		r.URL = "/invalidate_cache"
	}
	if !z.token.IsZero() {
		r.Header.Set("Authorization", "Bearer "+z.token.Reveal())
	}
	a, err := z.Call(ctx, r)
	if err != nil {
		return err
	}
	// What is said beside a failure with status 2xx is not documented, so that it may
	// pass: it is not final.
	if _, failure := cfapi.Result(a.Body); failure != "" {
		return z.Fail(a, failure, false)
	}
	return nil
}

// selector is the body of a request. Exactly one field is there.
type selector struct {
	Tags  []string `json:"tags,omitempty"`
	Files []string `json:"files,omitempty"`
}
