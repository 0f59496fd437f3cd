package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/internal/redistest"
)

// edged starts a shop behind its edge.
func edged(t *testing.T, env map[string]string, args ...string) *program {
	t.Helper()
	return start(t, env, append([]string{"-edge"}, args...)...)
}

// edgeSaid is what the edge, the cache nearest the customer, says it did.
func edgeSaid(h http.Header) string {
	all := strings.Split(strings.Join(h["Cache-Status"], ", "), ", ")
	_, did, _ := strings.Cut(all[len(all)-1], "edge; ")
	return did
}

// A change of a product, by the shop or by somebody at the database's prompt, is on
// all pages that show it.
func TestEdge_ForgetsWhatHasChanged(t *testing.T) {
	path := catalogtest.File(t)
	p := edged(t, map[string]string{"REDIS_URL": "redis://" + redistest.Start(t).Addr(), "DATABASE_URL": path})
	p.trusting(t)
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var product struct{ Category string }
	if err := json.Unmarshal([]byte(p.want(t, 200, "category", "GET", "/api/products/1", "")), &product); err != nil {
		t.Fatal(err)
	}
	category := "?category=" + url.QueryEscape(product.Category)
	pages := []string{"/products/1", "/api/products/1", "/api/products?ids=1,2", "/" + category, "/api/products" + category}
	for i, price := range []string{"111.11", "222.22"} {
		for _, path := range pages {
			// Not always at the second time: the outbox delivers the change before once
			// more, and purges.
			until(t, path+" comes from the edge", func() bool {
				_, _, header := p.request(t, "GET", path, "")
				if tags := header["Cache-Groups"]; tags != nil {
					t.Fatalf("%s: the edge passes the tags on: %q", path, tags)
				}
				return strings.HasPrefix(edgeSaid(header), "hit")
			})
		}
		cents := strings.Replace(price, ".", "", 1)
		if i == 0 {
			status, text, header := p.request(t, "PUT", "/api/products/1", `{"price_cents":`+cents+`}`)
			if receipt := header.Get("Larder-Purge"); status != 200 || !strings.HasPrefix(receipt, `"edge"; accepted=`) {
				t.Errorf("PUT: %d %s with receipt %q", status, text, receipt)
			}
		} else {
			if _, err := db.ExecContext(t.Context(), "UPDATE products SET price_cents = "+cents+" WHERE id = 1"); err != nil {
				t.Fatal(err)
			}
			until(t, "the edge shows what was typed at the prompt", func() bool {
				_, text, _ := p.request(t, "GET", "/products/1", "")
				return strings.Contains(text, price)
			})
		}
		for _, path := range pages {
			if _, text, _ := p.request(t, "GET", path, ""); !strings.Contains(text, price) && !strings.Contains(text, cents) {
				t.Errorf("%s shows the old price: %.200s", path, text)
			}
		}
	}
}

// A link with marks of campaigns gets the entry of the page, and the shop is asked
// without them, so that none gets to others. The API tells a program what it does not
// know.
func TestEdge_LeavesOutMarks(t *testing.T) {
	p := edged(t, map[string]string{"DATABASE_URL": catalogtest.File(t)})
	for _, links := range [][]string{
		{"/?utm_source=mail", "/", "/?fbclid=%zz"},
		{"/products/1?category=bath", "/products/1"},
		{"/?page=2&utm_campaign=50%off&category=bath", "/?category=bath&page=2", "/?category=bath&gclid=1&page=2"},
	} {
		status, first, _ := p.request(t, "GET", links[0], "")
		for _, link := range links[1:] {
			_, text, header := p.request(t, "GET", link, "")
			if status != 200 || text != first || !strings.HasPrefix(edgeSaid(header), "hit") {
				t.Errorf("%s after %s: %d, the same page %t, and the edge says %q, want a hit", link, links[0], status, text == first, edgeSaid(header))
			}
		}
	}
	p.want(t, 400, "unknown parameter", "GET", "/api/products?ids=1&utm_source=mail", "")
}

// requestsEnv says how many requests the test of mixed customers sends.
const requestsEnv = "LARDER_SHOP_REQUESTS"

// What is one customer's comes from the shop alone, whatever others have asked
// for: each answer is compared with what the shop itself says to that customer.
func TestEdge_NoAnswerReachesSomebodyElse(t *testing.T) {
	requests := 4_000
	if text := os.Getenv(requestsEnv); text != "" {
		var err error
		if requests, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", requestsEnv, err)
		}
	}
	p := edged(t, map[string]string{"DATABASE_URL": catalogtest.File(t)})
	customers := [][]string{nil} // the first has not logged in
	for i := range 4 {
		token := p.login(t, 20+i)
		customers = append(customers, []string{token})
		p.want(t, 200, "", "POST", "/api/cart", fmt.Sprintf(`{"product_id":1,"quantity":%d}`, i+1), token)
		p.want(t, 200, "", "POST", "/api/checkout", "", token) // balances differ
		p.want(t, 200, "", "POST", "/api/cart", fmt.Sprintf(`{"product_id":%d}`, i+1), token)
	}
	routes := []string{
		"/", "/products/1", "/api/products/1", "/api/products?ids=1,2", "/api/inventory/1", "/api/search?q=oak", "/api/users/1",
		"/api/session", "/api/cart", "/api/account/balance", "/healthz", "/nowhere",
	}
	type ask struct {
		path string
		who  int
	}
	want := map[ask]string{}
	inner := &program{shop: p.inner}
	for _, path := range routes {
		for who, token := range customers {
			status, text, _ := inner.request(t, "GET", path, "", token...)
			want[ask{path, who}] = fmt.Sprint(status, " ", text)
		}
	}
	for _, path := range routes[7:10] {
		for who := 1; who < len(customers); who++ {
			if want[ask{path, who}] == want[ask{path, who - 1}] {
				t.Fatalf("%s says the same to two customers: %s", path, want[ask{path, who}])
			}
		}
	}
	var hits atomic.Int64
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range requests / 8 {
				a := ask{routes[random.IntN(len(routes))], random.IntN(len(customers))}
				status, text, header := p.request(t, "GET", a.path, "", customers[a.who]...)
				if got := fmt.Sprint(status, " ", text); got != want[a] {
					t.Errorf("%s says to customer %d: %.300s\nwant %.300s", a.path, a.who, got, want[a])
				}
				if strings.HasPrefix(edgeSaid(header), "hit") {
					hits.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := hits.Load(); n == 0 {
		t.Error("no answer came from the edge")
	}
	t.Logf("%d requests, %d answered by the edge", requests, hits.Load())
}

// An edge that another shop has is told too.
func TestEdge_OfAnotherShop(t *testing.T) {
	env := map[string]string{
		"REDIS_URL": "redis://" + redistest.Start(t).Addr(), "DATABASE_URL": catalogtest.File(t), "EDGE_TOKEN": "hunter2",
	}
	one := edged(t, env)
	two := start(t, env, "-purge", one.admin+"/edge", "-journal", filepath.Join(t.TempDir(), "purges"))
	one.trusting(t)
	two.trusting(t)
	one.request(t, "GET", "/products/1", "")
	status, text, header := two.request(t, "PUT", "/api/products/1", `{"price_cents":33333}`)
	if receipt := header.Get("Larder-Purge"); status != 200 || !strings.Contains(receipt, "/edge\"; accepted=") {
		t.Errorf("PUT: %d %s with receipt %q", status, text, receipt)
	}
	if _, text, _ := one.request(t, "GET", "/products/1", ""); !strings.Contains(text, "333.33") {
		t.Errorf("the edge shows the old price: %.300s", text)
	}
	res, err := http.Post(one.admin+"/edge/purge_cache", "application/json", strings.NewReader(`{"purge_everything":true}`))
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a purge without the token: %v, %v", res.Status, err)
	}
	res.Body.Close()
	for _, p := range []*program{two, one} { // two waits for its second purge
		if p.end(); strings.Contains(p.log.String(), "hunter2") {
			t.Errorf("the token is in the log: %s", p.log.String())
		}
	}
}

// An edge that takes calls and never answers them holds up no delivery of the
// relay. A PUT says in its receipt that the edge is waited for.
func TestEdge_ThatHangs(t *testing.T) {
	release := make(chan struct{})
	var calls atomic.Int64
	hangs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		<-release
		http.NotFound(w, r) // for good: the shop's end waits for nothing
	}))
	t.Cleanup(hangs.Close) // after the shop's end
	defer close(release)
	path := catalogtest.File(t)
	p := start(t, map[string]string{"REDIS_URL": "redis://" + redistest.Start(t).Addr(), "DATABASE_URL": path},
		"-purge", hangs.URL, "-journal", filepath.Join(t.TempDir(), "purges"))
	p.trusting(t)
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	delivered := func() uint64 {
		var stats struct {
			Outbox struct{ Relay struct{ Delivered uint64 } }
		}
		if err := json.Unmarshal([]byte(fetch(t, p.admin+"/debug/larder")), &stats); err != nil {
			t.Fatal(err)
		}
		return stats.Outbox.Relay.Delivered
	}
	const changes = 5
	began := time.Now()
	for i := range changes {
		before := delivered()
		if _, err := db.ExecContext(t.Context(), "UPDATE products SET price_cents = ? WHERE id = ?", 100+i, 1+i); err != nil {
			t.Fatal(err)
		}
		until(t, "a change is delivered", func() bool { return delivered() > before })
	}
	// One at a time, so that a delivery which waited for the edge would add up.
	if took := time.Since(began); took > changes*time.Second {
		t.Errorf("%d deliveries took %v beside an edge that hangs", changes, took)
	} else {
		t.Logf("%d deliveries took %v", changes, took)
	}
	until(t, "the edge has been called", func() bool { return calls.Load() > 0 })
	status, text, header := p.request(t, "PUT", "/api/products/1", `{"price_cents":4321}`)
	if receipt := header.Get("Larder-Purge"); status != 200 || !strings.HasSuffix(receipt, `"; waiting=1`) {
		t.Errorf("PUT: %d %s with receipt %q, want that the edge is waited for", status, text, receipt)
	}
}
