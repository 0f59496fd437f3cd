package edge

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/larderdev/larder/httpcache"
)

// span is a part of a body: the offsets of its first byte and behind its last.
type span struct{ from, to int64 }

// rangeOf reads the Range of a request for a body of a known length (RFC 9110
// 14.1.2). ok is false if it is to be ignored: another unit, badly written, or
// several ranges, which are more work than they are worth. satisfiable is false
// if there is no such part.
func rangeOf(lines []string, length int64) (s span, satisfiable, ok bool) {
	// Several lines would be one list of ranges, if units were lists.
	if len(lines) != 1 {
		return s, false, false
	}
	spec, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(lines[0])), "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !found || !dash || strings.Contains(spec, ",") {
		return s, false, false
	}
	from, okFrom := parseOffset(first)
	to, okTo := parseOffset(last)
	switch {
	// As in RFC 9110 14.1.2: a suffix longer than the body is all of it.
	case first == "" && okTo: // the last bytes
		s = span{max(0, length-to), length}
		return s, to > 0 && length > 0, true
	case okFrom && last == "":
		s = span{from, length}
	case okFrom && okTo && from <= to:
		s = span{from, min(length, to+1)}
	default:
		return s, false, false
	}
	return s, s.from < length, true
}

// parseOffset reads a number without a sign, of at most 18 digits.
func parseOffset(text string) (int64, bool) {
	// 18 digits fit into 63 bits whatever they are; ParseInt would take a sign.
	if text == "" || len(text) > 18 || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// partOf reads the Content-Range of a 206 (RFC 9110 14.4). ok is false if the
// part has no place in a whole of known length, or its body another length than
// it says.
func partOf(resp *http.Response) (first, total int64, ok bool) {
	lines := resp.Header["Content-Range"]
	if len(lines) != 1 {
		return 0, -1, false
	}
	text, found := strings.CutPrefix(strings.ToLower(lines[0]), "bytes ")
	place, whole, slash := strings.Cut(text, "/")
	begin, end, dash := strings.Cut(place, "-")
	first, ok1 := parseOffset(begin)
	last, ok2 := parseOffset(end)
	total, ok3 := parseOffset(whole)
	if !found || !slash || !dash || !ok1 || !ok2 || !ok3 || first > last || last >= total {
		return 0, -1, false
	}
	return first, total, resp.ContentLength == last-first+1
}

// ifRange tells whether the condition of a Range holds (RFC 9110 13.1.5).
func (s *response) ifRange(r http.Header) bool {
	condition := r.Get("If-Range")
	switch {
	case condition == "":
		return true
	// RFC 9110 13.1.5: parts of bytes that may differ do not fit together.
	case strings.HasPrefix(condition, "W/"):
		return false
	case strings.HasPrefix(condition, `"`):
		return condition == s.etag
	}
	date, ok := httpcache.ParseDate(condition)
	// Equal, not earlier: the client has the bytes of that very date.
	modified, known := httpcache.ParseDate(s.modified)
	return ok && known && date.Equal(modified)
}

// covers tells whether a stored part has all that a request asks for.
func (s *response) covers(r http.Header) bool {
	want, satisfiable, ok := rangeOf(r["Range"], s.total)
	return ok && satisfiable && s.first <= want.from && want.to <= s.end() && s.ifRange(r)
}

// fits tells whether a 206 continues the part of a flight: the same strong
// validator, and the very next byte up to the last (RFC 9111 3.4).
func (f *flight) fits(resp *http.Response) bool {
	first, total, ok := partOf(resp)
	return ok && resp.Header.Get("ETag") == f.part.etag && first == f.part.end() && total == f.part.total &&
		first+resp.ContentLength == total
}

// complete makes the rest that a flight asked for the whole response, and
// returns what comes before it. Fields of the newer response count.
func (f *flight) complete(resp *http.Response) []byte {
	if f.part == nil || resp.StatusCode != http.StatusPartialContent {
		return nil
	}
	for name, lines := range f.part.header {
		if _, ok := resp.Header[name]; !ok {
			resp.Header[name] = lines
		}
	}
	// From here on it is a whole response, for all who look at it.
	resp.StatusCode = http.StatusOK
	resp.Header.Del("Content-Range")
	resp.Header.Set("Content-Length", strconv.FormatInt(f.part.total, 10))
	return f.part.body
}
