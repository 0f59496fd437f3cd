package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// flight is one request to the origin and all who wait for it. Its goroutine
// ends when the body has been read, or nobody wants it, or the origin has been
// silent for [Options.OriginTimeout], or the handler is closed.
type flight struct {
	fetch *fetch
	// name is where others find it in the table; empty: it is for one alone.
	name string
	// out is what is asked; asker is the request that it was made from.
	out, asker *http.Request
	// fallback is what is served if the origin fails.
	fallback *response
	// candidates are stored responses that a 304 may mean, the likeliest first.
	candidates []*response
	// part is the beginning of what is asked for, of which the rest is asked.
	part *response

	cancel   context.CancelFunc
	interims chan interim
	ready    chan struct{}
	left     chan struct{} // closed when the leader has gone

	// Set before ready is closed.
	landing

	mu         sync.Mutex
	aboard     int  // who wait, before ready
	landed     bool // ready is closed
	leaderGone bool
}

// landing is what came of a flight: exactly one of stored, spool, raw and err is
// set.
type landing struct {
	// response goes to all; header is the leader's own, if there is more in it.
	response *response
	header   http.Header
	// whole: the body of response is there. Else it comes through spool, of which
	// first is the leader's reader.
	whole bool
	spool *spool
	first *spoolReader
	// raw is for the leader alone; why is the reason.
	raw *http.Response
	why refusal
	// failed: the origin did not answer (err), or answered with an error that a
	// stale response may stand in for (status).
	failed bool
	err    error
	// status is what the origin answered; 0: nothing.
	status int
	stored bool
	// found: response was in the store already.
	found bool
}

// errTimeout says that the origin was silent for too long.
var errTimeout = errors.New("edge: the origin is silent")

// launch sends a flight on its way.
func (h *Handler) launch(f *flight) bool {
	if !h.enter() {
		return false
	}
	go func() {
		defer h.running.Done()
		h.run(f)
	}()
	return true
}

// run asks the origin and lands.
func (h *Handler) run(f *flight) {
	defer h.retire(f)
	silence := newSilence(h.options.OriginTimeout, f.cancel)
	defer silence.stop()
	askedAt := time.Now()
	resp, err := h.roundTrip(f.out)
	// The condition was ours, so that a 304 is about what is stored here.
	if err == nil && resp.StatusCode == http.StatusNotModified && len(f.candidates) > 0 {
		if s := f.confirmed(resp.Header); s != nil {
			drain(resp.Body)
			h.freshen(f, s, resp, askedAt)
			return
		}
	}
	if err == nil && f.misses(resp) {
		// It is no answer to what the client asked: ask again, for the whole.
		drain(resp.Body)
		f.unconditional()
		askedAt = time.Now()
		resp, err = h.roundTrip(f.out)
	}
	if err != nil {
		if silence.over() {
			err = errTimeout
		}
		f.land(landing{failed: true, err: err})
		return
	}
	h.arrive(f, resp, askedAt, silence)
}

// roundTrip asks the origin, and counts. A transport of the user's that panics
// costs one answer, not the process.
func (h *Handler) roundTrip(out *http.Request) (resp *http.Response, err error) {
	h.count.origin.Add(1)
	defer func() {
		if v := recover(); v != nil {
			resp, err = nil, fmt.Errorf("edge: Transport panics: %v\n%s", v, debug.Stack())
		}
		if resp == nil && err == nil {
			err = errors.New("edge: Transport returns neither a response nor an error")
		}
		if err != nil {
			h.count.originErrors.Add(1)
		}
	}()
	return h.transport.RoundTrip(out)
}

// arrive decides what becomes of a response with a body.
func (h *Handler) arrive(f *flight, resp *http.Response, askedAt time.Time, silence *silence) {
	gotAt := time.Now()
	if f.standsIn(resp.StatusCode, gotAt) {
		drain(resp.Body)
		f.land(landing{failed: true, status: resp.StatusCode})
		return
	}
	// From here on a completed part is like any whole response.
	prefix := f.complete(resp)
	s, header, why := h.receive(f, resp, askedAt, gotAt)
	if len(prefix) > 0 {
		s.names = slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.names, f.part.names))))
	}
	length := resp.ContentLength
	// Whatever its length field says, there is nothing to wait for.
	if resp.Body == http.NoBody {
		length = 0
	}
	var sp *spool
	var first *spoolReader
	if why == refusedNone {
		sp, first, why = newSpool(length, h.options.MaxObjectBytes, &h.spools)
	}
	if why != refusedNone {
		h.solo.note(f, resp.StatusCode, why)
		silence.stop() // the leader's own patience counts
		f.land(landing{raw: resp, header: header, why: why, status: resp.StatusCode})
		return
	}
	// What is stale at once is no answer for others (RFC 9111 4), so that they need
	// not wait for the next one either.
	if s.ttl(gotAt) <= 0 {
		h.solo.note(f, resp.StatusCode, refusedSilent)
	} else {
		h.solo.clear(f.fetch.url.key)
	}
	// All who wait are told now, and read while the body comes in.
	sp.prefill(prefix)
	f.land(landing{response: s, header: header, spool: sp, first: first, status: resp.StatusCode})
	err := sp.fill(f.out.Context(), resp.Body, silence)
	// Before anybody is told: the connection is free, or known to be broken.
	_ = resp.Body.Close()
	if length >= 0 && (err == nil || errors.Is(err, errWindow)) && sp.total() != length+int64(len(prefix)) {
		err = io.ErrUnexpectedEOF
	}
	switch {
	case err == nil:
		// It is stored before its readers see its end: who asks again then finds
		// it there.
		whole := s.with(s.header, func(c *response) { c.body = sp.bytes() })
		if h.store.put(f.fetch, whole) {
			h.count.stored.Add(1)
		}
	case errors.Is(err, errWindow):
		err = nil
	// What clients or Close have ended is not the origin's fault.
	case !errors.Is(err, errAbandoned) && h.life.Err() == nil:
		h.count.truncated.Add(1)
	}
	sp.finish(err)
}

// retire ends a flight: nobody finds it any more.
func (h *Handler) retire(f *flight) {
	h.store.retire(f)
	f.mu.Lock()
	raw := f.raw
	f.mu.Unlock()
	if raw == nil { // else the leader reads it, and cancels then
		f.cancel()
	}
}

// retire takes a flight out of the table and forgets its fetch.
func (s *store) retire(f *flight) {
	if f.name != "" {
		p := s.stripe(f.fetch.url.key)
		p.mu.Lock()
		if p.flights[f.name] == f {
			delete(p.flights, f.name)
		}
		p.mu.Unlock()
	}
	s.end(f.fetch)
}

// board returns the flight of a name: one that is under way, or a new one, which
// the caller leads and launches. over is a flight that is not to be joined any
// more.
func (s *store) board(url target, name string, over *flight) (f *flight, leader bool) {
	p := s.stripe(url.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	// The fetch begins under the stripe's lock: a purge comes either before it, and
	// then before the request, or after it, and then fences it.
	if other := p.flights[name]; other != nil && other != over && other.join() {
		return other, false
	}
	f = newFlight(p.begin(url, s.book), name)
	p.flights[name] = f
	return f, true
}

// newFlight returns a flight with its leader aboard. What it asks is still to be
// said.
func newFlight(fetch *fetch, name string) *flight {
	return &flight{
		fetch: fetch, name: name, cancel: func() {}, aboard: 1,
		interims: make(chan interim), ready: make(chan struct{}), left: make(chan struct{}),
	}
}

// join comes aboard; false if the flight was given up.
func (f *flight) join() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Its request is being cancelled: who joined now would get an error for nothing.
	if f.aboard == 0 && !f.landed {
		return false
	}
	f.aboard++
	return true
}

// wait waits until f has landed. pass gets the interim responses; nil: they are
// for somebody else.
func (f *flight) wait(ctx context.Context, pass func(interim)) error {
	var interims chan interim
	if pass != nil {
		interims = f.interims
	}
	for {
		select {
		case <-f.ready:
			return nil
		case i := <-interims:
			pass(i)
		case <-ctx.Done():
			f.leave(pass != nil)
			return ctx.Err()
		}
	}
}

// leave is for those who do not wait until the end. With the last of them the
// flight is given up, unless its response is coming in already.
func (f *flight) leave(leader bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aboard--
	if leader {
		f.leaderGone = true
		close(f.left)
	}
	if f.aboard == 0 && !f.landed {
		f.cancel()
	}
	// Nobody else can read these, and the origin would wait for a reader.
	if f.landed && leader {
		f.abandon()
	}
}

// land tells all who wait what came.
func (f *flight) land(l landing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.landing, f.landed = l, true
	if f.leaderGone {
		f.abandon()
	}
	close(f.ready)
}

// abandon lets go of what only the leader could use.
func (f *flight) abandon() {
	if f.raw != nil {
		_ = f.raw.Body.Close()
		f.cancel()
	}
	if f.first != nil {
		f.first.Close()
	}
}

// standsIn tells whether a stored response may be served in place of an error of
// the origin (RFC 5861 4).
func (f *flight) standsIn(status int, now time.Time) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return false
	}
	return f.fallback != nil && f.fallback.standsInFor(now)
}

// standsInFor tells whether s is within its window of stale-if-error.
func (s *response) standsInFor(now time.Time) bool {
	return s.complete() && !s.neverStale && s.ifError > 0 && -s.ttl(now) <= s.ifError
}

// silence ends a flight of which nothing was heard for a while.
type silence struct {
	timer *time.Timer
	limit time.Duration
	mu    sync.Mutex
	fired bool
}

// newSilence calls cancel when limit has passed since the last call of heard.
func newSilence(limit time.Duration, cancel context.CancelFunc) *silence {
	s := &silence{limit: limit}
	s.timer = time.AfterFunc(limit, func() {
		s.mu.Lock()
		s.fired = true
		s.mu.Unlock()
		cancel()
	})
	return s
}

// heard says that a byte came.
func (s *silence) heard() { s.timer.Reset(s.limit) }

// stop ends the watch.
func (s *silence) stop() { s.timer.Stop() }

// over tells whether the flight was ended for its silence.
func (s *silence) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}

// flightName is what requests have in common that may share a response: the URL,
// and the fields that its responses are known to be selected by.
func flightName(t *target, known []*response, request http.Header) string {
	if len(known) == 0 || len(known[0].vary) == 0 {
		return t.key
	}
	var b strings.Builder
	b.WriteString(t.key)
	for _, sel := range known[0].vary {
		now := selected(sel.name, request)
		b.WriteString("\x00" + now.name + "\x00" + now.value)
		if now.present {
			b.WriteByte('\x01')
		}
	}
	return b.String()
}

// copyBody sends what a reader gets, and flushes if the length is not known:
// somebody may be waiting for the first line of many.
func copyBody(ctx context.Context, w http.ResponseWriter, r *spoolReader, flush bool) error {
	for {
		b, err := r.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		r.read(len(b))
		if flush {
			_ = http.NewResponseController(w).Flush()
		}
	}
}
