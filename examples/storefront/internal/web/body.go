package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxBody = 64 << 10

// fields are the members that a body may have, each with what takes its name
// and its value, which is well-formed JSON.
type fields map[string]func(name string, value json.RawMessage) error

// readObject reads a body that is one JSON object, in UTF-8, with each of the
// fields at most once. Its errors are for whoever sent the request.
func readObject(w http.ResponseWriter, r *http.Request, want fields) error {
	text, err := readText(w, r)
	if err != nil {
		return err
	}
	return parseObject(text, want)
}

// readOptional is readObject for a request that needs no body.
func readOptional(w http.ResponseWriter, r *http.Request, want fields) error {
	text, err := readText(w, r)
	if err != nil || len(text) == 0 {
		return err
	}
	return parseObject(text, want)
}

func readText(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	tooLarge, isTooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case isTooLarge:
		return nil, fmt.Errorf("the body has more than %d bytes", tooLarge.Limit)
	case err != nil:
		return nil, errors.New("the body ended early")
	case !utf8.Valid(text):
		return nil, errors.New("the body is not text in UTF-8")
	}
	return text, nil
}

func parseObject(text []byte, want fields) error {
	names := strings.Join(slices.Sorted(maps.Keys(want)), ", ")
	if names == "" {
		names = "nothing in it"
	}
	whole, err := oneValue(text)
	if err != nil {
		return fmt.Errorf("%w; wanted is a JSON object with %s", err, names)
	}
	if is := kind(whole); is != "an object" {
		return fmt.Errorf("the body is %s; wanted is a JSON object with %s", is, names)
	}
	return readMembers(whole, want, names)
}

// oneValue returns the JSON value that text is.
func oneValue(text []byte) (value json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	err = d.Decode(&value)
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case err == io.EOF:
		return nil, errors.New("the body is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the body is JSON that breaks off")
	case isSyntax:
		return nil, fmt.Errorf("the body is not JSON at byte %d", syntax.Offset)
	case err != nil:
		return nil, errors.New("the body is not JSON")
	}
	if rest := bytes.Trim(text[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, fmt.Errorf("the body does not end where its JSON does: %.30q comes after it", rest)
	}
	return value, nil
}

// readMembers hands each member of a well-formed object to its field.
func readMembers(object json.RawMessage, want fields, names string) error {
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		field := name.(string) // nothing else can stand there
		take := want[field]
		switch {
		case take == nil:
			return fmt.Errorf("unknown field %.30q; known here: %s", field, names)
		case seen[field]:
			return fmt.Errorf("%s is there more than once", field)
		}
		seen[field] = true
		if err := take(field, value); err != nil {
			return err
		}
	}
	return nil
}

// kind names the type of a well-formed JSON value.
func kind(value json.RawMessage) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// intoText takes a string.
func intoText(into **string) func(string, json.RawMessage) error {
	return func(name string, value json.RawMessage) error {
		if is := kind(value); is != "a string" {
			return fmt.Errorf("%s is %s, want a string", name, is)
		}
		if loneSurrogate(value) {
			return fmt.Errorf(`%s holds half of a surrogate pair (\ud800 to \udfff), which is no character`, name)
		}
		return json.Unmarshal(value, into)
	}
}

// intoNumber takes a whole number from low to high.
func intoNumber(into **int64, low, high int64) func(string, json.RawMessage) error {
	return func(name string, value json.RawMessage) error {
		if is := kind(value); is != "a number" {
			return fmt.Errorf("%s is %s, want a number", name, is)
		}
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%s is %.30s, want a whole number from %d to %d", name, value, low, high)
		}
		*into = &n
		return nil
	}
}

// loneSurrogate reports whether a JSON string has an escape that stands for no
// character. Package json would put U+FFFD in its place.
func loneSurrogate(text json.RawMessage) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if text[i+1] != 'u' {
			i++ // what is escaped may be another backslash
			continue
		}
		unit := hexUnit(text[i:])
		if unit>>10 == 0xd800>>10 && hexUnit(text[i+6:])>>10 == 0xdc00>>10 {
			i += 11 // both halves of a pair
			continue
		}
		if unit>>11 == 0xd800>>11 {
			return true
		}
		i += 5
	}
	return false
}

// hexUnit is the number of the \u escape that text begins with, or 0.
func hexUnit(text []byte) uint64 {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, _ := strconv.ParseUint(string(text[2:6]), 16, 16) // the JSON is well-formed
	return n
}

// intoIDs takes an array of ids, and each of them once.
func intoIDs(into *[]int64) func(string, json.RawMessage) error {
	return func(name string, value json.RawMessage) error {
		if is := kind(value); is != "an array" {
			return fmt.Errorf("%s is %s, want an array of numbers", name, is)
		}
		var items []json.RawMessage
		if err := json.Unmarshal(value, &items); err != nil {
			return err
		}
		if len(items) > maxIDs {
			return fmt.Errorf("%s holds %d ids, want at most %d", name, len(items), maxIDs)
		}
		seen := make(map[int64]bool, len(items))
		for i, item := range items {
			if is := kind(item); is != "a number" {
				return fmt.Errorf("%s[%d] is %s, want a number", name, i, is)
			}
			id, err := parseID(string(item))
			if err != nil {
				return fmt.Errorf("%s[%d]: %w", name, i, err)
			}
			if !seen[id] {
				seen[id] = true
				*into = append(*into, id)
			}
		}
		return nil
	}
}
