package cdnrules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
)

// phase is the one of cache rules.
const phase = "http_request_cache_settings"

// wireRule is a rule of Cloudflare's Rulesets API. Of rules of others, nothing but
// these fields is read and none is written.
type wireRule struct {
	ID               string         `json:"id,omitempty"`
	Version          string         `json:"version,omitempty"`
	Ref              string         `json:"ref"`
	Description      string         `json:"description"`
	Expression       string         `json:"expression"`
	Action           string         `json:"action"`
	ActionParameters map[string]any `json:"action_parameters"`
	Enabled          *bool          `json:"enabled,omitempty"`
}

// ruleset is the list of a phase. Each change makes a new version.
type ruleset struct {
	ID          string     `json:"id"`
	Version     string     `json:"version"`
	LastUpdated string     `json:"last_updated"`
	Rules       []wireRule `json:"rules"`
}

// enabled tells whether the rule works; it does if nothing is said.
func (r *wireRule) enabled() bool { return r.Enabled == nil || *r.Enabled }

// content is what a rule does, as text: equal for rules that do the same, in
// whatever form the API writes it.
func (r *wireRule) content() string {
	text, err := json.Marshal([]any{r.Expression, r.Action, r.enabled(), normal(r.ActionParameters)})
	if err != nil { // values that were read from JSON can be written
		return err.Error()
	}
	return string(text)
}

// fingerprint is a short text for the content.
// Six bytes stand in a description that people read: it finds edits, and guards against
// nobody.
func (r *wireRule) fingerprint() string {
	sum := sha256.Sum256([]byte(r.content()))
	return hex.EncodeToString(sum[:6])
}

// normal returns a value of JSON in one form of several that mean the same: without
// what is null, empty or false (but "cache": false says something), and with
// the lists of a key in the long form.
func normal(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, field := range v {
			if name == "include" || name == "exclude" {
				field = longForm(field)
			}
			field = normal(field)
			if field == nil || field == false && name != "cache" {
				continue
			}
			out[name] = field
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := slices.Clone(v)
		for i := range out {
			out[i] = normal(out[i])
		}
		return out
	}
	return value
}

// longForm turns "*", ["*"] and ["a"] into {"all": true} and {"list": ["a"]}: the
// guide has the one, the schema the other.
// Who has edited a rule by the API may have written either.
func longForm(field any) any {
	all := map[string]any{"all": true}
	switch v := field.(type) {
	case string:
		if v == "*" {
			return all
		}
	case []any:
		if len(v) == 1 && v[0] == "*" {
			return all
		}
		return map[string]any{"list": v}
	}
	return field
}

// mark is the end of a description: the fingerprint of what was written.
var mark = regexp.MustCompile(` \[larder ([0-9a-f]{12})\]$`)

// edited tells whether the rule is no longer what was written.
// One without a mark is: somebody has taken it out, together with what it said.
func (r *wireRule) edited() bool {
	found := mark.FindStringSubmatch(r.Description)
	return found == nil || found[1] != r.fingerprint()
}
