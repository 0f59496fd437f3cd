package policy

import (
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// The values that a class's fields may have. A mend lists them in this order.
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

// foreignTypes are names that databases and other languages have for types, with what
// people mean by them in Go: they are too far from it to be found as misspelt.
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
	// maxParts bounds the fields of a key: a struct of more is no key that anybody
	// looks for values by.
	maxParts = 64
)

// class reports what is wrong with a class, field by field. Fields of a class that is
// never cached are not looked at by themselves: it must not have them at all.
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
	c.tiers(below("tiers"), cl.Tiers)
	for i, tag := range cl.Tags {
		c.tag(field.At(below("tags"), i), tag, "the key", []string{"key"})
	}
	unique(c, below("tags"), cl.Tags)
	c.bounds(path, cl)
	c.source(below("source"), &cl.Source)
}

// tiers reports a list of tiers that is empty, where nil would be the default, and
// members that are none.
func (c *checker) tiers(path string, list []Tier) {
	if list != nil && len(list) == 0 {
		c.report(path, "write pattern: never if it must not be cached, or leave tiers out", "the class is kept in no tier")
	}
	for i, tier := range list {
		if tier == "" {
			c.report(field.At(path, i), "write one of "+strings.Join(tiers, ", "), "the tier has no name")
		}
		c.oneOf(field.At(path, i), "tier", string(tier), tiers...)
	}
	unique(c, path, list)
}

// never reports what a class that is not cached says all the same. It would have no
// effect, and who wrote it believes that it has: one of the two is a mistake. A test
// wants each field of [Class] in the table.
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
	c.length(below("ttl", "shared"), cl.TTL.Shared)
	c.length(below("ttl", "memory"), cl.TTL.Memory)
	c.length(below("ttl", "edge"), cl.TTL.Edge)
	c.length(below("negative_ttl"), cl.NegativeTTL)
	c.length(below("stale_while_revalidate"), orZero(cl.StaleWhileRevalidate))
	c.length(below("stale_if_error"), orZero(cl.StaleIfError))
	c.jitter(below("jitter"), cl.Jitter)
}

// bounds reports what is wrong with the numbers of a class. Only what holds for every
// class is here; what is possible and seldom meant is for lint.
func (c *checker) bounds(path string, cl *Class) {
	below := func(keys ...string) string { return field.Path(path, keys...) }
	c.fraction(below("stampede", "early_refresh"), orZero(cl.Stampede.EarlyRefresh))
	c.length(below("stampede", "soft_timeout"), cl.Stampede.SoftTimeout)
	c.length(below("stampede", "hard_timeout"), cl.Stampede.HardTimeout)
	if hard, soft := cl.Stampede.HardTimeout, cl.Stampede.SoftTimeout; hard > 0 && hard < soft {
		c.report(below("stampede", "hard_timeout"), "make it longer than soft_timeout",
			"loads end after %v, before readers stop waiting for them after %v", hard, soft)
	}
	c.number(below("budget", "loads"), int64(cl.Budget.Loads))
	c.fraction(below("budget", "rate"), cl.Budget.Rate)
	c.length(below("budget", "wait"), cl.Budget.Wait)
	c.number(below("memory", "entries"), int64(cl.MemoryEntries))
	c.number(below("memory", "size"), cl.MemoryBytes)
	// Two bounds would need two orders of eviction.
	if cl.MemoryEntries > 0 && cl.MemoryBytes > 0 {
		c.report(below("memory"), "keep one of them", "memory is bounded by entries and by size")
	}
	c.number(below("compress_above"), orZero(cl.CompressAbove))
	c.number(below("rebuild"), int64(cl.Rebuild))
	// NaN is out of range, too: hence the negation.
	if rate := cl.Target.MissRate; !(rate >= 0 && rate <= 1) {
		c.report(below("target", "miss_rate"), "write a share from 0% to 100%", "a miss rate of %.4g%% is out of range", 100*rate)
	}
	c.length(below("target", "window"), cl.Target.Window)
	if cl.Target.Window > 0 && cl.Target.MissRate == 0 {
		c.report(below("target"), "write {miss_rate: 10%, window: 5m}", "the target has a window and no miss_rate")
	}
}

// key reports what is wrong with a key: with its type or with its parts, of which it
// has one. A key must be comparable, as keys of Go's maps are, and have one canonical
// text, by which all processes find the value in the shared tier.
func (c *checker) key(path string, k *Key) {
	if k.Type != "" && k.Parts != nil {
		c.report(path, "keep one of them", "the key has a type and parts")
	}
	switch {
	case k.Type == "":
	case strings.HasPrefix(k.Type, "*") || strings.HasPrefix(k.Type, "[]"):
		c.report(path, "write a type that can be compared, such as int64", "%s cannot be a key", secret.Quote(k.Type))
	case strings.HasPrefix(k.Type, "float"):
		c.report(path, "write an integer, a string or parts", "keys of type %s have no exact text", secret.Quote(k.Type))
	default:
		c.goType(path, k.Type)
	}
	c.keyParts(path, k.Parts)
}

// keyParts reports parts of which no struct can be made.
func (c *checker) keyParts(path string, parts []KeyPart) {
	if len(parts) > maxParts {
		c.report(path, fmt.Sprintf("keep at most %d", maxParts), "the key has %d parts", len(parts))
		return
	}
	seen := map[string]bool{}
	for _, part := range parts {
		at := field.Path(path, part.Name)
		if !partName.MatchString(part.Name) {
			c.report(at, `write a letter, then letters, digits, "_", "-" and ".": min_price`, "a part of a key cannot be called %s", secret.Quote(part.Name))
		}
		if seen[part.Name] {
			c.report(at, "keep one of them", "the part %s is there twice", secret.Quote(part.Name))
		}
		seen[part.Name] = true
		if !slices.Contains(partTypes, part.Type) {
			c.report(at, c.meant(part.Type, partTypes), "%s is no type of a part of a key", secret.Quote(part.Type))
		}
	}
}

// partName is a query parameter of which a Go field can be made.
var partName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// importPath is an import path, without what cannot be imported (Go specification,
// "Import declarations"; the go command takes no more than these characters).
var importPath = regexp.MustCompile(`^[A-Za-z0-9_~][A-Za-z0-9._~+-]*(/[A-Za-z0-9_~][A-Za-z0-9._~+-]*)*$`)

// maxType bounds the text of a type, in bytes. Import paths of modules that are
// published are far shorter.
const maxType = 400

// goType reports a text that is no Go type of the forms that a policy has. The forms
// are few, so that gen can write the type without a parser: a basic or a named type,
// and pointers and slices of it. People write other languages' types, forget the
// import path, or want a map: each has a mend of its own.
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
	case len(text) > maxType:
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
	c.report(path, mend, "%s is no Go type", secret.Quote(text))
}
