package edge

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/httpcache"
)

// conditionals are the fields that make a request conditional on what the client
// has; where the store is asked for the client, they are evaluated here.
var conditionals = []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"}

// maxValidators bounds the entity tags in one request of ours.
const maxValidators = 8

// conditional makes the request of a flight one that lets the origin confirm a
// candidate (RFC 9111 4.3.1).
func (f *flight) conditional() {
	for _, name := range conditionals {
		f.out.Header.Del(name)
	}
	var tags []string
	for _, s := range f.candidates {
		if s.etag != "" && !slices.Contains(tags, s.etag) && len(tags) < maxValidators {
			tags = append(tags, s.etag)
		}
	}
	// The tags of all forms at once: one answer says which of them is still right.
	if len(tags) > 0 {
		f.out.Header.Set("If-None-Match", strings.Join(tags, ", "))
	}
	// A date can confirm only what it belongs to, so it is sent for the one
	// that the request selects.
	if s := f.candidates[0]; s.modified != "" && s.selects(f.asker.Header) {
		f.out.Header.Set("If-Modified-Since", s.modified)
	}
}

// asksAlone tells whether the origin was asked something that others who want the
// same URL do not ask. An error may be the answer to that alone.
func (f *flight) asksAlone() bool {
	asked := f.asker.Header
	if f.out != nil {
		asked = f.out.Header // without what is evaluated here
	}
	if len(asked["Expect"]) > 0 || len(asked["Range"]) > 0 {
		return true
	}
	// With candidates the conditions are those of the cache.
	return len(f.candidates) == 0 && (len(asked["If-None-Match"]) > 0 || len(asked["If-Modified-Since"]) > 0)
}

// rest makes the request of a flight one for what is missing behind a part.
func (f *flight) rest(part *response) {
	f.part = part
	f.out.Header.Set("Range", "bytes="+strconv.FormatInt(part.end(), 10)+"-")
	f.out.Header.Set("If-Range", part.etag)
}

// unconditional makes the request of a flight one for the whole response.
func (f *flight) unconditional() {
	// A copy: the transport may still be reading the first one.
	f.out = f.out.Clone(f.out.Context())
	for _, name := range conditionals {
		f.out.Header.Del(name)
	}
	f.candidates, f.part = nil, nil
}

// misses tells whether a response answers our own condition in a way that is of
// no use to the client.
func (f *flight) misses(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusNotModified:
		return len(f.candidates) > 0
	case http.StatusPartialContent:
		return f.part != nil && !f.fits(resp)
	case http.StatusRequestedRangeNotSatisfiable:
		return f.part != nil
	}
	return false
}

// confirmed returns the candidate that a 304 is about, nil if it is none of them
// (RFC 9111 4.3.4). One that the request does not select is in another form, say
// compressed, that the same weak tag can be about: it takes the same strong one.
func (f *flight) confirmed(h http.Header) *response {
	if etag := h.Get("ETag"); etag != "" {
		// Of several with the same weak tag only the one that the request selects is meant.
		for _, s := range f.candidates {
			if s.etag == etag && strong(etag) ||
				s.etag != "" && weakMatch(s.etag, etag) && s.selects(f.asker.Header) {
				return s
			}
		}
		return nil
	}
	if f.out.Header.Get("If-Modified-Since") == "" && len(f.candidates) > 1 {
		return nil // one of several entity tags, and it does not say which
	}
	first := f.candidates[0]
	if !first.selects(f.asker.Header) {
		return nil
	}
	if modified := h.Get("Last-Modified"); modified != "" && first.modified != "" && modified != first.modified {
		return nil
	}
	return first
}

// keptFields describe the stored body, which a 304 does not replace (RFC 9111
// 3.2).
var keptFields = []string{"Content-Length", "Content-Encoding", "Content-Type", "Content-Range", "Etag"}

// freshen brings a stored response up to date with a 304 and lands with it.
func (h *Handler) freshen(f *flight, s *response, resp *http.Response, askedAt time.Time) {
	gotAt := time.Now()
	marks, ok := marksOf(&f.fetch.url, resp.Header)
	update := h.options.forClients(resp.Header)
	for _, name := range keptFields {
		delete(update, name)
	}
	// The fields of the 304 replace those of the same names (RFC 9111 3.2), in a
	// copy: the stored ones are being sent to others.
	merged := s.header.Clone()
	// Else the old age would go on to count for what has just been confirmed.
	if len(update["Age"]) == 0 {
		delete(merged, "Age")
	}
	for name, lines := range update {
		merged[name] = lines
	}
	said := h.options.state(s.status, merged, gotAt)
	why := h.options.storable(f.asker, s.status, merged, &said)
	if !ok {
		why = refusedTags
	}
	fresh := s.with(clip(merged, said.withheld), func(c *response) {
		c.rules = said.rules
		c.stamp(merged, askedAt, gotAt)
		c.vary = selectors(merged, f.asker.Header)
		// It is as new as the request that confirmed it, not newer. A HEAD confirms
		// no body.
		if f.asker.Method != http.MethodHead {
			c.began = f.fetch.began
		}
		c.names = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(s.names), marks...))))
	})
	l := landing{response: fresh, header: merged, whole: true, status: http.StatusNotModified, why: why}
	switch {
	// The leader gets the merged response in any case; who else does, and whether
	// it stays, is decided as for a new one. What is said to one client alone says
	// nothing about the response that is there for all.
	case why == refusedRequest, why == refusedCredentials, why != refusedNone && h.options.personal(f.asker):
	case why != refusedNone:
		h.store.forget(f.fetch.url.key)
		h.solo.note(f, s.status, why)
	case h.store.put(f.fetch, fresh):
		l.stored = true
		h.count.confirmed.Add(1)
	}
	if why == refusedNone && fresh.ttl(gotAt) <= 0 {
		h.solo.note(f, s.status, refusedSilent)
	}
	f.land(l)
}

// stamp sets what the age and the validators of a response are computed from.
func (s *response) stamp(h http.Header, askedAt, gotAt time.Time) {
	s.askedAt, s.gotAt = askedAt, gotAt
	s.date = dateOf(h, gotAt)
	s.etag, s.modified = h.Get("ETag"), ""
	if modified := h.Get("Last-Modified"); modified != "" {
		if _, ok := httpcache.ParseDate(modified); ok {
			s.modified = modified
		}
	}
	age, _ := httpcache.ParseAge(h.Values("Age"))
	// RFC 9111 4.2.3: the greater of what the clocks say and of what the caches
	// before this one say.
	s.initialAge = max(0, gotAt.Sub(s.date).Truncate(time.Second), age+gotAt.Sub(askedAt))
}

// receive makes a response of what the origin sent, without its body, and the
// fields that go to the client who asked. why says that it is not to be stored.
func (h *Handler) receive(f *flight, resp *http.Response, askedAt, gotAt time.Time) (s *response, header http.Header, why refusal) {
	names, ok := marksOf(&f.fetch.url, resp.Header)
	header = h.options.forClients(resp.Header)
	if header.Get("Date") == "" {
		header.Set("Date", gotAt.UTC().Format(http.TimeFormat))
	}
	said := h.options.state(resp.StatusCode, header, gotAt)
	why = h.options.storable(f.asker, resp.StatusCode, header, &said)
	s = &response{
		url: f.fetch.url, status: resp.StatusCode, total: -1, rules: said.rules,
		began: f.fetch.began, names: names, vary: selectors(header, f.asker.Header),
	}
	switch {
	case why != refusedNone:
	case !ok:
		why = refusedTags
	case resp.StatusCode >= 400 && f.asksAlone():
		why = refusedAsker
	case resp.StatusCode == http.StatusPartialContent:
		if s.first, s.total, ok = partOf(resp); !ok || f.asker.Header.Get("Range") == "" {
			why = refusedPartial
		}
	case h.options.Profile == SafeDefault && unframed(resp):
		why = refusedUnframed
	}
	s.header = clip(header, said.withheld)
	s.stamp(header, askedAt, gotAt)
	return s, header, why
}

// weakMatch compares entity tags weakly (RFC 9110 8.8.3.2). Some leave the
// quotes out; the tag is the same.
func weakMatch(a, b string) bool {
	return bareTag(a) == bareTag(b)
}

// bareTag is an entity tag without weakness and quotes.
func bareTag(tag string) string {
	tag = strings.TrimPrefix(tag, "W/")
	if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		tag = tag[1 : len(tag)-1]
	}
	return tag
}

// strong tells whether a validator identifies every byte (RFC 9110 8.8.1).
func strong(etag string) bool {
	return len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"'
}

// notModified evaluates the conditions of a request against a response (RFC 9110
// 13.2.2, RFC 9111 4.3.2). If-None-Match goes before If-Modified-Since.
func (s *response) notModified(r http.Header) bool {
	if s.status != http.StatusOK && s.status != http.StatusPartialContent {
		return false
	}
	if lines := r["If-None-Match"]; len(lines) > 0 {
		for _, line := range lines {
			for tag := range listMembers(line) {
				if tag == "*" || s.etag != "" && weakMatch(tag, s.etag) {
					return true
				}
			}
		}
		return false
	}
	// A date that makes no sense is no condition (RFC 9110 13.1.3).
	since, ok := httpcache.ParseDate(r.Get("If-Modified-Since"))
	if !ok || len(r["If-Modified-Since"]) > 1 {
		return false
	}
	changed, ok := httpcache.ParseDate(s.modified)
	if !ok {
		// It has not changed after it was sent (RFC 9111 4.3.2).
		changed = s.date
	}
	return !changed.After(since)
}
