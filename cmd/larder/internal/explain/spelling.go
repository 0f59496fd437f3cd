package explain

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larderdev/larder/internal/keytext"
	"github.com/larderdev/larder/policy"
)

// Doubt says why a key is perhaps not the one that is meant; "" if there is no
// doubt. The same question in another spelling is another key, of which nothing is
// cached: whoever types one by hand would be told that all is well. text is that of
// the key within its class, and no digest.
func Doubt(class string, k policy.Key, text string) string {
	switch canonical, ok := spelled(k, text); {
	case !ok:
		return "no key of the class is written like this: its key is " + keyForm(k) + howWritten(class, k)
	case canonical != text:
		return "generated code writes this key as " + keytext.Join(class, canonical) + "; this spelling is another key"
	}
	return ""
}

// howWritten shows the text of a key with parts, which nobody guesses.
func howWritten(class string, k policy.Key) string {
	if len(k.Parts) == 0 {
		return ""
	}
	names := make([]string, len(k.Parts))
	for i, p := range k.Parts {
		names[i] = p.Name
	}
	slices.Sort(names)
	return "; it is written " + keytext.Join(class, strings.Join(names, "=…&")+"=…") + ", without parts that are empty or zero"
}

// spelled returns the text that generated code gives to a key, or false if no key is
// written like text. Of types that only the program knows every text may be one. It
// says again what the methods of generated keys do, which a command cannot call.
func spelled(k policy.Key, text string) (canonical string, ok bool) {
	if len(k.Parts) > 0 {
		return spelledParts(k.Parts, text)
	}
	kind, bits := strings.TrimRight(k.Type, "0123456789"), 64
	if digits := k.Type[len(kind):]; digits != "" {
		bits, _ = strconv.Atoi(digits) // of "int16" and its like
	}
	switch kind {
	case "int":
		n, err := strconv.ParseInt(text, 10, bits)
		return strconv.FormatInt(n, 10), err == nil
	case "uint":
		n, err := strconv.ParseUint(text, 10, bits)
		return strconv.FormatUint(n, 10), err == nil
	}
	return text, true
}

// spelledParts is for keys with parts: the order of names, without those that are
// zero, each member of a list once and in order.
func spelledParts(parts []policy.KeyPart, text string) (canonical string, ok bool) {
	var written []string
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		i := slices.IndexFunc(parts, func(p policy.KeyPart) bool { return p.Name == name })
		if pair == "" {
			continue
		}
		if i < 0 || seen[name] {
			return "", false
		}
		seen[name] = true
		if value, ok = spelledPart(parts[i].Type, value); !ok {
			return "", false
		}
		if value != "" {
			written = append(written, name+"="+value)
		}
	}
	// By name alone: "a=" would stand behind "a.b=" if the lines were compared.
	slices.SortFunc(written, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(written, "&"), true
}

// spelledPart returns the canonical form of a part's value, which is "" for zero.
// A part that is zero is left out of a key's text, so that a part can be added to a
// class without a cold start.
func spelledPart(kind, escaped string) (canonical string, ok bool) {
	if kind == "[]string" {
		return spelledList(escaped)
	}
	value, err := url.QueryUnescape(escaped)
	if err != nil || value == "" {
		return "", err == nil
	}
	switch kind {
	case "bool":
		yes, err := strconv.ParseBool(value)
		if yes {
			return "true", true
		}
		return "", err == nil
	case "int64":
		n, err := strconv.ParseInt(value, 10, 64)
		if n == 0 {
			return "", err == nil
		}
		return strconv.FormatInt(n, 10), err == nil
	case "float64":
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return "", false
		}
		if f == 0 {
			return "", true
		}
		value = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return url.QueryEscape(value), true
}

// spelledList is for a list, whose members are escaped and parted by commas.
// Sorted and without doubles, as NewList of generated code makes a list: ?a=1,2 and
// ?a=2,1 ask for the same thing.
func spelledList(escaped string) (canonical string, ok bool) {
	var members []string
	for member := range strings.SplitSeq(escaped, ",") {
		member, err := url.QueryUnescape(member)
		if err != nil {
			return "", false
		}
		if member != "" {
			members = append(members, member)
		}
	}
	slices.Sort(members)
	members = slices.Compact(members)
	for i, member := range members {
		members[i] = url.QueryEscape(member)
	}
	return strings.Join(members, ","), true
}
