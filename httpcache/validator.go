package httpcache

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// versionTag returns the ETag of the version that the handler has named. It is
// strong, so it differs wherever the bytes may: between releases of the program,
// encodings, and the request fields in Vary.
func (x *exchange) versionTag(h http.Header, version uint64) string {
	b := make([]byte, 0, 64)
	b = append(b, '"')
	b = strconv.AppendUint(b, version, 10)
	if more := x.form(h); more != "" {
		sum := sha256.Sum256([]byte(more))
		b = append(b, '-')
		b = base64.RawURLEncoding.AppendEncode(b, sum[:9])
	}
	return string(append(b, '"'))
}

// versionOf returns the version that an ETag can be made of, 0 if there is none.
// For a private response it says too little: two users of one browser may have
// rows of the same version behind the same URL, and a 304 would show the one the
// page of the other.
func (x *exchange) versionOf(said words) uint64 {
	if rt := x.layer.routeOf(x); rt != nil && rt.policy.Private {
		return 0
	}
	return said.version
}

// form returns what besides the version decides about the bytes. Credentials are
// left out: what shared caches may keep does not depend on them, and nothing that
// is made of a password belongs into an ETag.
func (x *exchange) form(h http.Header) string {
	names := []string(nil)
	if rt := x.layer.routeOf(x); rt != nil {
		names = rt.vary
	}
	if lines := h["Vary"]; len(lines) > 0 {
		own, _ := ParseVary(lines)
		names = append(own, names...)
		slices.Sort(names)
		names = slices.Compact(names)
	}
	encoding := h["Content-Encoding"]
	if len(names) == 0 && len(encoding) == 0 {
		return x.layer.options.Release
	}
	var b strings.Builder
	b.WriteString(x.layer.options.Release)
	for _, line := range encoding {
		b.WriteString("\nContent-Encoding:" + line)
	}
	for _, name := range names {
		if name == "Accept-Encoding" || isPersonal(name) || slices.Contains(x.layer.names, name) {
			continue // the response's encoding is there already
		}
		for _, line := range x.request.Header[name] {
			b.WriteString("\n" + name + ":" + line)
		}
	}
	return b.String()
}

// setVersion sets the ETag of a version, unless it is there or the handler has
// set one itself. That of an earlier version, or of a response that turns out to
// have none, goes.
func (x *exchange) setVersion(h http.Header, version uint64) {
	if version == x.tagged || !x.ownsTag(h) {
		return
	}
	if x.tagged = version; version == 0 {
		x.dropTag(h)
		return
	}
	x.tag = x.versionTag(h, version)
	x.set(h, "Etag", x.tag)
}

// ownsTag tells whether the ETag, if there is one, is that of a version.
func (x *exchange) ownsTag(h http.Header) bool {
	lines := h["Etag"]
	return len(lines) == 0 || x.tag != "" && lines[0] == x.tag
}

// dropTag removes the ETag of a version: of the row, and this is not it.
func (x *exchange) dropTag(h http.Header) {
	if x.ownsTag(h) {
		delete(h, "Etag")
	}
}

// finishTag sets the ETag of a response that may be kept, if it can have one.
func (x *exchange) finishTag(h http.Header, version uint64) {
	if !isSuccess(x.status) {
		x.dropTag(h)
		return
	}
	if version != 0 && len(h["Etag"]) > 0 && (len(h["Vary"]) > 0 || len(h["Content-Encoding"]) > 0) {
		x.tagged = 0 // what it depends on may have changed since somebody looked
	}
	x.setVersion(h, version)
	// A handler that writes nothing to HEAD has not said what GET would get.
	known := x.complete && (x.outer.Method == http.MethodGet || x.body.Len() > 0)
	if !known || len(h["Etag"]) > 0 || !x.fitsLength(h) {
		return
	}
	sum := sha256.Sum256(x.body.Bytes())
	b := make([]byte, 0, 32)
	b = append(b, '"')
	b = base64.RawURLEncoding.AppendEncode(b, sum[:16])
	x.set(h, "Etag", string(append(b, '"')))
}

// fitsLength tells whether the held body has the length that the handler has
// declared. If it has declared none, this does, unless there are trailers.
func (x *exchange) fitsLength(h http.Header) bool {
	if len(h["Content-Length"]) > 0 {
		return declaredLength(h) == x.body.Len()
	}
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	if x.body.Len() > 0 && len(h["Transfer-Encoding"]) == 0 {
		x.set(h, "Content-Length", strconv.Itoa(x.body.Len()))
	}
	return true
}

// precondition evaluates the conditions of a GET or HEAD that would be answered
// 200 with the fields h, in the order of RFC 9110 13.2.2. It returns 304, 412, or
// 0 if the response is to be sent. Conditions on a validator that the response
// does not have are left alone, and so are dates unless they are to be trusted: a
// private page may be younger than the copy of another user's.
func precondition(request, h http.Header, dates bool) int {
	etag := first(h["Etag"])
	if !isETag(etag) {
		etag = ""
	}
	modified, dated := ParseDate(first(h["Last-Modified"]))
	dated = dated && dates
	if lines := request["If-Match"]; len(lines) > 0 {
		if etag != "" && !matches(lines, etag, true) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := ParseDate(only(request["If-Unmodified-Since"])); ok && dated && modified.After(since) {
		return http.StatusPreconditionFailed
	}
	if lines := request["If-None-Match"]; len(lines) > 0 {
		if etag != "" && matches(lines, etag, false) {
			return http.StatusNotModified
		}
	} else if since, ok := ParseDate(only(request["If-Modified-Since"])); ok && dated && !modified.After(since) {
		return http.StatusNotModified
	}
	return 0
}

func first(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// only returns the single line of a field, "" if there is not exactly one.
func only(lines []string) string {
	if len(lines) != 1 {
		return ""
	}
	return lines[0]
}

// isETag tells whether s is an entity-tag, weak or strong (RFC 9110 8.8.3).
func isETag(s string) bool {
	_, rest, ok := cutETag(s)
	return ok && rest == ""
}

// cutETag cuts an entity-tag from the beginning of s.
func cutETag(s string) (etag, rest string, ok bool) {
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if len(s) < start+2 || s[start] != '"' {
		return "", s, false
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:], true
		case c <= ' ' || c == 0x7F:
			return "", s, false
		}
	}
	return "", s, false
}

// matches tells whether an entity-tag is in a list, or the list is "*". The
// comparison is strong or weak (RFC 9110 8.8.3.2). What is behind something that
// is no entity-tag is not looked at.
func matches(lines []string, etag string, strong bool) bool {
	if strong && strings.HasPrefix(etag, "W/") {
		return len(lines) == 1 && trim(lines[0]) == "*"
	}
	opaque := strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		if trim(line) == "*" {
			return true
		}
		for {
			line = strings.TrimLeft(line, " \t,")
			candidate, rest, ok := cutETag(line)
			if !ok {
				break
			}
			if !strong {
				candidate = strings.TrimPrefix(candidate, "W/")
			}
			if candidate == opaque {
				return true
			}
			line = rest
		}
	}
	return false
}
