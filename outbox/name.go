package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
)

// maxName is the longest name of a table or column, in bytes: what PostgreSQL
// keeps of one.
const maxName = 63

// plainName is what may stand between quotes: in particular no quote.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]*$`)

// checkName returns what is wrong with the name of a column, table or schema.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("%q is longer than %d bytes", name, maxName)
	case !plainName.MatchString(name):
		return fmt.Errorf("%q is not a plain name: a letter or _, then letters, digits, _, $ and -", name)
	}
	return nil
}

// place is a table or sequence, maybe with the schema that it is in.
type place struct{ schema, name string }

// parsePlace reads "table" or "schema.table".
func (d Dialect) parsePlace(text string) (place, error) {
	p := place{schema: d.traits().schema, name: text}
	if schema, name, ok := strings.Cut(text, "."); ok {
		p = place{schema: schema, name: name}
		if err := checkName(schema); err != nil {
			return p, err
		}
		if d == SQLite {
			return p, fmt.Errorf("%q has a schema: in SQLite all must be in one file", text)
		}
	}
	return p, checkName(p.name)
}

// quote writes a checked name as statements need it.
func (d Dialect) quote(name string) string { return d.traits().quote + name + d.traits().quote }

// at writes a place as statements need it.
func (d Dialect) at(p place) string {
	if p.schema == "" {
		return d.quote(p.name)
	}
	return d.quote(p.schema) + "." + d.quote(p.name)
}

// literalText is what the fixed parts of templates may hold. There is no quote
// and no backslash among it, so that it can stand in a statement as it is.
var literalText = regexp.MustCompile(`^[A-Za-z0-9 _.:/@#~+=,()&!*|;%^$<>?-]*$`)

// checkLiteral returns what is wrong with a text that becomes an SQL literal.
func checkLiteral(text string) error {
	if !literalText.MatchString(text) {
		return fmt.Errorf("%q holds something other than ASCII letters, digits, spaces and - _ . : / @ # ~ + = , ( ) & ! * | ; %% ^ $ < > ?", text)
	}
	return nil
}

// literal writes a checked text as an SQL literal.
func literal(text string) string { return "'" + text + "'" }

// hash32 is a short name for texts that belong together.
func hash32(texts ...string) uint32 {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return binary.BigEndian.Uint32(sum[:])
}
