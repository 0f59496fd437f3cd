package file

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/internal/nearest"
	"github.com/larderdev/larder/policy/internal/field"
)

// decoder turns nodes into a policy. It goes on after a mistake, so that all are
// reported at once.
type decoder struct {
	index    *Index
	mistakes []*Error
	// more are the mistakes beyond what is kept.
	more int
}

// reader reads the value of a field.
type reader func(d *decoder, path string, n *yaml.Node)

// fields are the keys of a mapping, each with what reads its value.
type fields map[string]reader

// maxKept bounds the mistakes that are kept until they are sorted.
const maxKept = 20 * maxErrors

// report notes a mistake at a node.
func (d *decoder) report(path string, n *yaml.Node, mend, format string, args ...any) {
	e := d.index.at(Position{n.Line, n.Column}, fmt.Sprintf(format, args...), mend)
	e.Field = path
	d.keep(e)
}

// keep notes a mistake, if there are not too many already.
func (d *decoder) keep(e *Error) {
	if len(d.mistakes) == maxKept {
		d.more++
		return
	}
	d.mistakes = append(d.mistakes, e)
}

// plain tells whether a node is one that a policy may have, and reports it if not.
// What is refused here is what makes readers of YAML differ, or hang.
func (d *decoder) plain(path string, n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		d.report(path, n, "write out what it stands for, or share a line of life as a profile", "*%s is an alias, which is not read", n.Value)
	case n.Anchor != "":
		d.report(path, n, "leave the anchor out", "&%s is an anchor, which is not read", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		d.report(path, n, "leave the tag out", "the tag %s is not read", short(n.Tag))
	default:
		return true
	}
	return false
}

// mapping calls visit for each key of a mapping, with the path of its value.
func (d *decoder) mapping(path string, n *yaml.Node, visit func(key, path string, k, v *yaml.Node)) {
	if !d.plain(path, n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.report(path, n, "write keys with values below it", "want a mapping, got %s", describe(n))
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
			d.report(field.Path(path, k.Value), k, "keep one of them", "the key %s is there twice, first in line %d", short(k.Value), line)
			continue
		}
		lines[k.Value] = k.Line
		below := field.Path(path, k.Value)
		d.index.putKey(below, k, v)
		visit(k.Value, below, k, v)
	}
}

// fields reads a mapping with fixed keys.
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

// unknown reports a key that is not among the known ones.
func (d *decoder) unknown(path, key string, k *yaml.Node, known fields) {
	if len(d.mistakes) == maxKept {
		d.more++
		return
	}
	names := slices.Sorted(maps.Keys(known))
	mend := "the keys here are " + strings.Join(names, ", ")
	if near := nearest.Name(key, names); near != "" {
		mend = "did you mean " + near + "?"
	} else if key == "<<" {
		mend = "write the keys out, or share a line of life as a profile"
	}
	d.report(path, k, mend, "unknown key %s", short(key))
}

// named reads a mapping whose keys are names.
func named[T any](dst *map[string]T, read func(d *decoder, path string, k, v *yaml.Node) T) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		d.mapping(path, n, func(key, below string, k, v *yaml.Node) {
			if kind := kindOf(key); kind != "" && !quoted(k) {
				d.report(below, k, fmt.Sprintf("write %q in quotes", key), "want a name, and %s is %s", key, kind)
				return
			}
			if *dst == nil {
				*dst = map[string]T{}
			}
			(*dst)[key] = read(d, below, k, v)
		})
	}
}

// scalar reads a value by a function.
func scalar[T any](dst *T, parse func(*yaml.Node) (T, error)) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if !d.plain(path, n) {
			return
		}
		if n.Kind != yaml.ScalarNode {
			d.report(path, n, "write it on the line of its key", "want one value, got %s", describe(n))
			return
		}
		value, err := parse(n)
		var m *mistake
		switch {
		case errors.As(err, &m):
			d.report(path, n, m.mend, "%s", m.message)
		case err != nil:
			d.report(path, n, "", "%v", err)
		default:
			*dst = value
		}
	}
}

// text reads a text.
func text[T ~string](dst *T) reader {
	return scalar(dst, func(n *yaml.Node) (T, error) {
		value, err := parseText(n)
		if err == nil && value == "" {
			err = wrong("leave the key out", "the text is empty")
		}
		return T(value), err
	})
}

// count reads a whole number above 0.
func count[T int | int64](dst *T) reader {
	return scalar(dst, func(n *yaml.Node) (T, error) {
		number, err := parseWhole(n)
		switch {
		case err != nil:
			return 0, err
		case number < 0:
			return 0, wrong("write one above 0, or leave it out", "the number %d is negative", number)
		case number == 0:
			return 0, wrong("leave it out", "the number 0 says nothing here")
		case int64(T(number)) != number:
			return 0, wrong("write a smaller one", "the number %d is too large", number)
		}
		return T(number), nil
	})
}

// positive refuses 0, which would be the same as nothing said.
func positive(parse func(*yaml.Node) (float64, error)) func(*yaml.Node) (float64, error) {
	return func(n *yaml.Node) (float64, error) {
		number, err := parse(n)
		switch {
		case err != nil:
			return 0, err
		case number < 0:
			return 0, wrong("write one above 0, or leave it out", "the number %s is negative", short(n.Value))
		case number == 0:
			return 0, wrong("leave it out", "%s says nothing here", n.Value)
		}
		return number, nil
	}
}

// list reads a list by what reads a member.
func list[T any](dst *[]T, member func(*T) reader) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if !d.plain(path, n) {
			return
		}
		if n.Kind != yaml.SequenceNode {
			d.report(path, n, "write [ ] around it, or a line with - for each member", "want a list, got %s", describe(n))
			return
		}
		all := make([]T, len(n.Content))
		for i, v := range n.Content {
			below := field.At(path, i)
			d.index.put(below, v)
			member(&all[i])(d, below, v)
		}
		*dst = all
	}
}

// texts reads a list of texts that has at least one.
func texts[T ~string](dst *[]T) reader {
	return filled(list(dst, func(t *T) reader { return text(t) }))
}

// filled refuses an empty list before it is read.
func filled(read reader) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.report(path, n, "leave the key out", "the list is empty")
			return
		}
		read(d, path, n)
	}
}

// either reads a mapping in one way and everything else in another.
func either(other reader, mapping reader) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			mapping(d, path, n)
		} else {
			other(d, path, n)
		}
	}
}

// describe names what a node is, for a message.
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
	return short(n.Value)
}
