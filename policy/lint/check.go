package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/larderdev/larder/httpcache"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// check is a policy while it is looked at: what was said, and what that means. Rules get
// it as their one argument, take what they are about, and report; none of them changes
// it. It is used by one goroutine.
type check struct {
	p *policy.Policy
	// classes are those that are cached, and can be resolved; nevers those that
	// must not be. Both are in the order of their names.
	classes, nevers []*class
	// routes are those that can be resolved, in the order of their patterns.
	routes []*route
	owners []*owner
	// byClass and byRoute have an owner for each, also for what cannot be resolved.
	byClass, byRoute map[string]*owner
	// cdns are the configured ones that take tags, each once.
	cdns []httpcache.CDN

	rule  *Rule // the one that is being checked
	found []Finding
}

// newCheck resolves all classes and routes once, for all rules.
func newCheck(p *policy.Policy) *check {
	k := &check{p: p, byClass: map[string]*owner{}, byRoute: map[string]*owner{}}
	k.addRoutes(k.addClasses())
	for _, c := range p.CDNs {
		if kind, ok := kinds[c.Kind]; ok && !slices.Contains(k.cdns, kind) {
			k.cdns = append(k.cdns, kind)
		}
	}
	return k
}

// addClasses takes the classes of the policy, and returns those that can be resolved by
// their names. Of the others rule invalid says why; no other rule could say more than
// that the same profile is not there.
func (k *check) addClasses() map[string]*class {
	known := map[string]*class{}
	for _, name := range sortedKeys(k.p.Classes) {
		said := k.p.Classes[name]
		o := k.own(field.Path("classes", name), said.Ignore)
		k.byClass[name] = o
		is, err := k.p.Resolve(name)
		if err != nil {
			continue
		}
		c := &class{owner: o, name: name, said: said, is: is}
		known[name] = c
		if is.Pattern == policy.Never {
			k.nevers = append(k.nevers, c)
		} else {
			k.classes = append(k.classes, c)
		}
	}
	return known
}

// addRoutes takes the routes of the policy that can be resolved, and ties them to their
// classes.
func (k *check) addRoutes(known map[string]*class) {
	for _, pattern := range sortedKeys(k.p.Routes) {
		said := k.p.Routes[pattern]
		o := k.own(field.Path("routes", pattern), said.Ignore)
		k.byRoute[pattern] = o
		is, err := k.p.ResolveRoute(pattern)
		if err != nil {
			continue
		}
		r := &route{owner: o, pattern: pattern, said: said, is: is, class: known[said.Class]}
		k.routes = append(k.routes, r)
		if r.class != nil {
			r.class.routes = append(r.class.routes, r)
		}
	}
}

// own makes the owner of a class or route, also of one that cannot be resolved: its
// exceptions are looked at all the same.
func (k *check) own(path string, ignore map[string]string) *owner {
	o := &owner{path: path, ignore: ignore, used: map[string]bool{}, bound: map[string]bool{}}
	k.owners = append(k.owners, o)
	return o
}

// owner is a class or a route: what findings are in, and can be excused by.
type owner struct {
	path   string
	ignore map[string]string
	// used are the rules that an exception has excused, and bound those that were
	// broken in a way that none excuses.
	used, bound map[string]bool
}

// report adds a finding of the current rule at a path below o, which may be empty,
// unless o excuses the rule.
func (k *check) report(o *owner, field, message, mend string) {
	if _, ok := o.ignore[k.rule.ID]; ok {
		o.used[k.rule.ID] = true
		return
	}
	k.add(join(o.path, field), message, mend)
}

// bind adds a finding as report does, of what larder gen or the service refuses: an
// exception would not help, and what passes lint without an error has to make code.
func (k *check) bind(o *owner, field, message, mend string) {
	o.bound[k.rule.ID] = true
	k.add(join(o.path, field), message, mend)
}

// add adds a finding of the current rule that no class and no route can excuse. All
// findings come through here, so that nothing goes out that was not made clean.
func (k *check) add(path, message, mend string) {
	k.found = append(k.found, Finding{
		Rule: k.rule.ID, Severity: k.rule.Severity,
		Path: clean(path), Message: clean(message), Mend: clean(mend),
	})
}

// join puts a key under a path; either may be empty. Paths are those of package
// policy/file, which this package does not know.
func join(path, key string) string {
	switch {
	case path == "" || key == "":
		return path + key
	case key[0] == '[':
		return path + key
	}
	return path + "." + key
}

// clean makes a text one line that can be shown: names come from anywhere, and may
// hold what nobody should see.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return unicode.ReplacementChar
		}
		return c
	}, secret.Hide(text))
}

// quote writes a text that comes from anywhere, without its end if it is long. A secret
// is hidden first: a half of one that was cut has no form to be told by.
func quote(text string) string { return fmt.Sprintf("%.100q", secret.Hide(text)) }

// sortedKeys are those of a map, in an order that is the same each time: so are findings.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
