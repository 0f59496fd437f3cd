package lint

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/larderdev/larder/policy/internal/field"
)

// saidFields returns the keys of a struct's fields that are not zero, in their
// order. It goes by reflection, so that a field which is added to the model is not
// forgotten by the rules about what must say nothing.
func saidFields(v any) []string {
	var said []string
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		if !value.Field(i).IsZero() {
			said = append(said, key(value.Type(), i))
		}
	}
	return said
}

// keys are those of the file that are not their field's name in small letters with
// underscores between the words. An empty one is written in its parent's place.
var keys = map[string]string{
	"Policy.CDNs":         "cdn",
	"Class.FromValue":     "ttl.from_value",
	"Class.MemoryEntries": "memory.entries",
	"Class.MemoryBytes":   "memory.size",
	"Key.Type":            "",
	"Key.Parts":           "",
	"Source.From":         "",
	"Source.Tables":       "",
	"Table.Name":          "table",
}

// key returns the key in the file of field i of a struct: that of NegativeTTL is
// negative_ttl.
func key(t reflect.Type, i int) string {
	name := t.Field(i).Name
	if k, ok := keys[t.Name()+"."+name]; ok {
		return k
	}
	return snake(name)
}

// snake writes a name of Go in small letters with underscores between its words. Capitals
// in a row are one word: that of TTLMemory would be ttl_memory.
func snake(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, c := range letters {
		if unicode.IsUpper(c) && i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// texts calls visit for each text in v, with its path: values, keys of maps and
// elements of lists. The order is that of Go's maps, that is none; findings are sorted.
func texts(path string, v reflect.Value, visit func(path, text string)) {
	switch v.Kind() {
	case reflect.String:
		visit(path, v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				continue
			}
			texts(join(path, key(v.Type(), i)), v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			texts(field.At(path, i), v.Index(i), visit)
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if k.Kind() == reflect.String {
				visit(path, k.String())
			}
			texts(join(path, field.Path("", fmt.Sprint(k.Interface()))), v.MapIndex(k), visit)
		}
	}
}
