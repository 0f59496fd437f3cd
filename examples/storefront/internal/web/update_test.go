package web_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/localstore"
)

// pair is two shops of a fleet, whose watches have had their first heartbeat.
func pair(t *testing.T) (one, two *site) {
	t.Helper()
	path, tier := catalogtest.File(t), localstore.New(localstore.Options{})
	one, two = open(t, path, tier), open(t, path, tier)
	t.Cleanup(func() { tier.Close() })
	time.Sleep(time.Second)
	return one, two
}

// warm asks until memory may hold the answers.
func warm(path string, sites ...*site) {
	for range 3 {
		for _, s := range sites {
			s.get(path)
			synctest.Wait() // the push of the fill
		}
	}
}

// TestUpdate_WrittenThrough: what an update has stored needs no load.
func TestUpdate_WrittenThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t)
		for path, body := range map[string]string{"/api/products/5": `{"price_cents":4321}`, "/api/inventory/5": `{"stock":4321}`} {
			warm(path, one, two)
			a := one.ask("PUT", path, body)
			one.want(a, 200, "4321", written)
			a.body = withoutPending(t, a.body, 0)
			synctest.Wait() // the push
			queries := one.db.Queries() + two.db.Queries()
			one.want(one.get(path), 200, a.body, fromShared)
			two.want(two.get(path), 200, a.body, fromShared)
			if got := one.db.Queries() + two.db.Queries(); got != queries {
				t.Errorf("%s: %d statements after the update", path, got-queries)
			}
		}
		if log := one.log.String(); log != "" {
			t.Errorf("logged: %s", log)
		}
	})
}

// TestUpdate_Refused: what was not committed is not shown.
func TestUpdate_Refused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t)
		for path, body := range map[string]string{
			"/api/products/6": `{"price_cents":1,"version":999999}`, "/api/inventory/6": `{"delta":-1000000}`,
		} {
			before := one.get(path)
			one.want(one.ask("PUT", path, body), 409, "", written)
			for _, s := range []*site{one, two} {
				if got := s.get(path); got.body != before.body {
					t.Errorf("%s: %s, want %s", path, got.body, before.body)
				}
			}
		}
	})
}

// TestUpdate_MovesPages: a product that changes its category leaves one page and
// comes onto another; other changes leave the pages in the caches.
func TestUpdate_MovesPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t)
		const cars, product = "/api/products?category=cars", "/api/products/7"
		const searched = "/api/search?category=cars&q=lorry"
		for _, path := range []string{cars, searched} {
			warm(path, one, two)
		}
		two.want(two.get(cars), 404, "no such page", fromMemory)
		one.want(one.ask("PUT", product, `{"name":"Lorry","category":"cars"}`), 200, `"pending":0`, written)
		synctest.Wait()
		for _, path := range []string{cars, searched} {
			one.want(one.get(path), 200, `"name":"Lorry"`, "larder; fwd=partial; stored; detail=origin")
		}
		for _, path := range []string{cars, searched} {
			warm(path, one, two)
		}
		queries := one.db.Queries() + two.db.Queries()
		one.want(one.ask("PUT", product, `{"name":"Truck","price_cents":1}`), 200, "", written)
		synctest.Wait()
		for _, s := range []*site{one, two} {
			if a := s.get(cars); !strings.Contains(a.body, `"Truck"`) || !strings.Contains(a.cacheStatus(), "hit") {
				t.Errorf("after another name: %s (%s)", a.body, a.cacheStatus())
			}
		}
		if got := one.db.Queries() + two.db.Queries(); got != queries {
			t.Errorf("another name and price cost %d statements", got-queries)
		}
		one.want(one.ask("PUT", product, `{"category":"toys"}`), 200, "", written)
		synctest.Wait()
		for _, s := range []*site{one, two} {
			s.want(s.get(cars), 404, "no such page", map[*site]string{one: fromOrigin, two: fromShared}[s])
		}
	})
}

// TestCheckout_WritesThrough: the stocks of an order are in the caches, and no
// stock that the order has not touched was thrown away.
func TestCheckout_WritesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t)
		auth, _ := one.login(7)
		for id := 1; id <= 3; id++ {
			one.want(one.ask("PUT", fmt.Sprint("/api/products/", id), `{"price_cents":100}`), 200, "", written)
			one.want(one.ask("PUT", fmt.Sprint("/api/inventory/", id), `{"stock":10}`), 200, "", written)
			one.want(one.ask("POST", "/api/cart", fmt.Sprintf(`{"product_id":%d,"quantity":%[1]d}`, id), auth), 200, "", written)
			two.stock(int64(id))
		}
		one.want(one.ask("POST", "/api/checkout", "", auth), 200, `"pending":0}`, written)
		queries := one.db.Queries() + two.db.Queries()
		for id := int64(1); id <= 3; id++ {
			for _, s := range []*site{one, two} {
				if got := s.stock(id); got.Stock != 10-id {
					t.Errorf("stock of %d is %v", id, got)
				}
			}
		}
		if got := one.db.Queries() + two.db.Queries(); got != queries {
			t.Errorf("%d statements for stocks that the order has written through", got-queries)
		}
	})
}

// TestUpdate_SellsOn: the shop sells while the shared tier does not answer, and
// the tier hears of it later.
func TestUpdate_SellsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tier := &deaf{Store: localstore.New(localstore.Options{})}
		s := open(t, catalogtest.File(t), tier)
		defer tier.Close()
		time.Sleep(time.Second)
		auth, _ := s.login(8)
		const price, stock = `{"price_cents":100,"category":"cars"}`, `{"stock":10}`
		s.get("/api/products/1")
		s.stock(1)
		tier.down.Store(true)
		s.want(s.ask("PUT", "/api/products/1", price), 200, `"pending":3}`, written) // the product and two categories
		s.want(s.ask("PUT", "/api/inventory/1", stock), 200, `"stock":10,`, written)
		s.want(s.ask("POST", "/api/cart", `{"product_id":1,"quantity":4}`, auth), 200, `"total_cents":400`, written)
		s.want(s.ask("POST", "/api/checkout", "", auth), 200, `"pending":1}`, written)
		if got := s.stock(1); got.Stock != 6 {
			t.Errorf("while the tier is down: %v", got)
		}
		s.want(s.ask("POST", "/api/logout", "", auth), 200, `{"logged_out":true,"pending":1}`, written)
		s.want(s.ask("GET", "/api/session", "", auth), 401, "log in again", bypass)
		if got := s.log.String(); !strings.Contains(got, "committed without an intent") || !strings.Contains(got, "invalidation pending") {
			t.Errorf("the log does not say what is the matter: %s", got)
		}
		tier.down.Store(false)
		time.Sleep(3 * time.Second)
		if got := s.stock(1); got.Stock != 6 {
			t.Errorf("after it came back: %v", got)
		}
		s.want(s.ask("GET", "/api/session", "", auth), 401, "log in again", bypass)
	})
}
