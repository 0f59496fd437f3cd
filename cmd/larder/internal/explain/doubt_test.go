package explain_test

import (
	"testing"

	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/policy"
)

// TestDoubt_Forms: there is no doubt of a text that a key of the class can have, and
// of all others.
func TestDoubt_Forms(t *testing.T) {
	parts := policy.Key{Parts: []policy.KeyPart{{Name: "q", Type: "string"}, {Name: "page", Type: "int64"}, {Name: "max", Type: "float64"}, {Name: "all", Type: "bool"}, {Name: "sizes", Type: "[]string"}}}
	for _, tt := range []struct {
		key  policy.Key
		text string
		fine bool
	}{
		{policy.Key{}, "042", true},
		{policy.Key{Type: "string"}, " q=x&page=2", true},
		{policy.Key{Type: "internal/ids.ID"}, "x", true},
		{policy.Key{Type: "int64"}, "42", true},
		{policy.Key{Type: "int64"}, "-42", true},
		{policy.Key{Type: "int64"}, "042", false},
		{policy.Key{Type: "int64"}, "+42", false},
		{policy.Key{Type: "int"}, " 42", false},
		{policy.Key{Type: "int64"}, "", false},
		{policy.Key{Type: "uint64"}, "18446744073709551615", true},
		{policy.Key{Type: "uint8"}, "-1", false},
		{parts, "", true},
		{parts, "all=true&max=1.5&page=2&q=a+b%26c&sizes=L%2C,M", true},
		{parts, "q=x&page=2", false},
		{parts, "page=2&page=2", false},
		{parts, "colour=red", false},
		{parts, "q=", false},
		{parts, "q=a b", false},
		{parts, "q=a%20b", false},
		{parts, "q=%zz", false},
		{parts, "page=0", false},
		{parts, "page=02", false},
		{parts, "max=1.50", false},
		{parts, "max=1e%2B21", true},
		{parts, "all=false", false},
		{parts, "sizes=M,L", false},
		{parts, "sizes=M,M", false},
		{parts, "sizes=,M", false},
	} {
		if doubt := explain.Doubt("c", tt.key, tt.text); (doubt == "") != tt.fine {
			t.Errorf("key %+v, text %q: %q, want it taken: %v", tt.key, tt.text, doubt, tt.fine)
		}
	}
}
