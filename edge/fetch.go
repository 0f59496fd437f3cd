package edge

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// maxRounds bounds how often a request waits for a flight before it goes alone.
// The second time is for another variant of the same URL.
const maxRounds = 3

// fetch answers a request that the store alone could not.
func (h *Handler) fetch(x *exchange) {
	joinable := h.joinable(x)
	// What is here, also for other requests, says by which fields the responses of
	// this URL are selected: requests that differ in them do not wait for each other.
	known := x.stored()
	var over *flight
	for round := 0; joinable && round < maxRounds; round++ {
		name := flightName(&x.url, known, x.r.Header)
		f, leader := h.store.board(x.url, name, over)
		if leader {
			if !h.alreadyHere(f, x) {
				h.ask(f, x)
			}
			h.lead(x, f)
			return
		}
		if f.wait(x.r.Context(), nil) != nil {
			h.gone(x)
			return
		}
		if h.follow(x, f) {
			return
		}
		// A response that was only for another variant of the request says by
		// what it was selected: the next round is among those with the same.
		if f.raw != nil || f.response == nil || h.solo.has(x.url.key, time.Now()) {
			break // the next one would not be for all either
		}
		known, over = []*response{f.response}, f
	}
	// It goes by itself. The fetch begins before the look: a purge between the two
	// would be missed by both otherwise.
	f := newFlight(h.store.begin(x.url), "")
	h.look(x)
	h.ask(f, x)
	h.lead(x, f)
}

// stored is all that was seen under the URL, selected or not.
func (x *exchange) stored() []*response {
	return slices.Concat(x.selected, x.others)
}

// alreadyHere looks again, now that nobody else can be asking: the flight before
// this one may have landed since the first look. What it brought is for all who
// are aboard.
func (h *Handler) alreadyHere(f *flight, x *exchange) bool {
	before := x.best
	h.look(x)
	s := x.best
	if s == before {
		return false
	}
	// What there is now is what to validate, and to fall back on.
	x.now = time.Now()
	if s == nil || !s.complete() || !x.allows(s.ttl(x.now)) {
		return false
	}
	f.land(landing{response: s, header: s.header, whole: true, found: true})
	h.retire(f)
	return true
}

// joinable tells whether a request may share its flight with others. One that
// says who sends it does not, nor one that wants something of its own.
func (h *Handler) joinable(x *exchange) bool {
	return !h.options.personal(x.r) && len(x.r.Header["Range"]) == 0 && !h.solo.has(x.url.key, x.now) &&
		!x.said.Has("no-store") && !x.asks.Has("no-cache") && !x.asks.Has("max-age") && !x.asks.Has("min-fresh")
}

// ask says what a new flight asks the origin, and launches it.
func (h *Handler) ask(f *flight, x *exchange) {
	// The flight is for all who come aboard, so that it does not end with the
	// request of its leader; it ends when all have left, or with the handler. Values
	// of the context stay: there may be a trace of the user's among them.
	ctx, cancel := context.WithCancel(context.WithoutCancel(x.r.Context()))
	stop := context.AfterFunc(h.life, cancel)
	f.cancel = func() { stop(); cancel() }
	ctx = withInterim(ctx, func(i interim) {
		select {
		case f.interims <- i:
		case <-f.left:
		case <-ctx.Done():
		}
	})
	f.asker = x.r.Clone(ctx) // it is read when the client may be gone
	f.out = h.toOrigin(ctx, x.r)
	f.fallback = x.best
	f.fetch.beside = x.stored()
	f.candidates = x.candidates()
	// Validating is cheaper than completing, and completing than asking for all.
	part := x.part()
	switch {
	case len(f.candidates) > 0 && (x.best == nil || x.best.complete()) && len(x.r.Header["Range"]) == 0,
		x.best != nil && x.best.complete() && x.best.validates():
		f.conditional()
	case part != nil:
		f.candidates = nil
		f.rest(part)
	default:
		f.candidates = nil
		if f.name != "" {
			// The response is for others too, so they do not get an answer to
			// this client's conditions. They are evaluated here.
			for _, name := range conditionals {
				f.out.Header.Del(name)
			}
		}
	}
	if !h.launch(f) {
		f.land(landing{failed: true, err: errClosed})
		h.retire(f)
	}
}

var errClosed = errors.New("edge: closed")

// validates tells whether the origin can confirm s.
func (s *response) validates() bool { return s.etag != "" || s.modified != "" }

// candidates are the stored responses that the origin may confirm: that which the
// request selects before the others, of which a weak tag says too little.
func (x *exchange) candidates() []*response {
	var all []*response
	// The origin can then answer for what is served already, not for another form.
	if x.best != nil && x.best.validates() {
		all = append(all, x.best)
	}
	for _, s := range x.others {
		if s.complete() && strong(s.etag) && len(all) < maxValidators {
			all = append(all, s)
		}
	}
	return all
}

// part is the beginning of what is asked for, if it is here and can be completed
// (RFC 9111 3.4).
func (x *exchange) part() *response {
	if x.best != nil || len(x.r.Header["Range"]) > 0 {
		return nil
	}
	// Bytes of two versions must never meet: a strong tag alone rules that out.
	for _, s := range x.selected {
		if !s.complete() && s.first == 0 && s.end() < s.total && strong(s.etag) {
			return s
		}
	}
	return nil
}

// lead waits for a flight of one's own, and answers with what it brings.
func (h *Handler) lead(x *exchange, f *flight) {
	header := x.w.Header()
	err := f.wait(x.r.Context(), func(i interim) {
		for name, lines := range i.header {
			header[name] = lines
		}
		x.w.WriteHeader(i.status)
		clear(header)
	})
	if err != nil {
		h.gone(x)
		return
	}
	n := note{fwd: x.why(), status: f.status}
	switch {
	case f.failed:
		h.standIn(x, f, n)
	// What is for one client alone is read by that client, at its own pace.
	case f.raw != nil:
		defer f.cancel()
		stop := context.AfterFunc(x.r.Context(), f.cancel) // now there is one client alone
		defer stop()
		n.detail = string(f.why)
		h.relay(x.w, f.raw, f.header, n)
	// It was stored between the first look and the second: a hit for all aboard.
	case f.found:
		h.reply(x, f.response, f.header, note{hit: true, ttl: f.response.ttl(x.now), hasTTL: true}, false)
	case f.whole:
		n.ttl, n.hasTTL, n.stored = f.response.ttl(time.Now()), true, f.stored
		h.reply(x, f.response, f.header, n, true)
	default:
		n.ttl, n.hasTTL, n.stored, n.status = f.response.ttl(time.Now()), true, true, f.status
		h.stream(x, f, f.header, f.first, n)
	}
}

// follow answers with what another's flight brought; false: that is not for this
// request, which has to be forwarded itself (RFC 9111 4).
func (h *Handler) follow(x *exchange, f *flight) bool {
	n := note{fwd: x.why(), status: f.status, collapsed: true}
	if f.failed {
		// The origin did answer, with an error that the leader's fallback stood in for.
		// Who has none asks for the error itself.
		if f.err == nil && (x.best == nil || !x.best.standsInFor(time.Now())) {
			return false
		}
		h.count.collapsed.Add(1)
		h.standIn(x, f, n)
		return true
	}
	// The leader gets what it asked for. Those who joined get it only where they could
	// have had it from the store, as if they had come a moment later.
	s := f.response
	if f.raw != nil || f.why != refusedNone || !s.selects(x.r.Header) || !s.usable(h.store.book) || s.noCache {
		return false
	}
	if n.ttl, n.hasTTL = s.ttl(time.Now()), true; n.ttl <= 0 {
		return false
	}
	// From here on the response is one that the store could have answered with.
	if f.whole {
		h.count.collapsed.Add(1)
		h.reply(x, s, s.header, n, false)
		return true
	}
	reader, ok := f.spool.join()
	if !ok {
		return false
	}
	h.count.collapsed.Add(1)
	h.stream(x, f, s.header, reader, n)
	return true
}

// gone ends a request whose client, or whose time, is over.
func (h *Handler) gone(x *exchange) {
	h.fail(x.w, http.StatusGatewayTimeout, "the request ended before the origin answered")
}

// standIn answers for an origin that has failed: with what is stale, if that is
// allowed (RFC 9111 4.2.4, RFC 5861 4).
func (h *Handler) standIn(x *exchange, f *flight, n note) {
	now := time.Now()
	s := x.best
	if s != nil {
		// What the origin allows for its errors holds for its silence too; for that the
		// options may allow more.
		allowed := s.standsInFor(now)
		if f.err != nil && !s.neverStale {
			allowed = allowed || -s.ttl(now) <= h.options.StaleIfUnreachable
		}
		if allowed && s.usable(h.store.book) {
			// What a purge has made wrong since the first look is not used.
			h.count.rescued.Add(1)
			n.ttl, n.hasTTL, n.detail = s.ttl(now), true, "stale-if-error"
			h.reply(x, s, s.header, n, false)
			return
		}
	}
	h.count.failed.Add(1)
	switch {
	case errors.Is(f.err, errClosed):
		h.fail(x.w, http.StatusServiceUnavailable, "the edge is closing")
	case errors.Is(f.err, errTimeout), isTimeout(f.err):
		h.unreachable(x.w, x.r, f.err, http.StatusGatewayTimeout, "the origin is silent")
	case s != nil && s.neverStale:
		h.unreachable(x.w, x.r, f.err, http.StatusGatewayTimeout, "the origin does not answer, and what is here must not be used without it")
	default:
		h.unreachable(x.w, x.r, f.err, http.StatusBadGateway, "the origin does not answer")
	}
}

// variesBy tells whether a field of the request selected s.
func (s *response) variesBy(name string) bool {
	return slices.ContainsFunc(s.vary, func(sel selector) bool { return sel.name == name })
}

// isTimeout tells whether an error is about time, as those of package net say.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// refreshPause is the least time between two attempts to refresh a response.
const refreshPause = time.Second

// mayRefresh tells whether it is time for an attempt, and if so takes it.
func (s *response) mayRefresh(now time.Time) bool {
	last := s.refreshed.Load()
	return now.UnixNano()-last >= int64(refreshPause) && s.refreshed.CompareAndSwap(last, now.UnixNano())
}

// refresh asks the origin anew behind the scenes, if nobody does that already or
// has just tried.
func (h *Handler) refresh(x *exchange) {
	// A thousand stale hits a second are one request a second, not a thousand that
	// look for a flight.
	if !x.best.mayRefresh(x.now) {
		return
	}
	name := flightName(&x.url, x.selected, x.r.Header)
	f, leader := h.store.board(x.url, name, nil)
	if !leader {
		// Somebody asks already, who waits for the answer.
		f.leave(false)
		return
	}
	behind := *x
	behind.r = x.r.Clone(context.WithoutCancel(x.r.Context()))
	behind.r.Method = http.MethodGet
	// What it brings is for all: it is asked without what says who the client is or
	// what it alone wants, unless the response was selected by that.
	for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization", "Cache-Control", "Pragma", "Expect"} {
		if !x.best.variesBy(name) {
			delete(behind.r.Header, name)
		}
	}
	h.look(&behind)
	f.leaderGone = true // it goes into the store, or nowhere
	close(f.left)
	h.ask(f, &behind)
}
