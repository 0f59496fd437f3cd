package lint

import (
	"fmt"
	"strings"

	"github.com/larderdev/larder/policy"
)

// classWithoutSource is satisfied by words: that somebody has thought about it is what
// counts.
func classWithoutSource(k *check) {
	for _, c := range k.classes {
		if c.is.Source.From == "" && len(c.is.Source.Tables) == 0 {
			k.report(c.owner, "source", "it does not say where its values come from, so that nobody can tell what makes them wrong",
				"Name the tables under source, or say it in words: source: the search service.")
		}
	}
}

// writeThrough asks for a version where package larder would fall back to invalidating:
// then write-through is not what happens.
func writeThrough(k *check) {
	for _, c := range k.classes {
		if c.is.Pattern == policy.WriteThrough && c.is.RowVersion == "" {
			k.report(c.owner, "row_version", "it is write-through and its values have no version: of two writes at once the older one could stay",
				"Set row_version: column, with a column that each write raises; or use cache-aside.")
		}
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
			case !again: // the first that says something is who later ones are compared with
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

// withSchema writes a table or sequence with its schema, so that "products" and
// "public.products" are one.
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
