package dbtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/outbox"
)

var triggerCases = []testCase{
	{name: "every statement on a table is reported", run: everyStatement},
	{name: "a version is advanced once", run: advancedOnce},
	{name: "versions from a sequence", run: fromSequence},
	{name: "a key or a tag that changes is reported old and new", run: oldAndNew},
	{name: "several classes of one table, and tags alone", run: severalMappings},
	{name: "NULL names nothing", run: nullNamesNothing},
	{name: "a table without versions", run: unversioned},
	{name: "a rolled back statement reports nothing", run: rolledBackStatement},
	{name: "triggers are installed once, replaced and dropped", run: installed},
	{name: "the printed script installs the same", run: printed},
	{name: "triggers need the tables", run: notMigrated},
	{name: "triggers need the columns", run: noSuchColumn},
	{name: "a table in another schema", run: otherSchema, except: outbox.SQLite},
	{name: "an INSERT that becomes an UPDATE, or replaces", run: upsert},
	{name: "names that try to break out", run: hostileNames},
	{name: "recursive triggers", run: recursiveTriggers},
	{name: "a role that may only change the table", run: poorRole},
}

// product is the mapping of most cases.
var product = outbox.Mapping{
	Table: "products", Class: "product", Key: "{id}", Tags: []string{"product-{id}", "products"}, Version: "version",
}

// products makes the table of most cases and installs mappings.
func products(t *testing.T, w *world, mappings ...outbox.Mapping) {
	t.Helper()
	mustExec(t, w.db, `CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(100) NOT NULL, category VARCHAR(100), version BIGINT NOT NULL DEFAULT 1)`)
	if err := w.box.InstallTriggers(t.Context(), mappings...); err != nil {
		t.Fatal(err)
	}
}

// reported takes the rows that triggers have written out of the table, each as
// deliveries are shown.
func (w *world) reported(t *testing.T) (all []string) {
	t.Helper()
	rows, err := w.db.QueryContext(t.Context(), "SELECT class, COALESCE(item, '-'), version, tags FROM larder_outbox ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var class, item, version, tags string
		if err := rows.Scan(&class, &item, &version, &tags); err != nil {
			t.Fatal(err)
		}
		all = append(all, class+":"+item+"@"+version+" "+strings.ReplaceAll(tags, ", ", ","))
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	mustExec(t, w.db, "DELETE FROM larder_outbox")
	return all
}

// expect checks what statements report, in any order.
func (w *world) expect(t *testing.T, statement string, want ...string) {
	t.Helper()
	mustExec(t, w.db, statement)
	got := w.reported(t)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\nreported %q\n    want %q", statement, got, want)
	}
}

// everyStatement goes all the way to the target: what is typed into a client is
// delivered.
func everyStatement(t *testing.T, w *world) {
	products(t, w, product)
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	for _, tt := range []struct {
		statement string
		want      []string
	}{
		{"INSERT INTO products (id, name) VALUES (1, 'chair'), (2, 'table'), (3, 'lamp')", []string{"product:1", "product:2", "product:3"}},
		{"UPDATE products SET name = 'oak chair' WHERE id = 1", []string{"product:1@2"}},
		{"UPDATE products SET name = 'x' WHERE id = 99", nil},
		{"UPDATE products SET category = 'wood'", []string{"product:1@3", "product:2@2", "product:3@2"}},
		{"DELETE FROM products WHERE id = 2", []string{"product:2@3"}},
		{"UPDATE products SET id = 4 WHERE id = 3", []string{"product:3@3", "product:4@3"}},
	} {
		g.set(func(g *target) { g.got = nil })
		mustExec(t, w.db, tt.statement)
		g.await(t, tt.want...)
		until(t, "all is done", func() bool { return w.stats(t).Pending == 0 })
		got := slices.DeleteFunc(g.deliveries(), func(d string) bool { return strings.HasPrefix(d, "[") })
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: delivered %q, want %q", tt.statement, got, tt.want)
		}
	}
	g.await(t, "[product-4]", "[products]")
}

func advancedOnce(t *testing.T, w *world) {
	products(t, w, product)
	tags := ` ["product-1","products",null]`
	w.expect(t, "INSERT INTO products (id, name, version) VALUES (1, 'chair', 5)", `product:1@0 ["product-1","products"]`)
	for _, tt := range []struct {
		set  string
		want int64
	}{
		{"name = 'a'", 6},
		{"version = version + 1", 7}, // the statement does it, so the trigger does not
		{"name = 'b', version = version + 1", 8},
		{"name = 'c', version = 20", 20},
		{"name = 'd', version = 3", 21},       // backwards is not accepted
		{"name = 'd', version = version", 22}, // nothing changes, and still somebody may have meant it
	} {
		w.expect(t, "UPDATE products SET "+tt.set+" WHERE id = 1", fmt.Sprint("product:1@", tt.want)+tags)
		if got := number(t, w.db, "SELECT version FROM products WHERE id = 1"); got != tt.want {
			t.Errorf("after SET %s: version %d, want %d", tt.set, got, tt.want)
		}
	}
	w.expect(t, "DELETE FROM products", `product:1@23 ["product-1","products"]`)

	mustExec(t, w.db, "CREATE TABLE loose (id INTEGER PRIMARY KEY, name VARCHAR(10), version BIGINT)")
	if err := w.box.InstallTriggers(t.Context(), outbox.Mapping{Table: "loose", Class: "loose", Key: "{id}", Version: "version"}); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "INSERT INTO loose (id) VALUES (1)", "loose:1@0 []")
	w.expect(t, "UPDATE loose SET name = 'a'", "loose:1@1 []")
	w.expect(t, "UPDATE loose SET version = NULL", "loose:1@2 []")
	w.expect(t, "DELETE FROM loose", "loose:1@3 []")
}

func fromSequence(t *testing.T, w *world) {
	m := product
	m.Sequence, m.Tags = "versions", nil
	if w.dialect != outbox.PostgreSQL {
		if _, err := w.box.Triggers(m); err == nil || !strings.Contains(err.Error(), "PostgreSQL only") {
			t.Errorf("Triggers = %v, want a refusal", err)
		}
		return
	}
	mustExec(t, w.db, "CREATE SEQUENCE versions START 100")
	products(t, w, m)
	mustExec(t, w.db, "ALTER TABLE products ALTER version SET DEFAULT nextval('versions')")
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')", "product:1@100 []")
	w.expect(t, "INSERT INTO products (id, name, version) VALUES (2, 'table', 0)", "product:2@101 []")
	w.expect(t, "UPDATE products SET name = 'a' WHERE id = 1", "product:1@102 []")
	w.expect(t, "UPDATE products SET name = 'b', version = nextval('versions') WHERE id = 1", "product:1@103 []")
	w.expect(t, "DELETE FROM products WHERE id = 1", "product:1@104 []")
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair again')", "product:1@105 []")
	// Who numbers by hand is ahead of the sequence.
	w.expect(t, "UPDATE products SET name = 'c', version = version + 1 WHERE id = 1", "product:1@106 []")
	w.expect(t, "UPDATE products SET name = 'd' WHERE id = 1", "product:1@107 []")
	w.expect(t, "UPDATE products SET version = 1000 WHERE id = 1", "product:1@1000 []")
	w.expect(t, "UPDATE products SET name = 'e' WHERE id = 1", "product:1@1001 []")
	w.expect(t, "DELETE FROM products WHERE id = 1", "product:1@1002 []")
}

func oldAndNew(t *testing.T, w *world) {
	m := outbox.Mapping{Table: "products", Class: "product", Key: "{category}/{name}", Tags: []string{"in-{category}", "all"}, Version: "version"}
	products(t, w, m)
	w.expect(t, "INSERT INTO products (id, category, name) VALUES (1, 'wood', 'chair')", `product:wood/chair@0 ["in-wood","all"]`)
	left := `["in-steel","all","in-wood"]`
	want := []string{`product:steel/chair@2 ` + left, `product:wood/chair@2 []`}
	if w.dialect == outbox.SQLite { // whose second UPDATE does not know what was before the first
		want = []string{`product:steel/chair@2 ["in-steel","all",null]`, `product:wood/chair@2 []`, `:-@0 ["in-wood"]`}
	}
	w.expect(t, "UPDATE products SET category = 'steel'", want...)
	w.expect(t, "UPDATE products SET category = 'wood', version = version + 1", `product:wood/chair@3 ["in-wood","all","in-steel"]`, `product:steel/chair@3 []`)
	// Not the same bytes, though some collations take them for equal.
	want = []string{`product:Wood/chair@4 ["in-Wood","all","in-wood"]`, `product:wood/chair@4 []`}
	if w.dialect == outbox.SQLite {
		want = []string{`product:Wood/chair@4 ["in-Wood","all",null]`, `product:wood/chair@4 []`, `:-@0 ["in-wood"]`}
	}
	w.expect(t, "UPDATE products SET category = 'Wood'", want...)
	w.expect(t, `UPDATE products SET name = 'a "quoted" 🐢', category = 'Wood', version = 9`,
		`product:Wood/a "quoted" 🐢@9 ["in-Wood","all",null]`, `product:Wood/chair@9 []`)
}

func severalMappings(t *testing.T, w *world) {
	products(t, w, product,
		outbox.Mapping{Table: "products", Class: "name", Key: "{name}", Version: "version"},
		outbox.Mapping{Table: "products", Class: "config", Key: "all", Version: "version"},
		outbox.Mapping{Table: "products", Tags: []string{"home page"}, Version: "version"})
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')",
		`product:1@0 ["product-1","products"]`, `name:chair@0 []`, `config:all@0 []`, `:-@0 ["home page"]`)
	w.expect(t, "UPDATE products SET name = 'stool'",
		`product:1@2 ["product-1","products",null]`, `name:stool@2 []`, `name:chair@2 []`, `config:all@2 []`, `:-@2 ["home page"]`)

	mustExec(t, w.db, "CREATE TABLE plain (id INTEGER PRIMARY KEY)")
	err := w.box.InstallTriggers(t.Context(), outbox.Mapping{Table: "plain", Class: "a", Key: "{id}"}, outbox.Mapping{Table: "plain", Class: "b", Key: "{id}"})
	if err != nil {
		t.Fatal(err)
	}
	w.expect(t, "INSERT INTO plain (id) VALUES (1)", "a:1@0 []", "b:1@0 []")
	w.expect(t, "DELETE FROM plain", "a:1@0 []", "b:1@0 []")

	signs := strings.Repeat("\x01", 20) // each of six bytes in JSON
	mustExec(t, w.db, "CREATE TABLE signs (id INTEGER PRIMARY KEY, name VARCHAR(20))")
	err = w.box.InstallTriggers(t.Context(), outbox.Mapping{Table: "signs", Class: "a", Key: "{id}", Tags: []string{"{name}"}}, outbox.Mapping{Table: "signs", Class: "b", Key: "{id}"})
	if err != nil {
		t.Fatal(err)
	}
	w.expect(t, "INSERT INTO signs (id, name) VALUES (1, '"+signs+"')", `a:1@0 ["`+strings.Repeat(`\u0001`, 20)+`"]`, "b:1@0 []")
}

func nullNamesNothing(t *testing.T, w *world) {
	m := outbox.Mapping{Table: "products", Class: "product", Key: "{category}", Tags: []string{"in-{category}", "all"}, Version: "version"}
	products(t, w, m)
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')", `product:-@0 [null,"all"]`)
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	mustExec(t, w.db, "UPDATE products SET category = 'wood'")
	g.await(t, "product:wood@2")
	mustExec(t, w.db, "UPDATE products SET category = NULL")
	g.await(t, "product:wood@3")
	until(t, "all is done", func() bool { return w.stats(t).Pending == 0 })
	for _, d := range g.deliveries() {
		if strings.HasPrefix(d, "product:@") || d == "product:" {
			t.Errorf("delivered %q: an empty key for NULL", d)
		}
	}
}

func unversioned(t *testing.T, w *world) {
	m := product
	m.Version = ""
	products(t, w, m)
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')", `product:1@0 ["product-1","products"]`)
	w.expect(t, "UPDATE products SET name = 'a'", `product:1@0 ["product-1","products",null]`)
	w.expect(t, "UPDATE products SET id = 2", `product:2@0 ["product-2","products","product-1"]`, `product:1@0 []`)
	w.expect(t, "DELETE FROM products", `product:2@0 ["product-2","products"]`)
	if got := number(t, w.db, "SELECT COUNT(*) FROM products"); got != 0 {
		t.Errorf("%d rows", got)
	}
}

func rolledBackStatement(t *testing.T, w *world) {
	products(t, w, product)
	tx := w.begin(t)
	mustExec(t, tx, "INSERT INTO products (id, name) VALUES (1, 'chair')")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := w.reported(t); len(got) != 0 {
		t.Errorf("reported %q", got)
	}
}

func installed(t *testing.T, w *world) {
	products(t, w, product)
	users := outbox.Mapping{Table: "users", Class: "user", Key: "{id}"}
	mustExec(t, w.db, "CREATE TABLE users (id INTEGER PRIMARY KEY)")
	results := make(chan error)
	for range 4 {
		go func() { results <- w.box.InstallTriggers(t.Context(), product, users) }()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	w.expect(t, "INSERT INTO users (id) VALUES (1)", "user:1@0 []")

	changed := product
	changed.Tags = []string{"catalogue"}
	if err := w.box.InstallTriggers(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')", `product:1@0 ["catalogue"]`)
	w.expect(t, "UPDATE products SET name = 'a'", `product:1@2 ["catalogue"]`)
	w.expect(t, "INSERT INTO users (id) VALUES (2)", "user:2@0 []")

	if err := w.box.DropTriggers(t.Context(), product); err != nil { // whatever the mapping was then
		t.Fatal(err)
	}
	w.expect(t, "UPDATE products SET name = 'b'")
	w.expect(t, "INSERT INTO users (id) VALUES (3)", "user:3@0 []")

	// Another outbox in the same database has triggers of its own.
	other := newBox(t, w.db, outbox.Options{Dialect: w.dialect, Table: "other_outbox"})
	if err := other.InstallTriggers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	if err := w.box.DropTriggers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "INSERT INTO users (id) VALUES (4)")
	if got := number(t, w.db, "SELECT COUNT(*) FROM other_outbox"); got != 1 {
		t.Errorf("%d rows in the other outbox, want 1", got)
	}
}

// printed runs the script as a client would: statement by statement, and twice.
func printed(t *testing.T, w *world) {
	products(t, w, product)
	if err := w.box.DropTriggers(t.Context(), product); err != nil {
		t.Fatal(err)
	}
	script, err := w.box.Triggers(product)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var statement strings.Builder
		for line := range strings.Lines(w.box.Schema() + script) {
			statement.WriteString(line)
			text := statement.String()
			inside := w.dialect == outbox.PostgreSQL && strings.Count(text, "$larder$") == 1 ||
				w.dialect == outbox.SQLite && strings.HasPrefix(text, "CREATE TRIGGER") && !strings.HasSuffix(text, "END;\n")
			if strings.HasSuffix(line, ";\n") && !inside {
				mustExec(t, w.db, text)
				statement.Reset()
			}
		}
		if rest := statement.String(); rest != "" {
			t.Fatalf("a statement without an end: %q", rest)
		}
	}
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')", `product:1@0 ["product-1","products"]`)
	w.expect(t, "UPDATE products SET name = 'stool'", `product:1@2 ["product-1","products",null]`)
	if err := w.box.InstallTriggers(t.Context(), product); err != nil { // finds them there
		t.Fatal(err)
	}
	w.expect(t, "UPDATE products SET name = 'bench'", `product:1@3 ["product-1","products",null]`)
}

func notMigrated(t *testing.T, w *world) {
	box, err := outbox.New(w.db, outbox.Options{Dialect: w.dialect, Table: "elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, w.db, "CREATE TABLE products (id INTEGER PRIMARY KEY, version BIGINT)")
	if err := box.InstallTriggers(t.Context(), product); err == nil || !strings.Contains(err.Error(), "Migrate") {
		t.Errorf("InstallTriggers = %v, want to be told of Migrate", err)
	}
	mustExec(t, w.db, "INSERT INTO products (id) VALUES (1)") // which a trigger would fail
}

// noSuchColumn has mappings that every later write would trip over.
func noSuchColumn(t *testing.T, w *world) {
	mustExec(t, w.db, "CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(10), version BIGINT)")
	bad := []outbox.Mapping{
		{Table: "nowhere", Class: "a", Key: "{id}"},
		{Table: "products", Class: "a", Key: "{nothing}"},
		{Table: "products", Class: "a", Key: "{id}", Tags: []string{"all", "in-{nothing}"}},
		{Table: "products", Class: "a", Key: "{id}", Version: "nothing"},
	}
	switch w.dialect {
	case outbox.PostgreSQL:
		bad = append(bad, outbox.Mapping{Table: "products", Class: "a", Key: "{id}", Version: "name"},
			outbox.Mapping{Table: "products", Class: "a", Key: "{id}", Version: "version", Sequence: "nothing"})
	case outbox.SQLite:
		mustExec(t, w.db, "CREATE TABLE bare (id INTEGER PRIMARY KEY, version BIGINT) WITHOUT ROWID")
		bad = append(bad, outbox.Mapping{Table: "bare", Class: "a", Key: "{id}", Version: "version"})
	}
	for _, m := range bad {
		if err := w.box.InstallTriggers(t.Context(), m); err == nil || !strings.Contains(err.Error(), "triggers of "+m.Table) {
			t.Errorf("InstallTriggers(%+v) = %v, want a refusal", m, err)
		}
	}
	w.expect(t, "INSERT INTO products (id) VALUES (1)")
	w.expect(t, "UPDATE products SET name = 'a'")
}

// otherSchema has a table where the outbox is not. In MySQL a trigger looks there for
// an outbox that is named without its database.
func otherSchema(t *testing.T, w *world) {
	mustExec(t, w.db, "CREATE SCHEMA elsewhere", "CREATE TABLE elsewhere.products (id INTEGER PRIMARY KEY)")
	m := outbox.Mapping{Table: "elsewhere.products", Class: "product", Key: "{id}"}
	box := w.box
	if w.dialect == outbox.MySQL {
		const want = "elsewhere.larder_outbox"
		if err := box.InstallTriggers(t.Context(), m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("InstallTriggers = %v, want to be told of %s", err, want)
		}
		script, err := box.Triggers(m)
		if err != nil {
			t.Fatal(err)
		}
		db := open(t, "mysql", w.dsn+"?multiStatements=true")
		if _, err := db.ExecContext(t.Context(), script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the script: %v, want to be told of %s", err, want)
		}
		mustExec(t, w.db, "INSERT INTO elsewhere.products (id) VALUES (0)") // which a trigger would fail
		var own string
		if err := w.db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&own); err != nil {
			t.Fatal(err)
		}
		box = newBox(t, w.db, outbox.Options{Dialect: w.dialect, Table: own + ".larder_outbox"})
	}
	if err := box.InstallTriggers(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "INSERT INTO elsewhere.products (id) VALUES (1)", "product:1@0 []")
}

func upsert(t *testing.T, w *world) {
	products(t, w, product)
	tags := ` ["product-1","products"]`
	insert := "INSERT INTO products (id, name) VALUES (1, 'chair')"
	update := insert + " ON CONFLICT (id) DO UPDATE SET name = 'stool'"
	if w.dialect == outbox.MySQL {
		update = insert + " ON DUPLICATE KEY UPDATE name = 'stool'"
	}
	w.expect(t, update, "product:1@0"+tags)
	w.expect(t, update, `product:1@2 ["product-1","products",null]`)
	switch replace := "REPLACE INTO products (id, name) VALUES (1, 'bench')"; w.dialect {
	case outbox.MySQL:
		w.expect(t, replace, "product:1@3"+tags, "product:1@0"+tags)
	case outbox.SQLite: // the row that goes is not reported, so that the new one must not have its own low version
		w.expect(t, replace, "product:1@0"+tags)
	}
}

// hostileNames tries names and texts that could end a literal. What is refused
// never reaches the database; what is accepted means what it says.
func hostileNames(t *testing.T, w *world) {
	for _, bad := range []string{`a"b`, "a'b", "a`b", `a\b`, "a;b", "a b", "a.b.c", "", "1a", "{", "ä", "a\x00", strings.Repeat("a", 64)} {
		for what, m := range map[string]outbox.Mapping{
			"Table":   {Table: bad, Class: "a", Key: "{id}"},
			"Version": {Table: "a", Class: "a", Key: "{id}", Version: bad},
			"Key":     {Table: "a", Class: "a", Key: "{" + bad + "}"},
			"Tags[0]": {Table: "a", Tags: []string{"{" + bad + "}"}},
		} {
			if what == "Version" && bad == "" {
				continue
			}
			if _, err := w.box.Triggers(m); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("%s %q: %v, want a refusal of it", what, bad, err)
			}
		}
	}
	for _, bad := range []string{"'", `"`, "`", `\`, "a'); DROP TABLE products; --", "\n", "\x00", "ż", "$larder$ '"} {
		for what, m := range map[string]outbox.Mapping{
			"Class":   {Table: "a", Class: bad, Key: "{id}"},
			"Key":     {Table: "a", Class: "a", Key: bad + "{id}"},
			"Tags[1]": {Table: "a", Tags: []string{"a", "{id}" + bad}},
		} {
			if _, err := w.box.Triggers(m); err == nil || !strings.Contains(err.Error(), what) {
				t.Errorf("%s %q: %v, want a refusal of it", what, bad, err)
			}
		}
	}
	// Reserved words, and all that is allowed.
	const fixed = "aZ09 _.:/@#~+=,()&!*|;%^$<>?-$larder$;"
	mustExec(t, w.db, strings.ReplaceAll("CREATE TABLE `select` (`from` INTEGER PRIMARY KEY, `Order-by` BIGINT)", "`", w.quote()))
	m := outbox.Mapping{Table: "select", Class: fixed, Key: fixed + "{from}", Tags: []string{"{from}" + fixed + "{from}"}, Version: "Order-by"}
	if err := w.box.InstallTriggers(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.expect(t, strings.ReplaceAll("INSERT INTO `select` (`from`) VALUES (7)", "`", w.quote()),
		fixed+":"+fixed+"7@0 "+`["7`+fixed+`7"]`)
	w.expect(t, strings.ReplaceAll("UPDATE `select` SET `from` = 8", "`", w.quote()), map[bool][]string{
		false: {fixed + ":" + fixed + `8@1 ["8` + fixed + `8","7` + fixed + `7"]`, fixed + ":" + fixed + "7@1 []"},
		true:  {fixed + ":" + fixed + `8@1 ["8` + fixed + `8",null]`, fixed + ":" + fixed + "7@1 []", `:-@0 ["7` + fixed + `7"]`},
	}[w.dialect == outbox.SQLite]...)
}

// quote is the quote around names.
func (w *world) quote() string {
	if w.dialect == outbox.MySQL {
		return "`"
	}
	return `"`
}

// recursiveTriggers has SQLite fire triggers from within themselves.
func recursiveTriggers(t *testing.T, w *world) {
	if w.dialect == outbox.SQLite {
		w = newWorld(t, outbox.SQLite, "sqlite", sqliteFile(t)+"&_pragma=recursive_triggers(1)")
	}
	products(t, w, product)
	w.expect(t, "INSERT INTO products (id, name) VALUES (1, 'chair')", `product:1@0 ["product-1","products"]`)
	w.expect(t, "UPDATE products SET name = 'a'", `product:1@2 ["product-1","products",null]`)
	w.expect(t, "UPDATE products SET version = version + 1", `product:1@3 ["product-1","products",null]`)
	w.expect(t, "DELETE FROM products", `product:1@4 ["product-1","products"]`)
}

// poorRole has somebody change the table who may not even see the outbox.
func poorRole(t *testing.T, w *world) {
	products(t, w, product)
	db := w.db
	switch w.dialect {
	case outbox.PostgreSQL:
		mustExec(t, w.db, "CREATE ROLE poor", "GRANT SELECT, INSERT, UPDATE, DELETE ON products TO poor")
		conn, err := w.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		mustExec(t, conn, "SET ROLE poor", "CREATE TEMP TABLE larder_outbox (class text, item text, version bigint, tags text)",
			"INSERT INTO products (id, name) VALUES (1, 'chair')", "CREATE TEMP TABLE products (id int, version int)")
		var function string
		if err := w.db.QueryRowContext(t.Context(), "SELECT proname FROM pg_proc WHERE proname LIKE 'larder%after%'").Scan(&function); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ExecContext(t.Context(), fmt.Sprintf("CREATE TRIGGER mine AFTER INSERT ON pg_temp.products FOR EACH ROW EXECUTE FUNCTION public.%q()", function)); err == nil {
			t.Error("somebody else put the function on a table of their own")
		}
		mustExec(t, conn, "RESET ROLE", "DROP TABLE pg_temp.larder_outbox, pg_temp.products")
	case outbox.MySQL:
		_, rest, _ := strings.Cut(w.dsn, "@")
		database := rest[strings.LastIndex(rest, "/")+1:]
		mustExec(t, w.db, "CREATE USER poor IDENTIFIED BY 'poor'", "GRANT SELECT, INSERT, UPDATE, DELETE ON "+database+".products TO poor")
		db = open(t, "mysql", "poor:poor@"+rest)
		mustExec(t, db, "INSERT INTO products (id, name) VALUES (1, 'chair')")
	default:
		mustExec(t, db, "INSERT INTO products (id, name) VALUES (1, 'chair')")
	}
	if got := w.reported(t); !slices.Equal(got, []string{`product:1@0 ["product-1","products"]`}) {
		t.Errorf("reported %q", got)
	}
}
