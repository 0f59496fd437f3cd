package outbox

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the SQL that a database speaks.
type Dialect uint8

// The dialects.
const (
	// PostgreSQL from version 12 on.
	PostgreSQL Dialect = iota + 1
	// MySQL from version 8.0.13 on, MariaDB from version 10.6 on.
	MySQL
	// SQLite from version 3.38 on.
	SQLite
)

// String returns the dialect's name.
func (d Dialect) String() string {
	if d.known() {
		return d.traits().name
	}
	return fmt.Sprintf("dialect(%d)", uint8(d))
}

func (d Dialect) known() bool { return d >= PostgreSQL && d <= SQLite }

// traits is what differs between the databases in statements that are
// otherwise the same.
type traits struct {
	name  string
	quote string
	// now is the database's clock in Unix milliseconds, constant in a statement.
	now string
	// schema is the one of names without a schema; "": that of the connection.
	schema string
	// skipLocked ends a SELECT that locks the rows it returns, and leaves out
	// those that are locked. Empty: a transaction would lock the whole database.
	skipLocked string
	// ignore are the words around an INSERT that may find its row there.
	ignore [2]string
}

func (d Dialect) traits() traits {
	switch d {
	case PostgreSQL:
		return traits{
			name: "PostgreSQL", quote: `"`, schema: "public",
			now:        "(extract(epoch from statement_timestamp()) * 1000)::bigint",
			skipLocked: "FOR UPDATE SKIP LOCKED",
			ignore:     [2]string{"INSERT", "ON CONFLICT DO NOTHING"},
		}
	case MySQL:
		return traits{
			name: "MySQL", quote: "`",
			// Not UNIX_TIMESTAMP: it goes through local time, which has an hour
			// twice a year.
			now:        "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)",
			skipLocked: "FOR UPDATE SKIP LOCKED",
			ignore:     [2]string{"INSERT IGNORE", ""},
		}
	default:
		return traits{
			name: "SQLite", quote: `"`,
			now:    "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
			ignore: [2]string{"INSERT", "ON CONFLICT DO NOTHING"},
		}
	}
}

// bind numbers the question marks of a statement where the database wants it.
func (d Dialect) bind(query string) string {
	if d != PostgreSQL {
		return query
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitAfterSeq(query, "?") {
		text, mark := strings.CutSuffix(part, "?")
		b.WriteString(text)
		if mark {
			n++
			b.WriteString("$" + strconv.Itoa(n))
		}
	}
	return b.String()
}

// among is the condition that id is one of ids, with its arguments. Where
// drivers keep a prepared statement per text, the text must not have the ids.
// There the list is read in a query of its own, or it would be for every row.
func (d Dialect) among(ids []int64) (condition string, args []any) {
	var list strings.Builder
	for i, id := range ids {
		if i > 0 {
			list.WriteByte(',')
		}
		list.WriteString(strconv.FormatInt(id, 10))
	}
	if d == PostgreSQL {
		return "id = ANY(CAST((SELECT CAST(CAST(? AS text) AS bigint[])) AS bigint[]))", []any{"{" + list.String() + "}"}
	}
	return "id IN (" + list.String() + ")", nil
}
