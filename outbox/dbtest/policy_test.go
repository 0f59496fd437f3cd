package dbtest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/gen"
	"github.com/larderdev/larder/outbox"
	"github.com/larderdev/larder/policy"
)

var policyCases = []testCase{
	{name: "the scripts of random policies", run: randomPolicies},
}

// policyRounds is how many pairs of policies are tried: one, and what it is changed to.
const policyRounds = 12

// randomPolicies runs the scripts that larder gen writes as somebody's migrations
// would, and compares what is in the outbox after each transaction with what the policy
// says of it, which a model works out from the statements alone.
func randomPolicies(t *testing.T, w *world) {
	db := w.db
	if w.dialect == outbox.MySQL {
		db = open(t, "mysql", w.dsn+"?multiStatements=true")
	}
	if w.dialect == outbox.PostgreSQL {
		mustExec(t, db, `CREATE SCHEMA "shop-$1"`)
	}
	for seed := range uint64(policyRounds) {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			d := draw{rand.New(rand.NewPCG(seed, 1)), w.dialect}
			newModel(t, w, db, d).round()
		}) {
			return
		}
	}
}

// model is what the tables hold and the policy says.
type model struct {
	*testing.T
	*world
	draw
	scripts *sql.DB // takes several statements at once
	tables  []drawn
	policy  *policy.Policy
	rows    map[string]map[int64]tableRow // by table and primary key
	pk      int64
	want    wanted
}

// tableRow has the values of a row by column, as texts; nil is NULL.
type tableRow map[string]any

// wanted is what has to be in the outbox.
type wanted struct {
	keys  map[string]bool  // class, key and version
	above map[string]int64 // class and key: the lowest last version, where the next is any above
	tags  map[string]bool
}

func newWanted() wanted { return wanted{map[string]bool{}, map[string]int64{}, map[string]bool{}} }

// newModel makes tables, and leaves the outbox to the script.
func newModel(t *testing.T, w *world, scripts *sql.DB, d draw) *model {
	m := &model{T: t, world: w, draw: d, scripts: scripts, rows: map[string]map[int64]tableRow{}}
	mustExec(t, w.db, "DROP TABLE larder_outbox", "DROP TABLE larder_outbox_parts", "DROP TABLE larder_outbox_histories")
	for i := range 1 + d.IntN(4) {
		table := d.table(i)
		m.tables = append(m.tables, table)
		m.rows[table.name] = map[int64]tableRow{}
		definition := m.quoted(table.pk) + " INTEGER PRIMARY KEY"
		for _, column := range table.columns {
			definition += ", " + m.quoted(column) + " VARCHAR(100)"
		}
		if table.version != "" {
			definition += ", " + m.quoted(table.version) + " BIGINT"
		}
		if table.sequence != "" {
			mustExec(t, w.db, "CREATE SEQUENCE "+m.quoted(table.sequence))
		}
		mustExec(t, w.db, "CREATE TABLE "+m.quoted(table.name)+" ("+definition+")")
	}
	return m
}

// round takes the database from nothing to a policy, to the one that follows it, and
// back to nothing.
func (m *model) round() {
	m.policy = m.draw.policy(m.tables)
	old := m.script()
	m.migrate(old)
	m.migrate(old)
	m.same("the script twice", old)
	m.work()

	m.policy = m.change(m.policy, m.tables)
	next := m.script()
	m.migrate(next + leftBehind(old, next))
	m.same("the next policy", next)
	m.work()

	m.migrate(leftBehind(next, ""))
	m.same("the end", "")
	for _, table := range m.tables {
		mustExec(m.T, m.db, "DROP TABLE "+m.quoted(table.name))
		if table.sequence != "" {
			mustExec(m.T, m.db, "DROP SEQUENCE "+m.quoted(table.sequence))
		}
	}
	if m.Failed() {
		m.Logf("the first script:\n%s\nthe next:\n%s", old, next)
	}
}

// leftBehind is what docs/gen.md says to run with the script of a policy that has
// changed: what drops the triggers of the earlier one, where the next has it not.
func leftBehind(old, next string) (drops string) {
	keep := slices.Collect(strings.Lines(next))
	for line := range strings.Lines(old) {
		if strings.HasPrefix(line, "DROP ") && !slices.Contains(keep, line) {
			drops += line
		}
	}
	return drops
}

// script is what larder gen writes for the database, empty if no class has a table.
func (m *model) script() string {
	out, err := gen.Generate(m.policy, "")
	if err != nil {
		m.Fatalf("%+v: %v", m.policy, err)
	}
	file := "outbox_" + strings.ToLower(m.world.dialect.String()) + "_gen.sql"
	file = strings.Replace(file, "postgresql", "postgres", 1)
	for _, f := range out.Files {
		if f.Name == file {
			return string(f.Data)
		}
	}
	for _, c := range m.policy.Classes {
		if len(c.Source.Tables) > 0 {
			m.Fatalf("%+v: there is no %s", m.policy, file)
		}
	}
	return ""
}

func (m *model) migrate(script string) {
	m.Helper()
	if script == "" {
		return
	}
	if _, err := m.scripts.ExecContext(m.Context(), script); err != nil {
		m.Fatalf("%v\n%s", err, script)
	}
}

// made is where a script makes a trigger.
var made = regexp.MustCompile("(?m)^CREATE TRIGGER [\"`](larder_[^\"`]*)")

// same checks that the database has the triggers of a script, each with its function,
// and no other.
func (m *model) same(when, script string) {
	m.Helper()
	var want []string
	for _, match := range made.FindAllStringSubmatch(script, -1) {
		want = append(want, match[1])
	}
	queries := []string{"SELECT name FROM sqlite_schema WHERE type = 'trigger'"}
	switch m.world.dialect {
	case outbox.PostgreSQL:
		queries = []string{"SELECT tgname FROM pg_trigger WHERE NOT tgisinternal", "SELECT proname FROM pg_proc WHERE proname LIKE 'larder%'"}
	case outbox.MySQL:
		queries = []string{"SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"}
	}
	slices.Sort(want)
	for _, query := range queries {
		got := m.strings(query)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			m.Fatalf("%s: %s:\n got %q\nwant %q", when, query, got, want)
		}
	}
}

// strings are the answers to a query for texts.
func (m *model) strings(query string) (all []string) {
	m.Helper()
	rows, err := m.db.QueryContext(m.Context(), query)
	if err != nil {
		m.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			m.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		m.Fatal(err)
	}
	return all
}

// quoted writes a name, maybe with its schema, as the database wants it.
func (m *model) quoted(name string) string {
	q := m.quote()
	return q + strings.ReplaceAll(name, ".", q+"."+q) + q
}

// work runs transactions, and compares after each.
func (m *model) work() {
	for range 16 {
		m.want = newWanted()
		before := map[string]map[int64]tableRow{}
		for name, rows := range m.rows {
			before[name] = maps.Clone(rows) // rows themselves are never changed, but replaced
		}
		tx := m.begin(m.T)
		var said []string
		for range 1 + m.IntN(3) {
			said = append(said, m.statement(tx, pick(m.draw, m.tables)))
		}
		if m.IntN(5) == 0 {
			if err := tx.Rollback(); err != nil {
				m.Fatal(err)
			}
			m.rows, m.want, said = before, newWanted(), append(said, "ROLLBACK")
		} else if err := tx.Commit(); err != nil {
			m.Fatal(err)
		}
		m.compare(strings.Join(said, "; "))
	}
}

// statement runs a statement that inserts, updates or deletes some rows.
func (m *model) statement(tx *sql.Tx, table drawn) string {
	rows := m.rows[table.name]
	some := slices.Sorted(maps.Keys(rows))
	m.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	some = some[:min(len(some), 1+m.IntN(3))]
	action := m.IntN(4)
	var s statement
	switch {
	case action == 0 || len(some) == 0:
		s = m.insert(table)
	case action == 1:
		s = m.delete(table, some)
	default:
		s = m.update(table, some)
	}
	query, args := s.render(m)
	if _, err := tx.ExecContext(m.Context(), query, args...); err != nil {
		m.Fatalf("%s %q: %v", query, args, err)
	}
	m.settle(tx, table, s)
	return fmt.Sprintf("%s %q", query, args)
}

// statement is one, with the rows that it takes away and those that it leaves, which
// are pairs in an UPDATE.
type statement struct {
	pieces   []any // SQL as sqlText, and arguments
	old, now []tableRow
}

// sqlText is a part of a statement that is no argument.
type sqlText string

// render numbers the arguments as the database wants it.
func (s statement) render(m *model) (query string, args []any) {
	for _, piece := range s.pieces {
		if text, ok := piece.(sqlText); ok {
			query += string(text)
			continue
		}
		args = append(args, piece)
		if m.world.dialect == outbox.PostgreSQL {
			query += "$" + strconv.Itoa(len(args))
		} else {
			query += "?"
		}
	}
	return query, args
}

func (s *statement) add(pieces ...any) { s.pieces = append(s.pieces, pieces...) }

// list adds values with commas between them, in parentheses.
func (s *statement) list(values []any) {
	s.add(sqlText("("))
	for i, v := range values {
		if i > 0 {
			s.add(sqlText(", "))
		}
		s.add(v)
	}
	s.add(sqlText(")"))
}

func (m *model) insert(table drawn) (s statement) {
	columns := append([]string{table.pk}, table.columns...)
	if table.version != "" {
		columns = append(columns, table.version)
	}
	names := make([]any, len(columns))
	for i, column := range columns {
		names[i] = sqlText(m.quoted(column))
	}
	s.add(sqlText("INSERT INTO " + m.quoted(table.name) + " "))
	s.list(names)
	for i := range 1 + m.IntN(3) {
		m.pk++
		row, values := tableRow{table.pk: m.pk}, []any{m.pk}
		for _, column := range table.columns {
			row[column] = pick(m.draw, oddValues)
			values = append(values, row[column])
		}
		if table.version != "" {
			row[table.version] = pick(m.draw, []any{nil, int64(0), int64(1), int64(7)})
			values = append(values, row[table.version])
		}
		s.add(sqlText(map[bool]string{true: " VALUES ", false: ", "}[i == 0]))
		s.list(values)
		s.now = append(s.now, row)
	}
	return s
}

func (m *model) delete(table drawn, keys []int64) (s statement) {
	s.add(sqlText("DELETE FROM " + m.quoted(table.name)))
	m.where(&s, table, keys)
	return s
}

// where chooses rows by their primary key.
func (m *model) where(s *statement, table drawn, keys []int64) {
	var values []any
	for _, key := range keys {
		values = append(values, key)
		s.old = append(s.old, m.rows[table.name][key])
	}
	s.add(sqlText(" WHERE " + m.quoted(table.pk) + " IN "))
	s.list(values)
}

// update sets some columns, of one row sometimes the primary key, and sometimes the
// version: to more, to less, to the same or to nothing.
func (m *model) update(table drawn, keys []int64) (s statement) {
	set := tableRow{}
	for _, column := range table.columns {
		if m.IntN(2) == 0 {
			set[column] = pick(m.draw, oddValues)
		}
	}
	if len(keys) == 1 && m.IntN(3) == 0 {
		m.pk++
		set[table.pk] = m.pk
	}
	if table.version != "" && m.IntN(3) == 0 {
		set[table.version] = pick(m.draw, []any{nil, int64(0), int64(3), int64(50 + m.IntN(50))})
	}
	if len(set) == 0 {
		set[table.columns[0]] = "plain"
	}
	s.add(sqlText("UPDATE " + m.quoted(table.name)))
	for i, column := range slices.Sorted(maps.Keys(set)) {
		s.add(sqlText(map[bool]string{true: " SET ", false: ", "}[i == 0]+m.quoted(column)+" = "), set[column])
	}
	m.where(&s, table, keys)
	for _, old := range s.old {
		now := maps.Clone(old)
		maps.Copy(now, set)
		s.now = append(s.now, now)
	}
	return s
}

// settle notes what a statement has made of the table, and what has to be reported.
func (m *model) settle(tx *sql.Tx, table drawn, s statement) {
	rows := m.rows[table.name]
	for _, old := range s.old {
		delete(rows, old[table.pk].(int64))
	}
	for i, now := range s.now {
		var old tableRow
		if len(s.old) > 0 {
			old = s.old[i]
		}
		if m.watched(table) {
			m.advance(tx, table, old, now)
		}
		rows[now[table.pk].(int64)] = now
		m.expectRow(table, old, now)
	}
	if len(s.now) == 0 {
		for _, old := range s.old {
			m.expectRow(table, old, nil)
		}
	}
}

// watched tells whether the policy has the table: only then triggers raise its version.
func (m *model) watched(table drawn) bool {
	for _, c := range m.policy.Classes {
		if slices.ContainsFunc(c.Source.Tables, func(s policy.Table) bool { return s.Name == table.name }) {
			return true
		}
	}
	return false
}

// number is an integer column: NULL counts as 0.
func (r tableRow) number(column string) int64 {
	n, _ := r[column].(int64)
	return n
}

// advance says what the version of a row is now: with a sequence, whose numbers come
// in any order, the database says it.
func (m *model) advance(tx *sql.Tx, table drawn, old, now tableRow) {
	if table.version == "" {
		return
	}
	said := now.number(table.version)
	if raised := old != nil && said > old.number(table.version) || old == nil && (said > 0 || table.sequence == ""); raised {
		return
	}
	now[table.version] = old.number(table.version) + 1
	if table.sequence == "" {
		return
	}
	var got int64
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s = %d", m.quoted(table.version), m.quoted(table.name), m.quoted(table.pk), now[table.pk])
	if err := tx.QueryRowContext(m.Context(), query).Scan(&got); err != nil {
		m.Fatalf("%s: %v", query, err)
	}
	if got < now[table.version].(int64) {
		m.Errorf("%s: %d, want at least %v", query, got, now[table.version])
	}
	now[table.version] = got
}

// raise notes that any version above last may be reported of a key.
func (w wanted) raise(key string, last int64) {
	if lower, ok := w.above[key]; ok {
		last = min(last, lower)
	}
	w.above[key] = last
}

// above stands for any number of a sequence.
const above = "above"

// expectRow notes what the policy says of a row that was and is now: nil is none.
func (m *model) expectRow(table drawn, old, now tableRow) {
	for class, c := range m.policy.Classes {
		for _, s := range c.Source.Tables {
			if s.Name != table.name {
				continue
			}
			version := "0"
			switch {
			case s.Version == "", old == nil && s.Sequence == "":
			case now != nil:
				version = fmt.Sprint(now.number(s.Version))
			case s.Sequence != "":
				version = above
			default:
				version = fmt.Sprint(old.number(s.Version) + 1)
			}
			for _, row := range []tableRow{old, now} {
				if key, ok := row.text(s.Key); ok && s.Key != "" {
					if version == above {
						m.want.raise(class+"\x00"+key, old.number(s.Version))
					}
					m.want.keys[class+"\x00"+key+"\x00"+version] = true
				}
				for _, tag := range s.Tags {
					if text, ok := row.text(tag); ok && text != "" {
						m.want.tags[text] = true
					}
				}
			}
		}
	}
}

// column is one in a template.
var column = regexp.MustCompile(`\{[^}]*\}`)

// text fills a template. It names nothing without a row, and where a column is NULL.
func (r tableRow) text(template string) (text string, ok bool) {
	ok = r != nil
	text = column.ReplaceAllStringFunc(template, func(name string) string {
		value := r[name[1:len(name)-1]]
		ok = ok && value != nil
		return fmt.Sprint(value)
	})
	return text, ok
}

// compare takes the rows out of the outbox and compares them with what is wanted.
func (m *model) compare(said string) {
	m.Helper()
	got := newWanted()
	rows, err := m.db.QueryContext(m.Context(), "SELECT class, item, version, tags FROM larder_outbox")
	if err != nil {
		m.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var class, list string
		var item sql.NullString
		var version int64
		if err := rows.Scan(&class, &item, &version, &list); err != nil {
			m.Fatal(err)
		}
		if class != "" && item.Valid {
			m.note(got.keys, class+"\x00"+item.String, version)
		}
		var tags []*string
		if err := json.Unmarshal([]byte(list), &tags); err != nil {
			m.Fatalf("%s: tags %q: %v", said, list, err)
		}
		for _, tag := range tags {
			if tag != nil && *tag != "" {
				got.tags[*tag] = true
			}
		}
	}
	if err := rows.Err(); err != nil {
		m.Fatal(err)
	}
	mustExec(m.T, m.db, "DELETE FROM larder_outbox")
	if !maps.Equal(got.keys, m.want.keys) || !maps.Equal(got.tags, m.want.tags) {
		m.Errorf("%s\n     got %q %q\n    want %q %q", said, slices.Sorted(maps.Keys(got.keys)), slices.Sorted(maps.Keys(got.tags)),
			slices.Sorted(maps.Keys(m.want.keys)), slices.Sorted(maps.Keys(m.want.tags)))
	}
}

// note adds a version of a key to those that were reported, as it is wanted.
func (m *model) note(got map[string]bool, key string, version int64) {
	exact := fmt.Sprint(key, "\x00", version)
	if last, ok := m.want.above[key]; ok && version > last {
		got[key+"\x00"+above] = true
		if !m.want.keys[exact] {
			return
		}
	}
	got[exact] = true
}
