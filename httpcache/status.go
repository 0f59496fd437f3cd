package httpcache

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// CacheStatus is what one cache says about how it has handled a request: a
// member of the Cache-Status field (RFC 9211). A request meets the caches in one
// order and the response in the other, so the farthest comes first, and the last
// is nearest the user.
type CacheStatus struct {
	// Cache names the cache, or its tier: "larder-shared". Printable ASCII,
	// required.
	Cache string
	// Hit: the response is the cache's own. Else Forward says why it asked on.
	Hit bool
	// Forward is "bypass", "method", "uri-miss", "vary-miss", "miss", "request",
	// "stale" or "partial".
	Forward string
	// ForwardStatus is the status that the next cache or the origin answered with;
	// 0: that of the response.
	ForwardStatus int
	// TTL is how long the response is fresh, in seconds; of a stale one it is
	// negative. It is sent if HasTTL.
	TTL    time.Duration
	HasTTL bool
	// Stored: the cache keeps what came from farther away. Collapsed: several
	// requests have shared one.
	Stored, Collapsed bool
	// Key is the cache's key, Detail anything more. Printable ASCII; mind who
	// reads it.
	Key, Detail string
}

// AddTo adds the member behind those that h has. The error names all that is
// wrong with it; h is then as before.
func (s CacheStatus) AddTo(h http.Header) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("httpcache: Cache-Status: %w", err)
	}
	h["Cache-Status"] = append(h["Cache-Status"], string(s.append(make([]byte, 0, 96))))
	return nil
}

func (s *CacheStatus) validate() error {
	var errs []error
	for _, f := range []struct{ name, value string }{{"Cache", s.Cache}, {"Key", s.Key}, {"Detail", s.Detail}} {
		if i := strings.IndexFunc(f.value, func(c rune) bool { return c < ' ' || c > '~' }); i >= 0 {
			errs = append(errs, fmt.Errorf("%s is %.200q, want printable ASCII", f.name, f.value))
		}
	}
	if s.Cache == "" {
		errs = append(errs, errors.New("Cache is empty"))
	}
	switch s.Forward {
	case "", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial":
	default:
		errs = append(errs, fmt.Errorf("Forward is %.200q, which RFC 9211 2.2 does not know", s.Forward))
	}
	if s.Hit == (s.Forward != "") {
		errs = append(errs, errors.New("want either Hit or Forward"))
	}
	if s.ForwardStatus != 0 && (s.ForwardStatus < 100 || s.ForwardStatus > 599) {
		errs = append(errs, fmt.Errorf("ForwardStatus is %d, want a status", s.ForwardStatus))
	}
	if s.Hit && (s.ForwardStatus != 0 || s.Stored || s.Collapsed) {
		errs = append(errs, errors.New("ForwardStatus, Stored and Collapsed are for what was forwarded"))
	}
	return errors.Join(errs...)
}

func (s *CacheStatus) append(b []byte) []byte {
	if isSFToken(s.Cache) {
		b = append(b, s.Cache...)
	} else {
		b = appendString(b, s.Cache)
	}
	if s.Hit {
		b = append(b, "; hit"...)
	} else {
		b = append(b, "; fwd="...)
		b = append(b, s.Forward...)
	}
	if s.ForwardStatus != 0 {
		b = append(b, "; fwd-status="...)
		b = strconv.AppendInt(b, int64(s.ForwardStatus), 10)
	}
	if s.HasTTL {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, int64(s.TTL/time.Second), 10)
	}
	if s.Stored {
		b = append(b, "; stored"...)
	}
	if s.Collapsed {
		b = append(b, "; collapsed"...)
	}
	if s.Key != "" {
		b = appendString(append(b, "; key="...), s.Key)
	}
	if s.Detail != "" {
		b = appendString(append(b, "; detail="...), s.Detail)
	}
	return b
}

// appendString writes printable ASCII as a String of RFC 9651 4.1.6.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// isSFToken tells whether s can be written as a Token of RFC 9651 3.3.4.
func isSFToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', i == 0 && c == '*':
		case i > 0 && (isTokenByte(c) || c == ':' || c == '/'):
		default:
			return false
		}
	}
	return s != ""
}
