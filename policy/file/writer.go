package file

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// writer writes the lines of a file. No value is longer than its line, but for those
// that begin with a line break: they bring their own lines.
type writer struct{ b bytes.Buffer }

// line writes a key with its value; of what has none, an empty mapping keeps the name.
func (w *writer) line(depth int, key, value string) {
	fmt.Fprintf(&w.b, "%s%s: %s\n", strings.Repeat("  ", depth), key, cmp.Or(value, "{}"))
}

// heading writes the key of a section after a blank line.
func (w *writer) heading(key string) { fmt.Fprintf(&w.b, "\n%s:\n", key) }

// section writes a key with pairs below it, if there are any.
func (w *writer) section(key string, ps pairs) {
	if len(ps) == 0 {
		return
	}
	w.heading(key)
	for _, p := range ps {
		w.line(1, p.key, p.value)
	}
}

// thing writes a class or a route, with its exceptions as the comments that Parse reads
// them from, in the one place where they cannot belong to another.
func (w *writer) thing(key string, ignore map[string]string, ps pairs) {
	for _, rule := range slices.Sorted(maps.Keys(ignore)) {
		fmt.Fprintf(&w.b, "  # larder:ignore %s %s\n", rule, ignore[rule])
	}
	if len(ps) == 0 {
		w.line(1, key, "")
		return
	}
	fmt.Fprintf(&w.b, "  %s:\n", key)
	for _, p := range ps {
		if strings.HasPrefix(p.value, "\n") {
			fmt.Fprintf(&w.b, "    %s:%s\n", p.key, p.value)
		} else {
			w.line(2, p.key, p.value)
		}
	}
}

// member writes a mapping in a list: the first key beside the dash, the others below it.
func (w *writer) member(ps pairs) {
	if len(ps) == 0 {
		w.b.WriteString("  - {}\n")
	}
	for i, p := range ps {
		lead := "    "
		if i == 0 {
			lead = "  - "
		}
		fmt.Fprintf(&w.b, "%s%s: %s\n", lead, p.key, p.value)
	}
}

// pair is a key with its value as YAML. An empty value was not said.
type pair struct{ key, value string }

type pairs []pair

// block leaves out what was not said: a field of the file is one of the policy.
func block(all ...pair) pairs {
	return slices.DeleteFunc(all, func(p pair) bool { return p.value == "" })
}

// flow writes pairs on one line, "" if there are none, so that a mapping without any
// is itself one that was not said.
func (ps pairs) flow() string {
	if len(ps) == 0 {
		return ""
	}
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = p.key + ": " + p.value
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
