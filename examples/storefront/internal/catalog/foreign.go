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
	return refuseForeign(ctx, db, sqlite)
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// refuseForeign returns a [ForeignError] when there are tables of other names
// or with other columns than the shop's.
func refuseForeign(ctx context.Context, in querier, d dialect) error {
	rows, err := in.QueryContext(ctx, d.columns)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return err
		}
		found[table] = append(found[table], column)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, t := range tables {
		if slices.Equal(found[t.name], columnNames(t.columns)) {
			delete(found, t.name)
		}
	}
	if len(found) == 0 {
		return nil
	}
	foreign := &ForeignError{Schema: d.schema}
	for name := range found {
		foreign.Tables = append(foreign.Tables, name)
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
