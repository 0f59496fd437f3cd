package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/larderdev/larder/policy"
)

// node is a part of a JSON Schema.
type node = map[string]any

func readSchema(t *testing.T) node {
	t.Helper()
	var root node
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestSchema_Model: the schema and the model have the same fields, and each field
// of the schema says what it is.
func TestSchema_Model(t *testing.T) {
	root := readSchema(t)
	compareFields(t, root, "", root, reflect.TypeFor[policy.Policy]())
}

// keysOf returns the keys that a type of the model has in a file.
func keysOf(model reflect.Type) map[string]reflect.Type {
	keys := map[string]reflect.Type{}
	for i := range model.NumField() {
		f := model.Field(i)
		keys[snake(f.Name)] = f.Type
	}
	rename := func(from, to string) {
		keys[to] = keys[from]
		delete(keys, from)
	}
	switch model {
	case reflect.TypeFor[policy.Policy]():
		rename("cd_ns", "cdn")
	case reflect.TypeFor[policy.Class]():
		rename("memory_entries", "memory")
		for _, elsewhere := range []string{"memory_bytes", "from_value", "ignore"} {
			delete(keys, elsewhere)
		}
	case reflect.TypeFor[policy.TTL]():
		keys["from_value"] = reflect.TypeFor[bool]()
	case reflect.TypeFor[policy.Route]():
		delete(keys, "ignore")
	case reflect.TypeFor[policy.Table]():
		rename("name", "table")
	}
	return keys
}

// compareFields compares an object of the schema with a struct of the model, and
// all below them.
func compareFields(t *testing.T, root node, path string, schema node, model reflect.Type) {
	t.Helper()
	object := objectOf(root, schema)
	if object == nil {
		t.Fatalf("%s: the schema has no object", path)
	}
	if object["additionalProperties"] != false {
		t.Errorf("%s: the schema allows other keys", path)
	}
	properties, keys := object["properties"].(node), keysOf(model)
	got, want := slices.Sorted(maps.Keys(properties)), slices.Sorted(maps.Keys(keys))
	if !slices.Equal(got, want) {
		t.Errorf("%s: the schema has\n%v, the model\n%v", path, got, want)
	}
	for key, property := range properties {
		p := property.(node)
		if p["description"] == nil || p["examples"] == nil {
			t.Errorf("%s.%s: no description or no examples", path, key)
		}
		for _, example := range asList(p["examples"]) {
			if err := conforms(root, p, example); err != nil {
				t.Errorf("%s.%s: the example %v: %v", path, key, example, err)
			}
		}
		if p["default"] != nil {
			if err := conforms(root, p, p["default"]); err != nil {
				t.Errorf("%s.%s: the default: %v", path, key, err)
			}
		}
		below := keys[key]
		for below != nil && (below.Kind() == reflect.Map || below.Kind() == reflect.Slice) {
			below = below.Elem()
		}
		if below == reflect.TypeFor[policy.Source]() {
			below = reflect.TypeFor[policy.Table]() // the other form is words
		}
		if below != nil && below.Kind() == reflect.Struct && below != reflect.TypeFor[policy.Key]() {
			compareFields(t, root, path+"."+key, p, below)
		}
	}
}

// objectOf finds the object with fixed keys that a part of the schema leads to.
func objectOf(root, schema node) node {
	if schema["properties"] != nil {
		return schema
	}
	if ref, ok := schema["$ref"].(string); ok {
		return objectOf(root, definition(root, ref))
	}
	for _, key := range []string{"allOf", "anyOf"} {
		for _, choice := range asList(schema[key]) {
			if found := objectOf(root, choice.(node)); found != nil {
				return found
			}
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := schema[key].(node); ok {
			return objectOf(root, below)
		}
	}
	return nil
}

func definition(root node, ref string) node {
	return root["definitions"].(node)[strings.TrimPrefix(ref, "#/definitions/")].(node)
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// snake writes StaleIfError as stale_if_error, and NegativeTTL as negative_ttl.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// TestSchema_Files: the schema takes the files that Parse takes, and refuses most of
// those that are wrong in one field.
func TestSchema_Files(t *testing.T) {
	root := readSchema(t)
	for _, name := range []string{"../../larder.example.yaml", "testdata/full.yaml"} {
		if err := conforms(root, root, readPlain(t, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{
		"unknown-key-top", "unknown-key-class", "unknown-key-nested", "bare-duration", "bare-size", "bare-share",
		"duration-words", "duration-negative", "duration-none", "duration-unit", "size-words", "number-text",
		"number-negative", "number-fraction", "number-zero", "bool-text", "version-text", "version-missing",
		"version-future", "enum-pattern", "enum-tier", "enum-privacy", "enum-row-version", "enum-cdn",
		"never-with-fields", "class-name", "key-part", "secret", "wrong-kinds", "null-values", "statuses", "vary",
		"source-mapping", "table", "empty-lists", "not-a-mapping", "json", "many",
	} {
		if err := conforms(root, root, readPlain(t, filepath.Join("testdata/wrong", name+".yaml"))); err == nil {
			t.Errorf("the schema takes %s.yaml", name)
		}
	}
}

// TestSchema_Beside: the example of the repository has its schema beside it.
func TestSchema_Beside(t *testing.T) {
	data, err := os.ReadFile("../../larder.schema.json")
	if err != nil || !bytes.Equal(data, Schema()) {
		t.Errorf("larder.schema.json is not that of policy/file (%v): copy it", err)
	}
}

// readPlain reads a file as an editor does, without knowing what it is.
func readPlain(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Load(data, &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return plainValue(value)
}

// plainValue makes of YAML's values those of JSON.
func plainValue(value any) any {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Map:
		object := node{}
		for _, key := range v.MapKeys() {
			object[fmt.Sprint(key.Interface())] = plainValue(v.MapIndex(key).Interface())
		}
		return object
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plainValue(v.Index(i).Interface())
		}
		return list
	case reflect.Int, reflect.Int64:
		return float64(v.Int())
	}
	return value
}

// conforms returns how a value breaks a schema. It knows those words of draft-07
// that the schema of the file uses, and refuses others.
func conforms(root node, schema any, value any) error {
	rules, ok := schema.(node)
	if !ok {
		if schema == false {
			return fmt.Errorf("%v is not allowed", value)
		}
		return nil
	}
	for word, rule := range rules {
		if err := conformsTo(root, rules, word, rule, value); err != nil {
			return err
		}
	}
	return nil
}

func conformsTo(root, rules node, word string, rule, value any) error {
	count := 0
	for _, choice := range asList(rule) {
		if _, isRule := choice.(node); isRule && conforms(root, choice, value) == nil {
			count++
		}
	}
	object, isObject := value.(node)
	list, isList := value.([]any)
	text, isText := value.(string)
	number, isNumber := value.(float64)
	bad := false
	switch word {
	case "description", "title", "default", "examples", "$schema", "definitions", "then":
	case "$ref":
		return conforms(root, definition(root, rule.(string)), value)
	case "type":
		bad = !map[string]bool{"object": isObject, "array": isList, "string": isText, "number": isNumber, "integer": isNumber && number == float64(int64(number)), "boolean": value == true || value == false}[rule.(string)]
	case "const":
		bad = !reflect.DeepEqual(rule, value)
	case "enum":
		bad = !slices.ContainsFunc(asList(rule), func(v any) bool { return reflect.DeepEqual(v, value) })
	case "pattern":
		bad = isText && !regexp.MustCompile(rule.(string)).MatchString(text)
	case "minLength":
		bad = isText && float64(len([]rune(text))) < rule.(float64)
	case "minimum":
		bad = isNumber && number < rule.(float64)
	case "exclusiveMinimum":
		bad = isNumber && number <= rule.(float64)
	case "minItems":
		bad = isList && float64(len(list)) < rule.(float64)
	case "maxItems":
		bad = isList && float64(len(list)) > rule.(float64)
	case "minProperties":
		bad = isObject && float64(len(object)) < rule.(float64)
	case "maxProperties":
		bad = isObject && float64(len(object)) > rule.(float64)
	case "uniqueItems":
		for i := range list {
			bad = bad || slices.ContainsFunc(list[:i], func(v any) bool { return reflect.DeepEqual(v, list[i]) })
		}
	case "required":
		for _, key := range asList(rule) {
			_, there := object[key.(string)]
			bad = bad || isObject && !there
		}
	case "items", "properties", "propertyNames", "additionalProperties":
		return conformsBelow(root, rules, word, rule, value)
	case "allOf":
		bad = count != len(asList(rule))
	case "anyOf":
		bad = count == 0
	case "oneOf":
		bad = count != 1
	case "if":
		if conforms(root, rule, value) == nil {
			return conforms(root, rules["then"], value)
		}
	default:
		return fmt.Errorf("the test does not know the word %s", word)
	}
	if bad {
		return fmt.Errorf("%v breaks %s: %v", value, word, rule)
	}
	return nil
}

// conformsBelow applies the words that speak of what is inside a value.
func conformsBelow(root, rules node, word string, rule, value any) error {
	object, _ := value.(node)
	list, _ := value.([]any)
	named, _ := rules["properties"].(node)
	for _, member := range list {
		if err := conforms(root, rule, member); word == "items" && err != nil {
			return err
		}
	}
	for key, member := range object {
		below, isNamed := named[key]
		var err error
		switch {
		case word == "properties" && isNamed:
			err = conforms(root, below, member)
		case word == "propertyNames":
			err = conforms(root, rule, key)
		case word == "additionalProperties" && !isNamed:
			err = conforms(root, rule, member)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}
