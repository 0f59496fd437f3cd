package cdnrules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/larderdev/larder/internal/cfapi"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgeapi"
)

const (
	// tries bounds how often one request is made, firstWait and maxWait how long is
	// waited in between.
	tries     = 5
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
	// maxRuleset bounds what is read: 300 rules with 4 KiB of expression each, as
	// JSON writes it.
	maxRuleset = 8 << 20
)

// api speaks the Rulesets API for one zone.
type api struct {
	client purgeapi.Client
	base   string
	token  purgeapi.Secret
}

// read returns the ruleset of the phase; nil: there is none.
// A zone that there is not is an error, with another code.
func (a *api) read(ctx context.Context) (*ruleset, error) {
	set, answer, err := a.call(ctx, http.MethodGet, "/rulesets/phases/"+phase+"/entrypoint", nil)
	if answer.Status == http.StatusNotFound && cfapi.Code(answer.Body) == cfapi.NoEntrypoint {
		return nil, nil
	}
	return set, err
}

// call makes a request and returns the ruleset that it is answered with. A request
// that Cloudflare turned away unread, 429, is made again; one that reads is also
// when it fails otherwise. After another failure of one that writes nobody knows
// whether it was carried out.
func (a *api) call(ctx context.Context, method, path string, body any) (*ruleset, purgeapi.Answer, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, purgeapi.Answer{}, err
		}
	}
	wait := firstWait
	for try := 1; ; try++ {
		set, answer, err := a.once(ctx, method, path, text)
		var failed *purge.Error
		if !errors.As(err, &failed) || try == tries {
			return set, answer, err
		}
		again := failed.Status == http.StatusTooManyRequests || method == http.MethodGet && !failed.Final
		// A person waits for the answer: who is told to come back much later is told
		// so.
		if !again || failed.After > maxWait || ctx.Err() != nil {
			return set, answer, err
		}
		if !sleep(ctx, max(wait, failed.After)) {
			return set, answer, err
		}
		wait = min(2*wait, maxWait)
	}
}

// once makes a request one time. An answer without a ruleset is a failure even with
// status 200: what was written cannot be compared then.
func (a *api) once(ctx context.Context, method, path string, body []byte) (*ruleset, purgeapi.Answer, error) {
	header := http.Header{"Authorization": {"Bearer " + a.token.Reveal()}, "User-Agent": {"larder-cdn"}}
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	answer, err := a.client.Call(ctx, purgeapi.Request{Method: method, URL: a.base + path, Header: header, Body: body})
	if err != nil {
		return nil, answer, rights(err)
	}
	result, failure := cfapi.Result(answer.Body)
	if failure != "" {
		return nil, answer, a.client.Fail(answer, failure, false)
	}
	var set *ruleset
	if err := json.Unmarshal(result, &set); err != nil || set == nil {
		return nil, answer, a.client.Fail(answer, "the answer has no ruleset", false)
	}
	return set, answer, nil
}

// rights adds to a refusal what the token needs.
// Cloudflare's answer is "Authentication error" for all of it.
func rights(err error) error {
	var failed *purge.Error
	if errors.As(err, &failed) && (failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden) {
		return fmt.Errorf("%w: the token must be valid for this zone, with the permission Zone > Cache Rules > Edit; where that is not enough, Account > Account Rulesets > Edit and Account Filter Lists > Edit too", err)
	}
	return err
}

// sleep tells whether it was not ended by ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
