package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/larderdev/larder/internal/cfapi"
	"github.com/larderdev/larder/purge/purgeapi"
)

// Cloudflare says how to reach a zone.
type Cloudflare struct {
	// BaseURL is the address of the API. Default: Cloudflare's.
	BaseURL string
	Zone    string
	Token   purgeapi.Secret
}

// verdict is what the API says.
// All of its fields may be missing: a proxy on the way answers with a page.
type verdict struct {
	Success bool
	Errors  []struct {
		Code    int
		Message string
	}
	Result struct{ Status string }
}

// Look looks whether the token is in force, and may read the zone's rules.
// The rules are only asked for with a token that may be good, since every answer would
// be the same refusal again.
func (c Cloudflare) Look(ctx context.Context, name string) []Check {
	token := Check{Of: name, Name: "token", Status: OK, Says: "it is active"}
	status, v, err := c.get(ctx, "/user/tokens/verify")
	switch {
	case err != nil:
		token.Status, token.Says, token.Mend = Fail, err.Error(), "look at the way to the API"
		return []Check{token}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		// A token of an account, and not of a user, is verified elsewhere: what it
		// may do below tells.
		token.Status, token.Says = Skip, "the API does not know it as a token of a user; it may be one of an account"
	case status != http.StatusOK || !v.Success || v.Result.Status != "active":
		token.Status, token.Says, token.Mend = Fail, "it is not active: "+v.text(status), "make a new one, with Zone > Cache Purge and Zone > Cache Rules > Edit"
		return []Check{token}
	}
	return []Check{token, c.rules(ctx, name)}
}

// rules reads the zone's cache rules, as larder cdn plan does.
// That it may not is a warning: purges need another permission, and many want no more
// than those.
func (c Cloudflare) rules(ctx context.Context, name string) Check {
	check := Check{Of: name, Name: "cache rules", Status: OK, Says: "the token may read those of the zone"}
	status, v, err := c.get(ctx, "/zones/"+c.Zone+"/rulesets/phases/http_request_cache_settings/entrypoint")
	switch {
	case err != nil:
		check.Status, check.Says, check.Mend = Fail, err.Error(), "look at the way to the API"
	// A zone that there is not has the same status and another code.
	case status == http.StatusNotFound && len(v.Errors) > 0 && v.Errors[0].Code == cfapi.NoEntrypoint:
		check.Says = "the zone has none yet"
	case status != http.StatusOK || !v.Success:
		check.Status, check.Says = Warn, "those of the zone cannot be read: "+v.text(status)
		check.Mend = "give it Zone > Cache Rules > Edit if larder cdn is to be used, and look at the zone's id"
	}
	return check
}

// text is what the API said, in short.
func (v *verdict) text(status int) string {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	for _, e := range v.Errors {
		text += fmt.Sprintf(", %d %.200s", e.Code, e.Message)
	}
	return text
}

// get asks the API with the token.
func (c Cloudflare) get(ctx context.Context, path string) (int, *verdict, error) {
	v := &verdict{}
	status, err := get(ctx, cmp.Or(c.BaseURL, "https://api.cloudflare.com/client/v4"), path, "Authorization", "Bearer "+c.Token.Reveal(), v)
	return status, v, err
}
