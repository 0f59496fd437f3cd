package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// trigger is one trigger of a table, and in PostgreSQL its function, which has
// the same name.
type trigger struct {
	name  string
	table place
	// create are the statements that make it, without semicolons at their ends.
	create []string
}

// Triggers returns the statements with which the database itself fills the
// outbox, for review or for a migration of your own; [Box.InstallTriggers] runs
// them. They replace triggers of the same mappings. When the mappings of a table
// change, drop the earlier triggers: their names differ.
//
// Each statement ends with a semicolon at the end of a line, and those that
// hold semicolons themselves are as the database's own client takes them.
func (b *Box) Triggers(mappings ...Mapping) (string, error) {
	tables, err := b.watch(mappings)
	if err != nil {
		return "", err
	}
	var script strings.Builder
	for _, w := range tables {
		if check := b.reach(w); check != "" {
			script.WriteString(check + ";\n")
		}
		for _, g := range b.triggers(w) {
			for _, statement := range append(b.drop(g.name, g.table), g.create...) {
				script.WriteString(statement + ";\n")
			}
		}
	}
	return script.String(), nil
}

// InstallTriggers makes the triggers of the mappings that are not there, and
// drops those of the same tables that an earlier version of the mappings had.
// Where nothing has changed it locks no table, so that every process may call it
// when it starts. [Box.Migrate] comes first.
func (b *Box) InstallTriggers(ctx context.Context, mappings ...Mapping) error {
	tables, err := b.watch(mappings)
	if err != nil {
		return err
	}
	return b.changeTriggers(ctx, func(in querier) error {
		for _, w := range tables {
			err := b.rehearse(ctx, in, w)
			if err == nil {
				err = b.install(ctx, in, w.table, b.triggers(w))
			}
			if err != nil {
				return fmt.Errorf("outbox: triggers of %s: %w", w.table.name, err)
			}
		}
		return nil
	})
}

// DropTriggers drops all triggers of this outbox from the tables of the
// mappings.
func (b *Box) DropTriggers(ctx context.Context, mappings ...Mapping) error {
	tables, err := b.watch(mappings)
	if err != nil {
		return err
	}
	return b.changeTriggers(ctx, func(in querier) error {
		for _, w := range tables {
			if err := b.install(ctx, in, w.table, nil); err != nil {
				return fmt.Errorf("outbox: triggers of %s: %w", w.table.name, err)
			}
		}
		return nil
	})
}

// changeTriggers lets one process at a time change triggers.
func (b *Box) changeTriggers(ctx context.Context, do func(in querier) error) error {
	if b.dialect == MySQL { // which commits at each such statement
		return b.withMySQLLock(ctx, do)
	}
	return b.transact(ctx, func(tx *sql.Tx) error {
		if err := b.lockGate(ctx, tx); err != nil {
			return fmt.Errorf("outbox: the tables are not there, Migrate makes them: %w", err)
		}
		return do(tx)
	})
}

// rehearse reads what the triggers of a table will read. A name that is wrong
// would otherwise be found out by whoever writes to the table first.
func (b *Box) rehearse(ctx context.Context, in querier, w *watched) error {
	var names, all []string
	for _, r := range w.reports {
		for _, t := range append(slices.Clone(r.tags), r.key) {
			for _, p := range t {
				if p.column && !slices.Contains(names, p.text) {
					names, all = append(names, p.text), append(all, "r."+b.dialect.quote(p.text))
				}
			}
		}
	}
	if w.version != "" {
		all = append(all, "COALESCE(r."+b.dialect.quote(w.version)+", 0) + 1")
		if b.dialect == SQLite {
			all = append(all, "r.rowid")
		}
	}
	if w.sequence.name != "" {
		all = append(all, literal(b.dialect.at(w.sequence))+"::regclass")
	}
	if check := b.reach(w); check != "" {
		if _, err := in.ExecContext(ctx, check); err != nil {
			return fmt.Errorf("Options.Table does not say in which database the outbox is, so that they would look for it in %q: %w", w.table.schema, err)
		}
	}
	query := "SELECT " + strings.Join(append(all, "1"), ", ") + " FROM " + b.dialect.at(w.table) + " AS r WHERE 1 = 0"
	return b.each(ctx, in, func(func(...any) error) error { return nil }, query)
}

// reach is a statement that fails if triggers of the table would not find the
// outbox, empty if they will: MySQL looks for a table without a database in the
// trigger's own, and not before the trigger fires.
func (b *Box) reach(w *watched) string {
	if b.dialect != MySQL || w.table.schema == "" || b.table.schema != "" {
		return ""
	}
	return "DO (SELECT COUNT(*) FROM " + b.dialect.at(place{w.table.schema, b.table.name}) + " WHERE 1 = 0)"
}

// install makes the triggers that are not there and drops the others of this
// outbox. In this order, so that where both are not one step none is missing
// meanwhile: two of a kind report a change twice.
func (b *Box) install(ctx context.Context, in querier, table place, want []trigger) error {
	have, err := b.installed(ctx, in, table)
	if err != nil {
		return err
	}
	var statements []string
	for _, g := range want {
		if !slices.Contains(have, g.name) {
			statements = append(statements, g.create...)
		}
	}
	for _, name := range have {
		if !slices.ContainsFunc(want, func(g trigger) bool { return g.name == name }) {
			statements = append(statements, b.drop(name, table)...)
		}
	}
	for _, statement := range statements {
		if _, err := in.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// installed returns the names of this outbox's triggers of a table.
func (b *Box) installed(ctx context.Context, in querier, table place) (names []string, err error) {
	query, args := `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ?) = ?`, []any(nil)
	switch b.dialect {
	case PostgreSQL:
		query = `SELECT g.tgname FROM pg_trigger AS g JOIN pg_class AS t ON t.oid = g.tgrelid JOIN pg_namespace AS s ON s.oid = t.relnamespace
			WHERE s.nspname = ? AND t.relname = ? AND NOT g.tgisinternal AND substr(g.tgname, 1, ?) = ?`
		args = []any{table.schema, table.name}
	case MySQL:
		query = `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
			WHERE TRIGGER_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND EVENT_OBJECT_TABLE = ? AND LEFT(TRIGGER_NAME, ?) = ?`
		args = []any{table.schema, table.name}
	}
	prefix := b.prefix(table)
	err = b.each(ctx, in, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, query, append(args, len(prefix), prefix)...)
	return names, err
}

// drop returns the statements that drop a trigger.
func (b *Box) drop(name string, table place) []string {
	own := b.dialect.at(place{table.schema, name})
	if b.dialect == PostgreSQL {
		return []string{
			"DROP TRIGGER IF EXISTS " + b.dialect.quote(name) + " ON " + b.dialect.at(table),
			"DROP FUNCTION IF EXISTS " + own + "()",
		}
	}
	return []string{"DROP TRIGGER IF EXISTS " + own}
}

// prefix begins the names of this outbox's triggers of a table.
func (b *Box) prefix(table place) string {
	return fmt.Sprintf("larder_%08x_", hash32(b.dialect.at(b.table), b.dialect.at(table)))
}

// unfit is what does not go into a trigger's name.
var unfit = regexp.MustCompile(`[^A-Za-z0-9_]`)

// named names a trigger after what it does: another definition has another
// name, so that a look at the names tells what is to be done. definition
// returns the statements for a name.
func (b *Box) named(table place, event string, definition func(name string) []string) trigger {
	readable := unfit.ReplaceAllString(table.name[:min(len(table.name), 24)], "_")
	digest := hash32(definition("")...)
	name := fmt.Sprintf("%s%s_%s_%08x", b.prefix(table), readable, event, digest)
	return trigger{name: name, table: table, create: definition(name)}
}

// triggers returns the triggers of a table.
func (b *Box) triggers(w *watched) []trigger {
	switch b.dialect {
	case PostgreSQL:
		return b.postgresTriggers(w)
	case MySQL:
		return b.mysqlTriggers(w)
	default:
		return b.sqliteTriggers(w)
	}
}

// text writes a template as an SQL expression of type text, for the row that
// is called row: OLD or NEW.
func (d Dialect) text(t template, row string) string {
	pieces := make([]string, len(t))
	for i, p := range t {
		column := row + "." + d.quote(p.text)
		switch {
		case d == PostgreSQL && p.column:
			pieces[i] = column + "::text"
		case d == PostgreSQL:
			pieces[i] = literal(p.text) + "::text"
		case d == MySQL && p.column:
			pieces[i] = "CONVERT(" + column + " USING utf8mb4)"
		case p.column:
			pieces[i] = "CAST(" + column + " AS TEXT)"
		default:
			pieces[i] = literal(p.text)
		}
	}
	if d == MySQL {
		return "CONCAT(" + strings.Join(pieces, ", ") + ")"
	}
	return "(" + strings.Join(pieces, " || ") + ")"
}

// differ is the condition that two texts are not the same bytes, where NULL is
// a text of its own.
func (d Dialect) differ(a, b string) string {
	switch d {
	case PostgreSQL:
		return a + ` COLLATE "C" IS DISTINCT FROM ` + b + ` COLLATE "C"`
	case MySQL:
		return "NOT (CAST(" + a + " AS BINARY) <=> CAST(" + b + " AS BINARY))"
	default:
		return a + " COLLATE BINARY IS NOT " + b + " COLLATE BINARY"
	}
}

// tagList is the JSON array of tags of a row. Of an UPDATE it has those of both
// rows, and null for what is the same in both.
func (d Dialect) tagList(tags []template, rows ...string) string {
	var items []string
	for i, row := range rows {
		for _, tag := range tags {
			item := d.text(tag, row)
			if i > 0 && tag.fixed() {
				continue
			}
			if i > 0 {
				item = "CASE WHEN " + d.differ(item, d.text(tag, rows[0])) + " THEN " + item + " END"
			}
			items = append(items, item)
		}
	}
	switch list := strings.Join(items, ", "); d {
	case PostgreSQL:
		return "pg_catalog.jsonb_build_array(" + list + ")::text"
	case MySQL:
		return "JSON_ARRAY(" + list + ")"
	default:
		return "json_array(" + list + ")"
	}
}

// event is what happens to a row.
type event struct {
	// rows are the row's names, the one as it is now first.
	rows []string
	// version is the one to report, an SQL expression.
	version string
}

// selects are the queries whose rows report an event. An old key is reported by
// itself, without tags, if the row has another one now.
func (b *Box) selects(w *watched, e event) (queries []string) {
	for _, r := range w.reports {
		key := "NULL"
		if r.key != nil {
			key = b.dialect.text(r.key, e.rows[0])
		}
		queries = append(queries, b.query(r.class, key, e.version, b.dialect.tagList(r.tags, e.rows...), ""))
		if len(e.rows) == 2 && r.key != nil && !r.key.fixed() {
			old := b.dialect.text(r.key, e.rows[1])
			queries = append(queries, b.query(r.class, old, e.version, noTags, b.dialect.differ(old, key)))
		}
	}
	return queries
}

// noTags is the empty JSON array.
const noTags = "'[]'"

// query is a query for one row of the outbox, or none if condition does not
// hold.
func (b *Box) query(class, key, version, tags, condition string) string {
	query := fmt.Sprintf("SELECT %s, %s, %s, %s", literal(class), key, version, tags)
	if condition == "" {
		return query
	}
	if b.dialect == MySQL {
		query += " FROM DUAL"
	}
	return query + " WHERE " + condition
}

// into puts the row of a query, or of several in a union, into the outbox.
func (b *Box) into(query string) string {
	return b.names.Replace("INSERT INTO {rows} (class, item, version, tags) ") + query
}

// inserts are the statements that report an event.
func (b *Box) inserts(w *watched, e event) (statements []string) {
	for _, query := range b.selects(w, e) {
		statements = append(statements, b.into(query))
	}
	return statements
}
