package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
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
