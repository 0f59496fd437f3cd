package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy"
)

// privateAtEdge reports the tier at the class, and at routes only what they say
// themselves, so that one cause is one finding.
func privateAtEdge(k *check) {
	for _, c := range k.classes {
		if !c.personal() {
			continue
		}
		if c.has(policy.Edge) {
			k.report(c.owner, "tiers", fmt.Sprintf("it is %s, and the edge gives what it keeps to everyone who asks", c.is.Privacy), "Take edge out of tiers.")
		}
		for _, r := range c.routes {
			if r.cached() && (!c.has(policy.Edge) || r.said.Edge > 0 || r.said.Profile != "") {
				k.report(r.owner, where(r), fmt.Sprintf("%s is %s, and the edge gives what it keeps to everyone who asks", c.name, c.is.Privacy),
					"Set private, or no_store, and take out what is said for the edge.")
			}
		}
	}
}

// where is the field by which a route is cached: the one that has to be changed. If
// nothing of the route says it, the tier of its class does.
func where(r *route) string {
	switch {
	case r.said.Edge > 0:
		return "edge"
	case r.said.Profile != "":
		return "profile"
	case r.is.Edge == 0 && len(r.said.Statuses) > 0:
		return "statuses"
	}
	return "class"
}

// sensitiveInBrowser is a warning: the copy is the owner's own, and the machine may be,
// too. Browsers keep copies on disk, where whoever uses the machine next finds them.
func sensitiveInBrowser(k *check) {
	for _, r := range k.routes {
		if r.class != nil && r.class.is.Privacy == policy.Sensitive && !r.is.NoStore && r.is.Browser > 0 {
			k.report(r.owner, "browser", fmt.Sprintf("%s is sensitive, and browsers write what they keep to disk", r.class.name),
				"Set no_store instead.")
		}
	}
}

// ownerNames are names of key parts and wildcards that say whose something is.
var ownerNames = []string{
	"user", "user_id", "userid", "uid", "account", "account_id", "customer", "customer_id",
	"session", "session_id", "email", "member_id", "patient_id", "token",
}

// userKeyAtEdge goes by names, and can be wrong: the page of an author is public and
// keyed by a user. It is a warning, and says how to be excused.
func userKeyAtEdge(k *check) {
	for _, c := range k.classes {
		part := ownerPart(c)
		if part == "" || c.personal() {
			continue
		}
		if slices.ContainsFunc(c.routes, (*route).cached) || c.has(policy.Edge) {
			k.report(c.owner, "key", fmt.Sprintf("its key has %q, so that its values seem to be one user's; it is public, and kept at the edge", part),
				"Say privacy: private if it is so, and take the edge away; else ignore the rule, with the reason.")
		}
	}
}

// ownerPart returns the part of a class's key, or the column that its key is made
// of, that says whose the value is. A key of one Go type has no name to go by.
func ownerPart(c *class) string {
	for _, part := range c.is.Key.Parts {
		if slices.Contains(ownerNames, strings.ToLower(part.Name)) {
			return part.Name
		}
	}
	for _, table := range c.is.Source.Tables {
		for _, name := range wildcards(table.Key) {
			if slices.Contains(ownerNames, strings.ToLower(name)) {
				return name
			}
		}
	}
	return ""
}
