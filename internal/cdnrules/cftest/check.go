package cftest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// limitOf is how many rules a plan allows.
// Of a plan that there is not it is none: a test with a slip in it fails.
func limitOf(plan string) int {
	return map[string]int{"free": 10, "pro": 25, "business": 50, "enterprise": 300}[plan]
}

// check looks at the whole list, and keeps it.
// Only here a list is kept, so that a refused request changes nothing.
func (z *Zone) check(rules []Rule) error {
	refs := map[string]bool{}
	for i, r := range rules {
		if refs[r.Ref] {
			return refuse(fmt.Sprintf("/rules/%d/ref", i), "the ref %q is not unique within the ruleset", r.Ref)
		}
		refs[r.Ref] = true
	}
	if limit := limitOf(z.Plan); len(rules) > limit {
		return &failure{http.StatusBadRequest, 20217, fmt.Sprintf("exceeded maximum number of rules in the phase %s: %d out of %d", phase, len(rules), limit), "/rules"}
	}
	z.keep(rules)
	return nil
}

// ruleOf reads and checks a definition.
// In the order of names, so that of two mistakes the same one is named each time.
func (z *Zone) ruleOf(body map[string]any, at string) (Rule, error) {
	r := Rule{Enabled: true}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		ok := true
		switch name {
		case "ref":
			r.Ref, ok = body[name].(string)
		case "description":
			r.Description, ok = body[name].(string)
		case "expression":
			r.Expression, ok = body[name].(string)
		case "action":
			r.Action, ok = body[name].(string)
		case "enabled":
			r.Enabled, ok = body[name].(bool)
		case "action_parameters":
			r.ActionParameters, ok = body[name].(map[string]any)
		default:
			return r, refuse(at+"/"+name, "invalid JSON: unknown field %q", name)
		}
		if !ok {
			return r, refuse(at+"/"+name, "%q has the wrong type", name)
		}
	}
	if r.Action != "set_cache_settings" {
		return r, refuse(at+"/action", "the action %q is not allowed in the phase %s", r.Action, phase)
	}
	if len(r.ActionParameters) == 0 {
		return r, &failure{http.StatusBadRequest, 20106, "action parameters are required for the set_cache_settings action", at + "/action_parameters"}
	}
	if err := z.checkExpression(r.Expression, at+"/expression"); err != nil {
		return r, err
	}
	return r, z.checkParameters(r.ActionParameters, at+"/action_parameters")
}

// checkExpression compiles it: the API refuses what does not parse, and what the plan
// does not have.
func (z *Zone) checkExpression(expression, at string) error {
	if len(expression) > 4096 {
		return refuse(at, "the expression has %d characters, at most 4096", len(expression))
	}
	_, p, err := compile(expression)
	if err != nil {
		return &failure{http.StatusBadRequest, 20127, "'" + expression + "' is not a valid value for expression because " + err.Error(), at}
	}
	if p.regexps > 0 && z.Plan != "business" && z.Plan != "enterprise" {
		return &failure{http.StatusForbidden, 20120, "not entitled: the use of operator Matches is not allowed, a Business plan or a WAF Advanced plan is required", at}
	}
	return nil
}

// schema is what action parameters may hold: for each field the names within it, or
// nil for a plain value.
var schema = map[string][]string{
	"cache": nil, "respect_strong_etags": nil, "origin_error_page_passthru": nil, "origin_cache_control": nil,
	"read_timeout": nil, "additional_cacheable_ports": nil,
	"edge_ttl":              {"mode", "default", "status_code_ttl"},
	"browser_ttl":           {"mode", "default"},
	"serve_stale":           {"disable_stale_while_updating"},
	"shared_dictionary":     {"match_pattern"},
	"cache_reserve":         {"eligible", "minimum_file_size"},
	"origin_range_requests": {"mode"},
	"cache_key":             {"ignore_query_strings_order", "cache_deception_armor", "cache_by_device_type", "custom_key"},
	"vary":                  {"default", "headers"},
}

// checkParameters looks at names first, and then at what goes together.
func (z *Zone) checkParameters(p map[string]any, at string) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fields, known := schema[name]
		if !known {
			return refuse(at+"/"+name, "invalid JSON: unknown field %q", name)
		}
		object, isObject := p[name].(map[string]any)
		if fields != nil && !isObject {
			return refuse(at+"/"+name, "%q must be an object", name)
		}
		for field := range object {
			if !slices.Contains(fields, field) {
				return refuse(at+"/"+name+"/"+field, "invalid JSON: unknown field %q", field)
			}
		}
	}
	if _, ok := p["cache"].(bool); p["cache"] != nil && !ok {
		return refuse(at+"/cache", "cache must be true or false")
	}
	if p["cache"] == false && len(p) > 1 && (p["edge_ttl"] != nil || p["cache_key"] != nil) {
		return refuse(at, "edge_ttl and cache_key need cache")
	}
	if err := checkModes(p, at); err != nil {
		return err
	}
	if err := z.checkKey(p, at+"/cache_key/custom_key"); err != nil {
		return err
	}
	return checkVary(p, at+"/vary")
}

// checkModes looks at who decides on lifetimes. A default belongs to an override, and
// only there.
func checkModes(p map[string]any, at string) error {
	for name, modes := range map[string][]string{
		"edge_ttl":    {"respect_origin", "override_origin", "bypass_by_default"},
		"browser_ttl": {"respect_origin", "override_origin", "bypass_by_default", "bypass"},
	} {
		ttl, ok := p[name].(map[string]any)
		if !ok {
			continue
		}
		mode, _ := ttl["mode"].(string)
		if !slices.Contains(modes, mode) {
			return refuse(at+"/"+name+"/mode", "%q is not a mode", mode)
		}
		if (mode == "override_origin") != (ttl["default"] != nil) {
			return refuse(at+"/"+name+"/default", "default goes with override_origin")
		}
	}
	return nil
}

// checkKey looks at which parameters make keys, in the form of the schema and in the
// shorter one of the guide.
func (z *Zone) checkKey(p map[string]any, at string) error {
	key, _ := p["cache_key"].(map[string]any)
	custom, ok := key["custom_key"].(map[string]any)
	if !ok {
		return nil
	}
	query, _ := custom["query_string"].(map[string]any)
	if len(query) > 1 {
		return refuse(at+"/query_string", "include and exclude exclude each other")
	}
	for name, value := range query {
		list, _ := value.(map[string]any)
		if short, ok := value.([]any); ok { // as the guide has it
			list = map[string]any{"list": short}
			if len(short) == 1 && short[0] == "*" {
				list = map[string]any{"all": true}
			}
		}
		names, isList := list["list"].([]any)
		switch {
		case name != "include" && name != "exclude":
			return refuse(at+"/query_string/"+name, "invalid JSON: unknown field %q", name)
		case len(list) != 1 || list["all"] != true && !isList:
			return refuse(at+"/query_string/"+name, "exactly one of all and list is expected")
		case isList && (len(names) == 0 || len(names) > 100):
			return refuse(at+"/query_string/"+name+"/list", "want 1 to 100 parameters")
		case isList && z.Plan != "enterprise":
			return &failure{http.StatusForbidden, 20120, "not entitled to use custom cache keys with query_string", at + "/query_string"}
		}
	}
	return nil
}

// checkVary looks at what is done with each field of a request: there must be a default
// for those that are not named.
func checkVary(p map[string]any, at string) error {
	vary, ok := p["vary"].(map[string]any)
	if !ok {
		return nil
	}
	if vary["default"] == nil {
		return refuse(at+"/default", "default is required")
	}
	headers, _ := vary["headers"].(map[string]any)
	if len(headers) > 50 {
		return refuse(at+"/headers", "at most 50 headers")
	}
	all := maps.Clone(headers)
	if all == nil {
		all = map[string]any{}
	}
	all[""] = vary["default"]
	for name, value := range all {
		object, _ := value.(map[string]any)
		action, _ := object["action"].(string)
		if !slices.Contains([]string{"normalize", "passthrough", "bypass"}, action) {
			return refuse(at+"/"+name+"/action", "%q is not an action", action)
		}
		if name != strings.ToLower(name) || len(name) > 128 || strings.HasPrefix(name, "cf-") || strings.HasPrefix(name, "cf_") || slices.Contains([]string{"connection", "host", "cache-control"}, name) {
			return refuse(at+"/headers/"+name, "the header %q is not allowed", name)
		}
	}
	return nil
}
