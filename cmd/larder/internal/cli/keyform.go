package cli

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larderdev/larder/policy"
)

// checkKeyForm refuses the text of a key that no value of the class's key type has:
// 042 where keys are numbers, and the parts of a key in another order than that of
// their names. Nothing is stored under such a text, so that a purge of it would
// succeed and change nothing. Types of the service's own have texts that nobody here
// knows.
func checkKeyForm(k policy.Key, text string) error {
	switch {
	case len(k.Parts) > 0:
		return checkParts(k.Parts, text)
	case k.Type == "rune" || strings.HasPrefix(k.Type, "int") && !strings.Contains(k.Type, "."):
		if n, err := strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(n, 10) != text {
			return fmt.Errorf("keys of the class are of type %s, and %.40q is not how one is written", k.Type, text)
		}
	case k.Type == "byte" || strings.HasPrefix(k.Type, "uint") && !strings.Contains(k.Type, "."):
		if n, err := strconv.ParseUint(text, 10, 64); err != nil || strconv.FormatUint(n, 10) != text {
			return fmt.Errorf("keys of the class are of type %s, and %.40q is not how one is written", k.Type, text)
		}
	}
	return nil
}

// checkParts looks at the canonical text of a key with parts, as generated code
// writes it: those that are not zero, in the order of their names.
func checkParts(parts []policy.KeyPart, text string) error {
	if text == "" {
		return nil // all parts are zero
	}
	var names []string
	for _, part := range parts {
		names = append(names, part.Name)
	}
	slices.Sort(names)
	last := ""
	for piece := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(piece, "=")
		i := slices.IndexFunc(parts, func(p policy.KeyPart) bool { return p.Name == name })
		switch {
		case i < 0:
			return fmt.Errorf("the key has no part %.40q: its parts are %s", name, strings.Join(names, ", "))
		case name <= last:
			return fmt.Errorf("the parts of a key stand in the order of their names, each once: %s", strings.Join(names, ", "))
		}
		if err := checkPart(parts[i].Type, value); err != nil {
			return fmt.Errorf("the part %s: %w", name, err)
		}
		last = name
	}
	return nil
}

// checkPart looks at the value of one part.
func checkPart(kind, value string) error {
	if value == "" {
		return errors.New("it is empty: leave it out")
	}
	members := []string{value}
	if kind == "[]string" {
		members = strings.Split(value, ",")
	}
	plain := make([]string, len(members))
	for i, member := range members {
		text, err := url.QueryUnescape(member)
		if err != nil || url.QueryEscape(text) != member {
			return fmt.Errorf("%.40q is not escaped as in a query: write %s", member, url.QueryEscape(text))
		}
		plain[i] = text
	}
	switch kind {
	case "int64":
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n == 0 || strconv.FormatInt(n, 10) != value {
			return fmt.Errorf("%.40q is not how a number is written; 0 is left out", value)
		}
	case "float64":
		if f, err := strconv.ParseFloat(plain[0], 64); err != nil || f == 0 || strconv.FormatFloat(f, 'g', -1, 64) != plain[0] {
			return fmt.Errorf("%.40q is not how a number is written; 0 is left out", plain[0])
		}
	case "bool":
		if value != "true" {
			return fmt.Errorf("it is %.40q, want true; false is left out", value)
		}
	case "[]string":
		if !slices.IsSorted(plain) || len(slices.Compact(slices.Clone(plain))) != len(plain) || plain[0] == "" {
			return errors.New("the members of a list stand in the order of the alphabet, each once and none empty")
		}
	}
	return nil
}
