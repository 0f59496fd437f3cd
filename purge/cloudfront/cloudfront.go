// Package cloudfront purges a distribution of Amazon CloudFront by tags and
// URLs with CreateInvalidation (REST API 2020-05-31), signed with Signature
// Version 4.
//
// Tags need a distribution with a CacheTagConfig, which names the field they are
// in ([Options.Tags]). CloudFront does not tell upper from lower case in them,
// takes 50 an object and drops the rest. A URL is purged by its path and query,
// at all hosts of the distribution. A path that ends in * stands for all that
// begin like it, as CloudFront has it. There is no soft purge.
//
// An accepted invalidation takes effect within seconds to minutes.
//
// # Limits
//
// 3,000 paths in progress for a distribution, 15 of them with * (CloudFront
// Developer Guide, "Concurrent invalidation request maximum"); more are answered
// TooManyInvalidationsInProgress, which passes. How often calls may be made is
// not documented. The first 1,000 paths a month cost nothing, others do, and a
// tag is a path: coalesce.
package cloudfront

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/internal/caller"
	"github.com/larderdev/larder/purge/purgeapi"
)

const (
	// maxItems leaves room for other calls among the 3,000 paths in progress.
	maxItems = 1_000
	// maxBytes keeps a request small: AWS names no limit.
	maxBytes = 200_000
)

// Credentials are those of an identity that may cloudfront:CreateInvalidation.
type Credentials struct {
	// AccessKeyID is the name of the key: "AKIA…".
	AccessKeyID string
	// SecretAccessKey is the key.
	SecretAccessKey purgeapi.Secret
	// SessionToken comes with keys that end: those of roles.
	SessionToken purgeapi.Secret
}

// CredentialsFromEnv reads AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if it
// is set, AWS_SESSION_TOKEN; or the files that AWS_…_FILE name.
func CredentialsFromEnv() (Credentials, error) {
	id, err := purgeapi.SecretFromEnv("AWS_ACCESS_KEY_ID")
	if err != nil {
		return Credentials{}, err
	}
	secret, err := purgeapi.SecretFromEnv("AWS_SECRET_ACCESS_KEY")
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{AccessKeyID: id.Reveal(), SecretAccessKey: secret}
	if os.Getenv("AWS_SESSION_TOKEN") != "" || os.Getenv("AWS_SESSION_TOKEN_FILE") != "" {
		c.SessionToken, err = purgeapi.SecretFromEnv("AWS_SESSION_TOKEN")
	}
	return c, err
}

// Options configures a [Purger].
type Options struct {
	// Distribution is the distribution's id: "E2QWRUHAPOMQZL".
	Distribution string
	// Credentials sign the calls.
	//
	// Default: those that Source returns.
	Credentials Credentials
	// Source returns the credentials for a call, where they change: those of a
	// role. It is called for each call, by several goroutines at once, and
	// should remember them. The error must not hold a secret.
	//
	// Default: nil.
	Source func(ctx context.Context) (Credentials, error)
	// Tags says that the distribution has a CacheTagConfig.
	//
	// Default: it can purge URLs only.
	Tags bool
	// Region is the one that signatures name; that of China is cn-northwest-1.
	//
	// Default: us-east-1.
	Region string
	// Name names the purger in receipts and errors.
	//
	// Default: "cloudfront".
	Name string
	// BaseURL is the address of the API.
	//
	// Default: https://cloudfront.amazonaws.com.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Purger is a [purge.Purger] for one distribution.
type Purger struct {
	api          caller.Caller
	signer       signer
	source       func(ctx context.Context) (Credentials, error)
	distribution string
}

var distributionID = regexp.MustCompile(`^[0-9A-Z]{1,64}$`)

// New returns a purger. All mistakes in o are reported at once.
func New(o Options) (*Purger, error) {
	limits := purge.Limits{URLs: maxItems, Bytes: maxBytes, Tag: purgeapi.PrintableTag(256, ","), FoldsCase: true}
	if o.Tags {
		limits.Tags = maxItems
	}
	api, err := caller.New(caller.Options{
		Vendor: "cloudfront", API: "https://cloudfront.amazonaws.com", Name: o.Name, BaseURL: o.BaseURL, HTTP: o.HTTP,
		Explain: explain, Passes: passes, Limits: limits,
	}, o.mistakes()...)
	if err != nil {
		return nil, err
	}
	p := &Purger{api: api, signer: signer{region: cmp.Or(o.Region, "us-east-1"), service: "cloudfront"}, source: o.Source, distribution: o.Distribution}
	if p.source == nil {
		p.source = func(context.Context) (Credentials, error) { return o.Credentials, nil }
	}
	return p, nil
}

// mistakes are those in what CloudFront alone has.
func (o *Options) mistakes() []error {
	var errs []error
	if !distributionID.MatchString(o.Distribution) {
		// Not repeated: it comes from the environment, and may be a token in the wrong place.
		errs = append(errs, errors.New("Distribution is none, want its id, of capitals and digits"))
	}
	switch missing := o.Credentials.check(); {
	case o.Source == nil && missing != nil:
		errs = append(errs, fmt.Errorf("Credentials: %w", missing))
	case o.Source != nil && o.Credentials != Credentials{}:
		errs = append(errs, errors.New("both Credentials and Source are set: leave one out"))
	}
	// Signatures cover the path: a gateway that takes a part of it off breaks them.
	if u, err := purgeapi.Base(o.BaseURL, true); err == nil && u.Path != "" && u.Path != "/" {
		errs = append(errs, errors.New("BaseURL has a path, want scheme and host alone"))
	}
	return errs
}

func (c *Credentials) check() error {
	if c.AccessKeyID == "" || c.SecretAccessKey.IsZero() {
		return errors.New("AccessKeyID or SecretAccessKey is empty")
	}
	return nil
}

// Name is the name in the options.
func (p *Purger) Name() string { return p.api.Target }

// Limits are 1,000 paths a call.
func (p *Purger) Limits() purge.Limits { return p.api.Limits }

// Purge makes one call. Calls for purges with the same ID and the same items are
// one invalidation.
func (p *Purger) Purge(ctx context.Context, what purge.Purge) error {
	if err := p.api.Check(what); err != nil {
		return err
	}
	body, err := encode(what)
	if err != nil {
		return p.api.Impossible(err)
	}
	credentials, err := p.source(ctx)
	if err == nil {
		err = credentials.check()
	}
	if err != nil {
		return &purge.Error{Target: p.Name(), Reason: "no credentials", Err: err}
	}
	api := p.api.With(credentials.SecretAccessKey, credentials.SessionToken)
	a, err := api.Call(ctx, purgeapi.Request{
		URL: "/2020-05-31/distribution/" + p.distribution + "/invalidation", Body: body,
		Header: http.Header{"Content-Type": {"text/xml"}},
		Sign: func(r *http.Request, body []byte) error {
			p.signer.sign(r, body, credentials, time.Now())
			return nil
		},
	})
	if err != nil {
		return err
	}
	var made struct {
		XMLName xml.Name `xml:"Invalidation"`
		ID      string   `xml:"Id"`
	}
	if err := xml.Unmarshal(a.Body, &made); err != nil || made.ID == "" {
		return api.Fail(a, "the answer has no invalidation", false)
	}
	return nil
}

// batch is the body of a request.
type batch struct {
	XMLName   xml.Name `xml:"http://cloudfront.amazonaws.com/doc/2020-05-31/ InvalidationBatch"`
	Reference string   `xml:"CallerReference"`
	Quantity  int      `xml:"Paths>Quantity"`
	Items     []string `xml:"Paths>Items>Path"`
}

func encode(what purge.Purge) ([]byte, error) {
	paths := make([]string, 0, len(what.Tags)+len(what.URLs))
	for _, tag := range what.Tags {
		paths = append(paths, "#"+tag)
	}
	seen := map[string]bool{}
	for _, text := range what.URLs {
		u, err := url.Parse(text)
		if err != nil {
			return nil, errors.New("the URL cannot be parsed")
		}
		// Two hosts may have one path, and paths are paid for.
		if path := u.RequestURI(); !seen[path] {
			seen[path] = true
			paths = append(paths, path)
		}
	}
	body, err := xml.Marshal(batch{Reference: reference(what.ID, paths), Quantity: len(paths), Items: paths})
	return append([]byte(xml.Header), body...), err
}

// reference is the CallerReference: CloudFront makes no second invalidation for
// one that it has seen. It must not depend on the paths alone: a purge of what
// has changed once more would then be taken for the one before.
func reference(id string, paths []string) string {
	if id == "" {
		return "larder-" + rand.Text()
	}
	h := sha256.New()
	for _, part := range append([]string{id}, paths...) {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return "larder-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// problem is the body of an answer that is no success.
type problem struct {
	Code    string `xml:"Error>Code"`
	Message string `xml:"Error>Message"`
}

func parse(a purgeapi.Answer) problem {
	var p problem
	_ = xml.Unmarshal(a.Body, &p) // without it there is less to say
	return p
}

// passes tells whether a failure with a status that stands for ever, 400 or 403,
// does not: too much at once, and credentials that have just ended.
func passes(a purgeapi.Answer) bool {
	switch parse(a).Code {
	case "TooManyInvalidationsInProgress", "Throttling", "ThrottlingException", "RequestLimitExceeded",
		"ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return true
	}
	return false
}

func explain(a purgeapi.Answer) (string, time.Duration) {
	p := parse(a)
	if p.Code == "" {
		return "", 0
	}
	return p.Code + ": " + p.Message, 0
}
