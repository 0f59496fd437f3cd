package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/secret"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Error is what does harm, or has no effect although it was said, or is refused
	// when the service starts.
	Error Severity = "error"
	// Warning is what is seldom meant.
	Warning Severity = "warning"
)

// Finding is one thing that is wrong.
type Finding struct {
	// Rule is the id of the rule that is broken.
	Rule string
	// Severity is that of the rule.
	Severity Severity
	// Path is the place, as package policy/file writes it: the keys down to it with
	// dots between them, those with other characters than letters, digits, "_" and
	// "-" in quotes, and members of lists by number: classes.product.source[0].key,
	// routes."GET /x".vary.
	Path string
	// Message says what is wrong.
	Message string
	// Mend says what to do about it.
	Mend string
}

// String returns the finding as one line, without its mend.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s", f.Path, f.Rule, f.Message)
}

// Check returns what is wrong with p, in the order of the file's parts: classes by
// name, routes by pattern, and then the rest. It returns nil if there is nothing.
// It takes a policy that [policy.Policy.Resolve] has an error for, too.
func Check(p *policy.Policy) []Finding {
	k := newCheck(p)
	for i := range rules {
		k.rule = &rules[i].Rule
		if rules[i].check != nil {
			rules[i].check(k)
		}
	}
	k.checkIgnores()
	slices.SortStableFunc(k.found, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(part(a.Path), part(b.Path)),
			strings.Compare(a.Path, b.Path),
			strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Message, b.Message),
		)
	})
	return k.found
}

// part orders the parts of a file as people read them.
func part(path string) int {
	name, _, _ := strings.Cut(path, ".")
	if i := slices.Index([]string{"classes", "routes", "profiles"}, name); i >= 0 {
		return i
	}
	return len(path)
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
// exception would not help.
func (k *check) bind(o *owner, field, message, mend string) {
	o.bound[k.rule.ID] = true
	k.add(join(o.path, field), message, mend)
}

// add adds a finding of the current rule that no class and no route can excuse.
func (k *check) add(path, message, mend string) {
	k.found = append(k.found, Finding{
		Rule: k.rule.ID, Severity: k.rule.Severity,
		Path: clean(path), Message: clean(message), Mend: clean(mend),
	})
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

// join puts a key under a path.
func join(path, key string) string {
	switch {
	case path == "" || key == "":
		return path + key
	case key[0] == '[':
		return path + key
	}
	return path + "." + key
}

// maxSearches bounds how often the nearest of all names is looked for.
const maxSearches = 20

// checkIgnores looks at the exceptions, after all rules have had the chance to use
// them.
func (k *check) checkIgnores() {
	searches := 0
	for _, o := range k.owners {
		for _, id := range sortedKeys(o.ignore) {
			rule, known := find(id)
			switch {
			case !known:
				k.rule = mustFind("ignore-unknown")
				meant := ""
				if searches++; searches <= maxSearches {
					meant = closestRule(id)
				}
				k.add(o.path, "it ignores "+quote(id)+", and there is no such rule", "Write the id of a rule"+meant+", or take the comment out.")
			case o.bound[rule.ID]:
				k.rule = mustFind("ignore-unused")
				k.add(o.path, fmt.Sprintf("it ignores %s, which larder gen or the service refuses all the same", id), "Mend what the rule finds, and take the comment out.")
			case !o.used[rule.ID]:
				k.rule = mustFind("ignore-unused")
				k.add(o.path, fmt.Sprintf("it ignores %s, which finds nothing here", id), "Take the comment out: it would hide the next mistake.")
			}
		}
	}
}
