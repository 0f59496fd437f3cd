package policy

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// columnName is a table, schema, column or sequence that needs no quotes of its
// own in SQL, as package outbox has it.
var columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]{0,62}$`)

// fixedText is what can stand in an SQL literal as it is, as package outbox has it.
var fixedText = regexp.MustCompile(`^[A-Za-z0-9 _.:/@#~+=,()&!*|;%^$<>?-]*$`)

// source reports what is wrong with where the truth is. Words are for people, tables
// make triggers: with both it would not be clear whether anything invalidates.
func (c *checker) source(path string, s *Source) {
	if s.From != "" && s.Tables != nil {
		c.report(path, "keep one of them", "the source is a text and tables")
	}
	c.utf8(path, s.From)
	for i := range s.Tables {
		c.table(field.At(path, i), &s.Tables[i])
	}
}

// table reports what outbox.Mapping would refuse, and a table on which nothing depends.
func (c *checker) table(path string, t *Table) {
	c.place(field.Path(path, "table"), "a table", t.Name)
	if t.Name == "" {
		c.report(field.Path(path, "table"), "write its name: {table: products, key: \"{id}\"}", "the table has no name")
	}
	if t.Key == "" && len(t.Tags) == 0 {
		c.report(path, "write key: \"{id}\", or tags", "nothing depends on the rows of the table %s", secret.Quote(t.Name))
	}
	if t.Key != "" {
		c.template(field.Path(path, "key"), t.Key)
	}
	if len(t.Tags) > maxTableTags {
		c.report(field.Path(path, "tags"), fmt.Sprintf("keep at most %d", maxTableTags), "the table has %d tags", len(t.Tags))
	}
	for i, tag := range t.Tags {
		at := field.At(field.Path(path, "tags"), i)
		c.template(at, tag)
		c.tagLength(at, tag)
	}
	unique(c, field.Path(path, "tags"), t.Tags)
	if t.Version != "" && !columnName.MatchString(t.Version) {
		c.report(field.Path(path, "version"), "write the column's name alone", "%s is no name of a column", secret.Quote(t.Version))
	}
	c.place(field.Path(path, "sequence"), "a sequence", t.Sequence)
	if t.Sequence != "" && t.Version == "" {
		c.report(field.Path(path, "sequence"), "write the column too: version: version", "the sequence has no column for its numbers")
	}
}

// place reports a name of a table or sequence that is none. Quoted names of SQL are
// not read: a dot in one would be taken for the end of the schema.
func (c *checker) place(path, what, name string) {
	schema, table, two := strings.Cut(name, ".")
	if !two {
		schema, table = "public", name
	}
	if name != "" && (!columnName.MatchString(schema) || !columnName.MatchString(table)) {
		c.report(path, "write its name, maybe with the schema: shop.products", "%s is no name of %s", secret.Quote(name), what)
	}
}
