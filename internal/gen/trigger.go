package gen

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/larderdev/larder/outbox"
	"github.com/larderdev/larder/policy"
)

// outboxPlan is what the tables of the classes give.
//
// The mappings stand in Go, for programs that make the triggers themselves, and the
// scripts beside them for migrations by hand: both come from one call of package
// outbox.
type outboxPlan struct {
	Mappings []outbox.Mapping
	Scripts  []script
	// Without are the databases for which there is no script, each with why.
	Without []string
}

// script is the SQL for one database.
type script struct {
	File, Database string
	SQL            string
}

// addMappings says in the words of package outbox what the classes say of their
// tables.
// A class that the process does not cache may have tables, too: their tags purge what
// CDNs keep.
func (pl *plan) addMappings(p *policy.Policy) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(p.Classes)) {
		c, err := p.Resolve(name)
		if err != nil || c.Pattern == policy.Never {
			continue // said by addClasses, or without any table
		}
		for _, t := range c.Source.Tables {
			var err error
			m := outbox.Mapping{Table: t.Name, Class: name, Key: t.Key, Tags: t.Tags, Version: t.Version, Sequence: t.Sequence}
			switch {
			// Without a key a change of the table forgets tags alone.
			case t.Key == "":
				m.Class = ""
			case !cached(c):
				err = errors.New("it has a key, and no process caches the class: say only the tags")
			case len(c.Key.Parts) > 0:
				err = errors.New("the text of a key with parts cannot be written as a template of columns: say only tags")
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("class %q: table %q: %w", name, t.Name, err))
			}
			pl.Outbox.Mappings = append(pl.Outbox.Mappings, m)
		}
	}
	return errors.Join(append(errs, pl.writeScripts())...)
}

// databases are those that an outbox can be in.
var databases = []struct {
	dialect outbox.Dialect
	file    string
	name    string
}{
	{outbox.PostgreSQL, "outbox_postgres_gen.sql", "PostgreSQL"},
	{outbox.MySQL, "outbox_mysql_gen.sql", "MySQL and MariaDB"},
	{outbox.SQLite, "outbox_sqlite_gen.sql", "SQLite"},
}

// writeScripts lets package outbox write the triggers for each database. It is an
// error only if no database takes the mappings: a sequence is PostgreSQL's, and
// SQLite has no schemas.
func (pl *plan) writeScripts() error {
	if len(pl.Outbox.Mappings) == 0 {
		return nil
	}
	var errs []error
	for _, d := range databases {
		text, err := triggers(d.dialect, pl.Outbox.Mappings)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
			reason, _, more := strings.Cut(strings.TrimPrefix(err.Error(), "outbox: "), "\n")
			if more {
				reason += ", and more"
			}
			pl.Outbox.Without = append(pl.Outbox.Without, d.name+" ("+reason+")")
			continue
		}
		pl.Outbox.Scripts = append(pl.Outbox.Scripts, script{d.file, d.name, text})
	}
	if len(pl.Outbox.Scripts) > 0 {
		return nil
	}
	return fmt.Errorf("source tables: no database takes them:\n%w", errors.Join(errs...))
}

// triggers returns the SQL that makes the outbox's tables and the triggers.
// The schema comes first: the triggers write into its tables.
func triggers(dialect outbox.Dialect, mappings []outbox.Mapping) (string, error) {
	db := sql.OpenDB(nowhere{})
	defer db.Close()
	box, err := outbox.New(db, outbox.Options{Dialect: dialect})
	if err != nil {
		return "", err
	}
	text, err := box.Triggers(mappings...)
	if err != nil {
		return "", err
	}
	return box.Schema() + "\n" + text, nil
}

// nowhere is a database that nobody can connect to: an outbox writes its SQL
// without one.
type nowhere struct{}

// Connect refuses: should an outbox ask its database one day, this package must not
// pretend.
func (nowhere) Connect(context.Context) (driver.Conn, error) {
	return nil, errors.New("gen: there is no database")
}

// Driver is for package sql, which only asks for it where somebody calls sql.DB.Driver.
func (nowhere) Driver() driver.Driver { return nil }
