package explain_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/cmd/larder/internal/explain"
	"github.com/larderdev/larder/cmd/larder/internal/keystate"
	"github.com/larderdev/larder/policy"
	"github.com/larderdev/larder/store"
)

// situation brings a key into a state, by the library where it can.
type situation struct {
	name  string
	state keystate.State
	// action is what is expected of Get; "" where the class decides.
	action keystate.Action
	in     func(c *policy.Class) bool // nil: all classes in the shared tier
	// bring leaves the state; what it returns, if anything, is called when Get has
	// begun.
	bring func(w *world, p *process, name string) (release func())
}

// windows tells whether one window is over before the other.
func windows(c *policy.Class) bool {
	return c.StaleWhileRevalidate > 0 && c.StaleIfError > c.StaleWhileRevalidate
}
func tagged(c *policy.Class) bool  { return len(c.Tags) > 0 }
func strict(c *policy.Class) bool  { return c.Strict }
func public(c *policy.Class) bool  { return !c.Encrypt }
func rescued(c *policy.Class) bool { return c.StaleIfError > 0 }

// between is how long ago a value's TTL has ended that only a failed load may show.
func between(c policy.Class) time.Duration { return (c.StaleWhileRevalidate + c.StaleIfError) / 2 }

// then is a state that is left behind, and needs nobody to go on.
func then(bring func(w *world, p *process, name string)) func(*world, *process, string) func() {
	return func(w *world, p *process, name string) func() { bring(w, p, name); return nil }
}

// failedLoad leaves the mark of a failed load, for longer than the library's.
func failedLoad(w *world, name string) {
	w.do(store.Lease{Key: name, ID: "failing", For: time.Minute, Force: true}, store.Release{Key: name, ID: "failing", Mark: time.Minute})
}

func situations() []situation {
	text := func(name string) string { _, key, _ := strings.Cut(name, ":"); return key }
	return []situation{
		{name: "missing", state: keystate.Missing, action: keystate.Load, bring: then(func(*world, *process, string) {})},
		{name: "fresh", state: keystate.Fresh, action: keystate.Serve, bring: then(func(w *world, p *process, name string) { w.get(p, name) })},
		{name: "no such row", state: keystate.Negative, action: keystate.Serve, bring: then(func(w *world, p *process, name string) { w.get(p, name) })},
		{name: "no such row, long ago", state: keystate.Expired, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, time.Second)
		})},
		{name: "stale", state: keystate.Stale, action: keystate.ServeStale, in: windows, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, w.class(name).StaleWhileRevalidate/2)
		})},
		{name: "stale and leased", state: keystate.Stale, action: keystate.ServeStale, in: windows, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, w.class(name).StaleWhileRevalidate/2)
			w.do(store.Lease{Key: name, ID: "slow", For: time.Minute})
		})},
		{name: "past the first window", state: keystate.Stale, action: keystate.Load, in: windows, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, between(w.class(name)))
		})},
		{name: "past the first window, and failed", state: keystate.Stale, action: keystate.ServeStale, in: windows, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, between(w.class(name)))
			failedLoad(w, name)
		})},
		{name: "expired", state: keystate.Expired, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, time.Minute+max(w.class(name).StaleWhileRevalidate, w.class(name).StaleIfError))
		})},
		{name: "rescued", state: keystate.Stale, action: keystate.ServeStale, in: rescued, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, w.class(name).StaleIfError/2)
			failedLoad(w, name)
		})},
		{name: "invalidated", state: keystate.Tombstone, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			class, _, _ := strings.Cut(name, ":")
			w.must(p.caches[class].Invalidate(w.t.Context(), text(name)))
		})},
		{name: "invalidated, and failed", state: keystate.Tombstone, action: keystate.Fail, bring: then(func(w *world, p *process, name string) {
			w.do(store.Invalidate{Key: name, Hold: time.Minute})
			failedLoad(w, name)
		})},
		{name: "invalidated softly", state: keystate.Soft, action: keystate.ServeStale, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			class, _, _ := strings.Cut(name, ":")
			w.must(p.caches[class].SoftInvalidate(w.t.Context(), text(name)))
		})},
		{name: "a tag invalidated", state: keystate.Invalidated, action: keystate.Load, in: tagged, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.must(p.InvalidateTags(w.t.Context(), w.tag(name)))
		})},
		{name: "a tag invalidated and used again", state: keystate.Invalidated, action: keystate.Load, in: tagged, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.must(p.InvalidateTags(w.t.Context(), w.tag(name)))
			w.do(store.ReadTags{Tags: []string{"t-" + text(name), "s-" + text(name)}, Nonce: "again", Life: time.Minute})
		})},
		{name: "a tag invalidated softly", state: keystate.Soft, action: keystate.ServeStale, in: tagged, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.must(p.SoftInvalidateTags(w.t.Context(), w.tag(name)))
		})},
		{name: "no such row, a tag invalidated softly", state: keystate.Soft, action: keystate.ServeStale, in: tagged, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.must(p.SoftInvalidateTags(w.t.Context(), w.tag(name)))
		})},
		{name: "a writer about to commit", state: keystate.Intent, action: keystate.LoadAlone, in: strict, bring: writing},
		{name: "a mark of a writer", state: keystate.Intent, action: keystate.LoadAlone, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.do(store.Intend{Key: name, ID: "writer", For: time.Minute, Hold: time.Minute})
		})},
		{name: "a mark that has lapsed", state: keystate.Tombstone, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.do(store.Intend{Key: name, ID: "writer", For: time.Millisecond, Hold: time.Minute})
			w.age(name, time.Millisecond)
		})},
		{name: "leased", state: keystate.Missing, action: keystate.Wait, bring: loading},
		{name: "failed", state: keystate.Missing, action: keystate.Fail, bring: then(func(w *world, _ *process, name string) { failedLoad(w, name) })},
		{name: "of another type", state: keystate.OtherSchema, action: keystate.Load, bring: then(func(w *world, _ *process, name string) { w.storeOther(name) })},
		{name: "not encrypted", state: keystate.OtherSchema, action: keystate.Load, in: func(c *policy.Class) bool { return !public(c) }, bring: then(func(w *world, _ *process, name string) {
			w.storeWith(name, func(c *policy.Class) { c.Privacy = policy.Public })
		})},
		{name: "encrypted", state: keystate.OtherSchema, action: keystate.Load, in: public, bring: then(func(w *world, _ *process, name string) {
			w.storeWith(name, func(c *policy.Class) { c.Encrypt = true })
		})},
		{name: "a byte flipped", state: keystate.Damaged, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.change(name, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		})},
		{name: "a version changed", state: keystate.Damaged, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.change(name, func(b []byte) []byte { b[freshFrom-1]++; return b })
		})},
		{name: "a life changed", state: keystate.Damaged, action: keystate.Load, bring: then(func(w *world, p *process, name string) {
			w.get(p, name)
			w.age(name, -3*w.class(name).TTL.Shared)
		})},
		{name: "somebody else's", state: keystate.Foreign, action: keystate.Load, bring: then(func(w *world, _ *process, name string) {
			w.redis.Run("SET", "larder:d:{"+name+"}", "nonsense")
		})},
		{name: "a list", state: keystate.Foreign, action: "", bring: then(func(w *world, _ *process, name string) {
			w.redis.Run("RPUSH", "larder:d:{"+name+"}", "nonsense")
		})},
	}
}

// writing is an Update that has marked its key and does not come to an end.
func writing(w *world, p *process, name string) func() {
	w.get(p, name)
	class, key, _ := strings.Cut(name, ":")
	marked, commit, done := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.caches[class].Update(context.WithoutCancel(w.t.Context()), key, func(ctx context.Context) (value, error) {
			marked <- larder.Intend(ctx)
			<-commit
			return value{Text: "new", Rev: 8}, nil
		})
	}()
	w.t.Cleanup(func() { close(commit); <-done })
	w.must(<-marked)
	return nil
}

// loading is a load that ends when Get waits for it.
func loading(w *world, _ *process, name string) func() {
	class, key, _ := strings.Cut(name, ":")
	slow := w.start()
	slow.hold = make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = slow.caches[class].Get(context.WithoutCancel(w.t.Context()), key)
	}()
	w.t.Cleanup(func() { <-done })
	for began := time.Now(); time.Since(began) < patience; {
		in, err := w.store.Inspect(w.t.Context(), name)
		w.must(err)
		if in.Lease != "" {
			return func() { close(slow.hold) }
		}
	}
	w.t.Fatal("the load has taken no lease")
	return nil
}

// storeOther has a program of an earlier type store a value.
func (w *world) storeOther(name string) {
	w.t.Helper()
	class, key, _ := strings.Cut(name, ":")
	l := w.larder()
	loader := larder.Loader[string, other]{Load: func(context.Context, string) (other, error) { return other{42}, nil }}
	if w.policy.Classes[class].RowVersion != "" {
		loader.Version = func(other) uint64 { return 7 }
	}
	c, err := larder.NewCache(l, class, loader)
	w.must(err)
	_, err = c.Get(w.t.Context(), key)
	w.must(err)
	w.must(l.Close())
}

// storeWith has a program with another policy store a value.
func (w *world) storeWith(name string, change func(*policy.Class)) {
	w.t.Helper()
	class, _, _ := strings.Cut(name, ":")
	before, changed := w.policy, *w.policy
	changed.Classes = maps.Clone(before.Classes)
	c := changed.Classes[class]
	change(&c)
	changed.Classes[class] = c
	w.policy = &changed
	p := w.start()
	w.policy = before
	w.get(p, name)
	w.must(p.Close())
}

// TestKey_SaysWhatGetDoes brings each class into each state, asks what the next
// Get will do, and lets a process that has just been started do it.
func TestKey_SaysWhatGetDoes(t *testing.T) { eachState(t, classes) }

// TestKey_OfTheShop does so with the classes of the example shop.
func TestKey_OfTheShop(t *testing.T) { eachState(t, func() *policy.Policy { return shop(t) }) }

func eachState(t *testing.T, policies func() *policy.Policy) {
	for _, class := range slices.Sorted(maps.Keys(policies().Classes)) {
		t.Run(class, func(t *testing.T) {
			w := newWorldOf(t, policies())
			c := w.class(class)
			if c.Pattern == policy.Never {
				w.neverCached(class)
				return
			}
			x := w.explainer(class)
			if !slices.Contains(c.Tiers, policy.Shared) {
				w.compare(x, situation{
					name: "in memory alone", state: keystate.MemoryOnly, action: keystate.LoadAlone,
					bring: then(func(w *world, p *process, name string) { w.get(p, name) }),
				}, class)
				return
			}
			for _, s := range situations() {
				if s.in == nil || s.in(&c) {
					w.compare(x, s, class)
				}
			}
		})
	}
}

// neverCached: there is no Get, and NewCache refuses.
func (w *world) neverCached(class string) {
	w.t.Helper()
	k, err := (&explain.Explainer{Policy: w.policy, Tier: w.store}).Key(w.t.Context(), class+":1")
	if err != nil || k.State != keystate.Never || k.Next.Action != keystate.NoCache {
		w.t.Errorf("Key says %+v, %v; want never, and no Get", k, err)
	}
	if c, err := larder.NewCache(w.larder(), class, larder.Loader[string, value]{
		Load: func(context.Context, string) (value, error) { return value{}, nil },
	}); err == nil {
		w.t.Errorf("NewCache has made %v", c)
	}
}

// emptyStates are those in which the shared tier has no value.
var emptyStates = map[keystate.State]bool{
	keystate.Missing: true, keystate.Tombstone: true, keystate.Intent: true, keystate.Foreign: true,
}

// compare compares what is said with what is done, for one state.
func (w *world) compare(x *explain.Explainer, s situation, class string) {
	w.t.Helper()
	name := class + ":" + strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(s.name)
	writer := w.start()
	release := s.bring(w, writer, name)

	before := w.dump()
	k, err := x.Key(w.t.Context(), name)
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	if changed := diff(before, w.dump()); len(changed) > 0 && release == nil {
		w.t.Errorf("%s: Key has changed %q", name, changed)
	}
	if k.State != s.state || s.action != "" && k.Next.Action != s.action {
		w.t.Errorf("%s: Key says %s and %s, want %s and %s", name, k.State, k.Next.Action, s.state, s.action)
	}

	if holds := k.State == keystate.MemoryOnly || slices.ContainsFunc(k.Held, func(h explain.Holding) bool { return h.Holds == "yes" }); holds == emptyStates[k.State] {
		w.t.Errorf("%s: held is %+v in the state %s", name, k.Held, k.State)
	}

	reader := w.start()
	if _, err := reader.Checkpoint(w.t.Context()); err != nil { // it has heard the server's clock
		w.t.Fatal(err)
	}
	_, key, _ := strings.Cut(name, ":")
	var report larder.Report
	if release != nil {
		time.AfterFunc(30*time.Millisecond, release)
	}
	_, err = reader.caches[class].Get(w.t.Context(), key, larder.Into(&report))
	w.agree(name, k, &report, err)
	for loads := reader.loadsOf(name); k.Next.Refresh && loads == 0; loads = reader.loadsOf(name) {
		select {
		case <-reader.more:
		case <-time.After(patience):
			w.t.Fatalf("%s: Key says that it is refreshed, and nobody does", name)
		}
	}
	w.must(reader.Close())
	want := k.Next.Loads
	if k.Next.Refresh {
		want++
	}
	if got := reader.loadsOf(name); got != want {
		w.t.Errorf("%s: %d loads, Key says %d (%+v)", name, got, want, k.Next)
	}
}

// agree compares what is said of a Get with its report.
func (w *world) agree(name string, k *explain.Key, r *larder.Report, err error) {
	w.t.Helper()
	if failed := k.Next.Action == keystate.Fail; failed != errors.Is(err, larder.ErrLoadFailed) {
		w.t.Errorf("%s: Get has the error %v, Key says %+v", name, err, k.Next)
		return
	} else if failed {
		return
	}
	absent := errors.Is(err, larder.ErrNotFound)
	if err != nil && !absent {
		w.t.Errorf("%s: Get has the error %v, Key says %+v", name, err, k.Next)
		return
	}
	if got := r.Tier().String(); got != k.Next.Tier {
		w.t.Errorf("%s: Get is answered by %s, Key says %s (%s)", name, got, k.Next.Tier, k.Next.Why)
	}
	if got := r.Stale > 0; got != k.Next.Stale {
		w.t.Errorf("%s: Get says stale: %v, Key says %v", name, got, k.Next.Stale)
	}
	if k.Next.Action != keystate.Load && k.Next.Action != keystate.LoadAlone && k.Next.Action != keystate.Wait && absent != k.Next.Negative {
		w.t.Errorf("%s: Get has the error %v, Key says negative: %v", name, err, k.Next.Negative)
	}
	if k.Next.Action == keystate.Load && (r.Stored > 0) != k.Next.Kept {
		w.t.Errorf("%s: Get says stored: %d, Key says %v", name, r.Stored, k.Next.Kept)
	}
	if k.Next.Tier == "shared" && !absent && k.Next.Action != keystate.Wait && r.Version != k.Version {
		w.t.Errorf("%s: Get returns version %d, Key says %d", name, r.Version, k.Version)
	}
}
