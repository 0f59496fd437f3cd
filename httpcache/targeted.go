package httpcache

import (
	"strconv"

	"github.com/dunglas/httpsfv"
)

// ParseTargeted reads the lines of a field that targets some caches, such as
// CDN-Cache-Control (RFC 9213): a Dictionary of RFC 9651, with its strict rules.
// ok is false if there is nothing to obey, and the cache is to look at its next
// field, in the end at Cache-Control: the field is absent, empty, or not
// parseable as a whole, or a directive that takes seconds has something else
// than an Integer.
//
// One mistake does not count: a field that forbids something (no-store,
// no-cache, private) does so also when seconds of its are of the wrong type.
// These are then [Unusable].
func ParseTargeted(lines []string) (d Directives, ok bool) {
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(dict.Names()) == 0 {
		return Directives{}, false
	}
	d.list = make([]directive, 0, len(dict.Names()))
	wrong, forbidden := false, false
	for _, name := range dict.Names() {
		member, _ := dict.Get(name)
		m, present := targetedDirective(name, member)
		if !present {
			continue
		}
		d.list = append(d.list, m)
		wrong = wrong || m.malformed && takesSeconds(name)
		forbidden = forbidden || forbids(name)
	}
	if wrong && !forbidden {
		return Directives{}, false
	}
	return d, true
}

// takesSeconds tells whether a directive of responses has seconds as its value.
func takesSeconds(name string) bool {
	switch name {
	case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
		return true
	}
	return false
}

// targetedDirective makes a directive of a member. One that is false is not
// there. Parameters say nothing (RFC 9213 2.1).
func targetedDirective(name string, member httpsfv.Member) (m directive, present bool) {
	m.name = name
	item, single := member.(httpsfv.Item)
	if !single {
		m.malformed = true // an inner list is the value of no directive
		return m, true
	}
	switch v := item.Value.(type) {
	case bool:
		m.malformed = takesSeconds(name)
		return m, v || m.malformed
	case int64:
		m.value, m.valued = strconv.FormatInt(v, 10), true
	case string:
		m.value, m.valued = v, true
		m.malformed = takesSeconds(name)
	case httpsfv.Token:
		m.value, m.valued = string(v), true
		m.malformed = takesSeconds(name)
	default:
		m.malformed = true
	}
	return m, true
}

// ParseGroups reads the lines of a Cache-Groups or Cache-Group-Invalidation
// field (RFC 9875): a List of Strings, case-sensitive. ok is false if they are
// not that, or empty; the field then says nothing.
func ParseGroups(lines []string) (groups []string, ok bool) {
	list, err := httpsfv.UnmarshalList(lines)
	if err != nil || len(list) == 0 {
		return nil, false
	}
	groups = make([]string, 0, len(list))
	for _, member := range list {
		item, single := member.(httpsfv.Item)
		if !single {
			return nil, false
		}
		group, isString := item.Value.(string)
		if !isString {
			return nil, false
		}
		groups = append(groups, group)
	}
	return groups, true
}
