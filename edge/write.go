package edge

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// safe tells whether a method changes nothing (RFC 9110 9.2.1). One that nobody
// knows may change anything, and is not.
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// write answers requests of other methods than GET and HEAD: the origin alone
// can (RFC 9111 4).
func (h *Handler) write(w http.ResponseWriter, r *http.Request) {
	h.count.written.Add(1)
	x := exchange{w: w, r: r, url: h.targetOf(r), now: time.Now()}
	h.pass(&x, note{fwd: "method"})
}

// pass forwards a request whose response is for its client alone.
func (h *Handler) pass(x *exchange, n note) {
	// Close has told the flights to end; what begins now would outlive it.
	if h.life.Err() != nil {
		h.fail(x.w, http.StatusServiceUnavailable, "the edge is closing")
		return
	}
	header := x.w.Header()
	interims := &passage{}
	defer interims.close()
	ctx := withInterim(x.r.Context(), func(i interim) {
		interims.send(func() {
			for name, lines := range i.header {
				header[name] = lines
			}
			x.w.WriteHeader(i.status)
			clear(header)
		})
	})
	// A HEAD can bring a stored response up to date, and the answer to a POST be
	// stored: they are fenced like a GET.
	f := h.store.begin(x.url)
	defer h.store.end(f)
	if x.r.Method == http.MethodHead && x.best != nil {
		h.look(x) // a purge since the first look fences nothing
	}
	askedAt := time.Now()
	resp, err := h.roundTrip(h.toOrigin(ctx, x.r))
	interims.close()
	if err != nil {
		h.unanswered(x, err)
		return
	}
	// Before the client learns of its success: its next request must see it.
	if !safe(x.r.Method) && resp.StatusCode < 400 {
		h.invalidate(f, x, resp.Header)
	}
	// Before the client has its answer: its next GET sees what came of it.
	if x.r.Method == http.MethodHead && x.best != nil {
		h.compare(f, x, resp, askedAt)
	}
	// The body is copied on its way, so that nobody waits for it to be stored.
	n.status = resp.StatusCode
	after := h.keep(f, x, resp, askedAt)
	defer after()
	h.relay(x.w, resp, h.options.forClients(resp.Header), n)
}

// unanswered answers for an origin that did not. Nobody knows whether it has done
// what it was asked to, so that an unsafe method invalidates, unless it could not
// be connected to: then it was not asked.
func (h *Handler) unanswered(x *exchange, err error) {
	if dial, ok := errors.AsType[*net.OpError](err); !safe(x.r.Method) && !(ok && dial.Op == "dial") {
		h.forget(x, nil)
	}
	// What a GET has brought can answer a HEAD too, where stale answers are allowed.
	if x.r.Method == http.MethodHead && x.best != nil && !x.best.neverStale {
		f := &flight{landing: landing{failed: true, err: err}}
		h.standIn(x, f, note{fwd: x.why()})
		return
	}
	h.count.failed.Add(1)
	switch {
	case x.r.Context().Err() != nil:
		h.gone(x)
	case isTimeout(err):
		h.unreachable(x.w, x.r, err, http.StatusGatewayTimeout, "the origin is silent")
	default:
		h.unreachable(x.w, x.r, err, http.StatusBadGateway, "the origin does not answer")
	}
}

// invalidate makes what a successful unsafe request has changed wrong: its
// target, what Location and Content-Location of the same origin name (RFC 9111
// 4.4), and the groups that the response names (RFC 9875 3).
func (h *Handler) invalidate(f *fetch, x *exchange, header http.Header) {
	t := &x.url
	// The answer itself may be what a GET would get (see keep), and began before.
	h.forget(x, f)
	for _, name := range []string{"Location", "Content-Location"} {
		if other, ok := h.related(t, header.Get(name)); ok && other.key != t.key {
			h.store.forget(other.key)
		}
	}
	// Groups are the origin's own: it can name none of another's.
	groups, ok := httpcache.ParseGroups(header.Values("Cache-Group-Invalidation"))
	if !ok {
		return
	}
	names := make([]string, 0, len(groups))
	for _, group := range groups {
		names = append(names, aboutGroup+t.origin()+" "+group)
	}
	h.store.book.enter(names, false, time.Now())
}

// forget deletes what is stored for the target of a request, and keeps out what is
// under way for it, except for own.
func (h *Handler) forget(x *exchange, own *fetch) {
	h.store.forgetBefore(x.url.key, own)
	// Routes may have been set since it came: then a GET has another key now.
	if now := h.targetOf(x.r); now.key != x.url.key {
		h.store.forget(now.key)
	}
}

// related returns the target that a field of a response names, if it is of the
// same origin, be it by the name that clients know or by its own.
func (h *Handler) related(t *target, reference string) (target, bool) {
	if reference == "" {
		return target{}, false
	}
	base, err := url.Parse(t.key)
	if err != nil {
		return target{}, false
	}
	u, err := base.Parse(reference)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return target{}, false
	}
	o := h.options.Origin
	own := u.Scheme == o.Scheme && normalHost(u.Scheme, u.Host) == normalHost(o.Scheme, o.Host)
	if !own && (u.Scheme != t.scheme || normalHost(u.Scheme, u.Host) != t.host) {
		return target{}, false
	}
	// Clients know the target without the path that the origin's URL goes before.
	if own {
		u.Path = strings.TrimPrefix(u.Path, strings.TrimSuffix(o.Path, "/"))
		u.RawPath = ""
	}
	return h.newTarget(t.scheme, t.host, u), true
}

// compare sees whether the answer to a HEAD is about the response that is stored:
// then its fields are brought up to date, if it is not, it is stale (RFC 9111
// 4.3.5). A HEAD shows no body: only the same strong tag says that it is the same.
// What a purge has made stale or wrong is for a GET to confirm.
func (h *Handler) compare(f *fetch, x *exchange, resp *http.Response, askedAt time.Time) {
	s := x.best
	if resp.StatusCode != http.StatusOK || s.status != http.StatusOK || !s.complete() || h.options.personal(x.r) {
		return
	}
	for _, name := range []string{"Etag", "Last-Modified", "Content-Length"} {
		if now := resp.Header.Get(name); now != "" && s.header.Get(name) != "" && now != s.header.Get(name) {
			h.store.soften(x.url.key, time.Now())
			return
		}
	}
	if !strong(s.etag) || resp.Header.Get("Etag") != s.etag || !s.usable(h.store.book) || s.staleAt.Load() != 0 {
		return
	}
	f.beside = x.stored()
	flight := &flight{fetch: f, asker: x.r, ready: make(chan struct{})}
	copied := *resp
	copied.Header = resp.Header.Clone()
	h.freshen(flight, s, &copied, askedAt)
}

// keep arranges for the response to a POST to be stored for later GETs, if it
// says that it is what a GET would bring (RFC 9110 9.3.3): it names the target as
// its Content-Location and states its lifetime. What keep returns is called when
// the body has passed.
func (h *Handler) keep(f *fetch, x *exchange, resp *http.Response, askedAt time.Time) func() {
	nothing := func() {}
	if x.r.Method != http.MethodPost || resp.StatusCode != http.StatusOK || h.options.personal(x.r) {
		return nothing
	}
	same, ok := h.related(&x.url, resp.Header.Get("Content-Location"))
	// Nor is it what a GET brings if the origin has seen parameters that a GET leaves out.
	if !ok || same.key != x.url.key || x.url.asking(x.r) != x.r {
		return nothing
	}
	copied := *resp
	copied.Header = resp.Header.Clone()
	s, _, why := h.receive(&flight{fetch: f, asker: x.r}, &copied, askedAt, time.Now())
	if why != refusedNone || !s.explicit {
		return nothing
	}
	// As for a GET, within the budget: without room it passes and is not kept.
	sp, first, why := newSpool(resp.ContentLength, h.options.MaxObjectBytes, &h.spools)
	if why != refusedNone {
		return nothing
	}
	tee := &tee{body: resp.Body, spool: sp}
	resp.Body = tee
	return func() {
		// Nobody reads from the spool; the reader held it open while the body passed.
		first.Close()
		if tee.whole && (resp.ContentLength < 0 || sp.total() == resp.ContentLength) && !sp.isWindow() {
			h.store.put(f, s.with(s.header, func(c *response) { c.body = sp.bytes() }))
		}
		sp.finish(nil)
	}
}

// tee copies what passes into a spool. It never makes the body wait.
type tee struct {
	body  io.ReadCloser
	spool *spool
	whole bool
}

// Read reads the body and keeps what it read, as long as there is room.
func (t *tee) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.spool.keep(p[:n])
	t.whole = t.whole || errors.Is(err, io.EOF)
	return n, err
}

// Close closes the body.
func (t *tee) Close() error { return t.body.Close() }

// passage lets interim responses through until it is closed: one that comes late
// must not be written while the final one is.
type passage struct {
	mu     sync.Mutex
	closed bool
}

// send writes, unless the final response has come.
func (p *passage) send(write func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		write()
	}
}

// close lets nothing more through, and waits for what is being written.
func (p *passage) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}
