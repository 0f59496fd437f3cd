// Package caller is what all purgers that speak HTTP do alike around their calls:
// a name, an address, limits, what can be wrong with these, and how a failure is
// told. The package of a vendor is left with the options, requests and answers
// that it alone has.
//
// # Invariants
//
//   - All mistakes in options are reported at once, those that only the vendor
//     knows too, and none repeats an address or a secret.
//   - Something secret goes to loopback or over https, unless PlainHTTP says
//     otherwise.
//   - A Caller does not change: one with other secrets is a copy.
package caller

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options are what the options of a purger say, and what its vendor has.
type Options struct {
	// Vendor is the name where Name is empty, and what errors of [New] begin
	// with: "bunny".
	Vendor string
	// Name names the purger. UTF-8 without control characters.
	Name string
	// BaseURL is the address, API that where BaseURL is empty. Field is how the
	// purger calls BaseURL.
	//
	// Default: "BaseURL" for Field.
	BaseURL, API, Field string
	// PlainHTTP allows an address that begins with http:// beyond loopback.
	PlainHTTP bool
	// HTTP, Secrets and Explain are those of [purgeapi.Client].
	HTTP    *http.Client
	Secrets []purgeapi.Secret
	Explain func(purgeapi.Answer) (reason string, after time.Duration)
	// Passes tells whether a failure that stands for ever by its status does not:
	// some APIs say 403 to too many calls.
	//
	// Default: none does.
	Passes func(purgeapi.Answer) bool
	// Limits are the vendor's. Rate and Burst, if they are not 0, take the place
	// of those in it.
	Limits purge.Limits
	Rate   float64
	Burst  int
}

// Caller makes the calls of one purger. Its methods may be called concurrently.
type Caller struct {
	purgeapi.Client
	Limits purge.Limits

	base   string // without a slash at its end
	passes func(purgeapi.Answer) bool
}

// New returns the caller of a purger. mistakes are those that the vendor's package
// has found, nil among them is none.
func New(o Options, mistakes ...error) (Caller, error) {
	o.BaseURL = cmp.Or(o.BaseURL, o.API)
	if _, err := purgeapi.Base(o.BaseURL, !o.PlainHTTP); err != nil {
		mistakes = append(mistakes, fmt.Errorf("%s: %w", cmp.Or(o.Field, "BaseURL"), err))
	}
	mistakes = append(mistakes, purge.CheckRate(o.Rate, o.Burst))
	if !purge.ValidName(o.Name) {
		// A queue refuses it too, but knows only the number of the target.
		mistakes = append(mistakes, fmt.Errorf("Name is %.80q, which is not UTF-8 or has a control character: name it otherwise", o.Name))
	}
	if err := errors.Join(mistakes...); err != nil {
		return Caller{}, fmt.Errorf("%s: %w", o.Vendor, err)
	}
	c := Caller{
		Client: purgeapi.Client{Target: cmp.Or(o.Name, o.Vendor), HTTP: o.HTTP, Secrets: o.Secrets, Explain: o.Explain},
		Limits: o.Limits,
		base:   strings.TrimSuffix(o.BaseURL, "/"),
		passes: o.Passes,
	}
	if o.Rate > 0 {
		c.Limits.Rate, c.Limits.Burst = o.Rate, o.Burst
	}
	return c, nil
}

// Check tells why no call can be made for p, as a final *[purge.Error], or nil.
func (c *Caller) Check(p purge.Purge) error { return c.Client.Check(p, c.Limits) }

// With returns the caller with the secrets of one call, where they change.
func (c *Caller) With(secrets ...purgeapi.Secret) Caller {
	other := *c
	other.Secrets = secrets
	return other
}

// Call makes one call as [purgeapi.Client.Call] does. r.URL is what comes after the
// address; without a Method r is a POST.
func (c *Caller) Call(ctx context.Context, r purgeapi.Request) (purgeapi.Answer, error) {
	r.Method, r.URL = cmp.Or(r.Method, http.MethodPost), c.base+r.URL
	a, err := c.Client.Call(ctx, r)
	if e, failed := errors.AsType[*purge.Error](err); failed && c.passes != nil && c.passes(a) {
		e.Final = false
	}
	return a, err
}

// Impossible is the error of a purge for which there is no request: the same
// purge would fail again.
func (c *Caller) Impossible(err error) error {
	return &purge.Error{Target: c.Target, Final: true, Err: err}
}

// JSON returns v, which is made of strings, as JSON. Ampersands stay one byte:
// URLs have many, and bodies are bounded.
func JSON(v any) []byte {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings cannot fail
	}
	return bytes.TrimSpace(body.Bytes())
}
