package goschema

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// description is what package larder writes of a type by reflection; see its
// schemaOf. The two must not differ in a byte: a test compares them.
//
// seen are the types that stand in it already: of a second one only the name is
// written, which is what ends a type that holds itself.
type description struct {
	strings.Builder
	seen []types.Type
}

// describe writes a type: its kind, and for those that have parts the parts. All others
// are written by name, also interfaces and functions, as their inner form is none of a
// value's.
func (d *description) describe(t types.Type) error {
	// Reflection knows no aliases.
	t = types.Unalias(t)
	kind, err := kindOf(t)
	if err != nil {
		return err
	}
	d.WriteString("|" + kind)
	if slices.ContainsFunc(d.seen, func(s types.Type) bool { return types.Identical(s, t) }) {
		return d.name(t)
	}
	d.seen = append(d.seen, t)
	switch u := t.Underlying().(type) {
	case *types.Struct:
		for i := range u.NumFields() {
			// The tag decides under which name JSON has the field, and whether.
			fmt.Fprintf(d, ";%s`%s`", u.Field(i).Name(), u.Tag(i))
			if err := d.describe(u.Field(i).Type()); err != nil {
				return err
			}
		}
		return nil
	case *types.Map:
		if err := d.describe(u.Key()); err != nil {
			return err
		}
		return d.describe(u.Elem())
	case *types.Array:
		fmt.Fprintf(d, "[%d]", u.Len())
		return d.describe(u.Elem())
	case *types.Pointer:
		return d.describe(u.Elem())
	case *types.Slice:
		return d.describe(u.Elem())
	}
	return d.name(t)
}

// kindOf returns the name of a type's reflect.Kind. Tuples and unions, which are left,
// are the type of no value.
func kindOf(t types.Type) (string, error) {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.UnsafePointer {
			return "unsafe.Pointer", nil
		}
		return basic(u), nil
	case *types.Struct:
		return "struct", nil
	case *types.Map:
		return "map", nil
	case *types.Array:
		return "array", nil
	case *types.Pointer:
		return "ptr", nil
	case *types.Slice:
		return "slice", nil
	case *types.Interface:
		return "interface", nil
	case *types.Signature:
		return "func", nil
	case *types.Chan:
		return "chan", nil
	}
	return "", fmt.Errorf("%v cannot be described", t)
}

// basic is the name of a basic type: that of uint8 for byte.
func basic(b *types.Basic) string { return types.Typ[b.Kind()].Name() }

// name writes a type's name as reflection does.
func (d *description) name(t types.Type) error {
	text, err := nameOf(t)
	d.WriteString(text)
	return err
}

// nameOf is the string of a reflect.Type: the name of the package and not its path.
// What reflection writes in a form that depends on more than the source is refused.
func nameOf(t types.Type) (string, error) {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return basic(t), nil
	case *types.Named:
		// Reflection writes the arguments, too, in a form that nothing specifies.
		if t.TypeArgs().Len() > 0 {
			break
		}
		if t.Obj().Pkg() == nil { // error
			return t.Obj().Name(), nil
		}
		return t.Obj().Pkg().Name() + "." + t.Obj().Name(), nil
	case *types.Pointer:
		return before("*", t.Elem())
	case *types.Slice:
		return before("[]", t.Elem())
	case *types.Array:
		return before(fmt.Sprintf("[%d]", t.Len()), t.Elem())
	case *types.Map:
		key, err := nameOf(t.Key())
		if err != nil {
			return "", err
		}
		return before("map["+key+"]", t.Elem())
	case *types.Interface:
		if t.Empty() {
			return "interface {}", nil
		}
	}
	return "", fmt.Errorf("%v has no name that a program and its source have in common", t)
}

// before is a name with something in front.
func before(prefix string, elem types.Type) (string, error) {
	name, err := nameOf(elem)
	return prefix + name, err
}
