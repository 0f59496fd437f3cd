// Package purgeapi is what purgers that speak HTTP share: one call whose answer
// is read within a bound, and failures as [purge.Error] without a secret in
// them. A purger is left with the shape of its API's requests and what its API
// says of a failure.
//
// # Invariants
//
//   - One [Client.Call] is one request. Redirects are not followed: a purge that
//     has become a GET elsewhere has purged nothing, and a token must not go
//     there.
//   - Not more than Limit bytes of an answer are read, and a call ends after
//     Timeout whatever its context says.
//   - What an error says is short, one line, and has been searched for the
//     secrets. URLs are not in it.
package purgeapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/larderdev/larder/purge"
)

const (
	// MaxAnswer is how many bytes of an answer are read if Limit does not say.
	MaxAnswer = 256 << 10
	// maxReason bounds what an error says of an answer.
	maxReason = 300
	// maxAfter bounds what a target can ask for.
	maxAfter = 24 * time.Hour
)

// Client makes calls for one purger. Its methods may be called concurrently;
// its fields do not change after the first call.
type Client struct {
	// Target is the purger's name.
	Target string
	// HTTP makes the requests. Its CheckRedirect is not used.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
	// Timeout bounds a call, the reading of its answer included.
	//
	// Default: 10 s.
	Timeout time.Duration
	// Limit is how many bytes of an answer are read.
	//
	// Default: [MaxAnswer].
	Limit int
	// Secrets must not be in any error: tokens and keys, whatever headers they
	// are sent in.
	Secrets []Secret
	// Explain tells what the API says in an answer that is a failure, and how
	// long it asks to be left alone if not by Retry-After. A panic of it is
	// not caught.
	//
	// Default: the first line of a text, and 0.
	Explain func(Answer) (reason string, after time.Duration)
}

// Request is one request.
type Request struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
	// Sign is called last, with the request that is sent: for signatures. Its
	// error is final.
	Sign func(r *http.Request, body []byte) error
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	// Body is cut after Limit bytes.
	Body []byte
}

// Call makes one request and reads its answer. The error is a *[purge.Error] or
// nil: for any status but 2xx, for an answer that is longer than Limit or ends
// early, and for failures of the network and of ctx. Those that stand for
// ever are final: 3xx, 501 and 4xx but 408, 425 and 429. The Answer has what
// was read, also beside an error: an API that says more may mend the error.
//
// A 2xx is no proof where the API says in the body that it failed: see
// [Client.Fail].
func (c *Client) Call(ctx context.Context, r Request) (Answer, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := c.request(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return Answer{}, c.broken(ctx, 0, err)
	}
	defer resp.Body.Close()
	limit := c.Limit
	if limit == 0 {
		limit = MaxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	tooLong := len(body) > limit
	if tooLong {
		a.Body = body[:limit]
	}
	switch {
	case a.Status < 200 || a.Status > 299:
		return a, c.refused(a)
	case err != nil:
		return a, c.broken(ctx, a.Status, err)
	case tooLong:
		return a, c.Fail(a, fmt.Sprintf("the answer is longer than %d bytes", limit), false)
	}
	return a, nil
}

// client returns HTTP without its redirects.
func (c *Client) client() *http.Client {
	client := &http.Client{}
	if c.HTTP != nil {
		*client = *c.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

func (c *Client) request(ctx context.Context, r Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, &purge.Error{Target: c.Target, Reason: "the request cannot be made", Final: true, Err: c.clean(err)}
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "larder-purge")
	}
	if r.Sign != nil {
		if err := r.Sign(req, r.Body); err != nil {
			return nil, &purge.Error{Target: c.Target, Reason: "the request cannot be signed", Final: true, Err: c.clean(err)}
		}
	}
	return req, nil
}

// broken is the error of a call that got no whole answer.
func (c *Client) broken(ctx context.Context, status int, err error) *purge.Error {
	if u := (*url.Error)(nil); errors.As(err, &u) && u.Err != nil {
		err = u.Err
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w (%w)", ended, err)
	}
	return &purge.Error{Target: c.Target, Status: status, Err: c.clean(err)}
}

// refused is the error of an answer whose status is not 2xx.
func (c *Client) refused(a Answer) *purge.Error {
	e := c.Fail(a, "", final(a.Status))
	if c.Explain != nil {
		var after time.Duration
		e.Reason, after = c.Explain(a)
		e.Reason = c.short(e.Reason)
		e.After = max(e.After, min(after, maxAfter))
	}
	if e.Reason == "" {
		e.Reason = c.short(firstLine(a))
	}
	return e
}

// final tells whether the same call would get the same status again.
func final(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return status < 500
}

// Fail is the error for an answer that is a failure although its status is
// 2xx, or one whose status says less than its body. reason is cut and cleaned
// of secrets; After is what Retry-After says.
func (c *Client) Fail(a Answer, reason string, final bool) *purge.Error {
	return &purge.Error{Target: c.Target, Status: a.Status, Reason: c.short(reason), Final: final, After: RetryAfter(a.Header, time.Now())}
}

// RetryAfter returns how long the field Retry-After (RFC 9110, 10.2.3) asks to
// wait, 0 if it does not say or is not understood: a number of seconds, or a
// date, which is compared with the answer's own Date, else with now. At most a
// day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if digits := strings.TrimLeft(text, "0123456789"); digits == "" {
		seconds := 0
		for _, d := range text {
			if seconds = seconds*10 + int(d-'0'); seconds > int(maxAfter/time.Second) {
				return maxAfter
			}
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxAfter)
}

// firstLine is what a person may read of an answer.
func firstLine(a Answer) string {
	kind := a.Header.Get("Content-Type")
	if strings.Contains(kind, "html") || strings.Contains(kind, "octet-stream") {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(a.Body)), "\n")
	return line
}

// short makes a reason one line without secrets. They go first: half of one
// would not be found.
func (c *Client) short(text string) string {
	text = strings.ToValidUTF8(c.scrub(text), "?")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// scrub takes the secrets out of a text, also as they stand in JSON and URLs.
func (c *Client) scrub(text string) string {
	for _, s := range c.Secrets {
		if s.IsZero() {
			continue
		}
		for _, form := range []string{s.Reveal(), url.QueryEscape(s.Reveal()), url.PathEscape(s.Reveal())} {
			text = strings.ReplaceAll(text, form, hidden)
		}
	}
	return text
}

// clean takes the URL and the secrets out of an error.
func (c *Client) clean(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) && u.Err != nil {
		err = u.Err
	}
	if text := err.Error(); c.scrub(text) != text {
		return &scrubbed{text: c.short(text), is: err}
	}
	return err
}

// scrubbed is an error whose text held a secret. It still is what it was, but
// cannot be unwrapped.
type scrubbed struct {
	text string
	is   error
}

func (e *scrubbed) Error() string { return e.text }

// Is tells whether the error is target below its text.
func (e *scrubbed) Is(target error) bool { return errors.Is(e.is, target) }

// Format prints the text for every verb: %#v would show the error below.
func (e *scrubbed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.text) }
