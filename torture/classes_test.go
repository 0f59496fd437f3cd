package torture

import (
	"fmt"
	"time"

	"github.com/larderdev/larder"
)

// row is a row of the table, as it is cached.
type row struct {
	Version uint64
	Owner   int
}

// class is one class of the fleet, with rows of its own.
type class struct {
	name      string
	policy    larder.Policy
	versioned bool
	tagged    bool // its writers invalidate the tag of the row's old owner
	// triggered: its rows are in a table with triggers, and some are changed by
	// plain SQL, of which no process is told.
	triggered bool
}

// owners is how many owners the rows of a class have.
const owners = 12

// life is so long that a key which is stuck stays so until the end.
const life = 15 * time.Minute

// classes are those of every process, in the order of the ledger.
func classes() []class {
	return []class{
		{name: "plain", policy: larder.Policy{TTL: life, Tiers: larder.Shared}, versioned: true},
		{name: "plain-warm", policy: larder.Policy{TTL: life}, versioned: true},
		{name: "bare", policy: larder.Policy{TTL: life, Tiers: larder.Shared}},
		{name: "through", policy: larder.Policy{TTL: life, Pattern: larder.WriteThrough, Tiers: larder.Shared}, versioned: true},
		{name: "through-warm", policy: larder.Policy{TTL: life, Pattern: larder.WriteThrough}, versioned: true},
		{name: "strict", policy: larder.Policy{TTL: life, Strict: true, Tiers: larder.Shared}, versioned: true},
		{name: "strict-through", policy: larder.Policy{TTL: life, Strict: true, Pattern: larder.WriteThrough, Tiers: larder.Shared}, versioned: true},
		{name: "tagged", policy: larder.Policy{TTL: life, Tiers: larder.Shared}, versioned: true, tagged: true},
		{name: "tagged-warm", policy: larder.Policy{TTL: life, Rebuild: 10}, tagged: true},
		{name: "key-tagged", policy: larder.Policy{TTL: life, Tiers: larder.Shared, Tags: []string{"item-{key}"}}, tagged: true},
		{name: "triggered", policy: larder.Policy{TTL: life}, versioned: true, triggered: true},
	}
}

// policies are those of all classes, with another TTL if ttl is not 0.
func policies(ttl time.Duration) map[string]larder.Policy {
	all := map[string]larder.Policy{}
	for _, c := range classes() {
		if ttl != 0 {
			c.policy.TTL = ttl
		}
		all[c.name] = c.policy
	}
	all[tokenClasses[0]] = larder.Policy{TTL: life, Tiers: larder.Shared}
	all[tokenClasses[1]] = larder.Policy{TTL: life}
	return all
}

// tokenClasses are those of tokens: one that only the shared tier keeps, and
// one that memory keeps too.
var tokenClasses = [2]string{"auth-token", "auth-token-warm"}

// byKey reports whether the class's tag is one of the key, not of the value.
func (c *class) byKey() bool { return len(c.policy.Tags) > 0 }

// tag is the one that a row with this owner carries.
func (c *class) tag(key, owner int) string {
	if c.byKey() {
		return fmt.Sprintf("item-%d", key)
	}
	return fmt.Sprintf("%s-owner-%d", c.name, owner)
}

// told is the place in the ledger of what is acknowledged of a value with this
// owner. An invalidation of a tag says nothing of a value that carries another
// one: that one falls by the invalidation of a write before, which may be the
// outbox's to deliver.
func (c *class) told(owner int) int {
	if c.tagged && !c.byKey() {
		return owner
	}
	return 0
}

// change is what the outbox must deliver when a row with this owner is
// replaced by next.
func (c *class) change(key, owner int, next row) larder.Change {
	if c.tagged {
		return larder.Change{Tags: []string{c.tag(key, owner)}}
	}
	change := larder.Change{Class: c.name, Key: fmt.Sprint(key)}
	if c.versioned {
		change.Version = next.Version
	}
	return change
}
