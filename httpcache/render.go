package httpcache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// rendering is what one response says to each kind of cache.
type rendering struct {
	// cacheControl is for browsers and for caches that know nothing else, cdn for
	// those of RFC 9213, surrogate for Fastly.
	cacheControl, cdn, surrogate string
	// edge: shared caches may keep it, so it carries tags.
	edge bool
}

// never is the text for all kinds of caches when nobody may keep a response. A
// targeted field wins over Cache-Control, so an old one must not stay behind.
const never = "private, no-store"

// nobody returns the rendering of a response that nobody may keep.
func nobody() rendering { return rendering{cacheControl: never, cdn: never, surrogate: never} }

// Never makes h that of a response which no cache keeps: "private, no-store" in
// all fields that caches obey, and no tags. It is for handlers outside a
// [Layer], which does it by itself.
func Never(h http.Header) {
	clearFields(h)
	r := nobody()
	h.Set("Cache-Control", r.cacheControl)
	h.Set("Cdn-Cache-Control", r.cdn)
	h.Set("Surrogate-Control", r.surrogate)
}

// render returns the texts for a valid policy. plain says that a CDN in front
// reads Cache-Control alone.
func (p *Policy) render(plain bool) rendering {
	switch {
	case p.NoStore:
		return nobody()
	case p.Private:
		return p.renderBrowser()
	}
	r := rendering{edge: true, cacheControl: "public, max-age=" + seconds(p.Browser)}
	if windows := p.StaleWhileRevalidate > 0 || p.StaleIfError > 0; plain && !windows {
		// Never together with a stale window: it would switch that off (RFC 9111
		// 5.2.2.10), at Cloudflare also the one of CDN-Cache-Control.
		r.cacheControl += ", s-maxage=" + seconds(p.Edge)
	}
	switch {
	case p.Browser == 0:
		r.cacheControl += ", must-revalidate"
	case p.Immutable:
		r.cacheControl += ", immutable"
	}
	r.surrogate = "max-age=" + seconds(p.Edge)
	if p.StaleWhileRevalidate > 0 {
		r.surrogate += ", stale-while-revalidate=" + seconds(p.StaleWhileRevalidate)
	}
	if p.StaleIfError > 0 {
		r.surrogate += ", stale-if-error=" + seconds(p.StaleIfError)
	}
	r.cdn = r.surrogate
	if p.SameForEveryoneDespiteAuthorization {
		r.cdn = "public, " + r.cdn // without it RFC 9111 3.5 forbids
	}
	return r
}

// renderBrowser returns the texts for a response that only browsers keep: of a
// private policy, or of one whose tags cannot be written.
func (p *Policy) renderBrowser() rendering {
	r := nobody()
	r.cacheControl = "private, no-cache"
	if p.Browser > 0 {
		r.cacheControl = "private, max-age=" + seconds(p.Browser)
		if p.Immutable {
			r.cacheControl += ", immutable"
		}
	}
	return r
}

// renderStatus returns the texts for another status, which is kept for life.
func (p *Policy) renderStatus(life time.Duration, plain bool) rendering {
	q := Policy{
		Edge: life, Browser: min(p.Browser, life),
		SameForEveryoneDespiteAuthorization: p.SameForEveryoneDespiteAuthorization,
	}
	return q.render(plain)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// clearFields removes everything that a cache might obey, in any spelling:
// net/http sends the keys of a header as they are.
func clearFields(h http.Header) {
	for name := range h {
		if isCacheField(name) {
			delete(h, name)
		}
	}
}

// isCacheField tells whether a response field says how long something is kept,
// or by which tags it is purged. Those that target some caches end in
// "Cache-Control" by convention (RFC 9213 2.4). X-Accel-Expires is nginx's,
// Edge-Control Akamai's.
func isCacheField(name string) bool {
	if hasSuffixFold(name, "cache-control") || hasSuffixFold(name, "cache-tag") {
		return true
	}
	var known string
	switch len(name) {
	case 4:
		known = "xkey"
	case 6:
		known = "pragma"
	case 7:
		return strings.EqualFold(name, "expires") || strings.EqualFold(name, "cdn-tag")
	case 12:
		return strings.EqualFold(name, "cache-groups") || strings.EqualFold(name, "edge-control")
	case 13:
		known = "surrogate-key"
	case 15:
		known = "x-accel-expires"
	case 17:
		known = "surrogate-control"
	default:
		return false
	}
	return strings.EqualFold(name, known)
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
