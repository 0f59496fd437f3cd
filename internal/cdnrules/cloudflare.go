package cdnrules

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/larderdev/larder/internal/cfapi"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Options configures a [Cloudflare].
type Options struct {
	// Plan is the zone's: "free", "pro", "business" or "enterprise". It decides how
	// many rules there can be and what they can say.
	//
	// Default: free.
	Plan string
	// Owner tells the rules of services that share a zone apart: 1 to 32 small
	// letters and digits. Rules of another owner are rules of others.
	//
	// Default: main.
	Owner string
	// BaseURL is the address of the API.
	//
	// Default: https://api.cloudflare.com/client/v4.
	BaseURL string
	// HTTP makes the requests.
	//
	// Default: a client on http.DefaultTransport.
	HTTP *http.Client
}

// Check returns what is wrong with the options by themselves, all at once and without
// an address, which may hold a password. [NewCloudflare] and [Export] check them, too.
// It is for command lines, which look at flags before anything is read or asked.
func (o Options) Check() error {
	_, plan := tierOf(o.Plan)
	_, owner := prefixOf(o.Owner)
	var base error
	if o.BaseURL != "" {
		if _, err := purgeapi.Base(o.BaseURL, true); err != nil {
			base = fmt.Errorf("BaseURL: %w", err)
		}
	}
	return errors.Join(plan, owner, base)
}

// Cloudflare keeps the cache rules of one zone as a policy says. Its methods may be
// called concurrently; of two that apply, one gets [ErrChanged].
type Cloudflare struct {
	api    api
	tier   tier
	prefix string
	want   []wireRule
	notes  []string
}

var (
	zoneID       = regexp.MustCompile(`^[0-9a-zA-Z]{1,64}$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// NewCloudflare returns the rules of p for the zone that cdn is about. The zone's id
// and the token are read from the environment variables that cdn names; the token
// may also be in a file, see [purgeapi.SecretFromEnv]. All mistakes in the options
// and the environment are reported at once, and without the values; then those in
// the rules, such as a pattern that the plan cannot say.
func NewCloudflare(p *policy.Policy, cdn policy.CDN, o Options) (*Cloudflare, error) {
	c := &Cloudflare{}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	c.tier, _ = tierOf(o.Plan)
	c.prefix, _ = prefixOf(o.Owner)
	note(o.Check())
	if cdn.Kind != "cloudflare" {
		note(fmt.Errorf("the CDN is %q, want cloudflare", cdn.Kind))
	}
	note(c.api.open(cdn, o))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("cdn: %w", err)
	}
	rules, err := Rules(p, cdn.Hosts)
	if err != nil {
		return nil, err
	}
	if c.want, c.notes, err = compile(rules, c.prefix, c.tier); err != nil {
		return nil, err
	}
	return c, nil
}

// open reads the environment. The zone's id is kept out of messages like a secret, see
// the package's invariants: none needs it.
func (a *api) open(cdn policy.CDN, o Options) error {
	var errs []error
	zone, err := fromEnv("zone", cdn.Zone)
	if err != nil {
		errs = append(errs, err)
	} else if !zoneID.MatchString(zone.Reveal()) {
		errs = append(errs, fmt.Errorf("%s: want the 32 hexadecimal digits of the zone's id", cdn.Zone))
	}
	if a.token, err = fromEnv("token", cdn.Token); err != nil {
		errs = append(errs, err)
	}
	base := o.BaseURL
	if base == "" {
		base = "https://api.cloudflare.com/client/v4"
	}
	a.base = strings.TrimSuffix(base, "/") + "/zones/" + zone.Reveal()
	a.client = purgeapi.Client{
		Target: "cloudflare", HTTP: o.HTTP, Limit: maxRuleset, Explain: cfapi.Explain,
		Secrets: []purgeapi.Secret{a.token, zone},
	}
	return errors.Join(errs...)
}

// fromEnv reads what the variable holds that the policy names.
// That no variable is set is said in words for a zone, since the error of a secret
// speaks of a token.
func fromEnv(field, variable string) (purgeapi.Secret, error) {
	if !variableName.MatchString(variable) {
		// What is no name may be the secret itself.
		return purgeapi.Secret{}, fmt.Errorf("cdn.%s: want the name of an environment variable", field)
	}
	if field == "zone" && os.Getenv(variable) == "" && os.Getenv(variable+"_FILE") == "" {
		return purgeapi.Secret{}, fmt.Errorf("%s is not set: set it to the zone's id", variable)
	}
	return purgeapi.SecretFromEnv(variable)
}

// Plan reads the zone's rules and returns what has to change. It writes nothing.
func (c *Cloudflare) Plan(ctx context.Context) (*Plan, error) {
	have, err := c.api.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("cdn: read the rules: %w", err)
	}
	return c.plan(have)
}
