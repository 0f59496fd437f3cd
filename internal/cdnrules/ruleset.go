package cdnrules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tier is what a plan of Cloudflare allows in the phase (Cloudflare's guides "Cache
// Rules", "Cache keys" and "Operators", November 2026).
type tier struct {
	name string
	// rules is how many there can be in a zone.
	rules int
	// regexp allows the operator matches; keys allows lists of parameters in keys.
	regexp, keys bool
}

// tiers are the plans, the smallest first.
var tiers = []tier{
	{name: "free", rules: 10},
	{name: "pro", rules: 25},
	{name: "business", rules: 50, regexp: true},
	{name: "enterprise", rules: 300, regexp: true, keys: true},
}

// tierOf returns what a plan allows. Free is the default because what fits there fits
// everywhere.
func tierOf(name string) (tier, error) {
	if name == "" {
		name = "free"
	}
	for _, t := range tiers {
		if t.name == name {
			return t, nil
		}
	}
	return tier{}, fmt.Errorf("the plan is %q, want free, pro, business or enterprise", name)
}

// ownerName has no "_", see prefixOf.
var ownerName = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

// prefixOf is how references of an owner's rules begin. As no owner has "_" in
// its name, no owner's prefix begins another's.
func prefixOf(owner string) (string, error) {
	if owner == "" {
		owner = "main"
	}
	if !ownerName.MatchString(owner) {
		return "", fmt.Errorf("the owner is %q, want 1 to 32 small letters and digits", owner)
	}
	return "larder_" + owner + "_", nil
}

// group are the rules that become one of the zone.
//
// The order of its rules has no effect, as their clauses are joined by or.
type group struct {
	hosts []string
	first *Rule
	rules []*Rule
}

// compile returns the rules of a zone for rules, and what there is to know about
// them.
func compile(rules []Rule, prefix string, t tier) (wire []wireRule, notes []string, err error) {
	if err := checkTier(rules, t); err != nil {
		return nil, nil, err
	}
	rules, notes = fitKeys(rules, t)
	used := map[string]int{}
	for _, g := range groupRules(rules) {
		expressions, parts, err := join(g.hosts, g.rules)
		if err != nil {
			return nil, nil, err
		}
		settings, err := g.first.parameters()
		if err != nil {
			return nil, nil, err
		}
		// A group that does not fit into one expression is several rules with the same
		// settings. They are numbered, so that each keeps its reference while those
		// before it stay.
		for i, expression := range expressions {
			ref := refOf(prefix, g.first)
			if used[ref]++; used[ref] > 1 {
				ref += fmt.Sprintf("_%d", used[ref])
			}
			enabled := true
			r := wireRule{Ref: ref, Expression: expression, Action: "set_cache_settings", ActionParameters: settings, Enabled: &enabled}
			// Behind the content: the fingerprint is of that, and not of the
			// description.
			r.Description = describe(parts[i]) + " [larder " + r.fingerprint() + "]"
			wire = append(wire, r)
		}
	}
	return wire, notes, nil
}

// checkTier refuses what the plan cannot say.
func checkTier(rules []Rule, t tier) error {
	var errs []error
	for i := range rules {
		if r := &rules[i]; r.needsRegexp() && !t.regexp {
			errs = append(errs, fmt.Errorf("cdn: route %q: a literal between a wildcard and an open end needs the operator matches, which the plan %s does not have: "+
				"business and enterprise do; or end the pattern without a slash and without \"...\"", r.Route, t.name))
		}
	}
	return errors.Join(errs...)
}

// fitKeys takes lists of parameters out where the plan does not have them. All
// parameters then make keys: the same responses, kept more often.
// That is a note and no error: nobody gets a wrong response by it. To leave parameters
// out that the service reads would be the other way round.
func fitKeys(rules []Rule, t tier) (fitted []Rule, notes []string) {
	fitted = slices.Clone(rules)
	for i := range fitted {
		r := &fitted[i]
		if r.Action == Cache && len(r.Query) > 0 && !t.keys {
			notes = append(notes, fmt.Sprintf("%s: keys of chosen parameters need the plan enterprise; on %s all parameters make keys, which is right but keeps more copies", r.Route, t.name))
			r.Query = nil
		}
	}
	return fitted, notes
}

// groupRules puts rules with the same settings and hosts together. Cached ones come
// first. Between groups of one kind the order has no effect: what one leaves to
// another is in its exceptions.
//
// A linear search is enough: there are as many groups as rules in a zone, 300 at most.
func groupRules(rules []Rule) []*group {
	var groups []*group
	for i := range rules {
		r := &rules[i]
		at := slices.IndexFunc(groups, func(g *group) bool {
			return g.first.settings() == r.settings() && slices.Equal(g.hosts, r.Hosts)
		})
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{hosts: r.Hosts, first: r})
		}
		groups[at].rules = append(groups[at].rules, r)
	}
	return groups
}

// refOf names a rule by its settings and hosts, so that it stays the same rule when
// routes come and go.
// Four bytes are enough to tell 300 rules apart; two that are the same get numbers in
// compile.
func refOf(prefix string, r *Rule) string {
	sum := sha256.Sum256([]byte(r.settings() + strings.Join(r.Hosts, " ")))
	return prefix + string(r.Action) + "_" + hex.EncodeToString(sum[:4])
}

// describe names the routes, as many as fit. What comes back from the API must be
// the same text, so nothing is in it that JSON would write differently.
func describe(rules []*Rule) string {
	const room = 300
	text := string(rules[0].Action) + " "
	for i, r := range rules {
		if i > 0 {
			text += ", "
		}
		if len(text)+len(r.Route) > room {
			return text + fmt.Sprintf("and %d more", len(rules)-i)
		}
		text += printable(r.Route)
	}
	return text
}

// parameters are the action parameters of a rule, as they are read from JSON.
// They go through JSON and back, so that they compare with what the API answers: lists
// are then []any there as well as here.
func (r *Rule) parameters() (map[string]any, error) {
	type object = map[string]any
	if r.Action == Bypass {
		return object{"cache": false}, nil
	}
	p := object{
		"cache": true,
		// Without a lifetime in the response it is not kept. Never an override: it
		// would strip Set-Cookie, and keep what says no-store.
		"edge_ttl":    object{"mode": "bypass_by_default"},
		"browser_ttl": object{"mode": "respect_origin"},
	}
	if r.Query != nil {
		query := object{"exclude": object{"all": true}}
		if len(r.Query) > 0 {
			query = object{"include": object{"list": r.Query}}
		}
		p["cache_key"] = object{"custom_key": object{"query_string": query}}
	}
	if len(r.Vary) > 0 {
		// Every field that a response may name must be here: what is not is
		// bypassed.
		headers := object{"accept-encoding": object{"action": "normalize"}}
		for _, name := range r.Vary {
			headers[name] = object{"action": "passthrough"}
		}
		p["vary"] = object{"default": object{"action": "bypass"}, "headers": headers}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	var read map[string]any
	err = json.Unmarshal(text, &read)
	return read, err
}
