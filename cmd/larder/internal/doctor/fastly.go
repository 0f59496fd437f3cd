package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/purge/purgeapi"
)

// Fastly says how to reach a service.
type Fastly struct {
	// BaseURL is the address of the API. Default: Fastly's.
	BaseURL string
	Service string
	Token   purgeapi.Secret
}

// fastlyToken is what the API says of the token that asks (Fastly's API reference,
// "Get the current token"). Scopes are parted by spaces; without services it is for all
// of the account.
type fastlyToken struct {
	Scope     string   `json:"scope"`
	Services  []string `json:"services"`
	ExpiresAt string   `json:"expires_at"`
}

// fastlyMend asks for the least that purges need (Fastly's documentation, "Using API
// tokens"): purge_all would let a thief empty the whole service.
const fastlyMend = "make a token with the scope purge_select for this service, and put it into the variable"

// Look asks what the token may do. It changes nothing.
// A token can be asked about itself by itself, whatever its scope (GET /tokens/self).
func (f Fastly) Look(ctx context.Context, name string) []Check {
	check := Check{Of: name, Name: "token", Status: OK}
	var token fastlyToken
	status, err := get(ctx, cmp.Or(f.BaseURL, "https://api.fastly.com"), "/tokens/self", "Fastly-Key", f.Token.Reveal(), &token)
	scopes := strings.Fields(token.Scope)
	switch {
	case err != nil:
		check.Status, check.Says, check.Mend = Fail, err.Error(), "look at the way to the API"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		check.Status, check.Says, check.Mend = Fail, fmt.Sprintf("it is not known, or has expired: %d %s", status, http.StatusText(status)), fastlyMend
	case status != http.StatusOK || len(scopes) == 0:
		check.Status, check.Says, check.Mend = Warn, fmt.Sprintf("the API does not say what it may do: %d %s", status, http.StatusText(status)), "try it by --probe-purge"
	case !slices.Contains(scopes, "global") && !slices.Contains(scopes, "purge_select"):
		check.Status, check.Says, check.Mend = Fail, "it may not purge by tag or URL, which global and purge_select allow: its scope is "+strings.Join(scopes, " "), fastlyMend
	case len(token.Services) > 0 && !slices.Contains(token.Services, f.Service):
		check.Status, check.Says, check.Mend = Fail, "it is for other services than the policy's", fastlyMend
	default:
		check.Says = "it is active, and may purge by tag and URL: " + strings.Join(scopes, " ")
		if slices.Contains(scopes, "global") {
			check.Status, check.Says = Warn, "it is active, and may do far more than purge: its scope is global"
			check.Mend = "make one with the scope purge_select: what leaks is then worth less"
		}
		if end, err := time.Parse(time.RFC3339, token.ExpiresAt); err == nil {
			check.Says += ", until " + end.UTC().Format("2006-01-02 15:04:05 UTC")
		}
	}
	return []Check{check}
}
