package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/goname"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/internal/field"
)

// inProcess tells whether the process caches values of the class: then there is code
// for it.
func (c *class) inProcess() bool { return c.has(policy.Memory) || c.has(policy.Shared) }

// nothingCached is about a policy of which no code can be made: larder gen would have
// nothing to write.
func nothingCached(k *check) {
	unresolved := len(k.p.Classes) - len(k.classes) - len(k.nevers) // rule invalid says why
	if len(k.p.Routes)+unresolved > 0 || slices.ContainsFunc(k.classes, (*class).inProcess) {
		return
	}
	path := "version"
	if len(k.p.Classes) > 0 {
		path = "classes"
	}
	k.add(path, "it has no class with a cache and no route: nothing is cached, and larder gen has nothing to write",
		"Write a class with a ttl, or a route.")
}

// goName lets those who write the code say which names are the same there.
func goName(k *check) {
	named, owners := map[string]policy.Class{}, map[string]*owner{}
	for _, c := range k.classes {
		if c.inProcess() {
			named[c.name], owners[c.name] = c.is, c.owner
		}
	}
	for _, clash := range goname.Clashes(named) {
		at := ""
		if clash.Part != "" {
			at = field.Path("key", clash.Part)
		}
		k.bind(owners[clash.Class], at, clash.Message+": larder gen would refuse it", "Rename one.")
	}
}

// outboxTable is the table of the outbox itself, as package outbox calls it.
const outboxTable = "larder_outbox"

// sourceConflict is about triggers. A table has one set of them, whatever the number of
// classes that depend on it, and so one version; the default schema is that of
// PostgreSQL, as in package outbox.
func sourceConflict(k *check) {
	type first struct {
		class string
		table policy.Table
	}
	seen := map[string]first{}
	for _, c := range k.classes {
		for i, table := range c.is.Source.Tables {
			at, name := fmt.Sprintf("source[%d]", i), withSchema(table.Name)
			one, again := seen[name]
			switch {
			case name == withSchema(outboxTable):
				k.bind(c.owner, at+".table", "it is the outbox itself, whose rows are the invalidations", "Name the table that the values are made of.")
			case !again:
				seen[name] = first{c.name, table}
			case one.table.Version != table.Version:
				k.bind(c.owner, at, fmt.Sprintf("its rows have %s, and %s for class %s: a table has one trigger",
					said("the version in", table.Version), said("it in", one.table.Version), one.class),
					"Write the same version in both.")
			case withSchema(one.table.Sequence) != withSchema(table.Sequence):
				k.bind(c.owner, at, fmt.Sprintf("its versions come from %s, and from %s for class %s: a table has one trigger",
					said("the sequence", table.Sequence), said("the sequence", one.table.Sequence), one.class),
					"Write the same sequence in both.")
			}
		}
	}
}

// withSchema writes a table or sequence with its schema.
func withSchema(name string) string {
	if name == "" || strings.Contains(name, ".") {
		return name
	}
	return "public." + name
}

// said writes what a table says of its versions, which may be nothing.
func said(what, name string) string {
	if name == "" {
		return "nothing"
	}
	return what + " " + quote(name)
}
