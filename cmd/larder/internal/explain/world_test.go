package explain_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/internal/envelope"
	"github.com/larderdev/larder/internal/gen"
	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/policy/file"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// patience is how long something that must happen may take.
const patience = 20 * time.Second

// encryption is the key of encrypted classes.
var encryption = [][]byte{[]byte("0123456789abcdef")}

// classes are those of the tests: each kind of class that a reader takes another
// way for.
func classes() *policy.Policy {
	hour := policy.TTL{Shared: time.Hour}
	return &policy.Policy{Version: policy.FileVersion, Classes: map[string]policy.Class{
		"windows": {TTL: hour, StaleWhileRevalidate: 5 * time.Minute, StaleIfError: 10 * time.Minute},
		"plain":   {TTL: hour, Tiers: []policy.Tier{policy.Shared}},
		"tagged":  {TTL: hour, Tags: []string{"t-{key}", "all"}, StaleWhileRevalidate: 5 * time.Minute},
		"through": {TTL: hour, Pattern: policy.WriteThrough, RowVersion: "column", Strict: true},
		"secret":  {TTL: hour, Privacy: policy.Sensitive, Tags: []string{"s-{key}"}, StaleIfError: time.Minute},
		"local":   {TTL: hour, Tiers: []policy.Tier{policy.Memory}},
	}}
}

// shop are the classes of the example shop, with keys and values of the tests' own.
func shop(t *testing.T) *policy.Policy {
	t.Helper()
	p, _, err := file.Load("../../../../examples/storefront/larder.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range p.Classes {
		c.Key, c.ValueTags = policy.Key{}, false
		c.Rebuild = 0 // what is invalidated would soon be fresh again
		p.Classes[name] = c
	}
	return p
}

// value is what is cached.
type value struct {
	Text string
	Rev  uint64
}

// other is a value of another schema.
type other struct{ Number int }

// world is a server, and the policy that all processes on it have.
type world struct {
	t      *testing.T
	server *redistest.Server
	redis  *redistest.Operator
	store  *redisstore.Store
	policy *policy.Policy
	outbox bool
}

func newWorld(t *testing.T) *world { return newWorldOf(t, classes()) }

func newWorldOf(t *testing.T, p *policy.Policy) *world {
	t.Helper()
	server := redistest.Start(t)
	w := &world{t: t, server: server, redis: redistest.NewOperator(t, server.Addr()), policy: p}
	w.store = w.connect()
	return w
}

func (w *world) connect() *redisstore.Store {
	w.t.Helper()
	s, err := redisstore.Open(w.t.Context(), redisstore.Options{Addrs: []string{w.server.Addr()}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

// process is one process of the fleet, with a cache of each class.
type process struct {
	*larder.Larder
	caches map[string]*larder.Cache[string, value]

	mu    sync.Mutex
	loads map[string]int
	more  chan struct{} // has a token after each load
	hold  chan struct{} // not nil: loads wait until it is closed
}

// start starts a process. Its origin has a row under each key but those that
// begin with "no".
func (w *world) start() *process {
	w.t.Helper()
	p := &process{caches: map[string]*larder.Cache[string, value]{}, loads: map[string]int{}, more: make(chan struct{}, 1)}
	p.Larder = w.larder()
	for name, c := range w.policy.Classes {
		if c.Pattern == policy.Never {
			continue
		}
		loader := larder.Loader[string, value]{Load: func(ctx context.Context, key string) (value, error) { return p.load(ctx, name+":"+key) }}
		if c.RowVersion != "" {
			loader.Version = func(v value) uint64 { return v.Rev }
		}
		cache, err := larder.NewCache(p.Larder, name, loader)
		if err != nil {
			w.t.Fatal(err)
		}
		p.caches[name] = cache
	}
	return p
}

func (w *world) larder() *larder.Larder {
	w.t.Helper()
	policies := map[string]larder.Policy{}
	for name := range w.policy.Classes {
		c, err := w.policy.Resolve(name)
		if err != nil {
			w.t.Fatal(err)
		}
		if c.Pattern != policy.Never { // generated code does not name it
			policies[name] = gen.ClassPolicy(c)
		}
	}
	l, err := larder.Open(w.t.Context(), larder.Options{
		Policies: policies, Shared: w.connect(), Keys: encryption, Outbox: w.outbox,
		SharedTimeout: 5 * time.Second, Lease: 20 * time.Second, MaxStaleness: 20 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = l.Close() })
	return l
}

func (p *process) load(ctx context.Context, name string) (value, error) {
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
			return value{}, ctx.Err()
		}
	}
	p.mu.Lock()
	p.loads[name]++
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default: // somebody will find one there
	}
	if _, key, _ := strings.Cut(name, ":"); strings.HasPrefix(key, "no") {
		return value{}, larder.ErrNotFound
	}
	return value{Text: "row of " + name, Rev: 7}, nil
}

func (p *process) loadsOf(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.loads[name]
}

// class is the class of a key, with what its profile says.
func (w *world) class(name string) policy.Class {
	w.t.Helper()
	class, _, _ := strings.Cut(name, ":")
	c, err := w.policy.Resolve(class)
	w.must(err)
	return c
}

// tag is a tag that a key alone has.
func (w *world) tag(name string) string {
	_, key, _ := strings.Cut(name, ":")
	for _, tag := range w.class(name).Tags {
		if strings.Contains(tag, "{key}") {
			return strings.ReplaceAll(tag, "{key}", key)
		}
	}
	return w.class(name).Tags[0]
}

// get reads a key; a row that is not there is no failure.
func (w *world) get(p *process, name string) {
	w.t.Helper()
	class, key, _ := strings.Cut(name, ":")
	if _, err := p.caches[class].Get(w.t.Context(), key); err != nil && !errors.Is(err, larder.ErrNotFound) {
		w.t.Fatalf("Get(%s): %v", name, err)
	}
}

// do sends operations to the store, which must all be done.
func (w *world) do(ops ...store.Op) {
	w.t.Helper()
	for _, r := range w.store.Do(w.t.Context(), ops) {
		if r.Err != nil || r.Status != store.Done && r.Status != store.Granted {
			w.t.Fatalf("%+v", r)
		}
	}
}

// must fails the test on an error.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// header is where in a stored record the moment is until which it is fresh, see
// redisstore.
const (
	freshFrom = 22
	freshTo   = 36
)

// change rewrites what is stored under a key, whose life stays as it is.
func (w *world) change(name string, how func(stored []byte) []byte) {
	w.t.Helper()
	in, err := w.store.Inspect(w.t.Context(), name)
	w.must(err)
	m := w.redis.Run("GET", in.DataKey)
	stored, err := m.AsBytes()
	w.must(err)
	w.redis.Run("SET", in.DataKey, string(how(slices.Clone(stored))), "KEEPTTL")
}

// age makes a record's freshness end so long ago, as if time had gone by.
func (w *world) age(name string, ago time.Duration) {
	w.t.Helper()
	in, err := w.store.Inspect(w.t.Context(), name)
	w.must(err)
	w.change(name, func(stored []byte) []byte {
		copy(stored[freshFrom:freshTo], fmt.Sprintf("%014d", in.Now-ago.Milliseconds()))
		return stored
	})
}

// explainer answers about the world for programs with the schema of value in the
// class.
func (w *world) explainer(class string) *explain.Explainer {
	w.t.Helper()
	secrets, err := envelope.NewSecrets(encryption)
	w.must(err)
	p := *w.policy
	p.Fleet.Outbox = w.outbox
	return &explain.Explainer{Policy: &p, Tier: w.store, Secrets: secrets, Schema: w.schema(class)}
}

// schema is that of a value that a process has stored; nil in classes that are
// not stored.
func (w *world) schema(class string) *uint64 {
	w.t.Helper()
	name := class + ":sample"
	p := w.start()
	w.get(p, name)
	w.must(p.Close())
	in, err := w.store.Inspect(w.t.Context(), name)
	w.must(err)
	if in.Status != store.Found {
		return nil
	}
	box, err := envelope.Look(in.Record.Body)
	w.must(err)
	return &box.Schema
}

// dump is everything that the server holds.
func (w *world) dump() map[string]string {
	w.t.Helper()
	m := w.redis.Run("KEYS", "*")
	keys, err := m.AsStrSlice()
	w.must(err)
	all := map[string]string{}
	for _, key := range keys {
		d := w.redis.Run("DUMP", key)
		all[key], _ = d.ToString()
	}
	return all
}

// diff names the keys that differ.
func diff(a, b map[string]string) (names []string) {
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if a[key] != b[key] {
			names = append(names, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[key]; !ok {
			names = append(names, key)
		}
	}
	return names
}
