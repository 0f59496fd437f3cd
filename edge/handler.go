package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// Handler is a shared cache before an origin. Its methods may be called
// concurrently.
type Handler struct {
	options   Options
	pseudonym string // in Via
	transport http.RoundTripper
	own       *http.Transport // to be closed; nil: the transport is the user's
	upgrades  *httputil.ReverseProxy
	store     *store
	solo      *solo
	spools    atomic.Int64 // bytes that bodies under way may still take
	reports   *reporter
	count     counters
	routes    atomic.Pointer[routes]

	// life is what flights live on after their leader has gone.
	life    context.Context
	end     context.CancelFunc
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New returns a cache with nothing in it but what Options.Disk has. It returns an
// [OptionError] for each field of Options that is wrong, joined, or an error that
// says why the folder of Options.Disk cannot be used: it is taken by another
// handler, or cannot be written to.
func New(options Options) (*Handler, error) {
	options.complete()
	routes, err := newRoutes(options.Queries)
	if err := errors.Join(options.validate(), err); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	s, err := newStore(options.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("edge: store: %w", err)
	}
	h := &Handler{
		options: options, transport: options.Transport, store: s, solo: newSolo(),
		pseudonym: newPseudonym(options.Name), reports: newReporter(options.Logger),
	}
	h.routes.Store(routes)
	h.spools.Store(options.MaxBytes / 4)
	if options.Disk != "" {
		f, err := openFolder(options.Disk)
		if err != nil {
			s.tier.Close()
			return nil, fmt.Errorf("edge: disk store: %w", err)
		}
		s.disk = openDisk(f, &h.options, &h.spools, h.reports)
	}
	if h.transport == nil {
		h.own = originTransport(options.OriginTimeout)
		h.transport = h.own
	}
	h.life, h.end = context.WithCancel(context.Background())
	h.upgrades = h.newUpgrades()
	return h, nil
}

// Close ends what is under way behind the scenes, waits for it and empties the
// memory. What waits to be written to Options.Disk is, for 5 s at most. Requests
// that come later are answered with 503 unless they are hits. It returns an error
// if the disk does not come back within 10 s from what it was told to do, and may be
// called again.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.end()
	h.running.Wait()
	var err error
	if h.store.disk != nil {
		err = h.store.disk.close()
	}
	h.store.tier.Close()
	if h.own != nil {
		h.own.CloseIdleConnections()
	}
	return err
}

// enter counts a goroutine that Close waits for; false: the handler is closed.
func (h *Handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.running.Add(1)
	}
	return !h.closed
}

// ServeHTTP answers from the cache where that is allowed and from the origin
// where it is not. A body that the origin breaks off is broken off here too, by a
// panic with [http.ErrAbortHandler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.count.requests.Add(1)
	switch {
	// An open proxy on the origin's network is the last thing that an edge should be.
	case r.Method == http.MethodConnect:
		h.fail(w, http.StatusMethodNotAllowed, "this is not a forward proxy")
	case !isHost(r.Host):
		h.fail(w, http.StatusBadRequest, "the Host is none")
	case len(r.Header["Via"]) > 0 && h.loops(r):
		h.reports.report(troubleLoop, slog.String("method", r.Method), slog.String("host", r.Host), slog.String("path", r.URL.EscapedPath()))
		h.fail(w, http.StatusLoopDetected, "the origin sends requests back to this edge")
	case websocket(r) && h.enter():
		h.tunnel(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		h.read(w, r)
	default:
		h.write(w, r)
	}
}

// exchange is one request that may be answered from the store.
type exchange struct {
	w   http.ResponseWriter
	r   *http.Request
	url target
	now time.Time
	// selected are the stored responses that the request selects, others those
	// under its URL that it does not.
	selected, others []*response
	// best is the one that could answer it.
	best *response
	// said are the directives of the request, asks those of them that are obeyed
	// here.
	said, asks httpcache.Directives
}

// read answers GET and HEAD.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) {
	x := exchange{w: w, r: r, url: h.targetOf(r), now: time.Now()}
	if h.bypasses(r) {
		h.count.bypassed.Add(1)
		h.pass(&x, note{fwd: "bypass"})
		return
	}
	h.look(&x)
	if lines := r.Header["Cache-Control"]; len(lines) > 0 {
		x.said = httpcache.ParseCacheControl(lines)
		if h.options.Profile == StrictRFC {
			x.asks = x.said
		}
	}
	ttl := time.Duration(0)
	if x.best != nil {
		if ttl = x.best.ttl(x.now); x.allows(ttl) {
			h.count.hits.Add(1)
			h.reply(&x, x.best, x.best.header, note{hit: true, ttl: ttl, hasTTL: true}, false)
			return
		}
	}
	// What comes will be others' too: it must not depend on what is not in the key.
	x.r = x.url.asking(r)
	if s := x.best; s != nil && ttl <= 0 && s.whileRevalidate > 0 && -ttl <= s.whileRevalidate && s.complete() && !x.asks.Has("no-cache") {
		h.count.stale.Add(1)
		// First the request to the origin, then the answer: a slow client does
		// not put it off.
		h.refresh(&x)
		h.reply(&x, s, s.header, note{hit: true, ttl: ttl, hasTTL: true, detail: "stale-while-revalidate"}, false)
		return
	}
	if x.said.Has("only-if-cached") {
		h.fail(w, http.StatusGatewayTimeout, "not in the cache, and the request wants no other answer")
		return
	}
	// A HEAD has no body to store, and shares nothing. It can bring what is stored up
	// to date: see compare.
	h.count.misses.Add(1)
	if r.Method == http.MethodHead {
		h.pass(&x, note{fwd: x.why()})
		return
	}
	h.fetch(&x)
}

// look looks up what is stored for a request. Whoever asks the origin looks again
// once the fetch has begun: a purge came before that look, and what it has made
// wrong is not there any more, or comes after, and fences the fetch.
func (h *Handler) look(x *exchange) {
	x.selected, x.others = h.store.lookup(x.url.key, x.r.Header, x.r.Context().Done())
	x.best = best(x.selected, x.r)
}

// overriding are fields by which some origins take another URL or method than
// those of the request. Responses to them belong to no key.
var overriding = []string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url",
}

// bypasses tells whether a GET or HEAD is for the origin alone: it has a body, or
// conditions on the origin's state (RFC 9110 13.1), or is a user's own for a
// profile that does not mix.
func (h *Handler) bypasses(r *http.Request) bool {
	if r.ContentLength != 0 || len(r.Header["If-Match"]) > 0 || len(r.Header["If-Unmodified-Since"]) > 0 {
		return true
	}
	for _, name := range overriding {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	// A field that Connection names ends here. Its value selects no response.
	for _, line := range r.Header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if name := http.CanonicalHeaderKey(strings.TrimSpace(option)); !slices.Contains(hopByHop, name) && len(r.Header[name]) > 0 {
				return true
			}
		}
	}
	return h.options.Profile == SafeDefault && len(r.Header["Authorization"]) > 0
}

// best returns the stored response that answers r: a whole one before a part.
func best(selected []*response, r *http.Request) *response {
	for _, s := range selected {
		if s.complete() {
			return s
		}
	}
	// A part answers nobody who asks for the whole.
	if len(r.Header["Range"]) == 0 || r.Method != http.MethodGet {
		return nil
	}
	for _, s := range selected {
		if s.covers(r.Header) {
			return s
		}
	}
	return nil
}

// allows tells whether the best response may be used as it is: it is fresh
// enough for the request (RFC 9111 4, 5.2.1).
func (x *exchange) allows(ttl time.Duration) bool {
	s := x.best
	// These forbid it however fresh it is; the rest is a matter of time.
	if s.noCache || x.asks.Has("no-cache") || x.asks.Has("no-store") {
		return false
	}
	// A client's limits can only make it stricter, except for max-stale.
	if limit, ok := x.asks.Seconds("max-age"); ok && s.age(x.now) > limit {
		return false
	}
	if least, ok := x.asks.Seconds("min-fresh"); ok && ttl < least {
		return false
	}
	if ttl > 0 {
		return true
	}
	if !x.asks.Has("max-stale") || s.neverStale {
		return false
	}
	limit, ok := x.asks.Seconds("max-stale")
	return !ok || limit == httpcache.Unusable && !hasValue(x.asks, "max-stale") || -ttl <= limit
}

// hasValue tells whether a directive has an argument.
func hasValue(d httpcache.Directives, name string) bool {
	_, ok := d.Value(name)
	return ok
}

// why says, in the words of RFC 9211 2.2, why the origin is asked.
func (x *exchange) why() string {
	switch {
	case x.best != nil && x.best.ttl(x.now) > 0 && !x.best.noCache:
		return "request"
	case x.best != nil:
		return "stale"
	case len(x.selected) > 0:
		return "partial"
	case len(x.others) > 0:
		return "vary-miss"
	}
	return "uri-miss"
}

// fail answers for the edge itself. Such an answer is nobody's to store.
func (h *Handler) fail(w http.ResponseWriter, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "%d %s: %s\n", status, http.StatusText(status), text)
}

// unreachable answers for an origin that gives no answer, and says so: a client that
// is told nothing more is no way for an operator to learn of it.
func (h *Handler) unreachable(w http.ResponseWriter, r *http.Request, err error, status int, text string) {
	// Without the query, which is nobody's business.
	h.reports.report(troubleOrigin, slog.Int("status", status), slog.String("method", r.Method),
		slog.String("host", r.Host), slog.String("path", r.URL.EscapedPath()), slog.Any("err", err))
	h.fail(w, status, text)
}

// tunnel lets a connection that becomes a WebSocket pass until an end closes it, or
// the handler ends. Its caller has entered.
func (h *Handler) tunnel(w http.ResponseWriter, r *http.Request) {
	defer h.running.Done()
	// Close ends tunnels: net/http knows nothing of a connection that it gave away.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.life, cancel)()
	h.count.bypassed.Add(1)
	h.upgrades.ServeHTTP(w, r.WithContext(ctx))
}

// newUpgrades returns the proxy for connections that become WebSockets.
func (h *Handler) newUpgrades() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			// From the request as it came in: the proxy has taken fields out that the edge
			// treats in its own way.
			out := h.toOrigin(p.Out.Context(), p.In)
			out.Header["Upgrade"], out.Header["Connection"] = p.Out.Header["Upgrade"], p.Out.Header["Connection"]
			p.Out.URL, p.Out.Host, p.Out.Header = out.URL, out.Host, out.Header
		},
		Transport: h.transport,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			h.unreachable(w, r, err, http.StatusBadGateway, "the origin does not answer")
		},
		ModifyResponse: func(resp *http.Response) error {
			h.options.withhold(resp.Header)
			return nil
		},
	}
}

// websocket tells whether a request wants to become a WebSocket, which is always a
// GET (RFC 6455 4.1). No other change of protocol is passed on: h2c would carry
// requests past this cache.
func websocket(r *http.Request) bool {
	if r.ProtoMajor != 1 || r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return false
	}
	for _, line := range r.Header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(option), "upgrade") {
				return true
			}
		}
	}
	return false
}
