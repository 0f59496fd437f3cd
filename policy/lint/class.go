package lint

import (
	"slices"

	"github.com/larderdev/larder/policy"
)

// class is a class with what its profile and the defaults fill in.
type class struct {
	*owner
	name     string
	said, is policy.Class
	routes   []*route
}

// has tells whether values of the class are kept in tier. The edge is one only if the
// class says so: a route may be kept there without.
func (c *class) has(tier policy.Tier) bool { return slices.Contains(c.is.Tiers, tier) }

// inProcess tells whether the process caches values of the class: then there is code
// for it.
func (c *class) inProcess() bool { return c.has(policy.Memory) || c.has(policy.Shared) }

// personal tells whether the values belong to one user.
func (c *class) personal() bool { return c.is.Privacy != policy.Public }

// invalidated tells whether something makes values wrong before their time.
func (c *class) invalidated() bool { return c.tagged() || len(c.is.Source.Tables) > 0 }

// tagged tells whether values are invalidated by tags: by their own, or by those of a
// table's triggers.
func (c *class) tagged() bool {
	return len(c.is.Tags) > 0 || c.is.ValueTags ||
		slices.ContainsFunc(c.is.Source.Tables, func(t policy.Table) bool { return len(t.Tags) > 0 })
}
