package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/purge"
	"github.com/larderdev/larder/purge/akamai"
	"github.com/larderdev/larder/purge/bunny"
	"github.com/larderdev/larder/purge/cloudflare"
	"github.com/larderdev/larder/purge/cloudfront"
	"github.com/larderdev/larder/purge/edge"
	"github.com/larderdev/larder/purge/fastly"
	"github.com/larderdev/larder/purge/googlecdn"
	"github.com/larderdev/larder/purge/nginx"
	"github.com/larderdev/larder/purge/purgeapi"
	"github.com/larderdev/larder/purge/varnish"
)

// The other variables that Akamai's credentials are in, by the names of its own
// tools; the access token is in that of the policy.
const (
	akamaiClientTokenVar  = "AKAMAI_CLIENT_TOKEN"
	akamaiClientSecretVar = "AKAMAI_CLIENT_SECRET"
)

// purgerFlags say what a policy does not say of its CDNs.
type purgerFlags struct {
	plan    string // of Cloudflare
	baseURL string // of Cloudflare's API
}

// purgers returns the purger of each CDN of the policy, with the zones and tokens
// from the variables that it names. All mistakes are reported at once.
//
//	kind         zone                          token
//	cloudflare   id of the zone                API token
//	fastly       id of the service             API token
//	cloudfront   id of the distribution        none: AWS_ACCESS_KEY_ID and so on
//	akamai       host of the API client        access token, and AKAMAI_CLIENT_…
//	bunny        number of the pull zone       API key
//	google       project/url-map               access token; none: of the metadata server
//	varnish      address of the server         none
//	nginx        address of the server         none
//	larder       address of its purge API      its token
func (a *app) purgers(cdns []policy.CDN, f *purgerFlags) ([]purge.Purger, error) {
	var all []purge.Purger
	var errs []error
	// Two of a kind get a number, so that the receipts tell them apart.
	seen := map[string]int{}
	for i, c := range cdns {
		seen[c.Kind]++
		name := c.Kind
		if seen[c.Kind] > 1 {
			name = fmt.Sprintf("%s-%d", c.Kind, seen[c.Kind])
		}
		p, err := a.purger(c, name, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("cdn[%d], %s: %w", i, c.Kind, err))
			continue
		}
		all = append(all, p)
	}
	return all, errors.Join(errs...)
}

// purger returns the purger of one CDN.
// Each kind has an API of its own and so a constructor of its own: the table above is
// what they have in common.
func (a *app) purger(c policy.CDN, name string, f *purgerFlags) (purge.Purger, error) {
	zone, token, err := a.zoneAndToken(c)
	if err != nil {
		return nil, err
	}
	// Said here, by the name of the variable, and without its value: that may be a
	// token in the wrong place.
	if strings.Contains(zoneHolds[c.Kind], "://") && !strings.Contains(zone, "://") {
		return nil, fmt.Errorf("%s has no http:// or https://: want %s", c.Zone, zoneHolds[c.Kind])
	}
	switch c.Kind {
	case "cloudflare":
		return cloudflare.New(cloudflare.Options{Zone: zone, Token: token, Name: name, Plan: cloudflare.Plan(f.plan), BaseURL: f.baseURL})
	case "fastly":
		return fastly.New(fastly.Options{Service: zone, Token: token, Name: name})
	case "cloudfront":
		credentials, err := cloudfront.CredentialsFromEnv()
		if err != nil {
			return nil, err
		}
		return cloudfront.New(cloudfront.Options{Distribution: zone, Credentials: credentials, Tags: true, Name: name})
	case "akamai":
		return a.akamai(zone, token, name)
	case "bunny":
		number, err := strconv.ParseInt(zone, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: want the number of the pull zone", c.Zone)
		}
		return bunny.New(bunny.Options{PullZone: number, Key: token, Name: name})
	case "google":
		return google(c, zone, token, name)
	case "varnish":
		return varnish.New(varnish.Options{Server: zone, Name: name})
	case "nginx":
		return nginx.New(nginx.Options{Server: zone, Name: name})
	case "larder":
		return edge.New(edge.Options{BaseURL: zone, Token: token, Name: name})
	}
	return nil, fmt.Errorf("there is no purger for %q", c.Kind)
}

// zoneHolds says what the variable of a zone holds, by kind.
var zoneHolds = map[string]string{
	"cloudflare": "the id of the zone",
	"fastly":     "the id of the service",
	"cloudfront": "the id of the distribution",
	"akamai":     "the host of the API client",
	"bunny":      "the number of the pull zone",
	"google":     "project/url-map",
	"varnish":    "the address of the server, such as http://10.0.0.7:6081",
	"nginx":      "the address of the server that purges, such as http://10.0.0.7:8090",
	"larder":     "the address of its purge API (-admin), such as http://127.0.0.1:9080",
}

// zoneAndToken reads the variables that a CDN names. The token is needed where one
// is named.
// A zone is no secret and is read as it stands; a token is wrapped, so that no message
// shows it.
func (a *app) zoneAndToken(c policy.CDN) (zone string, token purgeapi.Secret, err error) {
	if c.Zone == "" {
		return "", token, errors.New("it has no zone: name the variable with its id or address")
	}
	var errs []error
	if zone = strings.TrimSpace(a.getenv(c.Zone)); zone == "" {
		errs = append(errs, fmt.Errorf("%s is not set: want %s", c.Zone, zoneHolds[c.Kind]))
	}
	if c.Token != "" {
		token, err = purgeapi.SecretFromEnv(c.Token)
		errs = append(errs, err)
	}
	return zone, token, errors.Join(errs...)
}

// akamai needs three secrets (EdgeGrid), of which a policy can name one.
func (a *app) akamai(host string, access purgeapi.Secret, name string) (purge.Purger, error) {
	client, err := purgeapi.SecretFromEnv(akamaiClientTokenVar)
	secret, err2 := purgeapi.SecretFromEnv(akamaiClientSecretVar)
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return akamai.New(akamai.Options{Host: host, ClientToken: client, ClientSecret: secret, AccessToken: access, Name: name})
}

// google has two names in its zone. Without a token in the policy it asks the metadata
// server, which only answers on Google's own machines.
func google(c policy.CDN, zone string, token purgeapi.Secret, name string) (purge.Purger, error) {
	project, urlMap, ok := strings.Cut(zone, "/")
	if !ok {
		return nil, fmt.Errorf("%s: want project/url-map", c.Zone)
	}
	source := googlecdn.MetadataToken(nil)
	if !token.IsZero() {
		source = func(context.Context) (purgeapi.Secret, error) { return token, nil }
	}
	return googlecdn.New(googlecdn.Options{Project: project, URLMap: urlMap, Token: source, Name: name})
}
