package file

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy/internal/field"
	"github.com/larderdev/larder/policy/internal/secret"
)

// scalar reads a value by a function, whose errors are mistakes with a mend. A value
// with a mistake is not set: the field stays one that was not said.
func scalar[T any](dst *T, parse func(*yaml.Node) (T, error)) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if !d.kind(path, n, yaml.ScalarNode, "one value", "write it on the line of its key") {
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

// named reads a mapping whose keys are names. One that some YAML takes for something
// else than text needs quotes: a class called no would be false elsewhere.
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

// text reads a text. An empty one is what a field without a value has, so that nobody
// could tell whether it was said.
func text[T ~string](dst *T) reader {
	return scalar(dst, func(n *yaml.Node) (T, error) {
		value, err := parseText(n)
		if err == nil && value == "" {
			err = wrong("leave the key out", "the text is empty")
		}
		return T(value), err
	})
}

// count reads a whole number above 0, which is what a field has that was not said. It
// has to fit its type: an int has 32 bits on some machines.
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
			return 0, wrong("write one above 0, or leave it out", "the number %s is negative", secret.Quote(n.Value))
		case number == 0:
			return 0, wrong("leave it out", "%s says nothing here", n.Value)
		}
		return number, nil
	}
}

// list reads a list by what reads a member. It is empty, and not nil, if it has none: of
// a query that is not the same.
func list[T any](dst *[]T, member func(*T) reader) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if !d.kind(path, n, yaml.SequenceNode, "a list", "write [ ] around it, or a line with - for each member") {
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

// filled refuses an empty list before it is read: in the fields that it guards the empty
// list means the same as no field, and who wrote it may have meant something else.
func filled(read reader) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.report(path, n, "leave the key out", "the list is empty")
			return
		}
		read(d, path, n)
	}
}

// either reads a mapping in one way and everything else in another: fields with a short
// form on one line and a long one with keys.
func either(other reader, mapping reader) reader {
	return func(d *decoder, path string, n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			mapping(d, path, n)
		} else {
			other(d, path, n)
		}
	}
}
