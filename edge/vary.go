package edge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/larderdev/larder/httpcache"
)

// maxSelectors bounds the fields in a Vary, maxVariants the responses under one
// URL: the oldest makes room.
const (
	maxSelectors = 16
	maxVariants  = 32
)

// selector is a field that Vary names, with its value in the request, in a form
// in which values that mean the same are equal (RFC 9111 4.1).
type selector struct {
	name, value string
	present     bool
}

// selectors returns those of a response to r.
func selectors(h, request http.Header) []selector {
	names, _ := httpcache.ParseVary(h.Values("Vary"))
	if len(names) == 0 {
		return nil
	}
	// In one order, so that two responses with the same fields fill the same slot.
	slices.Sort(names)
	all := make([]selector, len(names))
	for i, name := range names {
		all[i] = selected(name, request)
	}
	return all
}

// selected returns the field of a request in normal form.
func selected(name string, request http.Header) selector {
	lines, present := request[name]
	return selector{name: name, value: normalize(name, lines), present: present}
}

// selects tells whether r has the values that the stored request had.
func (s *response) selects(request http.Header) bool {
	for i := range s.vary {
		want := &s.vary[i]
		// An empty field is not an absent one: origins tell them apart.
		lines, present := request[want.name]
		if present != want.present || !present {
			if present != want.present {
				return false
			}
			continue
		}
		if len(lines) == 1 && lines[0] == want.value {
			continue // it is in normal form already
		}
		if normalize(want.name, lines) != want.value {
			return false
		}
	}
	return true
}

// negotiated tells whether a field is one of content negotiation.
func negotiated(name string) bool {
	switch name {
	case "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language":
		return true
	}
	return false
}

// isList tells whether a field of requests is known to be a list (RFC 9110 5.6.1).
// Whether another is nobody can say: in "a,,b" the empty member may have a meaning.
func isList(name string) bool {
	switch name {
	case "Access-Control-Request-Headers", "Cache-Control", "If-Match", "If-None-Match", "Prefer",
		"Sec-Ch-Ua", "Sec-Ch-Ua-Full-Version-List":
		return true
	}
	return negotiated(name)
}

// normalize returns the value of a field in one form for all that mean the same.
// Of a list these are its members without the white space around them, and without
// empty ones. In the fields of content negotiation the case of letters says
// nothing, nor, as RFC 9110 12.5 has it, does the order. The lines of any other
// field are joined, and stay as they are.
func normalize(name string, lines []string) string {
	switch {
	case name == "Cookie":
		return strings.Join(lines, "; ") // as HTTP/2 parts it (RFC 9113 8.2.3)
	case !isList(name):
		return strings.Join(lines, ", ") // RFC 9110 5.3
	}
	folds := negotiated(name)
	// Members keep their order elsewhere: what it means is for the origin to know.
	var members []string
	for _, line := range lines {
		for member := range listMembers(line) {
			if folds {
				member = strings.ToLower(strings.ReplaceAll(member, " ", ""))
			}
			members = append(members, member)
		}
	}
	if folds {
		slices.Sort(members)
	}
	return strings.Join(members, ",")
}

// listMembers goes over the members of a list, which are parted by commas
// outside quotes.
func listMembers(line string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		quoted := false
		start := 0
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == ',' && !quoted:
				if member := strings.Trim(line[start:i], " \t"); member != "" && !yield(member) {
					return
				}
				start = i + 1
			// A quoted pair: the next character is no quote (RFC 9110 5.6.4).
			case line[i] == '\\' && quoted:
				i++
			case line[i] == '"':
				quoted = !quoted
			}
		}
		if member := strings.Trim(line[start:], " \t"); member != "" {
			yield(member)
		}
	}
}
