package goschema_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/cmd/larder/internal/goschema"
	"github.com/larderdev/larder/cmd/larder/internal/goschema/goschematest"
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/localstore"
	"github.com/larderdev/larder/store"
)

// pkg is the path of the types.
const pkg = "github.com/larderdev/larder/cmd/larder/internal/goschema/goschematest."

// stored returns the schema that a program writes values of type V with.
func stored[V any](tagged bool) func(t *testing.T) uint64 {
	return func(t *testing.T) uint64 {
		t.Helper()
		tier := localstore.New(localstore.Options{})
		t.Cleanup(func() { _ = tier.Close() })
		p := larder.Policy{TTL: time.Hour}
		if tagged {
			p.Tags = []string{"all"}
		}
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"c": p}, Shared: tier, Logger: slog.New(slog.DiscardHandler), SharedTimeout: 5 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		c, err := larder.NewCache(l, "c", larder.Loader[string, V]{Load: func(context.Context, string) (v V, err error) { return v, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		r := tier.Get(t.Context(), []string{"c:k"})[0]
		if r.Status != store.Found {
			t.Fatalf("nothing is stored: %+v", r)
		}
		box, err := envelope.Look(r.Record.Body)
		if err != nil {
			t.Fatal(err)
		}
		return box.Schema
	}
}

func TestOf_IsWhatAProgramWrites(t *testing.T) {
	for _, tt := range []struct {
		written string
		tagged  bool
		want    func(*testing.T) uint64
	}{
		{"string", false, stored[string](false)},
		{"string", true, stored[string](true)},
		{"int64", false, stored[int64](false)},
		{"[]byte", false, stored[[]byte](false)},
		{"*float64", false, stored[*float64](false)},
		{"time.Time", false, stored[time.Time](false)},
		{"net/netip.Addr", false, stored[netip.Addr](false)},
		{pkg + "Price", false, stored[goschematest.Price](false)},
		{pkg + "Labels", true, stored[goschematest.Labels](true)},
		{pkg + "Base", false, stored[goschematest.Base](false)},
		{"[]" + pkg + "Base", false, stored[[]goschematest.Base](false)},
		{"*" + pkg + "Base", false, stored[*goschematest.Base](false)},
		{pkg + "Once", false, stored[goschematest.Once](false)},
	} {
		got, err := goschema.Of(t.Context(), ".", tt.written, tt.tagged)
		if err != nil {
			t.Errorf("Of(%s): %v", tt.written, err)
			continue
		}
		if tt.want != nil {
			if want := tt.want(t); got != want {
				t.Errorf("Of(%s, %v) = %016x, a program has %016x", tt.written, tt.tagged, got, want)
			}
		}
	}
}

// named is a codec for what JSON refuses: the schema is that of the type, and
// the codec's name is part of it.
type named struct{}

func (named) Name() string                { return "json" }
func (named) Marshal(any) ([]byte, error) { return []byte("x"), nil }
func (named) Unmarshal([]byte, any) error { return nil }

// TestOf_OfEveryKind has a type with fields of every kind, which JSON refuses: the
// codec is one that writes nothing and has its name.
func TestOf_OfEveryKind(t *testing.T) {
	tier := localstore.New(localstore.Options{})
	t.Cleanup(func() { _ = tier.Close() })
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{"c": {TTL: time.Hour}}, Shared: tier, Logger: slog.New(slog.DiscardHandler), SharedTimeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c, err := larder.NewCache(l, "c", larder.Loader[string, goschematest.Product]{
		Load:  func(context.Context, string) (p goschematest.Product, err error) { return p, nil },
		Codec: named{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	box, err := envelope.Look(tier.Get(t.Context(), []string{"c:k"})[0].Record.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := goschema.Of(t.Context(), ".", pkg+"Product", false); err != nil || got != box.Schema {
		t.Errorf("Of(Product) = %016x, %v; a program has %016x", got, err, box.Schema)
	}
}

func TestOf_Errors(t *testing.T) {
	for written, want := range map[string]string{
		"strnig":                      "no basic type",
		pkg + "Nothing":               "has no type Nothing",
		"example.com/nowhere.Product": "go list",
		pkg + "Twice":                 "in common",
	} {
		if _, err := goschema.Of(t.Context(), ".", written, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Of(%s): %v, want %q", written, err, want)
		}
	}
}
