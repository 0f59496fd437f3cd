package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/examples/storefront/internal/catalog"
	"github.com/larderdev/larder/examples/storefront/internal/catalog/catalogtest"
	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/examples/storefront/internal/web"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// site is one shop of a fleet.
type site struct {
	t          *testing.T
	api, admin http.Handler
	db         *catalog.DB
	log        *syncBuffer
}

// keys are those of a fleet.
var keys = [][]byte{make([]byte, 32)}

// open starts a shop on a database and a shared tier.
func open(t *testing.T, path string, shared store.Store) *site {
	t.Helper()
	db := catalogtest.Open(t, path)
	s := &site{t: t, db: db, log: &syncBuffer{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	sh, err := shop.Open(t.Context(), shop.Options{DB: db, Shared: shared, Node: "n1", Keys: keys, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sh.Close() })
	s.api, s.admin = web.NewAPI(sh, log), web.NewAdmin(sh, nil, log)
	return s
}

// alone starts a shop that has everything for itself.
func alone(t *testing.T) *site {
	t.Helper()
	tier := localstore.New(localstore.Options{})
	t.Cleanup(func() { tier.Close() })
	return open(t, catalogtest.File(t), tier)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type answer struct {
	status int
	header http.Header
	body   string
}

// cacheStatus is the Cache-Status field without its ttl, which is random, but
// for its sign.
func (a answer) cacheStatus() string {
	var out []string
	for part := range strings.SplitSeq(a.header.Get("Cache-Status"), "; ") {
		switch {
		case strings.HasPrefix(part, "ttl=-"):
			out = append(out, "stale")
		case !strings.HasPrefix(part, "ttl="):
			out = append(out, part)
		}
	}
	return strings.Join(out, "; ")
}

// ask sends a request and checks what every answer must have.
func (s *site) ask(method, path, body string, authorization ...string) answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header["Authorization"] = authorization
	s.api.ServeHTTP(w, r)
	a := answer{w.Code, w.Header(), strings.TrimSpace(w.Body.String())}
	if !json.Valid([]byte(a.body)) || a.header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s: body %q of type %q, want JSON", method, path, a.body, a.header.Get("Content-Type"))
	}
	if !strings.HasPrefix(a.header.Get("Cache-Status"), "larder; ") {
		s.t.Errorf("%s %s: Cache-Status %q", method, path, a.header.Get("Cache-Status"))
	}
	if (a.status == http.StatusServiceUnavailable) != (a.header.Get("Retry-After") != "") {
		s.t.Errorf("%s %s: %d with Retry-After %q", method, path, a.status, a.header.Get("Retry-After"))
	}
	if (a.status == http.StatusUnauthorized) != strings.HasPrefix(a.header.Get("WWW-Authenticate"), `Bearer realm="storefront"`) {
		s.t.Errorf("%s %s: %d with WWW-Authenticate %q", method, path, a.status, a.header.Get("WWW-Authenticate"))
	}
	return a
}

func (s *site) get(path string) answer {
	s.t.Helper()
	return s.ask("GET", path, "")
}

// want checks an answer. part is in its body.
func (s *site) want(a answer, status int, part, cacheStatus string) {
	s.t.Helper()
	if a.status != status || !strings.Contains(a.body, part) || a.cacheStatus() != cacheStatus {
		s.t.Errorf("got %d %.200s (%s),\nwant %d %s (%s)", a.status, a.body, a.cacheStatus(), status, part, cacheStatus)
	}
}

const (
	fromOrigin = "larder; fwd=miss; stored; detail=origin"
	fromShared = "larder; hit; detail=shared"
	fromMemory = "larder; hit; detail=memory"
)

func TestReads_TierByTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := alone(t)
		time.Sleep(time.Second) // the watch's first heartbeat
		for path, part := range map[string]string{
			"/api/products/1":                  `{"id":1,"name":"`,
			"/api/products?ids=4,2,99999999,4": `"missing":[99999999]}`,
			"/api/products?category=BOOKS":     `"category":"books","price_cents":`,
			"/api/search?q=oak+chair":          `Oak Chair`,
			"/api/users/1000":                  `.1000@example.com","version":21000}`,
		} {
			s.want(s.get(path), 200, part, fromOrigin)
			synctest.Wait() // the pushes of these fills: until then memory keeps nothing
			queries := s.db.Queries()
			s.want(s.get(path), 200, part, fromShared)
			third := s.get(path)
			if third.cacheStatus() == fromShared && strings.Count(third.body, `"id":`) > 10 {
				third.header.Set("Cache-Status", fromMemory) // of many keys two may be in each other's way
			}
			s.want(third, 200, part, fromMemory)
			if got := s.db.Queries(); got != queries {
				t.Errorf("%s: %d statements for answers that are cached", path, got-queries)
			}
		}
		s.want(s.get("/api/inventory/9"), 200, `{"product_id":9,"stock":`, fromOrigin)
		for range 3 {
			s.want(s.get("/api/inventory/9"), 200, `{"product_id":9,"stock":`, fromShared)
		}
	})
}

func TestProducts_InTheOrderAsked(t *testing.T) {
	s := alone(t)
	a := s.get("/api/products?ids=%209,%203,9,10001,7")
	var list shop.Listing
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(list.Missing)
	for _, p := range list.Products {
		got += fmt.Sprint(" ", p.ID)
	}
	if want := "[10001] 9 3 7"; got != want {
		t.Errorf("missing and products: %s, want %s", got, want)
	}
}

func TestCategoryPages(t *testing.T) {
	s := alone(t)
	seen := map[int64]bool{}
	for page := 1; ; page++ {
		a := s.get(fmt.Sprintf("/api/products?category=wall%%20art&page=%d", page))
		if a.status == http.StatusNotFound {
			break
		}
		var list shop.Listing
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list.Products) == 0 {
			t.Fatalf("page %d: %d %s", page, a.status, a.body)
		}
		for _, p := range list.Products {
			if seen[p.ID] || p.Category != "wall art" {
				t.Errorf("page %d shows %v", page, p)
			}
			seen[p.ID] = true
		}
	}
	if len(seen) < 300 {
		t.Errorf("the pages show %d products of some 500", len(seen))
	}
}

func TestSearch_OneKeyForAllSpellings(t *testing.T) {
	s := alone(t)
	first := s.get("/api/search?q=oak+chair&min=1000&max=50000")
	queries := s.db.Queries()
	for _, path := range []string{
		"/api/search?max=50000&min=1000&q=oak+chair",
		"/api/search?MIN=01000&Q=%20Chair++OAK%20&max=%2050000&category=",
	} {
		if a := s.get(path); a.body != first.body || a.status != 200 {
			t.Errorf("%s: %d %.200s, want %.200s", path, a.status, a.body, first.body)
		}
	}
	if got := s.db.Queries(); got != queries {
		t.Errorf("%d statements for searches that are cached", got-queries)
	}
	s.want(s.get("/api/search?q=no+such+thing"), 200, `{"products":[],"missing":[]}`, fromOrigin)
}

func TestUnknown_IsRemembered(t *testing.T) {
	s := alone(t)
	for _, path := range []string{"/api/products/10001", "/api/users/1001", "/api/inventory/10001", "/api/products?category=cars"} {
		s.want(s.get(path), 404, `{"error":"there is no `, fromOrigin)
		queries := s.db.Queries()
		s.want(s.get(path), 404, `{"error":"there is no `, fromShared)
		if got := s.db.Queries(); got != queries {
			t.Errorf("%s: asked the database again", path)
		}
	}
}

// withoutPending is the row in the answer to a PUT.
func withoutPending(t *testing.T, body string, pending int) string {
	t.Helper()
	row, ok := strings.CutSuffix(body, fmt.Sprintf(`,"pending":%d}`, pending))
	if !ok {
		t.Errorf("%s does not end with pending %d", body, pending)
	}
	return row + "}"
}

func TestUpdateUser_TheFleetSeesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, tier := catalogtest.File(t), localstore.New(localstore.Options{})
		one, two := open(t, path, tier), open(t, path, tier)
		time.Sleep(time.Second)
		for range 3 {
			one.get("/api/users/5")
			two.get("/api/users/5")
			synctest.Wait() // the push of the fill
		}
		two.want(two.get("/api/users/5"), 200, `"id":5`, fromMemory)

		a := one.ask("PUT", "/api/users/5", `{"name":"New Name"}`)
		one.want(a, 200, `{"id":5,"name":"New Name","email":"`, "larder; fwd=method")
		a.body = withoutPending(t, a.body, 0)
		one.want(one.get("/api/users/5"), 200, a.body, fromOrigin)
		synctest.Wait() // the push
		two.want(two.get("/api/users/5"), 200, a.body, fromShared)

		b := two.ask("PUT", "/api/users/5", `{"email":"new@example.com"}`)
		two.want(b, 200, `"name":"New Name","email":"new@example.com"`, "larder; fwd=method")
		b.body = withoutPending(t, b.body, 0)
		synctest.Wait()
		one.want(one.get("/api/users/5"), 200, b.body, fromOrigin)
		tier.Close()
	})
}

func TestInvalidateUsers(t *testing.T) {
	s := alone(t)
	s.get("/api/users/1")
	s.get("/api/users/2")
	s.want(s.ask("POST", "/api/users/invalidate", `{"ids":[1,2,3,2,1]}`), 200, `{"invalidated":3,"pending":0}`, "larder; fwd=method")
	s.want(s.get("/api/users/1"), 200, `"id":1`, fromOrigin)
	s.want(s.get("/api/users/2"), 200, `"id":2`, fromOrigin)
}

// TestFleet_OneLoad asks two shops for one cold product at the same time.
func TestFleet_OneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, tier := catalogtest.File(t), localstore.New(localstore.Options{})
		one, two := open(t, path, tier), open(t, path, tier)
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				if a := []*site{one, two}[i%2].get("/api/products/77"); a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		wg.Wait()
		if got := one.db.Queries() + two.db.Queries(); got != 1 {
			t.Errorf("%d statements, want 1", got)
		}
		tier.Close()
	})
}

func TestDatabaseDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := alone(t)
		time.Sleep(time.Second)
		for range 3 {
			s.get("/api/products/1")
			s.get("/api/inventory/1")
			s.get("/api/search?q=oak+chair")
		}
		s.db.Close()
		s.want(s.get("/api/products/1"), 200, `"id":1`, fromMemory)
		for _, path := range []string{"/api/products/2", "/api/products?ids=1,2", "/api/users/1", "/api/inventory/2", "/api/search?q=lamp", "/api/products?category=books"} {
			s.want(s.get(path), 503, `{"error":"the database fails or does not answer, try again"}`, "larder; fwd=miss; detail=error")
		}
		s.want(s.ask("PUT", "/api/users/1", `{"name":"x"}`), 503, `{"error":`, "larder; fwd=method")

		time.Sleep(61 * time.Minute)
		s.want(s.get("/api/products/1"), 200, `"id":1`, "larder; hit; stale; detail=shared")
		s.want(s.get("/api/inventory/1"), 503, `{"error":`, "larder; fwd=miss; detail=error")
		time.Sleep(2 * time.Hour)
		s.want(s.get("/api/products/1"), 503, `{"error":`, "larder; fwd=miss; detail=error")
	})
}

// deaf is a shared tier that can be told to fail.
type deaf struct {
	*localstore.Store
	down atomic.Bool
}

func (d *deaf) Do(ctx context.Context, ops []store.Op) []store.Reply {
	if !d.down.Load() {
		return d.Store.Do(ctx, ops)
	}
	replies := make([]store.Reply, len(ops))
	for i := range replies {
		replies[i].Err = errors.New("the tier is deaf")
	}
	return replies
}

func TestUpdateUser_TierDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tier := &deaf{Store: localstore.New(localstore.Options{})}
		s := open(t, catalogtest.File(t), tier)
		s.get("/api/users/5")
		tier.down.Store(true)
		a := s.ask("PUT", "/api/users/5", `{"name":"New"}`)
		s.want(a, 200, `"name":"New"`, "larder; fwd=method")
		a.body = withoutPending(t, a.body, 1)
		if a.header.Get("Warning") != "" || !strings.Contains(s.log.String(), "invalidation pending") {
			t.Errorf("the obsolete Warning in %v, or nothing in the log %q", a.header, s.log)
		}
		s.want(s.ask("POST", "/api/users/invalidate", `{"ids":[5,6]}`), 202, `{"invalidated":0,"pending":2}`, "larder; fwd=method")
		if got := s.get("/api/users/5"); got.status != 200 || got.body != a.body {
			t.Errorf("while the tier is down: %d %s, want %s", got.status, got.body, a.body)
		} else if got := got.header.Get("Cache-Status"); got != "larder; fwd=miss; detail=origin" {
			t.Errorf("Cache-Status %q, want neither stored nor ttl", got)
		}
		tier.down.Store(false)
		time.Sleep(3 * time.Second)
		if got := s.get("/api/users/5"); got.status != 200 || got.body != a.body {
			t.Errorf("after it came back: %d %s, want %s", got.status, got.body, a.body)
		}
		tier.Close()
	})
}

func TestAdmin(t *testing.T) {
	s := alone(t)
	s.get("/api/products?ids=1,2,3")
	w := httptest.NewRecorder()
	s.admin.ServeHTTP(w, httptest.NewRequest("GET", "/debug/larder", nil))
	var got struct {
		Node    string
		Classes map[string]struct {
			Gets, Loads, Coalesced uint64
			Hits, Misses           map[string]uint64
			Stale                  *uint64             `json:"stale_served"`
			Negative               *uint64             `json:"negative_hits"`
			MissRate               map[string]*float64 `json:"miss_rate"`
			Target                 float64
		}
		Origin struct{ Queries uint64 }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	p := got.Classes["product"]
	if got.Node != "n1" || len(got.Classes) != 7 || got.Origin.Queries != 1 || p.Gets != 3 || p.Misses["cold"] != 3 ||
		p.Loads != 3 || p.Target != 0.10 || p.Stale == nil || p.Negative == nil || p.MissRate["10s"] == nil {
		t.Errorf("got %s", w.Body)
	}
	w = httptest.NewRecorder()
	s.admin.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	if w.Code != 200 || s.get("/healthz").status != 200 {
		t.Errorf("healthz: %d", w.Code)
	}
}
