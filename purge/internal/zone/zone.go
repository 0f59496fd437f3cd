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
	"github.com/larderdev/larder/purge/purgeapi"
)

// Zone is a zone, or an edge. It may be used concurrently.
type Zone struct {
	// Client makes the calls; its Explain is set by [Zone.Init].
	Client purgeapi.Client
	// Base is the address to which "/purge_cache" is added.
	Base string
	// Token is sent if there is one.
	Token purgeapi.Secret
}

// Init must be called once, before the first Purge.
func (z *Zone) Init() {
	z.Client.Secrets = []purgeapi.Secret{z.Token}
	z.Client.Explain = explain
}

// Purge makes one call for what is within limits.
func (z *Zone) Purge(ctx context.Context, p purge.Purge, limits purge.Limits) error {
	if err := z.Client.Check(p, limits); err != nil {
		return err
	}
	action := "/purge_cache"
	if p.Soft {
		action = "/invalidate_cache"
	}
	body, err := json.Marshal(selector{Tags: p.Tags, Files: p.URLs})
	if err != nil {
		return &purge.Error{Target: z.Client.Target, Final: true, Err: err}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if !z.Token.IsZero() {
		header.Set("Authorization", "Bearer "+z.Token.Reveal())
	}
	a, err := z.Client.Call(ctx, purgeapi.Request{Method: http.MethodPost, URL: z.Base + action, Header: header, Body: body})
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
	if err := json.Unmarshal(a.Body, &e); err != nil || e.Success == nil {
		return z.Client.Fail(a, "the answer does not say whether it succeeded", false)
	}
	if !*e.Success {
		reason := e.text()
		if reason == "" {
			reason = "success is false"
		}
		return z.Client.Fail(a, reason, false)
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
