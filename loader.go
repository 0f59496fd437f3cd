package larder

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Loader reads values of one class from the origin. Load or LoadMany must be
// set; either alone is enough. All functions may be called concurrently.
type Loader[K comparable, V any] struct {
	// Load reads one value. It returns [ErrNotFound] when there is none. Its
	// context ends after HardTimeout, not when a caller gives up; see
	// [NeedPrimary]. It must not ask the cache for its own key: it would wait for
	// itself. A batch calls it for several keys at once.
	Load func(ctx context.Context, key K) (V, error)
	// LoadMany reads several values. A key that is missing from its answer
	// does not exist; if it returns an error as well, the missing keys have
	// failed with it, or, if that is a [BatchError] that names keys of this
	// batch only, just those.
	LoadMany func(ctx context.Context, keys []K) (map[K]V, error)
	// Key gives the text form of a key. It must be stable and different for
	// different keys. Needed for key types that are not strings, integers,
	// booleans or encoding.TextMarshalers.
	Key func(key K) string
	// Version reads a value's version: a number that grows with every change
	// of the row, such as a version column from a sequence. With it a value
	// read from a lagging replica is recognised, and MinVersion works.
	//
	// A version below what the fleet has seen is not cached.
	//
	// Default: nil, unversioned.
	Version func(value V) uint64
	// TTL gives a value a life of its own: 0 for the class's TTL, more for
	// at most that long (never longer than the class's), and [NoStore] for
	// not at all.
	TTL func(key K, value V) time.Duration
	// Expires gives a value an absolute end, such as that of a token: no stale
	// window, early refresh or clock of this host that is slow lets it be served
	// later. The zero time means the class's TTL. A class with it has no stale windows.
	Expires func(key K, value V) time.Time
	// Tags gives a value tags beside those of its policy: at most 64 in all, of
	// 200 bytes each. They may depend on the value.
	Tags func(key K, value V) []string
	// Codec turns values into bytes for the shared tier.
	//
	// Default: JSON, as by encoding/json: what it leaves out, such as
	// unexported fields, is there after a load and gone after a hit.
	Codec Codec
}

// NoStore is what [Loader.TTL] returns for a value that must not be cached.
const NoStore time.Duration = -1

// Codec encodes values for the shared tier. Its methods may be called
// concurrently.
type Codec interface {
	// Name names the format. Another name makes stored values misses.
	Name() string
	// Marshal encodes v.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into v, a pointer. It must not keep data, and
	// must not panic on any bytes.
	Unmarshal(data []byte, v any) error
}

type jsonCodec struct{}

func (jsonCodec) Name() string                       { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

func (l *Loader[K, V]) validate(p *Policy) error {
	var errs []error
	if l.Load == nil && l.LoadMany == nil {
		errs = append(errs, errors.New("the loader has neither Load nor LoadMany"))
	}
	if l.Expires != nil && p.window() > 0 {
		errs = append(errs, errors.New("Loader.Expires gives values an end of their own, and the policy's StaleWhileRevalidate or StaleIfError would extend it"))
	}
	if l.Version == nil && p.Version != "" {
		errs = append(errs, fmt.Errorf("the policy's Version is %q, and the loader has no Version", p.Version))
	}
	return errors.Join(errs...)
}

// NeverCached marks a type whose values must not be cached, whatever the
// policies say: NewCache refuses it. What it returns, for any value, says why.
type NeverCached interface{ NeverCached() string }

// cacheable refuses what must not be cached.
func cacheable[V any](p Policy) error {
	if p.Pattern == Never {
		return errors.New("its policy says that it is never cached: read it from the origin each time")
	}
	t := reflect.TypeFor[V]()
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		if marked(t) {
			break
		}
		t = t.Elem()
	}
	if !marked(t) {
		return nil
	}
	for t.Kind() == reflect.Pointer && marked(t.Elem()) {
		t = t.Elem()
	}
	why := ""
	if v, ok := reflect.New(t).Interface().(NeverCached); ok {
		_ = guard(func() error { why = ": " + v.NeverCached(); return nil }) // of a zero value, which may not do
	}
	return fmt.Errorf("values of type %v are never cached%s", t, why)
}

func marked(t reflect.Type) bool {
	mark := reflect.TypeFor[NeverCached]()
	return t.Implements(mark) || reflect.PointerTo(t).Implements(mark)
}

// encodable refuses types of which JSON would keep nothing.
func encodable[V any](codec Codec) error {
	t := reflect.TypeFor[V]()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if codec != nil || t.Kind() != reflect.Struct || t.NumField() == 0 {
		return nil
	}
	for _, custom := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(custom) || reflect.PointerTo(t).Implements(custom) {
			return nil
		}
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() || f.Anonymous {
			return nil
		}
	}
	return fmt.Errorf("type %v has no exported field, so that JSON would keep nothing of it: export some, or set Loader.Codec", t)
}

type primaryKey struct{}

// NeedPrimary reports whether a load must read the primary database: what a
// replica answers may be older than what was already invalidated. Loaders
// that read from replicas ask it; others need not.
func NeedPrimary(ctx context.Context) bool {
	hint, ok := ctx.Value(primaryKey{}).(*primaryHint)
	if !ok {
		return false
	}
	hint.asked.Store(true)
	return hint.need
}

// Route returns the database that a load reads: primary if [NeedPrimary] says
// so, else replica. They may be *sql.DB or any other kind of handle:
//
//	rows, err := larder.Route(ctx, primary, replica).QueryContext(ctx, …)
func Route[DB any](ctx context.Context, primary, replica DB) DB {
	if NeedPrimary(ctx) {
		return primary
	}
	return replica
}

// loaded is what a loader said of one key.
type loaded[V any] struct {
	value V
	err   error // ErrNotFound, or why there is no answer
}

// call asks the loader for keys. It answers each of them, in order.
func (l *Loader[K, V]) call(ctx context.Context, keys []K) []loaded[V] {
	if l.LoadMany != nil && (len(keys) > 1 || l.Load == nil) {
		return l.callMany(ctx, keys)
	}
	out := make([]loaded[V], len(keys))
	for i, key := range keys {
		out[i].err = guard(func() error {
			v, err := l.Load(ctx, key)
			if err == nil {
				out[i].value = v
			}
			return err
		})
	}
	return out
}

func (l *Loader[K, V]) callMany(ctx context.Context, keys []K) []loaded[V] {
	var values map[K]V
	err := guard(func() (err error) {
		values, err = l.LoadMany(ctx, slices.Clone(keys)) // a loader may sort them
		return err
	})
	var named *BatchError[K]
	partial := errors.As(err, &named) && named.within(keys)
	out := make([]loaded[V], len(keys))
	for i, key := range keys {
		v, ok := values[key]
		switch {
		case partial && named.Failed[key] != nil:
			out[i].err = named.Failed[key]
		case ok:
			out[i].value = v
		case !partial && failure(err):
			out[i].err = err
		default:
			out[i].err = ErrNotFound
		}
	}
	return out
}

// within reports whether e names some of keys, and nothing else: one that names
// others is that of another batch.
func (e *BatchError[K]) within(keys []K) bool {
	known := 0
	for _, key := range keys { // each once
		if _, ok := e.Failed[key]; ok {
			known++
		}
	}
	return known > 0 && known == len(e.Failed)
}

// guard turns a panic of f into an error with the stack.
func guard(f func() error) (err error) {
	done := false
	defer func() {
		if done {
			return
		}
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			return
		}
		err = errors.New("the loader ended its goroutine")
	}()
	err = f()
	done = true
	return err
}

// schemaOf identifies what V looks like under a codec: other fields, types or
// tags give another number, so that old bytes become misses.
func schemaOf[V any](codec Codec, tagged bool) uint64 {
	var b strings.Builder
	b.WriteString(codec.Name())
	if tagged {
		b.WriteString("|tagged")
	}
	describe(&b, reflect.TypeFor[V](), map[reflect.Type]bool{})
	h := fnv.New64a()
	h.Write([]byte(b.String()))
	return h.Sum64()
}

func describe(b *strings.Builder, t reflect.Type, seen map[reflect.Type]bool) {
	fmt.Fprintf(b, "|%s", t.Kind())
	if seen[t] {
		b.WriteString(t.String())
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			fmt.Fprintf(b, ";%s`%s`", f.Name, f.Tag)
			describe(b, f.Type, seen)
		}
	case reflect.Map:
		describe(b, t.Key(), seen)
		describe(b, t.Elem(), seen)
	case reflect.Array:
		fmt.Fprintf(b, "[%d]", t.Len())
		describe(b, t.Elem(), seen)
	case reflect.Pointer, reflect.Slice:
		describe(b, t.Elem(), seen)
	default:
		b.WriteString(t.String())
	}
}
