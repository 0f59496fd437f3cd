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
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

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
	o.Secrets, o.Explain = []purgeapi.Secret{token}, explain
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
	return z.judge(a)
}

// selector is the body of a request. Exactly one field is there.
type selector struct {
	Tags  []string `json:"tags,omitempty"`
	Files []string `json:"files,omitempty"`
}

// envelope is the body of every answer.
type envelope struct {
	Success *bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

// judge looks for the success in an answer whose status is 2xx. What is said
// beside it is not documented, so that it may pass: such a failure is not
// final.
func (z *Zone) judge(a purgeapi.Answer) error {
	var e envelope
	// A field that is not there must not be read as false or true: a page of a proxy
	// has status 200 too.
	if err := json.Unmarshal(a.Body, &e); err != nil || e.Success == nil {
		return z.Fail(a, "the answer does not say whether it succeeded", false)
	}
	if !*e.Success {
		reason := e.text()
		if reason == "" {
			reason = "success is false"
		}
		return z.Fail(a, reason, false)
	}
	return nil
}

// text is what the errors say.
func (e *envelope) text() string {
	var all []string
	for _, one := range e.Errors {
		all = append(all, fmt.Sprintf("%s (code %d)", one.Message, one.Code))
	}
	return strings.Join(all, "; ")
}

// explain reads the envelope of an answer whose status is not 2xx.
func explain(a purgeapi.Answer) (string, time.Duration) {
	var e envelope
	if json.Unmarshal(a.Body, &e) != nil {
		return "", 0
	}
	return e.text(), 0
}
