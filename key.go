package larder

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"

	"github.com/larderdev/larder/internal/keytext"
)

// textOf returns the function that gives keys of type K their name in the
// fleet, see package keytext.
func textOf[K comparable](class string, custom func(K) string) (func(K) (string, error), error) {
	form := custom
	var fallible func(K) (string, error)
	if form == nil {
		form, fallible = builtinText[K]()
	}
	switch {
	case form != nil:
		return func(key K) (string, error) { return keytext.Join(class, form(key)), nil }, nil
	case fallible != nil:
		return func(key K) (string, error) {
			text, err := fallible(key)
			if err != nil {
				return "", fmt.Errorf("larder: key of class %s: %w", class, err)
			}
			return keytext.Join(class, text), nil
		}, nil
	}
	return nil, fmt.Errorf("keys of type %v have no text form: set Loader.Key", reflect.TypeFor[K]())
}

// builtinText prefers the kind to a TextMarshaler: a number's digits are
// always different for different keys, a marshaler's names may not be.
func builtinText[K comparable]() (plain func(K) string, fallible func(K) (string, error)) {
	// The plain types, without reflection: every miss builds a text.
	switch any(*new(K)).(type) {
	case string:
		return func(k K) string { return *any(&k).(*string) }, nil
	case int:
		return func(k K) string { return strconv.Itoa(*any(&k).(*int)) }, nil
	case int64:
		return func(k K) string { return strconv.FormatInt(*any(&k).(*int64), 10) }, nil
	}
	switch t := reflect.TypeFor[K](); t.Kind() {
	case reflect.String:
		return func(k K) string { return reflect.ValueOf(k).String() }, nil
	case reflect.Bool:
		return func(k K) string { return strconv.FormatBool(reflect.ValueOf(k).Bool()) }, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(k K) string { return strconv.FormatInt(reflect.ValueOf(k).Int(), 10) }, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(k K) string { return strconv.FormatUint(reflect.ValueOf(k).Uint(), 10) }, nil
	default:
		if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
			return nil, func(k K) (string, error) {
				text, err := any(k).(encoding.TextMarshaler).MarshalText()
				return string(text), err
			}
		}
	}
	return nil, nil
}
