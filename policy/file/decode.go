package file

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// decoder turns nodes into a policy. It goes on after a mistake, so that all are
// reported at once. The library could decode into structs by itself, but it takes
// every spelling of a value that some YAML has, and says less of what is wrong.
type decoder struct {
	index    *Index
	mistakes []*Error
	// more are the mistakes beyond what is kept.
	more int
}

// maxKept bounds the mistakes that are kept until they are sorted. It is above the
// number that is reported, since the first of the file are not always found first.
const maxKept = 20 * maxErrors

// report notes a mistake at a node, with the path of its field: by that, validate knows
// what follows from it.
func (d *decoder) report(path string, n *yaml.Node, mend, format string, args ...any) {
	e := d.index.at(Position{n.Line, n.Column}, fmt.Sprintf(format, args...), mend)
	e.Field = path
	d.keep(e)
}

// keep notes a mistake, if there are not too many already.
func (d *decoder) keep(e *Error) {
	if d.full() {
		d.more++
		return
	}
	d.mistakes = append(d.mistakes, e)
}

// full tells whether mistakes are only counted from now on. Whoever has to search for a
// mend asks before.
func (d *decoder) full() bool { return len(d.mistakes) == maxKept }

// plain tells whether a node is one that a policy may have, and reports it if not.
// What is refused here is what makes readers of YAML differ, or hang: aliases of
// aliases grow without a bound ("billion laughs"), and a tag changes what a value is.
func (d *decoder) plain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.report(path, n, "write out what it stands for, or share a line of life as a profile", "*%s is an alias, which is not read", secret.Hide(n.Value))
	case n.Anchor != "":
		d.report(path, n, "leave the anchor out", "&%s is an anchor, which is not read", secret.Hide(n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		d.report(path, n, "leave the tag out", "the tag %s is not read", secret.Quote(n.Tag))
	default:
		return true
	}
	return false
}

// kind tells whether a node is of a kind, and reports it if not, or if it is not plain.
// what names the kind in the message.
func (d *decoder) kind(path string, n *yaml.Node, want yaml.Kind, what, mend string) bool {
	if !d.plain(path, n) {
		return false
	}
	if n.Kind != want {
		got := describe(n)
		if d.index.secret[n.Line] {
			got = "what may be a secret"
		}
		d.report(path, n, mend, "want %s, got %s", what, got)
	}
	return n.Kind == want
}

// mapping calls visit for each key of a mapping, with the path of its value. A key that
// is there twice is visited once: YAML forbids it (1.2.2, 3.2.1.1), and of most readers
// the last one wins, without a word.
func (d *decoder) mapping(path string, n *yaml.Node, visit func(key, path string, k, v *yaml.Node)) {
	if !d.kind(path, n, yaml.MappingNode, "a mapping", "write keys with values below it") {
		return
	}
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if !d.plain(path, k) {
			continue
		}
		if k.Kind != yaml.ScalarNode {
			d.report(path, k, "write a name", "a key is %s", describe(k))
			continue
		}
		if line, twice := lines[k.Value]; twice {
			d.report(field.Path(path, k.Value), k, "keep one of them", "the key %s is there twice, first in line %d", secret.Quote(k.Value), line)
			continue
		}
		lines[k.Value] = k.Line
		below := field.Path(path, k.Value)
		d.index.putKey(below, k, v)
		visit(k.Value, below, k, v)
	}
}

// fields are the keys of a mapping, each with what reads its value.
type fields map[string]reader

// reader reads the value of a field.
type reader func(d *decoder, path string, n *yaml.Node)

// fields reads a mapping with fixed keys. A key without a value is a mistake, and not
// the default: in a diff it looks as if something were said.
func (d *decoder) fields(path string, n *yaml.Node, known fields) {
	if n.Kind != yaml.MappingNode && len(known) <= 4 { // few enough to be named
		if d.plain(path, n) {
			d.report(path, n, "write keys with values below it: "+strings.Join(slices.Sorted(maps.Keys(known)), ", "), "want a mapping, got %s", describe(n))
		}
		return
	}
	d.mapping(path, n, func(key, below string, k, v *yaml.Node) {
		read, ok := known[key]
		if !ok {
			d.unknown(below, key, k, known)
			return
		}
		if v.Kind == yaml.ScalarNode && !quoted(v) && nothing.MatchString(v.Value) {
			d.report(below, k, "give it one, or leave the key out", "%s has no value", key)
			return
		}
		read(d, below, v)
	})
}

// unknown reports a key that is not among the known ones, with the one that was probably
// meant. Keys are never passed over: a misspelt no_store would be a leak.
func (d *decoder) unknown(path, key string, k *yaml.Node, known fields) {
	if d.full() {
		d.more++ // without the search
		return
	}
	names := slices.Sorted(maps.Keys(known))
	mend := "the keys here are " + strings.Join(names, ", ")
	if near := nearest.Name(key, names); near != "" {
		mend = "did you mean " + near + "?"
	} else if key == "<<" {
		mend = "write the keys out, or share a line of life as a profile"
	}
	d.report(path, k, mend, "unknown key %s", secret.Quote(key))
}

// describe names what a node is, for a message, in the words that a reader of the file
// has for it.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if !quoted(n) && nothing.MatchString(n.Value) {
		return "nothing"
	}
	return secret.Quote(n.Value)
}
