package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/localstore"
)

// seedEmail is a user's e-mail address.
func seedEmail(t *testing.T, s *site, id int64) string {
	t.Helper()
	users, err := s.db.Users(t.Context(), []int64{id})
	if err != nil || len(users) != 1 {
		t.Fatal(users, err)
	}
	return users[id].Email
}

// login returns what a user's requests carry.
func (s *site) login(user int64) (authorization string, until time.Time) {
	s.t.Helper()
	a := s.ask("POST", "/api/login", fmt.Sprintf(`{"email":%q,"password":%q}`, seedEmail(s.t, s, user), catalog.SeedPassword))
	var got struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 || got.Token == "" {
		s.t.Fatalf("login: %d %s", a.status, a.body)
	}
	return "Bearer " + got.Token, got.ExpiresAt
}

const (
	bypass  = "larder; fwd=bypass"
	written = "larder; fwd=method"
)

// stock is the stock that the shop shows.
func (s *site) stock(id int64) (st catalog.Stock) {
	s.t.Helper()
	a := s.get(fmt.Sprintf("/api/inventory/%d", id))
	if err := json.Unmarshal([]byte(a.body), &st); err != nil || a.status != 200 {
		s.t.Fatalf("inventory %d: %d %s", id, a.status, a.body)
	}
	return st
}

// TestCustomer logs in, orders, and logs out, through two shops.
func TestCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, tier := catalogtest.File(t), localstore.New(localstore.Options{})
		one, two := open(t, path, tier), open(t, path, tier)
		defer tier.Close()
		auth, until := one.login(7)
		if left := time.Until(until); left < catalog.SessionLife-time.Second || left > catalog.SessionLife {
			t.Errorf("the session ends in %v", left)
		}
		a := two.ask("GET", "/api/session", "", auth)
		two.want(a, 200, fmt.Sprintf(`{"user_id":7,"expires_at":%q}`, until.Format(time.RFC3339)), fromOrigin)
		two.want(two.ask("GET", "/api/session", "", auth), 200, `"user_id":7`, fromShared)
		two.want(two.ask("GET", "/api/account/balance", "", auth), 200, `{"balance_cents":1000000}`, bypass)
		two.want(two.ask("GET", "/api/cart", "", auth), 200, `{"items":[],"total_cents":0}`, bypass)

		one.want(one.ask("PUT", "/api/products/3", `{"price_cents":250}`), 200, `"price_cents":250`, written)
		one.want(one.ask("PUT", "/api/inventory/3", `{"stock":5}`), 200, `{"product_id":3,"stock":5,"version":`, written)
		one.want(one.ask("POST", "/api/cart", `{"product_id":3,"quantity":4}`, auth), 200, `"total_cents":1000}`, written)
		two.want(two.ask("POST", "/api/cart", `{"product_id":3,"quantity":-2}`, auth), 200, `"total_cents":500}`, written)
		one.want(one.ask("GET", "/api/cart", "", auth), 200, `"quantity":2,"price_cents":250}],"total_cents":500}`, bypass)
		if got := two.stock(3); got.Stock != 5 {
			t.Errorf("before the checkout: %v", got)
		}
		a = one.ask("POST", "/api/checkout", `{"total_cents":500}`, auth)
		one.want(a, 200, `"total_cents":500,"balance_cents":999500,"pending":0}`, written)
		for _, s := range []*site{one, two} {
			if got := s.stock(3); got.Stock != 3 {
				t.Errorf("after the checkout: %v", got)
			}
			s.want(s.ask("GET", "/api/account/balance", "", auth), 200, `{"balance_cents":999500}`, bypass)
			s.want(s.ask("POST", "/api/checkout", "", auth), 409, "the cart is empty", written)
		}

		other, _ := one.login(7)
		one.want(one.ask("POST", "/api/logout", "", auth), 200, `{"logged_out":true,"pending":0}`, written)
		for i, s := range []*site{one, two} {
			a := s.ask("GET", "/api/session", "", auth)
			s.want(a, 401, "log in again", bypass)
			if got := a.header.Get("WWW-Authenticate"); !strings.HasSuffix(got, `, error="invalid_token"`) {
				t.Errorf("WWW-Authenticate: %s", got)
			}
			s.want(s.ask("GET", "/api/session", "", other), 200, `"user_id":7`, []string{fromOrigin, fromShared}[i])
		}
	})
}

func TestCustomer_Refused(t *testing.T) {
	s := alone(t)
	auth, _ := s.login(8)
	s.want(s.ask("PUT", "/api/products/4", `{"price_cents":600000}`), 200, "", written)
	s.want(s.ask("PUT", "/api/inventory/4", `{"stock":2}`), 200, "", written)
	for _, tt := range []struct {
		method, path, body string
		status             int
		reason             string
	}{
		{"GET", "/api/session?x=1", "", 400, "unknown parameter"},
		{"GET", "/api/cart?x=1", "", 400, "unknown parameter"},
		{"GET", "/api/account/balance?x=1", "", 400, "unknown parameter"},
		{"POST", "/api/logout", `{"all":true}`, 400, `unknown field \"all\"`},
		{"POST", "/api/logout", `[]`, 400, "wanted is a JSON object with nothing in it"},
		{"POST", "/api/cart", ``, 400, "wanted is a JSON object with product_id, quantity"},
		{"POST", "/api/cart", `{}`, 400, "give product_id"},
		{"POST", "/api/cart", `{"product_id":4,"quantity":0}`, 400, "nothing to change"},
		{"POST", "/api/cart", `{"product_id":4,"quantity":1001}`, 400, "from -1000 to 1000"},
		{"POST", "/api/cart", `{"product_id":"4"}`, 400, "product_id is a string"},
		{"POST", "/api/cart", `{"product_id":10001}`, 422, "no product 10001"},
		{"POST", "/api/cart", `{"product_id":4,"quantity":-1}`, 409, "there are 0 of product 4 in the cart, not 1"},
		{"POST", "/api/cart", `{"product_id":4}` + strings.Repeat(" ", 70_000), 400, "more than 65536 bytes"},
		{"POST", "/api/checkout", `{"total_cents":-1}`, 400, "total_cents is -1"},
		{"POST", "/api/checkout", `{}`, 409, "the cart is empty"},
		{"POST", "/api/cart", `{"product_id":4,"quantity":3}`, 200, ""},
		{"POST", "/api/checkout", ``, 409, "there are 2 of product 4, not 3"},
		{"POST", "/api/cart", `{"product_id":4,"quantity":-1}`, 200, ""},
		{"POST", "/api/checkout", `{"total_cents":1}`, 409, "the cart costs 1200000 cents by now, not 1"},
		{"POST", "/api/checkout", ``, 409, "the account holds 1000000 cents, and the cart costs 1200000"},
	} {
		a := s.ask(tt.method, tt.path, tt.body, auth)
		if a.status != tt.status || !strings.Contains(a.body, tt.reason) {
			t.Errorf("%s %s %.60s: %d %.200s; want %d with %q", tt.method, tt.path, tt.body, a.status, a.body, tt.status, tt.reason)
		}
	}
	if log := s.log.String(); log != "" {
		t.Errorf("what was refused is logged: %.300s", log)
	}
}

// privateRoutes are for one customer each.
var privateRoutes = []string{
	"POST /api/login", "GET /api/session", "POST /api/logout", "GET /api/cart", "POST /api/cart", "POST /api/checkout", "GET /api/account/balance",
}

// TestPrivate_NeverStored asks with all methods, with a token, without one, with
// wrong ones, and without a database.
func TestPrivate_NeverStored(t *testing.T) {
	s := alone(t)
	auth, _ := s.login(9)
	ask := func(method, path string, wantStatus int, authorization ...string) {
		t.Helper()
		a := s.ask(method, path, "", authorization...)
		if wantStatus != 0 && a.status != wantStatus {
			t.Errorf("%s %s with %q: %d %s, want %d", method, path, authorization, a.status, a.body, wantStatus)
		}
		if got := a.header.Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("%s %s: %d with Cache-Control %q", method, path, a.status, got)
		}
	}
	for _, route := range privateRoutes {
		method, path, _ := strings.Cut(route, " ")
		if path != "/api/login" {
			token := strings.TrimPrefix(auth, "Bearer ")
			for _, wrong := range [][]string{
				nil,
				{""},
				{"Bearer"},
				{"Bearer "},
				{token},
				{"Basic " + token},
				{"Bearer " + token[1:]},
				{"Bearer " + token + " " + token},
				{"Bearer " + catalog.HashToken(token)},
				{auth, auth},
			} {
				ask(method, path, http.StatusUnauthorized, wrong...)
			}
		}
		ask(http.MethodPatch, path, http.StatusMethodNotAllowed, auth)
	}
	ask("GET", "/api/session", 200, strings.Replace(auth, "Bearer ", "bearer  ", 1)) // RFC 9110: in any case
	for _, route := range privateRoutes {
		method, path, _ := strings.Cut(route, " ")
		if path != "/api/logout" {
			ask(method, path, 0, auth)
		}
	}
	s.db.Close()
	for _, route := range privateRoutes[1:] {
		method, path, _ := strings.Cut(route, " ")
		status := http.StatusServiceUnavailable
		if path == "/api/session" {
			status = http.StatusOK // it is cached
		}
		ask(method, path, status, auth)
		ask(method, path, http.StatusServiceUnavailable, auth+"x")
	}
}

// TestSecrets_NotLogged lets every route fail.
func TestSecrets_NotLogged(t *testing.T) {
	s := alone(t)
	auth, _ := s.login(10)
	token := strings.TrimPrefix(auth, "Bearer ")
	body := fmt.Sprintf(`{"email":%q,"password":"hunter2"}`, seedEmail(t, s, 10))
	s.ask("POST", "/api/login", body)
	s.ask("GET", "/api/session", "", auth+"x")
	s.db.Close()
	answers := s.ask("POST", "/api/login", body).body
	for _, route := range privateRoutes {
		method, path, _ := strings.Cut(route, " ")
		answers += s.ask(method, path, "", auth).body
	}
	log := s.log.String()
	if !strings.Contains(log, "path=/api/login") || !strings.Contains(log, "path=/api/checkout") {
		t.Errorf("the log does not name what failed: %s", log)
	}
	for _, secret := range []string{token, catalog.HashToken(token), catalog.HashToken(token + "x"), "hunter2", "Bearer", "$2a$"} {
		if strings.Contains(log+answers, secret) {
			t.Errorf("%q is logged or answered:\n%s\n%s", secret, log, answers)
		}
	}
}

// TestUpdates_TheFleetSeesThem: a change through one shop is what the other
// shows next.
func TestUpdates_TheFleetSeesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, tier := catalogtest.File(t), localstore.New(localstore.Options{})
		one, two := open(t, path, tier), open(t, path, tier)
		defer tier.Close()
		time.Sleep(time.Second) // the watch's first heartbeat
		for range 3 {
			two.get("/api/products/5")
			two.stock(5)
			synctest.Wait() // the push of the fill
		}
		a := one.ask("PUT", "/api/products/5", `{"name":"New Lamp","category":"lighting"}`)
		one.want(a, 200, `{"id":5,"name":"New Lamp","category":"lighting","price_cents":`, written)
		synctest.Wait()
		if got := two.get("/api/products/5"); got.body != withoutPending(t, a.body, 0) {
			t.Errorf("the other shop shows %s, want %s", got.body, a.body)
		}
		before := two.stock(5)
		whole, err := json.Marshal(catalog.Stock{ProductID: 5, Stock: 1234, Version: before.Version}) // as a GET shows it
		if err != nil {
			t.Fatal(err)
		}
		one.want(one.ask("PUT", "/api/inventory/5", string(whole)), 200, `"stock":1234,`, written)
		one.want(one.ask("PUT", "/api/inventory/5", string(whole)), 409, "by now, not", written)
		one.want(one.ask("PUT", "/api/inventory/5", `{"delta":-34}`), 200, `"stock":1200,`, written)
		if got := two.stock(5); got.Stock != 1200 || got.Version <= before.Version {
			t.Errorf("the other shop shows %v", got)
		}
	})
}
