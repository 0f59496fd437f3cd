package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// Unusable is what [Directives.Seconds] says of a lifetime that is there and
// makes no sense: not a number, or two numbers that differ. It is negative, so
// that nothing is ever young enough for it: a caller that knows nothing of this
// value takes the response for stale, as RFC 9111 4.2.1 wants.
const Unusable time.Duration = -1

// maxSeconds is what greater numbers of seconds count as (RFC 9111 1.2.2).
const maxSeconds = 1 << 31

// Directives are those of one field: of Cache-Control, or of one that targets
// some caches, such as CDN-Cache-Control. The zero value has none. They do not
// change and may be used concurrently.
type Directives struct {
	list []directive
}

// directive is one member of the list.
type directive struct {
	name  string // in lower case
	value string // without quotes
	// valued: there is a value, maybe an empty one.
	valued bool
	// malformed: there is a name, but what follows it is no value.
	malformed bool
}

// forbids tells whether a directive keeps caches from something and nothing
// else. Such a one is obeyed even if it is written badly.
func forbids(name string) bool {
	return name == "no-store" || name == "no-cache" || name == "private"
}

// Has tells whether the directive is there, with or without a value. name is in
// lower case. One that is badly written ("public x", "max-age =60") is not,
// unless it is no-store, no-cache or private: these are obeyed in any form.
func (d Directives) Has(name string) bool {
	for i := range d.list {
		if d.list[i].name == name && (!d.list[i].malformed || forbids(name)) {
			return true
		}
	}
	return false
}

// Value returns the value of a directive, without quotes; ok is false if it is
// absent or has none. Of several the first is returned.
func (d Directives) Value(name string) (value string, ok bool) {
	for i := range d.list {
		if m := &d.list[i]; m.name == name && m.valued && !m.malformed {
			return m.value, true
		}
	}
	return "", false
}

// Seconds returns the value of a directive that is a number of seconds, such as
// max-age. There are three answers:
//
//	 0, false   the directive is absent
//	 t, true    its value, from 0 to 2³¹ s; greater ones count as 2³¹ s
//	-1, true    [Unusable]: it is there, but its value is missing or no number
//	            of seconds, or it is there twice with different values
//
// A response whose lifetime is Unusable is stale (RFC 9111 4.2.1): whoever asks
// "age < t" gets that right without asking for the third case.
func (d Directives) Seconds(name string) (t time.Duration, ok bool) {
	for i := range d.list {
		m := &d.list[i]
		if m.name != name {
			continue
		}
		this, valid := parseSeconds(m.value)
		if m.malformed || !valid || ok && this != t {
			return Unusable, true
		}
		t, ok = this, true
	}
	return t, ok
}

// Fields returns the fields that a qualified no-cache="f, g" or private="f, g"
// speaks of, in canonical form (RFC 9111 5.2.2.4, 5.2.2.7). nil says that the
// directive is absent or, if Has says that it is there, that it speaks of the
// whole response. So do an empty list, one with something that is no field name,
// and a qualified directive next to one that is not.
func (d Directives) Fields(name string) []string {
	var fields []string
	for i := range d.list {
		m := &d.list[i]
		if m.name != name {
			continue
		}
		before := len(fields)
		for field := range strings.SplitSeq(m.value, ",") {
			field = trim(field)
			if field == "" {
				continue
			}
			if !isToken(field) {
				return nil
			}
			fields = append(fields, http.CanonicalHeaderKey(field))
		}
		if m.malformed || len(fields) == before {
			return nil
		}
	}
	return fields
}

// parseSeconds reads delta-seconds (RFC 9111 1.2.2).
func parseSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), maxSeconds)
	}
	return time.Duration(n) * time.Second, true
}
