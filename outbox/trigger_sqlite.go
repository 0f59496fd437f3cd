package outbox

import (
	"fmt"
	"strings"
)

// sqliteTriggers returns the triggers of a table. One before an UPDATE cannot
// change the new row here, so a second UPDATE advances the version:
//
//	UPDATE that raises the version       ──► report
//	UPDATE that does not ──► advance: the old key and tags, and a second
//	                         UPDATE, which raises it ──► report
//
// The conditions exclude each other, and neither trigger fires itself, so that
// it does not matter whether recursive_triggers is set.
func (b *Box) sqliteTriggers(w *watched) []trigger {
	d := b.dialect
	on := func(action, event, when string, statements []string) trigger {
		return b.named(w.table, action, func(name string) []string {
			return []string{fmt.Sprintf("CREATE TRIGGER %s AFTER %s ON %s FOR EACH ROW%s BEGIN\n\t%s;\nEND",
				d.quote(name), event, d.at(w.table), when, strings.Join(statements, ";\n\t"))}
		})
	}
	inserted := on("insert", "INSERT", "", b.inserts(w, event{[]string{"NEW"}, "0"}))
	if w.version == "" {
		return []trigger{
			inserted,
			on("update", "UPDATE", "", b.inserts(w, event{[]string{"NEW", "OLD"}, "0"})),
			on("delete", "DELETE", "", b.inserts(w, event{[]string{"OLD"}, "0"})),
		}
	}
	version := d.quote(w.version)
	raised := fmt.Sprintf("COALESCE(NEW.%[1]s, 0) > COALESCE(OLD.%[1]s, 0)", version)
	next := fmt.Sprintf("COALESCE(OLD.%s, 0) + 1", version)
	advance := append(b.sqliteLeft(w, next),
		fmt.Sprintf("UPDATE %s SET %s = %s WHERE rowid = NEW.rowid", d.at(w.table), version, next))
	return []trigger{
		inserted,
		on("update", "UPDATE", " WHEN "+raised, b.inserts(w, event{[]string{"NEW", "OLD"}, "NEW." + version})),
		on("advance", "UPDATE", " WHEN NOT "+raised, advance),
		on("delete", "DELETE", "", b.inserts(w, event{[]string{"OLD"}, next})),
	}
}

// sqliteLeft are the statements that report the key and the tags that a row
// has left, for an UPDATE whose second part will not know them.
func (b *Box) sqliteLeft(w *watched, version string) (statements []string) {
	d := b.dialect
	for _, r := range w.reports {
		if r.key != nil && !r.key.fixed() {
			old := d.text(r.key, "OLD")
			statements = append(statements, b.into(b.query(r.class, old, version, noTags, d.differ(old, d.text(r.key, "NEW")))))
		}
		for _, tag := range r.tags {
			if !tag.fixed() {
				old := d.text(tag, "OLD")
				list := d.tagList([]template{tag}, "OLD")
				statements = append(statements, b.into(b.query("", "NULL", "0", list, d.differ(old, d.text(tag, "NEW")))))
			}
		}
	}
	return statements
}
