package lint

import (
	"fmt"

	"github.com/larderdev/larder/internal/nearest"
)

// maxSearches bounds how often the nearest of all names is looked for: a policy that a
// program builds can have any number of exceptions.
const maxSearches = 20

// checkIgnores looks at the exceptions, after all rules have had the chance to use
// them. What is found of an exception cannot be excused: an exception of an exception
// would have no end.
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

// closestRule returns " (id?)" for the rule that id is nearest to, if one is near.
func closestRule(id string) string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	if best := nearest.Name(id, ids); best != "" {
		return " (" + best + "?)"
	}
	return ""
}
