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

// normalize joins the lines of a list and drops white space around its members.
// In the fields of content negotiation the case of letters says nothing, nor, as
// RFC 9110 12.5 has it, does the order.
func normalize(name string, lines []string) string {
	negotiated := false
	switch name {
	case "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language":
		negotiated = true
	}
	// Members keep their order elsewhere: what it means is for the origin to know.
	var members []string
	for _, line := range lines {
		for member := range listMembers(line) {
			if negotiated {
				member = strings.ToLower(strings.ReplaceAll(member, " ", ""))
			}
			members = append(members, member)
		}
	}
	if negotiated {
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
