// Package web is the shop's pages and its HTTP API.
//
// # Invariants
//
//   - Every answer of the API has a body in JSON, errors too: {"error": why}.
//   - Every answer has a Cache-Status field (RFC 9211).
//   - One rule for all input: text is UTF-8, parameters and fields that are not
//     known or there twice are refused, and nothing is mended silently. Names of
//     parameters count in any case, names of fields as they are. Pages and files
//     alone do not refuse a parameter that they do not know: they redirect to the
//     URL without it.
//   - What is wrong with a request is said with 400, in the API's own words;
//     what does not go with the state of the shop with 409; what the body names
//     and there is not with 422. When neither a tier nor the database can
//     answer, that is 503 with Retry-After, and never a list with holes.
//   - Nobody keeps an answer of a route that has no policy (caching.go), and no
//     error: it says "private, no-store" in every field that caches obey.
//   - No password and no token is in a log or in an error.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"

	"github.com/larderdev/larder/examples/storefront/internal/shop"
	"github.com/larderdev/larder/httpcache"
)

// api is the handlers and what they need.
type api struct {
	shop *shop.Shop
	log  *slog.Logger
	// logins bounds the requests that compare passwords.
	logins *gate
}

func newAPI(s *shop.Shop, log *slog.Logger) *api {
	return &api{shop: s, log: log, logins: loginGate()}
}

const invalidatePath = "/api/users/invalidate"

// NewAPI returns the handler of the shop's public address.
func NewAPI(s *shop.Shop, log *slog.Logger) http.Handler {
	a := newAPI(s, log)
	mux := http.NewServeMux()
	files := newAssets()
	pages := newPages(a, files)
	mux.HandleFunc("GET /{$}", pages.showList)
	mux.HandleFunc("GET /products/{id}", pages.showProduct)
	mux.HandleFunc("GET /assets/{name}", files.serve)
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /api/products", a.products)
	mux.HandleFunc("GET /api/products/{id}", a.product)
	mux.HandleFunc("GET /api/inventory/{id}", a.stock)
	mux.HandleFunc("GET /api/search", a.search)
	mux.HandleFunc("GET /api/users/{id}", a.user)
	mux.HandleFunc("PUT /api/users/{id}", a.updateUser)
	mux.HandleFunc("POST "+invalidatePath, a.invalidateUsers)
	mux.HandleFunc("PUT /api/products/{id}", a.updateProduct)
	mux.HandleFunc("PUT /api/inventory/{id}", a.updateStock)
	mux.HandleFunc("POST /api/login", a.login)
	mux.HandleFunc("GET /api/session", a.authenticated(a.session))
	mux.HandleFunc("POST /api/logout", a.authenticated(a.logout))
	mux.HandleFunc("GET /api/cart", a.authenticated(a.cart))
	mux.HandleFunc("POST /api/cart", a.authenticated(a.addToCart))
	mux.HandleFunc("POST /api/checkout", a.authenticated(a.checkout))
	mux.HandleFunc("GET /api/account/balance", a.authenticated(a.balance))
	return a.guard(mux, newLayer(mux).Handler(mux))
}

// NewAdmin returns the handler of the admin address. edge is the purge API of an
// edge, nil if there is none.
func NewAdmin(s *shop.Shop, edge http.Handler, log *slog.Logger) http.Handler {
	a := newAPI(s, log)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthy)
	mux.HandleFunc("GET /debug/larder", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, s.Stats(r.Context()))
	})
	if edge != nil {
		mux.Handle("/edge/", edge)
	}
	return a.guard(mux, mux)
}

// healthy says that the process serves. It asks nobody: a shop that has lost
// its database or its shared tier still answers from its caches.
func healthy(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

// guard adds what all answers have in common. next is mux, or what stands around
// it.
func (a *api) guard(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				httpcache.Never(w.Header())
				a.log.Error("panic in a handler", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				refuse(w, http.StatusInternalServerError, "internal error")
			}
		}()
		setStatus(w, unasked(r.Method))
		switch {
		case !clean(r.URL): // the mux would send it elsewhere, in HTML
			httpcache.Never(w.Header())
			refuse(w, http.StatusNotFound, "the path is not clean: it has //, . or .. in it")
			return
		case r.URL.Path == invalidatePath && r.Method != http.MethodPost: // "invalidate" is no user's id
			httpcache.Never(w.Header())
			w.Header().Set("Allow", http.MethodPost)
			refuse(w, http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed))
			return
		}
		if h, pattern := mux.Handler(r); pattern == "" {
			without := &bodyless{header: w.Header()}
			h.ServeHTTP(without, r)
			httpcache.Never(w.Header())
			refuse(w, without.status, http.StatusText(without.status))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// clean reports whether the mux takes the path as it is.
func clean(u *url.URL) bool {
	given := u.EscapedPath()
	cleaned := path.Clean(given)
	return strings.HasPrefix(given, "/") && (given == cleaned || given == cleaned+"/" && cleaned != "/")
}

// bodyless takes the mux's own answer (404 or 405) without its text.
type bodyless struct {
	header http.Header
	status int
}

func (b *bodyless) Header() http.Header         { return b.header }
func (b *bodyless) WriteHeader(status int)      { b.status = status }
func (b *bodyless) Write(p []byte) (int, error) { return len(p), nil }

// reply writes an answer.
func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // only a mistake in this package can do that; guard says so
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // an error means that nobody listens any more
}

// refuse writes an answer that says why there is no other.
func refuse(w http.ResponseWriter, status int, reason string) {
	reply(w, status, map[string]string{"error": reason})
}
