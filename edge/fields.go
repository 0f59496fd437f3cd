package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/larderdev/larder/httpcache"
)

// hopByHop are the fields of one connection alone (RFC 9110 7.6.1), and those of
// a proxy's own authentication, which RFC 9111 3.1 keeps out of the store.
var hopByHop = []string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade",
	"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Trailer",
}

// removeHopByHop deletes the fields that end here.
func removeHopByHop(h http.Header) {
	// RFC 9110 7.6.1: what Connection names belongs to this connection alone.
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}

// Tag fields of the CDNs, by what parts their members.
var (
	tagsByComma = []string{"Cache-Tag", "Edge-Cache-Tag", "Cdn-Tag"}
	tagsBySpace = []string{"Surrogate-Key", "Xkey"}
)

const (
	// maxTags and maxTagBytes bound the tags of one response. A response with
	// more of them could not be purged by all, and is not stored.
	maxTags     = 1024
	maxTagBytes = 32 << 10
)

// marksOf returns the names of marks that a response is purged by; false if they
// are too many, or if a tag is among them that no purge can name.
func marksOf(t *target, h http.Header) ([]string, bool) {
	var names []string
	bytes, purgeable := 0, true
	add := func(about, tag string) {
		if tag != "" {
			names = append(names, about+tag)
			bytes += len(tag)
		}
	}
	addTag := func(tag string) {
		tag = foldTag(tag)
		add(aboutTag, tag)
		purgeable = purgeable && (tag == "" || isTag(tag))
	}
	for _, field := range tagsByComma {
		for _, line := range h[field] {
			for tag := range strings.SplitSeq(line, ",") {
				addTag(tag)
			}
		}
	}
	for _, field := range tagsBySpace {
		for _, line := range h[field] {
			// Some write commas here too.
			for tag := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ' ' || c == '\t' || c == ',' }) {
				addTag(tag)
			}
		}
	}
	// Groups have a space of names for each origin, apart from that of tags.
	groups, _ := httpcache.ParseGroups(h["Cache-Groups"])
	for _, group := range groups {
		add(aboutGroup, t.origin()+" "+group)
		if tag := foldTag(group); isTag(tag) {
			add(aboutTag, tag) // who purges by tag does not know which field named it
		}
	}
	// Each once: a mark is looked up for each of them when the book has changed.
	slices.Sort(names)
	names = slices.Clip(slices.Compact(names))
	return names, purgeable && len(names) <= maxTags && bytes <= maxTagBytes
}

// foldTag is the form in which tags are compared: some CDNs fold their case, and
// to purge too much is the safe mistake.
func foldTag(tag string) string { return strings.ToLower(strings.TrimSpace(tag)) }

// forCaches are fields that tell caches which tags a response has and how to keep
// it, each in the words of one kind of cache.
var forCaches = slices.Concat(tagsByComma, tagsBySpace, []string{"Surrogate-Control"})

// withhold takes out what is for this cache and not for clients.
func (o *Options) withhold(h http.Header) {
	if o.ExposeTags {
		return
	}
	for _, name := range forCaches {
		// A field that targets this cache is read again whenever a 304 or a
		// restart brings the response back, so that it stays in it.
		if !slices.ContainsFunc(o.TargetFields, func(f string) bool { return strings.EqualFold(f, name) }) {
			delete(h, name)
		}
	}
	if o.Profile != StrictRFC {
		// This one is for any cache, a browser's too (RFC 9875), and a standard
		// has all fields stored and passed on (RFC 9111 3.1). But no browser reads
		// it, and on a page of fifty products it is a kilobyte.
		delete(h, "Cache-Groups")
	}
}

// forClients returns the fields of a response from the origin as clients get
// them, and as they are stored.
func (o *Options) forClients(h http.Header) http.Header {
	removeHopByHop(h)
	o.withhold(h)
	return h
}

// clip returns a copy of h in which no slice has room to grow, and all values of
// which are in few allocations.
func clip(h http.Header, without []string) http.Header {
	n := 0
	for _, lines := range h {
		n += len(lines)
	}
	// One array for all values, since a stored response lives long and is one of many.
	all := make([]string, 0, n)
	c := make(http.Header, len(h))
	for name, lines := range h {
		if slices.Contains(without, name) {
			continue
		}
		start := len(all)
		all = append(all, lines...)
		c[name] = all[start:len(all):len(all)]
	}
	return c
}
