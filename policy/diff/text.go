package diff

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larderdev/larder/internal/timespan"
	"github.com/larderdev/larder/policy"
)

// share is a number from 0 to 1 that is written in percent.
type share float64

// size is a number of bytes.
type size int64

// text writes what a field says, much as a file does; nothing is "". It is for a line of
// a report and not for a file: shares and sizes are rounded to what people read. The
// types are those of the model's fields, and a new one shows as Go prints it.
func text(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return length(v)
	case share:
		return orNone(float64(v), func() string { return strconv.FormatFloat(float64(v)*100, 'g', 4, 64) + "%" })
	case size:
		return orNone(int64(v), func() string { return fmt.Sprintf("%dB", v) })
	case float64:
		return orNone(v, func() string { return strconv.FormatFloat(v, 'g', -1, 64) })
	case int:
		return orNone(v, func() string { return strconv.Itoa(v) })
	case bool:
		return map[bool]string{true: "true"}[v]
	case []string:
		if v == nil { // an empty list is something else: no parameter of the query counts
			return ""
		}
		return "[" + strings.Join(v, ", ") + "]"
	case []policy.Tier:
		return list(v, func(t policy.Tier) string { return string(t) })
	case map[int]time.Duration:
		return statusesText(v)
	case map[string]string: // exceptions, of which the rule is the change and the reason a comment
		return list(slices.Sorted(maps.Keys(v)), func(rule string) string { return rule })
	case policy.Key:
		return keyText(v)
	case policy.Profile:
		return braces(pairs("fresh", length(v.Fresh), "stale", length(v.Stale), "expire", length(v.Expire), "jitter", text(share(v.Jitter))))
	case policy.CDN:
		return braces(pairs("kind", v.Kind, "zone", v.Zone, "token", v.Token, "hosts", text(v.Hosts)))
	case []policy.Table:
		return list(v, tableText)
	}
	return fmt.Sprint(v)
}

// keyText is a type or parts; a valid key has one of them, so that the other is empty.
func keyText(k policy.Key) string {
	var all []string
	for _, part := range k.Parts {
		all = append(all, part.Name+": "+part.Type)
	}
	return k.Type + braces(all)
}

// statusesText writes statuses in their order, which a map has not.
func statusesText(lives map[int]time.Duration) string {
	var all []string
	for _, status := range slices.Sorted(maps.Keys(lives)) {
		all = append(all, fmt.Sprintf("%d: %s", status, length(lives[status])))
	}
	return braces(all)
}

// tableText leaves out an empty list of tags, which says nothing here.
func tableText(t policy.Table) string {
	tags := ""
	if len(t.Tags) > 0 {
		tags = text(t.Tags)
	}
	return braces(pairs("table", t.Name, "key", t.Key, "tags", tags, "version", t.Version, "sequence", t.Sequence))
}

// orNone writes a number: 0 is nothing, as in a policy, and None is none, as in a file.
func orNone[T int | int64 | float64](v T, number func() string) string {
	switch v {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	return number()
}

// list writes members in brackets; none is nothing.
func list[T any](members []T, one func(T) string) string {
	if len(members) == 0 {
		return ""
	}
	all := make([]string, len(members))
	for i, m := range members {
		all[i] = one(m)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// pairs joins keys and values, without those whose value is empty.
func pairs(all ...string) []string {
	var kept []string
	for i := 0; i+1 < len(all); i += 2 {
		if all[i+1] != "" {
			kept = append(kept, all[i]+": "+all[i+1])
		}
	}
	return kept
}

// braces writes what pairs has kept; nothing is nothing.
func braces(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// length writes a duration as files do.
func length(d time.Duration) string {
	switch d {
	case 0:
		return ""
	case policy.None:
		return "none"
	}
	return timespan.Text(d)
}
