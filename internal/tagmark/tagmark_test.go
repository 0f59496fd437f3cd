package tagmark_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/tagmark"
)

func marks() []tagmark.Mark {
	return []tagmark.Mark{
		{Name: "products", Hard: tagmark.Digest("a"), Soft: tagmark.Digest("b")},
		{Name: strings.Repeat("x", tagmark.MaxName), Hard: tagmark.Digest("c"), Soft: tagmark.Digest("c")},
	}
}

func TestCut_ReturnsWhatWasAppended(t *testing.T) {
	for _, want := range [][]tagmark.Mark{{}, marks()[:1], marks()} {
		got, payload, err := tagmark.Cut(append(tagmark.Append(nil, want), "payload"...))
		if err != nil || !slices.Equal(got, want) || string(payload) != "payload" {
			t.Errorf("Cut(Append(%v)) = %v, %q, %v", want, got, payload, err)
		}
	}
}

func TestCut_RefusesEveryCut(t *testing.T) {
	whole := tagmark.Append(nil, marks())
	for n := range whole {
		if got, _, err := tagmark.Cut(whole[:n]); !errors.Is(err, envelope.ErrCorrupt) {
			t.Errorf("Cut of %d of %d bytes = %v, %v; want ErrCorrupt", n, len(whole), got, err)
		}
	}
}

func TestName(t *testing.T) {
	long := strings.Repeat("k", tagmark.MaxName+1)
	for _, tt := range []struct{ template, key, want string }{
		{"products", "42", "products"},
		{"product-{key}", "42", "product-42"},
		{"{key}", "", ""},
	} {
		if got := tagmark.Name(tt.template, tt.key); got != tt.want {
			t.Errorf("Name(%q, %q) = %q, want %q", tt.template, tt.key, got, tt.want)
		}
	}
	if got := tagmark.Name("{key}", long); len(got) != 64 {
		t.Errorf("Name of a long key = %q, want a digest", got)
	}
}
