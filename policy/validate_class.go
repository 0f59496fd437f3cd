package policy

import (
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
)

// The values that a class's fields may have.
var (
	patterns    = []string{string(CacheAside), string(WriteThrough), string(Never)}
	tiers       = []string{string(Memory), string(Shared), string(Edge)}
	privacies   = []string{string(Public), string(Private), string(Sensitive)}
	rowVersions = []string{"column", "sequence", "xid-snapshot", "replay-lsn"}
	partTypes   = []string{"string", "bool", "int64", "float64", "[]string"}
	basicTypes  = []string{
		"string", "bool", "byte", "rune", "int", "int8", "int16", "int32", "int64",
		"uint", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
	}
)

// foreignTypes are names that databases and other languages have for types.
var foreignTypes = map[string]string{
	"integer": "int64", "bigint": "int64", "long": "int64", "serial": "int64", "number": "int64 or float64",
	"double": "float64", "decimal": "float64 or string", "numeric": "float64 or string",
	"text": "string", "varchar": "string", "char": "string", "uuid": "string", "guid": "string",
	"boolean": "bool", "bytes": "[]byte", "blob": "[]byte", "bytea": "[]byte",
	"date": "time.Time", "datetime": "time.Time", "time": "time.Time", "timestamp": "time.Time", "timestamptz": "time.Time",
	"json": "encoding/json.RawMessage", "jsonb": "encoding/json.RawMessage", "any": "encoding/json.RawMessage", "object": "encoding/json.RawMessage",
}

const (
	// maxTag is the longest tag that package larder knows, in bytes.
	maxTag = 200
	// maxTableTags bounds the tags of a table, as outbox.Mapping does.
	maxTableTags = 20
	// maxParts bounds the fields of a key.
	maxParts = 64
)

func (c *checker) class(name string, cl *Class) {
	path := field.Path("classes", name)
	below := func(keys ...string) string { return field.Path(path, keys...) }
	c.name(path, "a class", name)
	c.ignore(path, cl.Ignore)
	c.oneOf(below("pattern"), "pattern", string(cl.Pattern), patterns...)
	if cl.Pattern == Never {
		c.never(path, cl)
		return
	}
	c.utf8(below("description"), cl.Description)
	c.named(below("profile"), "profile", cl.Profile, c.profiles)
	c.key(below("key"), &cl.Key)
	if cl.Type != "" {
		c.goType(below("type"), cl.Type)
	}
	c.life(path, cl)
	c.oneOf(below("row_version"), "source of versions", cl.RowVersion, rowVersions...)
	c.oneOf(below("privacy"), "degree of privacy", string(cl.Privacy), privacies...)
	if cl.Tiers != nil && len(cl.Tiers) == 0 {
		c.report(below("tiers"), "write pattern: never if it must not be cached, or leave tiers out", "the class is kept in no tier")
	}
	for i, tier := range cl.Tiers {
		if tier == "" {
			c.report(field.At(below("tiers"), i), "write one of "+strings.Join(tiers, ", "), "the tier has no name")
		}
		c.oneOf(field.At(below("tiers"), i), "tier", string(tier), tiers...)
	}
	unique(c, below("tiers"), cl.Tiers)
	for i, tag := range cl.Tags {
		c.tag(field.At(below("tags"), i), tag, "the key", []string{"key"})
	}
	unique(c, below("tags"), cl.Tags)
	c.bounds(path, cl)
	c.source(below("source"), &cl.Source)
}

// never reports what a class that is not cached says all the same.
func (c *checker) never(path string, cl *Class) {
	for _, said := range []struct {
		keys []string
		yes  bool
	}{
		{[]string{"key"}, cl.Key.Type != "" || cl.Key.Parts != nil},
		{[]string{"type"}, cl.Type != ""},
		{[]string{"profile"}, cl.Profile != ""},
		{[]string{"ttl"}, cl.TTL != TTL{} || cl.FromValue},
		{[]string{"negative_ttl"}, cl.NegativeTTL != 0},
		{[]string{"stale_while_revalidate"}, cl.StaleWhileRevalidate != 0},
		{[]string{"stale_if_error"}, cl.StaleIfError != 0},
		{[]string{"jitter"}, cl.Jitter != 0},
		{[]string{"tiers"}, cl.Tiers != nil},
		{[]string{"tags"}, cl.Tags != nil},
		{[]string{"value_tags"}, cl.ValueTags},
		{[]string{"value_ttl"}, cl.ValueTTL},
		{[]string{"row_version"}, cl.RowVersion != ""},
		{[]string{"batch"}, cl.Batch},
		{[]string{"strict"}, cl.Strict},
		{[]string{"stampede"}, cl.Stampede != Stampede{}},
		{[]string{"budget"}, cl.Budget != Budget{}},
		{[]string{"memory", "entries"}, cl.MemoryEntries != 0},
		{[]string{"memory", "size"}, cl.MemoryBytes != 0},
		{[]string{"compress_above"}, cl.CompressAbove != 0},
		{[]string{"privacy"}, cl.Privacy != ""},
		{[]string{"encrypt"}, cl.Encrypt},
		{[]string{"rebuild"}, cl.Rebuild != 0},
		{[]string{"target"}, cl.Target != Target{}},
		{[]string{"source"}, cl.Source.From != "" || cl.Source.Tables != nil},
	} {
		if said.yes {
			c.report(field.Path(path, said.keys...), "leave it out, or give the class another pattern",
				"a class that is never cached has no %s", strings.Join(said.keys, "."))
		}
	}
}

// life reports what is wrong with how long values live.
func (c *checker) life(path string, cl *Class) {
	below := func(keys ...string) string { return field.Path(path, keys...) }
	c.length(below("ttl", "shared"), cl.TTL.Shared, false)
	c.length(below("ttl", "memory"), cl.TTL.Memory, false)
	c.length(below("ttl", "edge"), cl.TTL.Edge, false)
	c.length(below("negative_ttl"), cl.NegativeTTL, false)
	c.length(below("stale_while_revalidate"), cl.StaleWhileRevalidate, true)
	c.length(below("stale_if_error"), cl.StaleIfError, true)
	c.jitter(below("jitter"), cl.Jitter)
}

// bounds reports what is wrong with the numbers of a class.
func (c *checker) bounds(path string, cl *Class) {
	below := func(keys ...string) string { return field.Path(path, keys...) }
	c.fraction(below("stampede", "early_refresh"), cl.Stampede.EarlyRefresh, true)
	c.length(below("stampede", "soft_timeout"), cl.Stampede.SoftTimeout, false)
	c.length(below("stampede", "hard_timeout"), cl.Stampede.HardTimeout, false)
	if hard, soft := cl.Stampede.HardTimeout, cl.Stampede.SoftTimeout; hard > 0 && hard < soft {
		c.report(below("stampede", "hard_timeout"), "make it longer than soft_timeout",
			"loads end after %v, before readers stop waiting for them after %v", hard, soft)
	}
	c.number(below("budget", "loads"), int64(cl.Budget.Loads), false)
	c.fraction(below("budget", "rate"), cl.Budget.Rate, false)
	c.length(below("budget", "wait"), cl.Budget.Wait, false)
	c.number(below("memory", "entries"), int64(cl.MemoryEntries), false)
	c.number(below("memory", "size"), cl.MemoryBytes, false)
	if cl.MemoryEntries > 0 && cl.MemoryBytes > 0 {
		c.report(below("memory"), "keep one of them", "memory is bounded by entries and by size")
	}
	c.number(below("compress_above"), cl.CompressAbove, true)
	c.number(below("rebuild"), int64(cl.Rebuild), false)
	if rate := cl.Target.MissRate; !(rate >= 0 && rate <= 1) {
		c.report(below("target", "miss_rate"), "write a share from 0% to 100%", "a miss rate of %.4g%% is out of range", 100*rate)
	}
	c.length(below("target", "window"), cl.Target.Window, false)
	if cl.Target.Window > 0 && cl.Target.MissRate == 0 {
		c.report(below("target"), "write {miss_rate: 10%, window: 5m}", "the target has a window and no miss_rate")
	}
}

// key reports what is wrong with a key.
func (c *checker) key(path string, k *Key) {
	if k.Type != "" && k.Parts != nil {
		c.report(path, "keep one of them", "the key has a type and parts")
	}
	switch {
	case k.Type == "":
	case strings.HasPrefix(k.Type, "*") || strings.HasPrefix(k.Type, "[]"):
		c.report(path, "write a type that can be compared, such as int64", "%s cannot be a key", quote(k.Type))
	case strings.HasPrefix(k.Type, "float"):
		c.report(path, "write an integer, a string or parts", "keys of type %s have no exact text", quote(k.Type))
	default:
		c.goType(path, k.Type)
	}
	if len(k.Parts) > maxParts {
		c.report(path, fmt.Sprintf("keep at most %d", maxParts), "the key has %d parts", len(k.Parts))
		return
	}
	seen := map[string]bool{}
	for _, part := range k.Parts {
		at := field.Path(path, part.Name)
		if !partName.MatchString(part.Name) {
			c.report(at, `write a letter, then letters, digits, "_", "-" and ".": min_price`, "a part of a key cannot be called %s", quote(part.Name))
		}
		if seen[part.Name] {
			c.report(at, "keep one of them", "the part %s is there twice", quote(part.Name))
		}
		seen[part.Name] = true
		if !slices.Contains(partTypes, part.Type) {
			c.report(at, c.meant(part.Type, partTypes), "%s is no type of a part of a key", quote(part.Type))
		}
	}
}

// partName is a query parameter of which a Go field can be made.
var partName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// importPath is an import path, without what cannot be imported.
var importPath = regexp.MustCompile(`^[A-Za-z0-9_~][A-Za-z0-9._~+-]*(/[A-Za-z0-9_~][A-Za-z0-9._~+-]*)*$`)

// goType reports a text that is no Go type of the forms that a policy has.
func (c *checker) goType(path, text string) {
	name := text
	for rest, ok := name, true; ok; {
		if rest, ok = strings.CutPrefix(name, "*"); !ok {
			rest, ok = strings.CutPrefix(name, "[]")
		}
		name = rest
	}
	if slices.Contains(basicTypes, name) {
		return
	}
	dot := strings.LastIndexByte(name, '.')
	mend := "write an import path, a dot and a name: example.com/shop/catalog.Product; * and [] may stand before it"
	switch {
	case len(text) > 400:
	case strings.HasPrefix(name, "map["):
		mend = "name a type in Go, and write its import path, a dot and its name"
	case dot < 0 && token.IsIdentifier(name):
		if near := nearest.Name(name, basicTypes); near != "" {
			mend = "did you mean " + near + "?"
		} else if meant := foreignTypes[strings.ToLower(name)]; meant != "" {
			mend = "did you mean " + meant + "?"
		} else if token.IsExported(name) {
			mend = "write its import path before it: example.com/shop/catalog." + name
		}
	case dot <= 0 || !importPath.MatchString(name[:dot]):
	case !token.IsIdentifier(name[dot+1:]) || !token.IsExported(name[dot+1:]):
		mend = "write the name of an exported type after the last dot"
	case name[:dot] == "unsafe" || name[:dot] == "C":
		mend = "take another type: values of package " + name[:dot] + " cannot be cached"
	default:
		return
	}
	c.report(path, mend, "%s is no Go type", quote(text))
}

// columnName is a table, schema, column or sequence that needs no quotes of its
// own in SQL, as package outbox has it.
var columnName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]{0,62}$`)

// fixedText is what can stand in an SQL literal as it is, as package outbox has it.
var fixedText = regexp.MustCompile(`^[A-Za-z0-9 _.:/@#~+=,()&!*|;%^$<>?-]*$`)

// source reports what is wrong with where the truth is.
func (c *checker) source(path string, s *Source) {
	if s.From != "" && s.Tables != nil {
		c.report(path, "keep one of them", "the source is a text and tables")
	}
	c.utf8(path, s.From)
	for i := range s.Tables {
		c.table(field.At(path, i), &s.Tables[i])
	}
}

func (c *checker) table(path string, t *Table) {
	c.place(field.Path(path, "table"), "a table", t.Name)
	if t.Name == "" {
		c.report(field.Path(path, "table"), "write its name: {table: products, key: \"{id}\"}", "the table has no name")
	}
	if t.Key == "" && len(t.Tags) == 0 {
		c.report(path, "write key: \"{id}\", or tags", "nothing depends on the rows of the table %s", quote(t.Name))
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
		c.report(field.Path(path, "version"), "write the column's name alone", "%s is no name of a column", quote(t.Version))
	}
	c.place(field.Path(path, "sequence"), "a sequence", t.Sequence)
	if t.Sequence != "" && t.Version == "" {
		c.report(field.Path(path, "sequence"), "write the column too: version: version", "the sequence has no column for its numbers")
	}
}

// place reports a name of a table or sequence that is none.
func (c *checker) place(path, what, name string) {
	schema, table, two := strings.Cut(name, ".")
	if !two {
		schema, table = "public", name
	}
	if name != "" && (!columnName.MatchString(schema) || !columnName.MatchString(table)) {
		c.report(path, "write its name, maybe with the schema: shop.products", "%s is no name of %s", quote(name), what)
	}
}

// template reports a template of columns that is none.
func (c *checker) template(path, text string) {
	fixed, columns, ok := pieces(text)
	switch {
	case text == "":
		c.report(path, "write a column in braces: \"{id}\"", "the template is empty")
	case !ok:
		c.report(path, "write each column as {column}", "the braces of %s do not match", quote(text))
	case !fixedText.MatchString(fixed):
		c.report(path, "write ASCII letters, digits and signs without quotes and backslashes", "%s has a character that SQL would not take as it is", quote(text))
	}
	for _, column := range columns {
		if ok && !columnName.MatchString(column) {
			c.report(path, "write each column as {column}", "%s in %s is no name of a column", quote("{"+column+"}"), quote(text))
		}
	}
}

// tag reports a tag that is none, or that has something in braces that nothing
// stands for. What are the wildcards that it may have.
func (c *checker) tag(path, tag, what string, wildcards []string) {
	_, names, ok := pieces(tag)
	c.utf8(path, tag)
	switch {
	case tag == "":
		c.report(path, "leave it out", "the tag is empty")
	case !ok:
		c.report(path, "write what varies in braces: product-{id}", "the braces of %s do not match", quote(tag))
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
		c.report(path, mend, "%s in the tag %s is no part of %s", quote("{"+name+"}"), quote(tag), what)
	}
	c.tagLength(path, tag)
}

func (c *checker) tagLength(path, tag string) {
	if len(tag) > maxTag {
		c.report(path, fmt.Sprintf("write at most %d bytes", maxTag), "the tag %s has %d bytes", quote(tag), len(tag))
	}
}

// pieces splits a template into its fixed text and the names in braces. It is not
// ok if the braces do not match.
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
