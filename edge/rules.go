package edge

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// rules are what the fields of a response say about its use.
type rules struct {
	// lifetime is how long it is fresh (RFC 9111 4.2.1); explicit: the origin
	// said so itself.
	lifetime time.Duration
	explicit bool
	// noCache: never used without asking the origin (5.2.2.4).
	noCache bool
	// neverStale: not used stale under any circumstances (4.2.4).
	neverStale bool
	// whileRevalidate and ifError are the windows of RFC 5861.
	whileRevalidate, ifError time.Duration
}

// statement is all that a response says about caching.
type statement struct {
	rules
	d httpcache.Directives
	// targeted: d comes from a field that targets this cache (RFC 9213), and
	// Cache-Control and Expires do not count.
	targeted bool
	// withheld are the fields that a qualified no-cache or private speaks of.
	withheld []string
}

// maxHeuristic bounds a lifetime that nobody stated. RFC 9111 4.2.2 wants a
// cache to warn of more than a day; here there is none to warn of.
const maxHeuristic = 24 * time.Hour

// state reads what a response says. got is when it came in.
func (o *Options) state(status int, h http.Header, got time.Time) statement {
	var s statement
	// The first that is valid decides by itself; one that is not is as if absent
	// (RFC 9213 2.2).
	for _, field := range o.TargetFields {
		if s.d, s.targeted = httpcache.ParseTargeted(h.Values(field)); s.targeted {
			break
		}
	}
	if !s.targeted {
		s.d = httpcache.ParseCacheControl(h.Values("Cache-Control"))
	}
	s.lifetime, s.explicit = s.statedLifetime(h, got)
	// To guess is allowed, not required: the safe profile does not.
	if !s.explicit && (o.Profile == StrictRFC || s.d.Has("public")) {
		s.lifetime = s.heuristic(status, h, got)
	}
	fields := s.d.Fields("no-cache")
	s.noCache = s.d.Has("no-cache") && fields == nil
	s.withheld = slices.Concat(fields, s.d.Fields("private"))
	s.neverStale = s.noCache || s.d.Has("must-revalidate") || s.d.Has("proxy-revalidate") || s.d.Has("s-maxage")
	if t, ok := s.d.Seconds("stale-while-revalidate"); ok && !s.neverStale {
		s.whileRevalidate = max(0, t)
	}
	if t, ok := s.d.Seconds("stale-if-error"); ok && !s.neverStale {
		s.ifError = max(0, t)
	}
	return s
}

// statedLifetime returns the lifetime that the response states (RFC 9111 4.2.1).
// One that makes no sense is none at all: the response is stale.
func (s *statement) statedLifetime(h http.Header, got time.Time) (time.Duration, bool) {
	for _, name := range []string{"s-maxage", "max-age"} {
		if t, ok := s.d.Seconds(name); ok {
			return max(0, t), true
		}
	}
	expires := h.Values("Expires")
	if s.targeted || len(expires) == 0 {
		return 0, false
	}
	// Two of them contradict each other, and "0" is a common way to say "stale".
	end, ok := httpcache.ParseDate(expires[0])
	if !ok || len(expires) > 1 {
		return 0, true
	}
	return max(0, end.Sub(dateOf(h, got))), true
}

// heuristic is a tenth of the time since the last change, for statuses that are
// cacheable of themselves (RFC 9111 4.2.2).
func (s *statement) heuristic(status int, h http.Header, got time.Time) time.Duration {
	if !heuristicallyCacheable(status) && !s.d.Has("public") {
		return 0
	}
	modified, ok := httpcache.ParseDate(h.Get("Last-Modified"))
	if !ok {
		return 0
	}
	return min(maxHeuristic, max(0, dateOf(h, got).Sub(modified)/10))
}

// dateOf returns the Date of a response, or when it came in (RFC 9110 6.6.1).
func dateOf(h http.Header, got time.Time) time.Time {
	if lines := h.Values("Date"); len(lines) == 1 {
		if date, ok := httpcache.ParseDate(lines[0]); ok {
			return date
		}
	}
	return got
}

// heuristicallyCacheable are the statuses of RFC 9110 15.1.
func heuristicallyCacheable(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood tells whether the meaning of a status is known here, so that
// must-understand lets it be stored (RFC 9111 5.2.2.3).
func understood(status int) bool {
	return http.StatusText(status) != "" && status != http.StatusNotModified
}

// answersAsker are the statuses that answer a condition, a Range or an Expect of
// one request, and those that no cache may store (RFC 6585, RFC 8470 5.2).
func answersAsker(status int) bool {
	switch status {
	case http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable, http.StatusExpectationFailed,
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusUpgradeRequired, http.StatusPreconditionRequired,
		http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge, http.StatusNetworkAuthenticationRequired:
		return true
	}
	return false
}

// refusal says why a response is not to be stored, for Cache-Status and the
// memory of what not to collapse; empty: it may be.
type refusal string

const (
	refusedNone        refusal = ""
	refusedRequest     refusal = "request-no-store"
	refusedAsker       refusal = "asker" // the answer is to what its asker alone said
	refusedStatus      refusal = "status"
	refusedNoStore     refusal = "no-store"
	refusedPrivate     refusal = "private"
	refusedCredentials refusal = "credentials"
	refusedCookie      refusal = "set-cookie"
	refusedSilent      refusal = "nothing-stated"
	refusedVary        refusal = "vary"
	refusedUnframed    refusal = "no-length"
	refusedSize        refusal = "size"
	refusedBudget      refusal = "memory"           // too many bodies are under way
	refusedTags        refusal = "unpurgeable-tags" // too many, or none that a purge can name
	refusedPartial     refusal = "partial"
)

// storable decides whether the response to a request may be stored (RFC 9111 3).
// The length of the body and the tags are looked at elsewhere.
func (o *Options) storable(r *http.Request, status int, h http.Header, s *statement) refusal {
	switch {
	case status < 200 || status == http.StatusNotModified:
		return refusedStatus
	case answersAsker(status):
		return refusedAsker
	case httpcache.ParseCacheControl(r.Header.Values("Cache-Control")).Has("no-store"):
		return refusedRequest
	case s.d.Has("must-understand"):
		// Where the status is understood no-store is for those caches that do
		// not know must-understand (RFC 9111 5.2.2.3).
		if !understood(status) {
			return refusedStatus
		}
	case s.d.Has("no-store"):
		return refusedNoStore
	}
	if s.d.Has("private") && s.d.Fields("private") == nil {
		return refusedPrivate
	}
	if why := o.credentials(r, h, s); why != refusedNone {
		return why
	}
	// RFC 9111 3, the last of its conditions: something must allow it.
	if !s.explicit && !s.d.Has("public") && !heuristicallyCacheable(status) {
		return refusedSilent
	}
	// What can be neither served nor validated is only in the way.
	if (s.noCache || !s.explicit && s.lifetime == 0) && h.Get("ETag") == "" && h.Get("Last-Modified") == "" {
		return refusedSilent
	}
	if names, any := httpcache.ParseVary(h.Values("Vary")); any || len(names) > maxSelectors || slices.ContainsFunc(names, rewritten) {
		return refusedVary
	}
	return refusedNone
}

// credentials decides about responses that may be somebody's own (RFC 9111 3.5).
// The safe profile does not take the origin's word for it that they are not.
func (o *Options) credentials(r *http.Request, h http.Header, s *statement) refusal {
	if o.Profile == SafeDefault {
		switch {
		case len(h["Set-Cookie"]) > 0: // Set-Cookie2 is obeyed by nobody (RFC 6265 9.4)
			return refusedCookie
		case o.personal(r):
			return refusedCredentials
		}
		return refusedNone
	}
	// RFC 9111 3.5: these directives say that it is for others too.
	if r.Header.Get("Authorization") != "" &&
		!s.d.Has("public") && !s.d.Has("must-revalidate") && !s.d.Has("s-maxage") {
		return refusedCredentials
	}
	return refusedNone
}

// personal tells whether a request says who sends it: such a one never shares a
// flight with others.
func (o *Options) personal(r *http.Request) bool {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Proxy-Authorization") != "" {
		return true
	}
	// A certificate is a credential that no field shows.
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return true
	}
	if o.Profile == StrictRFC {
		return false
	}
	if len(r.Header["Cookie"]) == 0 {
		return false
	}
	return !o.plainCookies(r.Header["Cookie"])
}

// plainCookies tells whether lines of Cookie have nothing but plain cookies.
// Origins read more as a cookie than RFC 6265 does, so that a piece that is not
// one by its grammar, or no piece at all, says who knows what.
func (o *Options) plainCookies(lines []string) bool {
	any := false
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok || !slices.Contains(o.PlainCookies, name) || strings.ContainsFunc(value, notCookieOctet) {
				return false
			}
			any = true
		}
	}
	return any
}

// notCookieOctet tells whether a value of a cookie must not have c, quotes aside
// (RFC 6265 4.1.1).
func notCookieOctet(c rune) bool {
	return c <= ' ' || c >= 0x7f || c == ',' || c == ';' || c == '\\'
}
