package explain_test

import (
	"strings"
	"testing"

	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/policy"
)

// TestDoubt: a key that generated code writes in another way, or never, is named.
func TestDoubt(t *testing.T) {
	parts := policy.Key{Parts: []policy.KeyPart{
		{Name: "q", Type: "string"}, {Name: "a", Type: "int64"}, {Name: "f", Type: "float64"}, {Name: "b", Type: "bool"}, {Name: "l", Type: "[]string"},
	}}
	const none = "is written like this"
	for _, tt := range []struct {
		key        policy.Key
		text, want string // want: the canonical text, none, or "" for no doubt
	}{
		{policy.Key{}, "anything at all", ""},
		{policy.Key{Type: "string"}, "042", ""},
		{policy.Key{Type: "example.com/shop.ID"}, "x", ""},
		{policy.Key{Type: "int64"}, "42", ""},
		{policy.Key{Type: "int64"}, "-42", ""},
		{policy.Key{Type: "int64"}, "042", "c:42"},
		{policy.Key{Type: "int64"}, "+42", "c:42"},
		{policy.Key{Type: "int64"}, "abc", none},
		{policy.Key{Type: "int64"}, "", none},
		{policy.Key{Type: "int"}, "7", ""},
		{policy.Key{Type: "int8"}, "200", none},
		{policy.Key{Type: "uint8"}, "200", ""},
		{policy.Key{Type: "uint"}, "-1", none},
		{parts, "", ""},
		{parts, "a=1&b=true&f=0.5&l=m,s&q=a+b", ""},
		{parts, "q=a+b&l=m,s&f=0.5&b=true&a=1", "c:a=1&b=true&f=0.5&l=m,s&q=a+b"},
		{parts, "q=a%20b", "c:q=a+b"},
		{parts, "l=s,m,,s", "c:l=m,s"},
		{parts, "l=a%2Cb", ""},
		{parts, "a=0&b=false&f=0&l=&q=", "c:"},
		{parts, "f=0.50", "c:f=0.5"},
		{parts, "b=1", "c:b=true"},
		{parts, "oak chair", "it is written c:a=…&b=…&f=…&l=…&q=…, without"},
		{parts, "x=1", none},
		{parts, "a=1&a=1", none},
		{parts, "a=x", none},
		{parts, "f=NaN", none},
		{parts, "b=maybe", none},
		{parts, "q=%zz", none},
		{parts, "l=%zz", none},
		{policy.Key{Parts: []policy.KeyPart{{Name: "a", Type: "string"}, {Name: "a.b", Type: "string"}}}, "a=1&a.b=2", ""},
	} {
		got := explain.Doubt("c", tt.key, tt.text)
		fine := strings.Contains(got, tt.want)
		if tt.want == "" || !strings.Contains(got, none) && fine {
			_, rest, _ := strings.Cut(got, "writes this key as ")
			text, _, _ := strings.Cut(rest, "; this")
			fine = text == tt.want && (got == "") == (tt.want == "")
		}
		if !fine {
			t.Errorf("Doubt(%v, %q) = %q, want %q in it", tt.key, tt.text, got, tt.want)
		}
	}
}
