package keytext_test

import (
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/keytext"
)

func TestJoin_AndSplit(t *testing.T) {
	for _, tt := range []struct{ class, text string }{
		{"product", "42"}, {"product", ""}, {"a.b-c_d", "x:y#z"}, {"product", strings.Repeat("k", 200)},
	} {
		name := keytext.Join(tt.class, tt.text)
		if class, text := keytext.Split(name); class != tt.class || text != tt.text {
			t.Errorf("Split(Join(%q, %q)) = %q, %q", tt.class, tt.text, class, text)
		}
	}
	long := strings.Repeat("k", 201)
	name := keytext.Join("product", long)
	if class, text := keytext.Split(name); class != "product" || len(text) != 64 || !strings.HasPrefix(name, "product#") {
		t.Errorf("Join of a long key = %q, want a digest", name)
	}
	if keytext.Join("product", long+"k") == name {
		t.Error("two long keys have one name")
	}
	if class, text := keytext.Split("nobody's"); class != "" || text != "nobody's" {
		t.Errorf("Split of a name without a class = %q, %q", class, text)
	}
}
