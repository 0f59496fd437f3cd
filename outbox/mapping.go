package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mapping says which cached values depend on the rows of a table. A table may
// have several: the values of several classes.
//
// Templates are fixed text with the names of columns in braces:
// "product-{id}". A column stands for its text form in the database, so use
// integers, texts and UUIDs: the forms of times and fractions depend on
// settings. A template in which a column is NULL names nothing. The fixed text
// is ASCII without quotes and backslashes.
type Mapping struct {
	// Table is the name of the table as the database has it, alone or as
	// "schema.table", in the same database as the outbox. Without a schema it
	// is in the schema public (PostgreSQL) or in the connection's database
	// (MySQL).
	Table string
	// Class is the class of the values whose keys Key names. Empty: there are
	// only Tags.
	Class string
	// Key is the template of the key's text form: "{id}". One without a column
	// is one key for all rows, such as that of a whole table's settings.
	Key string
	// Tags are templates of the tags that are invalidated with a row:
	// "product-{id}", "products". At most 20.
	Tags []string
	// Version is the integer column with the row's version, which is what the
	// class's Loader.Version returns. The triggers advance it by one at each
	// UPDATE that did not raise it itself. It starts at 1 or above, and must not
	// start again when a row is deleted and inserted: see Sequence. In SQLite
	// the table must have a rowid, and what an UPDATE itself returns is the
	// version before it was advanced.
	//
	// Default: none, whatever is cached under the key is invalidated.
	Version string
	// Sequence is what the triggers take versions from, a sequence in
	// PostgreSQL: its numbers never come back. Let it be the column's
	// DEFAULT too. An INSERT that leaves the version NULL or 0 gets the
	// next.
	//
	// Default: none, the version is advanced by one.
	Sequence string
}

// maxMappingTags bounds the tags of a mapping: what databases take as arguments
// of one function.
const maxMappingTags = 20

// template is a parsed template.
type template []piece

// piece is fixed text or a column.
type piece struct {
	text   string
	column bool
}

// parseTemplate reads fixed text with columns in braces.
func parseTemplate(text string) (template, error) {
	if text == "" {
		return nil, errors.New("it is empty")
	}
	var t template
	for rest := text; rest != ""; {
		fixed, after, found := strings.Cut(rest, "{")
		if strings.Contains(fixed, "}") {
			return nil, fmt.Errorf("%q has a } without a {", text)
		}
		if err := checkLiteral(fixed); err != nil {
			return nil, err
		}
		if fixed != "" {
			t = append(t, piece{text: fixed})
		}
		if !found {
			break
		}
		column, more, closed := strings.Cut(after, "}")
		if !closed {
			return nil, fmt.Errorf("%q has a { without a }", text)
		}
		if err := checkName(column); err != nil {
			return nil, fmt.Errorf("%q: column: %w", text, err)
		}
		t, rest = append(t, piece{text: column, column: true}), more
	}
	return t, nil
}

// fixed tells whether no column is in the template: it is the same for all rows.
func (t template) fixed() bool {
	return !slices.ContainsFunc(t, func(p piece) bool { return p.column })
}

// report is what a mapping makes of a row.
type report struct {
	class string
	key   template // nil: only tags
	tags  []template
}

// watched is a table with what its rows mean.
type watched struct {
	table    place
	version  string // "": none
	sequence place  // no name: none
	reports  []report
}

// watch checks mappings and puts those of one table together.
func (b *Box) watch(mappings []Mapping) ([]*watched, error) {
	var all []*watched
	var errs []error
	if len(mappings) == 0 {
		errs = append(errs, errors.New("there are no mappings"))
	}
	for i, m := range mappings {
		w, err := b.parse(m)
		if err != nil {
			errs = append(errs, fmt.Errorf("mapping %d, table %q: %w", i, m.Table, err))
			continue
		}
		at := slices.IndexFunc(all, func(other *watched) bool { return other.table == w.table })
		if at < 0 {
			all = append(all, w)
			continue
		}
		if all[at].version != w.version || all[at].sequence != w.sequence {
			errs = append(errs, fmt.Errorf("mapping %d, table %q: Version and Sequence differ from an earlier mapping of the table", i, m.Table))
		}
		all[at].reports = append(all[at].reports, w.reports...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return all, nil
}

func (b *Box) parse(m Mapping) (*watched, error) {
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	w, r := &watched{version: m.Version}, report{class: m.Class}
	var err error
	w.table, err = b.dialect.parsePlace(m.Table)
	note("Table", err)
	note("Class", checkLiteral(m.Class))
	switch {
	case w.table == b.table:
		note("Table", errors.New("it is the outbox itself"))
	case m.Class == "" && m.Key != "":
		note("Key", errors.New("there is no Class"))
	case m.Class == "" && len(m.Tags) == 0:
		note("Class", errors.New("there is neither a class nor a tag"))
	case len(m.Class) > maxClass:
		note("Class", fmt.Errorf("it has %d bytes, at most %d", len(m.Class), maxClass))
	case m.Class != "":
		r.key, err = parseTemplate(m.Key)
		note("Key", err)
	}
	if len(m.Tags) > maxMappingTags {
		note("Tags", fmt.Errorf("there are %d, at most %d", len(m.Tags), maxMappingTags))
	}
	for i, tag := range m.Tags {
		parsed, err := parseTemplate(tag)
		note(fmt.Sprintf("Tags[%d]", i), err)
		r.tags = append(r.tags, parsed)
	}
	if m.Version != "" {
		note("Version", checkName(m.Version))
	}
	if m.Sequence != "" {
		w.sequence, err = b.dialect.parsePlace(m.Sequence)
		note("Sequence", err)
		if b.dialect != PostgreSQL {
			note("Sequence", errors.New("it is for PostgreSQL only"))
		}
		if m.Version == "" {
			note("Sequence", errors.New("there is no Version"))
		}
	}
	w.reports = []report{r}
	return w, errors.Join(errs...)
}
