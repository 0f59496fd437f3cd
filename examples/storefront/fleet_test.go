package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/internal/pgtest"
	"github.com/larderdev/larder/internal/redistest"
)

// fleet is two shops on one database and one Redis, and a way to the database
// past both.
type fleet struct {
	one, two *program
	redis    *redistest.Server
	raw      *sql.DB
	schema   string // before the names of tables
}

// newFleet starts two shops that trust their tier.
func newFleet(t *testing.T, driver, source, raw, schema string) *fleet {
	t.Helper()
	f := &fleet{redis: redistest.Start(t), schema: schema}
	env := map[string]string{"REDIS_URL": "redis://" + f.redis.Addr(), "DATABASE_URL": source}
	f.one, f.two = start(t, env, "-node", "one"), start(t, env, "-node", "two")
	var err error
	if f.raw, err = sql.Open(driver, raw); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.raw.Close() })
	f.one.trusting(t)
	f.two.trusting(t)
	return f
}

// exec runs a statement as somebody with the database's own client would.
// TABLE. stands for the schema.
func (f *fleet) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := f.raw.ExecContext(t.Context(), strings.ReplaceAll(statement, "TABLE.", f.schema)); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// both are the shops.
func (f *fleet) both() []*program { return []*program{f.one, f.two} }

// request sends one and returns the answer.
func (p *program) request(t *testing.T, method, path, body string, authorization ...string) (status int, text string, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.shop+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header["Authorization"] = authorization
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(all), res.Header
}

// want checks an answer.
func (p *program) want(t *testing.T, status int, part, method, path, body string, authorization ...string) string {
	t.Helper()
	got, text, _ := p.request(t, method, path, body, authorization...)
	if got != status || !strings.Contains(text, part) {
		t.Errorf("%s %s %s: %d %.300s; want %d with %s", method, path, body, got, text, status, part)
	}
	return text
}

// shows waits until a GET of path has an answer.
func (p *program) shows(t *testing.T, status int, part, path string) {
	t.Helper()
	until(t, fmt.Sprintf("%s%s answers %d with %s", p.shop, path, status, part), func() bool {
		got, text, _ := p.request(t, "GET", path, "")
		return got == status && strings.Contains(text, part)
	})
}

// warm asks until the tier answers: memory, or shared.
func (p *program) warm(t *testing.T, tier, path string) {
	t.Helper()
	until(t, path+" is answered by "+tier, func() bool {
		_, _, header := p.request(t, "GET", path, "")
		return strings.HasPrefix(header.Get("Cache-Status"), "larder; hit") && strings.HasSuffix(header.Get("Cache-Status"), "detail="+tier)
	})
}

// login returns what a user's requests carry.
func (p *program) login(t *testing.T, user int) (authorization string) {
	t.Helper()
	var u struct{ Email string }
	var in struct{ Token string }
	if err := json.Unmarshal([]byte(p.want(t, 200, "@", "GET", fmt.Sprint("/api/users/", user), "")), &u); err != nil {
		t.Fatal(err)
	}
	text := p.want(t, 200, "token", "POST", "/api/login", fmt.Sprintf(`{"email":%q,"password":%q}`, u.Email, catalog.SeedPassword))
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatal(err)
	}
	if in.Token == "" {
		t.FailNow() // want has said it
	}
	return "Bearer " + in.Token
}

// TestFleet has the fleet show what each promises of it, on both databases. The
// last case stops the Redis.
func TestFleet(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *fleet{
		"SQLite": func(t *testing.T) *fleet {
			path := catalogtest.File(t)
			return newFleet(t, "sqlite", path, path+"?_pragma=busy_timeout(10000)", "")
		},
		"PostgreSQL": func(t *testing.T) *fleet {
			dsn := pgtest.Start(t)
			return newFleet(t, "pgx", dsn, dsn, "storefront.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			for _, c := range []struct {
				name string
				run  func(*testing.T, *fleet)
			}{
				{"updates", fleetUpdates},
				{"statements", fleetStatements},
				{"pages", fleetPages},
				{"sessions", fleetSessions},
				{"checkout", fleetCheckout},
				{"statistics", fleetStatistics},
				{"Redis gone", fleetWithoutRedis},
			} {
				t.Run(c.name, func(t *testing.T) { c.run(t, f) })
			}
		})
	}
}

// fleetUpdates: a stock that one has changed the other shows at once; what is
// in its memory, soon.
func fleetUpdates(t *testing.T, f *fleet) {
	f.two.warm(t, "shared", "/api/inventory/1")
	for n := range 20 {
		stock := fmt.Sprintf(`"stock":%d,`, 1_000+n)
		f.both()[n%2].want(t, 200, stock, "PUT", "/api/inventory/1", fmt.Sprintf(`{"stock":%d}`, 1_000+n))
		for _, p := range f.both() {
			p.want(t, 200, stock, "GET", "/api/inventory/1", "")
		}
	}
	for path, change := range map[string]string{"/api/products/1": `{"name":"Written Through"}`, "/api/users/1": `{"name":"Written Through"}`} {
		f.two.warm(t, "memory", path)
		f.one.want(t, 200, `"pending":0}`, "PUT", path, change)
		f.one.want(t, 200, "Written Through", "GET", path, "")
		f.two.shows(t, 200, "Written Through", path)
	}
}

// fleetStatements: what is typed into the database's client reaches every tier.
func fleetStatements(t *testing.T, f *fleet) {
	for _, tt := range []struct{ path, tier, statement, part string }{
		{"/api/products/2", "memory", "UPDATE TABLE.products SET price_cents = 123456789 WHERE id = 2", `"price_cents":123456789,`},
		{"/api/inventory/2", "shared", "UPDATE TABLE.inventory SET stock = 123456789 WHERE product_id = 2", `"stock":123456789,`},
		{"/api/users/2", "memory", "UPDATE TABLE.users SET name = 'By Hand' WHERE id = 2", `"By Hand"`},
		{"/api/products/2", "memory", "UPDATE TABLE.products SET name = 'With Version', version = version + 1 WHERE id = 2", `"With Version"`},
		{"/api/products/2", "memory", "UPDATE TABLE.products SET name = 'Without' WHERE id = 2", `"Without"`},
	} {
		for _, p := range f.both() {
			p.warm(t, tt.tier, tt.path)
		}
		f.exec(t, tt.statement)
		for _, p := range f.both() {
			p.shows(t, 200, tt.part, tt.path)
		}
	}
	// And what the shop writes afterwards is what it shows.
	for n := range 3 {
		f.exec(t, "UPDATE TABLE.inventory SET stock = stock + 1 WHERE product_id = 2")
		stock := fmt.Sprintf(`"stock":%d,`, n)
		f.one.want(t, 200, stock, "PUT", "/api/inventory/2", fmt.Sprintf(`{"stock":%d}`, n))
		f.two.want(t, 200, stock, "GET", "/api/inventory/2", "")
		f.one.want(t, 200, fmt.Sprintf(`"price_cents":%d,`, n), "PUT", "/api/products/2", fmt.Sprintf(`{"price_cents":%d}`, n))
		f.one.want(t, 200, fmt.Sprintf(`"price_cents":%d,`, n), "GET", "/api/products/2", "")
	}
}

// fleetPages: products come into categories and leave them.
func fleetPages(t *testing.T, f *fleet) {
	const cars, product = "/api/products?category=cars", "/api/products/20001"
	for _, p := range f.both() {
		p.want(t, 404, "no such page", "GET", cars, "")
		p.want(t, 404, "no product", "GET", product, "")
	}
	for _, step := range []struct {
		statement    string
		page, single int
		part         string
	}{
		{"INSERT INTO TABLE.products (id, name, category, price_cents, version) VALUES (20001, 'Lorry', 'cars', 100, 0)", 200, 200, `"Lorry"`},
		{"UPDATE TABLE.products SET name = 'Truck' WHERE id = 20001", 200, 200, `"Truck"`},
		{"UPDATE TABLE.products SET category = 'toys' WHERE id = 20001", 404, 200, ``},
		{"UPDATE TABLE.products SET category = 'cars' WHERE id = 20001", 200, 200, `"cars"`},
		{"DELETE FROM TABLE.products WHERE id = 20001", 404, 404, ``},
	} {
		f.exec(t, step.statement)
		for _, p := range f.both() {
			p.shows(t, step.page, step.part, cars)
			p.shows(t, step.single, step.part, product)
		}
	}
}

// fleetSessions: a token that one has revoked the other refuses at once, and
// one that somebody has deleted, soon.
func fleetSessions(t *testing.T, f *fleet) {
	auth, kept := f.one.login(t, 3), f.two.login(t, 3)
	for _, p := range f.both() {
		for range 2 {
			p.want(t, 200, `"user_id":3`, "GET", "/api/session", "", auth)
		}
		p.want(t, 200, `"user_id":3`, "GET", "/api/session", "", kept)
	}
	f.one.want(t, 200, `{"logged_out":true,"pending":0}`, "POST", "/api/logout", "", auth)
	for _, p := range f.both() {
		p.want(t, 401, "log in again", "GET", "/api/session", "", auth)
		p.want(t, 200, `"user_id":3`, "GET", "/api/session", "", kept)
	}
	f.exec(t, "DELETE FROM TABLE.sessions WHERE user_id = 3")
	for _, p := range f.both() {
		until(t, "the deleted session is refused", func() bool {
			status, _, _ := p.request(t, "GET", "/api/session", "", kept)
			return status == http.StatusUnauthorized
		})
	}
	if names, values := contents(t, f.redis); strings.Contains(names+values, strings.TrimPrefix(kept, "Bearer ")) {
		t.Error("the shared tier holds a token")
	}
}

// contents are all keys and all values of a Redis.
func contents(t *testing.T, server *redistest.Server) (names, values string) {
	t.Helper()
	operator := redistest.NewOperator(t, server.Addr())
	reply := operator.Run("KEYS", "*")
	keys, err := reply.AsStrSlice()
	if err != nil || len(keys) == 0 {
		t.Fatalf("KEYS: %v, %v", keys, err)
	}
	for _, key := range keys {
		value := operator.Run("DUMP", key)
		text, _ := value.ToString() // it may be gone by now
		names, values = names+key+"\n", values+text+"\n"
	}
	return names, values
}

// fleetCheckout: an order changes stocks that the other shows at once.
func fleetCheckout(t *testing.T, f *fleet) {
	auth := f.one.login(t, 4)
	for id := 11; id <= 14; id++ {
		f.one.want(t, 200, "", "PUT", fmt.Sprint("/api/products/", id), `{"price_cents":100}`)
		f.one.want(t, 200, "", "PUT", fmt.Sprint("/api/inventory/", id), `{"stock":50}`)
		f.two.want(t, 200, "", "POST", "/api/cart", fmt.Sprintf(`{"product_id":%d,"quantity":%[1]d}`, id), auth)
		f.two.warm(t, "shared", fmt.Sprint("/api/inventory/", id))
	}
	f.one.want(t, 200, `"total_cents":5000,"balance_cents":995000,"pending":0}`, "POST", "/api/checkout", `{"total_cents":5000}`, auth)
	for id := 11; id <= 14; id++ {
		for _, p := range f.both() {
			p.want(t, 200, fmt.Sprintf(`"stock":%d,`, 50-id), "GET", fmt.Sprint("/api/inventory/", id), "")
		}
	}
	f.two.want(t, 200, `{"items":[],"total_cents":0}`, "GET", "/api/cart", "", auth)
	f.two.want(t, 200, `{"balance_cents":995000}`, "GET", "/api/account/balance", "", auth)
	f.two.want(t, 409, "the cart is empty", "POST", "/api/checkout", "", auth)
}

// fleetStatistics: nothing waits, nothing was given up, and the relays of the
// fleet have delivered something between them.
func fleetStatistics(t *testing.T, f *fleet) {
	var delivered uint64
	for _, p := range f.both() {
		until(t, "the outbox is delivered", func() bool {
			var s struct {
				Outbox struct {
					Pending  int64
					SetAside int64 `json:"set_aside"`
					Relay    struct{ Delivered uint64 }
				}
			}
			if err := json.Unmarshal([]byte(fetch(t, p.admin+"/debug/larder")), &s); err != nil {
				t.Fatal(err)
			}
			if s.Outbox.SetAside > 0 {
				t.Fatalf("%d rows were given up: %s", s.Outbox.SetAside, p.log.String())
			}
			delivered += s.Outbox.Relay.Delivered
			return s.Outbox.Pending == 0
		})
	}
	if delivered == 0 {
		t.Error("no relay has delivered anything")
	}
}

// fleetWithoutRedis: the shops answer and sell while their Redis is gone, and
// agree again when it is back, empty.
func fleetWithoutRedis(t *testing.T, f *fleet) {
	auth := f.one.login(t, 5)
	for _, p := range f.both() {
		p.warm(t, "memory", "/api/products/5")
	}
	f.redis.Kill()
	f.one.want(t, 200, `"price_cents":555,`, "PUT", "/api/products/5", `{"price_cents":555}`)
	f.one.want(t, 200, `"stock":555,`, "PUT", "/api/inventory/5", `{"stock":555}`)
	f.one.want(t, 200, `"total_cents":1110}`, "POST", "/api/cart", `{"product_id":5,"quantity":2}`, auth)
	f.one.want(t, 200, `"total_cents":1110,`, "POST", "/api/checkout", "", auth)
	f.two.want(t, 200, `"stock":553,`, "GET", "/api/inventory/5", "")
	f.two.shows(t, 200, `"price_cents":555,`, "/api/products/5")
	f.one.want(t, 200, `"logged_out":true`, "POST", "/api/logout", "", auth)
	for _, p := range f.both() {
		p.want(t, 401, "log in again", "GET", "/api/session", "", auth)
		p.want(t, 200, `"id":6,`, "GET", "/api/products/6", "")
	}
	f.redis.Restart()
	for _, p := range f.both() {
		p.warm(t, "memory", "/api/products/5")
		p.want(t, 200, `"price_cents":555,`, "GET", "/api/products/5", "")
		p.warm(t, "shared", "/api/inventory/5")
		p.want(t, 200, `"stock":553,`, "GET", "/api/inventory/5", "")
		p.want(t, 401, "log in again", "GET", "/api/session", "", auth)
	}
}
