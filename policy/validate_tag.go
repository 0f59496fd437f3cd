package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/larderdev/larder/policy/internal/secret"
)

// template reports a template of columns that is none. It becomes part of a trigger's
// SQL: what is not a column has to be harmless within a literal.
func (c *checker) template(path, text string) {
	fixed, columns, ok := pieces(text)
	switch {
	case text == "":
		c.report(path, "write a column in braces: \"{id}\"", "the template is empty")
	case !ok:
		c.report(path, "write each column as {column}", "the braces of %s do not match", secret.Quote(text))
	case !fixedText.MatchString(fixed):
		c.report(path, "write ASCII letters, digits and signs without quotes and backslashes", "%s has a character that SQL would not take as it is", secret.Quote(text))
	}
	for _, column := range columns {
		if ok && !columnName.MatchString(column) {
			c.report(path, "write each column as {column}", "%s in %s is no name of a column", secret.Quote("{"+column+"}"), secret.Quote(text))
		}
	}
}

// tag reports a tag that is none, or that has something in braces that nothing
// stands for: such a tag would be the same text on every value, and its purge would
// find all of them, or none. wildcards are the names that it may have in braces, and
// what says where they are from.
func (c *checker) tag(path, tag, what string, wildcards []string) {
	_, names, ok := pieces(tag)
	c.utf8(path, tag)
	switch {
	case tag == "":
		c.report(path, "leave it out", "the tag is empty")
	case !ok:
		c.report(path, "write what varies in braces: product-{id}", "the braces of %s do not match", secret.Quote(tag))
	}
	for _, name := range names {
		if !ok || slices.Contains(wildcards, name) {
			continue
		}
		mend := "leave the braces out"
		if len(wildcards) > 0 {
			mend = "write one of {" + strings.Join(wildcards, "}, {") + "}"
		}
		if len(wildcards) == 1 {
			mend = "write {" + wildcards[0] + "}"
		}
		c.report(path, mend, "%s in the tag %s is no part of %s", secret.Quote("{"+name+"}"), secret.Quote(tag), what)
	}
	c.tagLength(path, tag)
}

// tagLength counts the template: what stands for a name may be longer, and then the
// tag is refused where it is made.
func (c *checker) tagLength(path, tag string) {
	if len(tag) > maxTag {
		c.report(path, fmt.Sprintf("write at most %d bytes", maxTag), "the tag %s has %d bytes", secret.Quote(tag), len(tag))
	}
}

// pieces splits a template into its fixed text and the names in braces. It is not
// ok if the braces do not match, or stand within each other; there is no escape, as
// no tag and no key needs a brace.
func pieces(text string) (fixed string, names []string, ok bool) {
	for rest := text; ; {
		before, after, open := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return fixed, names, false
		}
		fixed += before
		if !open {
			return fixed, names, true
		}
		name, more, closed := strings.Cut(after, "}")
		if !closed || strings.Contains(name, "{") {
			return fixed, names, false
		}
		names, rest = append(names, name), more
	}
}
