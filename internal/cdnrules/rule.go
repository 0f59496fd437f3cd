package cdnrules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
)

// Action is what a cache does with a route.
type Action string

// The actions.
const (
	// Cache keeps responses for as long as their header says, and no response
	// whose header says nothing.
	Cache Action = "cache"
	// Bypass keeps none.
	Bypass Action = "bypass"
)

// Rule says what caches in front of the service do with one route, whatever their
// kind.
//
// It says nothing of how a format writes it, so that all formats mean the same. Whoever
// reads the rules as JSON has the exceptions by their patterns.
type Rule struct {
	// Route is the pattern in the policy.
	Route string `json:"route"`
	// Hosts are those that the rule is about; empty: all.
	Hosts []string `json:"hosts,omitempty"`
	// Action is what is done.
	Action Action `json:"action"`
	// Reason says why, in a few words of the policy.
	Reason string `json:"reason"`
	// Query are the parameters that make keys. Nil: all do. Empty: none does.
	Query []string `json:"query"`
	// Vary are the request fields that responses depend on, in lower case.
	Vary []string `json:"vary,omitempty"`
	// Except are routes that take away from this one: cached ones that are more
	// specific and have other settings.
	Except []string `json:"except,omitempty"`

	pattern pattern
	except  []*Rule
}

// Rules returns what p says of each route, for a cache that serves hosts; none
// means that it serves all. Those that are cached come first, then those that are
// bypassed, each in an order in which the more specific of two that match the same
// request comes first. Routes of hosts that are not served are left out, and so are
// those of HEAD, which caches answer by GET. All mistakes are reported at once.
//
// Cached ones first is the order of a zone, where the last rule that matches wins; a
// cache in which the first one wins takes [Export]'s order.
func Rules(p *policy.Policy, hosts []string) ([]Rule, error) {
	names := slices.Sorted(maps.Keys(p.Routes))
	hosts, err := checkHosts(hosts)
	if err := errors.Join(err, checkPatterns(names)); err != nil {
		return nil, fmt.Errorf("cdn: %w", err)
	}
	var rules []Rule
	var errs []error
	for _, name := range names {
		rule, err := ruleOf(p, name, hosts)
		if err != nil {
			errs = append(errs, err)
		} else if rule != nil {
			rules = append(rules, *rule)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("cdn: %w", err)
	}
	slices.SortFunc(rules, func(a, b Rule) int {
		if a.Action != b.Action {
			return -strings.Compare(string(a.Action), string(b.Action))
		}
		return a.pattern.compare(&b.pattern)
	})
	findExceptions(rules)
	return rules, nil
}

// ruleOf returns the rule of a route; nil: there is none.
// There is none for HEAD, which caches answer by what they keep for GET (RFC 9111,
// section 4), and none for a host that the cache does not serve.
func ruleOf(p *policy.Policy, name string, hosts []string) (*Rule, error) {
	route, err := p.ResolveRoute(name)
	if err != nil {
		return nil, err
	}
	r := &Rule{Route: name, pattern: parse(name), Hosts: hosts}
	if host := r.pattern.host; host != "" {
		if len(hosts) > 0 && !slices.Contains(hosts, host) {
			return nil, nil
		}
		if r.Hosts, err = checkHosts([]string{host}); err != nil {
			return nil, fmt.Errorf("route %q: %w", name, err)
		}
	}
	if r.pattern.method == "HEAD" {
		return nil, nil
	}
	r.Action, r.Reason = decide(&route, r.pattern.method)
	if r.Action == Bypass {
		return r, nil
	}
	if r.Query, err = checkQuery(route.Query); err != nil {
		return nil, fmt.Errorf("route %q: %w", name, err)
	}
	if r.Vary, err = checkVary(route.Vary); err != nil {
		return nil, fmt.Errorf("route %q: %w", name, err)
	}
	return r, nil
}

// decide returns what is done with a route, and why.
// The order is that of strength: what nobody may store is not called private, so that
// the reason is the one to change.
func decide(route *policy.Route, method string) (Action, string) {
	switch {
	case route.NoStore && route.Class != "":
		return Bypass, "not stored, class " + route.Class
	case route.NoStore:
		return Bypass, "not stored"
	case route.Private:
		return Bypass, "private"
	case route.Edge == 0:
		return Bypass, "no time at the edge"
	case method != "" && method != "GET":
		return Bypass, "responses to " + method + " are not kept"
	}
	return Cache, "edge " + route.Edge.String()
}

// findExceptions fills in Except. ServeMux gives a request to the most specific
// pattern; a zone knows no such order within a kind of rule. So each rule says itself
// what it leaves to others. A cache rule need leave nothing to a bypass rule, which
// stands behind it and wins.
func findExceptions(rules []Rule) {
	for i := range rules {
		r := &rules[i]
		for j := range rules {
			other := &rules[j]
			if other.Action != Cache || !other.pattern.wins(&r.pattern) {
				continue
			}
			// What is bypassed for POST takes nothing from what is cached for GET.
			if r.Action == Bypass && r.only() != "" || r.Action == Cache && r.settings() == other.settings() {
				continue
			}
			r.Except = append(r.Except, other.Route)
			r.except = append(r.except, other)
		}
	}
}

// only is the method that a bypass is limited to. A cache rule never is: with
// GET in its expression, Cloudflare's purges by URL no longer find what it keeps.
func (r *Rule) only() string {
	if r.Action == Cache || r.pattern.method == "GET" {
		return ""
	}
	return r.pattern.method
}

// settings is a text that is the same for rules that do the same.
// Rules with the same text become one of a zone, of which there are few.
func (r *Rule) settings() string {
	return fmt.Sprintf("%s %t %q %q", r.Action, r.Query == nil, r.Query, r.Vary)
}

// hostName is what a host may be of: nothing that an expression or a file would take
// for more than text.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// checkHosts returns hosts in order and each once, so that equal sets are equal lists.
// 253 is the longest name as text (255 octets on the wire: RFC 1035, section 2.3.4).
func checkHosts(hosts []string) ([]string, error) {
	var all []string
	var errs []error
	for _, host := range hosts {
		host = strings.ToLower(host)
		if len(host) > 253 || !hostName.MatchString(host) {
			errs = append(errs, fmt.Errorf("host %q: want a name such as shop.example.com, without scheme, port and wildcard", host))
		}
		all = append(all, host)
	}
	slices.Sort(all)
	return slices.Compact(all), errors.Join(errs...)
}

// maxQuery is how many parameters a key of Cloudflare can name.
//
// Source: Cloudflare's schema of custom cache keys, November 2026.
const maxQuery = 100

// checkQuery returns the parameters in order, each once: keys are then the same when
// the policy gets another order. Nil stays nil, which means all, and is not the empty
// list. A star is refused, since alone it means all to Cloudflare.
func checkQuery(names []string) ([]string, error) {
	if names == nil {
		return nil, nil
	}
	if len(names) > maxQuery {
		return nil, fmt.Errorf("query has %d parameters, at most %d", len(names), maxQuery)
	}
	for _, name := range names {
		if name == "" || len(name) > 128 || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == '*' || c == '"' }) {
			return nil, fmt.Errorf("query parameter %q: want 1 to 128 printable ASCII characters without space, * and quotation mark", name)
		}
	}
	all := slices.Clone(names)
	slices.Sort(all)
	return slices.Compact(all), nil
}

var (
	fieldName = regexp.MustCompile(`^[a-z0-9_-]{1,128}$`)
	// noVariant are fields that caches do not let responses depend on.
	noVariant = []string{"cache-control", "connection", "content-length", "host", "if-match", "if-modified-since", "if-none-match", "if-unmodified-since", "range", "upgrade"}
)

// checkVary returns the fields in lower case and in order, each once. What a zone would
// not take is refused for all formats: the policy is one.
func checkVary(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		name = strings.ToLower(name)
		switch {
		case !fieldName.MatchString(name):
			return nil, fmt.Errorf("vary %q: want the name of a request field; a response that varies by * is never kept", name)
		case slices.Contains(noVariant, name) || strings.HasPrefix(name, "cf-") || strings.HasPrefix(name, "cf_"):
			return nil, fmt.Errorf("vary %q: caches keep no variants by this field", name)
		case name != "accept-encoding": // they know that one by themselves
			all = append(all, name)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	// Cloudflare takes 50, and accept-encoding is always there.
	if len(all) > 49 {
		return nil, fmt.Errorf("vary has %d fields, at most 49", len(all))
	}
	return all, nil
}
