package outbox

import (
	"fmt"
	"strings"
)

// postgresTriggers returns one trigger that advances the version before a row
// is written, if there is one, and one that reports the row after it was.
//
// The functions run with the rights of who made them, so that whoever may
// change the table can report that, and only find what is in pg_catalog or
// named with its schema, so that nobody can slip them something else. Nobody
// else may put them on a table of their own.
func (b *Box) postgresTriggers(w *watched) (all []trigger) {
	const header = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS "
	function := func(timing, events, body string) func(name string) []string {
		return func(name string) []string {
			own := b.dialect.at(place{w.table.schema, name})
			return []string{
				"CREATE FUNCTION " + own + "() RETURNS trigger " + header + dollarQuoted("\nBEGIN\n"+body+"END\n"),
				fmt.Sprintf("CREATE TRIGGER %s %s %s ON %s FOR EACH ROW EXECUTE FUNCTION %s()",
					b.dialect.quote(name), timing, events, b.dialect.at(w.table), own),
				"REVOKE ALL ON FUNCTION " + own + "() FROM PUBLIC",
			}
		}
	}
	if w.version != "" {
		events := "UPDATE"
		if w.sequence.name != "" {
			events = "INSERT OR UPDATE"
		}
		all = append(all, b.named(w.table, "before", function("BEFORE", events, b.postgresAdvance(w))))
	}
	return append(all, b.named(w.table, "after", function("AFTER", "INSERT OR UPDATE OR DELETE", b.postgresReport(w))))
}

// dollarQuoted writes a text as a literal between marks that it does not hold: names
// and the fixed text of templates may have any number of dollars.
func dollarQuoted(text string) string {
	mark := "$larder$"
	for strings.Contains(text, mark) {
		mark = mark[:len(mark)-1] + "_$"
	}
	return mark + text + mark
}

// postgresAdvance raises the version if the statement has not.
func (b *Box) postgresAdvance(w *watched) string {
	version := b.dialect.quote(w.version)
	if w.sequence.name == "" {
		return fmt.Sprintf("\tIF COALESCE(NEW.%[1]s, 0) <= COALESCE(OLD.%[1]s, 0) THEN\n\t\tNEW.%[1]s := COALESCE(OLD.%[1]s, 0) + 1;\n\tEND IF;\n\tRETURN NEW;\n", version)
	}
	return fmt.Sprintf(`	IF TG_OP = 'INSERT' THEN
		IF COALESCE(NEW.%[1]s, 0) = 0 THEN
			NEW.%[1]s := %[2]s;
		END IF;
	ELSIF COALESCE(NEW.%[1]s, 0) <= COALESCE(OLD.%[1]s, 0) THEN
		NEW.%[1]s := %[3]s;
	END IF;
	RETURN NEW;
`, version, b.next(w), b.above(w))
}

// above is the next number of the sequence, or one above the row's if somebody
// who numbered it by hand is ahead of the sequence.
func (b *Box) above(w *watched) string {
	return "GREATEST(" + b.next(w) + ", COALESCE(OLD." + b.dialect.quote(w.version) + ", 0) + 1)"
}

// next is the next number of the sequence.
func (b *Box) next(w *watched) string {
	return "pg_catalog.nextval(" + literal(b.dialect.at(w.sequence)) + "::regclass)"
}

// postgresReport reports the row. An INSERT has no version unless that comes
// from a sequence: a counter that starts again says nothing about what is
// cached of a row that was there before.
func (b *Box) postgresReport(w *watched) string {
	inserted, updated, deleted := "0", "0", "0"
	if w.version != "" {
		updated = "COALESCE(NEW." + b.dialect.quote(w.version) + ", 0)"
		deleted = "COALESCE(OLD." + b.dialect.quote(w.version) + ", 0) + 1"
	}
	if w.sequence.name != "" {
		inserted, deleted = updated, b.above(w)
	}
	var body strings.Builder
	for _, branch := range []struct {
		head  string
		event event
	}{
		{"IF TG_OP = 'INSERT'", event{[]string{"NEW"}, inserted}},
		{"ELSIF TG_OP = 'UPDATE'", event{[]string{"NEW", "OLD"}, updated}},
		{"ELSIF TG_OP = 'DELETE'", event{[]string{"OLD"}, deleted}},
	} {
		body.WriteString("\t" + branch.head + " THEN\n")
		for _, statement := range b.inserts(w, branch.event) {
			body.WriteString("\t\t" + statement + ";\n")
		}
	}
	body.WriteString("\tEND IF;\n")
	if b.notify != "" {
		body.WriteString("\tPERFORM pg_catalog.pg_notify(" + literal(b.notify) + ", '');\n")
	}
	body.WriteString("\tRETURN NULL;\n")
	return body.String()
}
