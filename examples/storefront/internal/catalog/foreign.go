package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ForeignError says that a database holds what the shop has not made. Nothing
// in it was changed.
type ForeignError struct {
	// Tables are the names of what is not the shop's.
	Tables []string
	// Schema is where they are, "" for a file.
	Schema string
}

func (e *ForeignError) Error() string {
	const show = 5
	names := strings.Join(e.Tables[:min(len(e.Tables), show)], ", ")
	if len(e.Tables) > show {
		names += ", …"
	}
	if e.Schema != "" {
		return fmt.Sprintf("the schema %s holds tables that the shop has not made (%s): rename the schema, or give the shop another database with -db or DATABASE_URL", e.Schema, names)
	}
	return fmt.Sprintf("the file holds tables that the shop has not made (%s): give the shop a file of its own with -db or DATABASE_URL; it makes one that is not there", names)
}

// inspectFile refuses a file with foreign tables before anything that could
// change it, the mode of its journal included, is sent.
func inspectFile(ctx context.Context, path string) (err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := sql.Open(sqlite.driver, "file:"+path+"?mode=ro&_pragma=busy_timeout(2000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	there, err := readTables(ctx, db, sqlite)
	if err != nil {
		return err
	}
	return refuseForeign(there, sqlite)
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readTables returns the names of the columns of all tables that there are.
func readTables(ctx context.Context, in querier, d dialect) (map[string][]string, error) {
	rows, err := in.QueryContext(ctx, d.columns)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	there := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		there[table] = append(there[table], column)
	}
	return there, rows.Err()
}

// refuseForeign returns a [ForeignError] when there are tables of other names
// or with other columns than the shop's.
func refuseForeign(there map[string][]string, d dialect) error {
	own := func(name string, columns []string) bool {
		if slices.Contains(outboxTables, name) {
			return true
		}
		return slices.ContainsFunc(tables, func(t table) bool {
			return t.name == name && (slices.Equal(columns, columnNames(t.columns)) ||
				t.was != "" && slices.Equal(columns, columnNames(t.was)))
		})
	}
	foreign := &ForeignError{Schema: d.schema}
	for name, columns := range there {
		if !own(name, columns) {
			foreign.Tables = append(foreign.Tables, name)
		}
	}
	if len(foreign.Tables) == 0 {
		return nil
	}
	slices.Sort(foreign.Tables)
	return foreign
}

// columnNames are the first words of a table's columns.
func columnNames(columns string) (names []string) {
	for column := range strings.SplitSeq(columns, ", ") {
		name, _, _ := strings.Cut(column, " ")
		names = append(names, name)
	}
	return names
}
