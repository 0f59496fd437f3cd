package goname

import (
	"slices"
	"testing"

	"github.com/larderdev/larder/policy"
)

func TestClass(t *testing.T) {
	for name, want := range map[string]string{
		"user-profile": "UserProfile", "api.base_url": "APIBaseURL", "2fa": "Class2fa", "2fa.code": "Class2faCode",
		"a": "A", "id": "ID", "product_ids": "ProductIDs", "ideas": "Ideas", "v1-2": "V12", "a--b": "AB", "https-only": "HTTPSOnly",
		"minPrice": "MinPrice", "x.": "X",
	} {
		if got := Class(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestClashes names what is second, once, and where.
func TestClashes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		classes map[string]policy.Class
		want    []Clash
	}{
		{"none", map[string]policy.Class{"a": {}, "b": {RowVersion: "column"}}, nil},
		{"twins", map[string]policy.Class{"a-b": {}, "a_b": {}}, []Clash{{"a_b", "", `class "a-b" and class "a_b" are both AB in Go`}}},
		{"a method", map[string]policy.Class{"close": {}}, []Clash{{"close", "", `the method of Caches and class "close" are both Close in Go`}}},
		{
			"a loader",
			map[string]policy.Class{"a": {Batch: true}, "a-batch": {}},
			[]Clash{{"a-batch", "", `class "a" and class "a-batch" are both LoadABatch in Go`}},
		},
		{
			"parts",
			map[string]policy.Class{"a": {Key: policy.Key{Parts: []policy.KeyPart{{Name: "x-y"}, {Name: "x.y"}}}}},
			[]Clash{{"a", "x.y", `part "x-y" and part "x.y" are both XY in Go`}},
		},
		{
			"a declaration",
			map[string]policy.Class{"a": {Key: policy.Key{Parts: []policy.KeyPart{{Name: "x"}}}}, "parse-a": {Key: policy.Key{Parts: []policy.KeyPart{{Name: "x"}}}}},
			[]Clash{{"parse-a", "", `class "a" and class "parse-a" are both ParseAKey in Go`}},
		},
	} {
		if got := Clashes(tt.classes); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
