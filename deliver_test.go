package larder_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1, 2)
		relay, _ := o.node(t, s, taggedPolicy)
		_, b := o.node(t, s, taggedPolicy)
		for range 3 {
			wantVersion(t, b, 1, 1)
			wantVersion(t, b, 2, 1)
			synctest.Wait()
		}
		o.put(1, "tea")
		o.put(2, "tea")
		errs := relay.Deliver(t.Context(), []larder.Change{
			{Class: "product", Key: "1", Version: 2},
			{Tags: []string{"product-2", "product-2"}},
			{Class: "cars", Key: "1"},
			{Class: "product", Key: "3", Tags: []string{""}},
			{Class: "product", Key: strings.Repeat("long", 100)},
		})
		for i, want := range []bool{true, true, false, false, true} {
			if got := errs[i] == nil; got != want {
				t.Errorf("change %d: %v", i, errs[i])
			}
		}
		if !errors.Is(errs[2], larder.ErrUnknownClass) {
			t.Errorf("%v, want ErrUnknownClass", errs[2])
		}
		if !errors.Is(errs[3], larder.ErrInvalidTag) {
			t.Errorf("%v, want ErrInvalidTag", errs[3])
		}
		wantVersion(t, b, 1, 2, larder.Strict())
		wantVersion(t, b, 2, 2, larder.Strict())
		before := o.loads.Load()
		if errs := relay.Deliver(t.Context(), []larder.Change{{Class: "product", Key: "1", Version: 2}}); errs[0] != nil {
			t.Error(errs[0])
		}
		wantVersion(t, b, 1, 2, larder.Strict())
		if n := o.loads.Load() - before; n != 0 {
			t.Errorf("%d loads after a change was delivered again, want 0: the value is there", n)
		}
	})
}

func TestDeliver_NothingBecomesPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newShelf(1)
		g := &gate{Store: s}
		relay, c := o.node(t, g, taggedPolicy)
		wantVersion(t, c, 1, 1)
		g.hangs.Store(true)
		errs := relay.Deliver(t.Context(), []larder.Change{{Class: "product", Key: "1"}, {Tags: []string{"products"}}})
		if errs[0] == nil || errs[1] == nil {
			t.Errorf("Deliver while the tier hangs: %v", errs)
		}
		g.hangs.Store(false)
	})
}

// guarded opens a process that trusts the shared tier only once a relay has
// confirmed.
func guarded(t *testing.T, s store.Store, o *origin) (*larder.Larder, *larder.Cache[int, user]) {
	t.Helper()
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{"user": hour}, Shared: s, Logger: quiet, Outbox: true,
	})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	c, err := larder.NewCache(l, "user", o.loader())
	must(t, err)
	return l, c
}

// confirm does what a relay does that has nothing to deliver.
func confirm(t *testing.T, l *larder.Larder) {
	t.Helper()
	cp, err := l.Checkpoint(t.Context())
	must(t, err)
	must(t, l.Confirm(t.Context(), cp))
}

// confirmed returns when the tier is trusted: its processes have heard it, and then what
// relay has confirmed.
func confirmed(t *testing.T, relay *larder.Larder) {
	t.Helper()
	time.Sleep(time.Second)
	confirm(t, relay)
	time.Sleep(time.Second)
}

func TestOutbox_TheTierIsTrustedOnceARelayHasConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		g := &gate{Store: s}
		relay, warm := node(t, s, o, hour)
		mustGet(t, warm, 1, 1)
		_, c := guarded(t, g, o)
		time.Sleep(time.Second)
		o.write(1) // its invalidation waits in the outbox
		mustGet(t, c, 1, 2)
		confirm(t, relay) // in truth it has not delivered: so that the test can tell
		time.Sleep(time.Second)
		mustGet(t, c, 1, 1)

		g.hangs.Store(true) // an outage
		time.Sleep(3 * time.Second)
		g.hangs.Store(false)
		time.Sleep(time.Second)
		mustGet(t, c, 1, 2)
		relay.Deliver(t.Context(), []larder.Change{{Class: "user", Key: "1", Version: 2}})
		confirm(t, relay)
		time.Sleep(time.Second)
		var r larder.Report
		mustGet(t, c, 1, 2)
		mustGet(t, c, 1, 2, larder.Into(&r))
		if r.Shared+r.Memory != 1 {
			t.Errorf("after the relay has confirmed: %+v, want a hit", r)
		}
	})
}

func TestOutbox_AnotherHistoryIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		relay, writer := node(t, s, o, hour)
		_, c := guarded(t, s, o)
		confirmed(t, relay)
		mustGet(t, c, 1, 1)
		lagging := s.Snapshot()
		o.write(1)
		must(t, writer.Invalidate(t.Context(), 1))
		s.Rewind(lagging) // a replica that has not got it is promoted
		time.Sleep(time.Second)
		mustGet(t, c, 1, 2)
		cp, err := relay.Checkpoint(t.Context())
		must(t, err)
		if len(cp.Histories()) != 1 {
			t.Errorf("histories %v, want one", cp.Histories())
		}
		relay.Deliver(t.Context(), []larder.Change{{Class: "user", Key: "1", Version: 2}})
		must(t, relay.Confirm(t.Context(), cp))
		time.Sleep(time.Second)
		mustGet(t, c, 1, 2)
		mustGet(t, c, 1, 2, larder.Strict())
	})
}

type token struct {
	User    int
	Expires time.Time
}

func TestExpires_IsNeverExtended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := local(t)
		end := time.Now().Add(10 * time.Minute)
		loads := 0
		l := open(t, s, "auth-token", larder.Policy{TTL: time.Hour, Tiers: larder.Shared})
		c, err := larder.NewCache(l, "auth-token", larder.Loader[string, token]{
			Load: func(context.Context, string) (token, error) {
				loads++
				if !time.Now().Before(end) {
					return token{}, larder.ErrNotFound
				}
				return token{User: 1, Expires: end}, nil
			},
			Expires: func(_ string, v token) time.Time { return v.Expires },
		})
		must(t, err)
		time.Sleep(time.Second)
		for time.Now().Before(end) {
			if _, err := c.Get(t.Context(), "secret"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(7 * time.Second)
		}
		if _, err := c.Get(t.Context(), "secret"); !errors.Is(err, larder.ErrNotFound) {
			t.Errorf("Get after the token's end = %v, want ErrNotFound", err)
		}
		if loads > 5 {
			t.Errorf("%d loads, want few", loads)
		}
	})
}

// slowClock is a host whose clock is behind that of the shared tier: the tier's
// heartbeats carry a later time.
type slowClock struct {
	store.Store
	by time.Duration
}

func (s slowClock) Watch(ctx context.Context, feed store.Feed, period time.Duration) {
	s.Store.Watch(ctx, aheadFeed{feed, s.by}, period)
}

type aheadFeed struct {
	store.Feed
	by time.Duration
}

func (f aheadFeed) Beat(node string, b store.Beat) {
	b.Now += f.by.Milliseconds()
	f.Feed.Beat(node, b)
}

func TestExpires_ASlowClockDoesNotExtendIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowClock{local(t), 5 * time.Minute}
		end := time.Now().Add(6 * time.Minute) // so that a minute is left by the tier's clock
		l := open(t, s, "auth-token", larder.Policy{TTL: time.Hour, Tiers: larder.Shared})
		loads := 0
		c, err := larder.NewCache(l, "auth-token", larder.Loader[string, token]{
			Load:    func(context.Context, string) (token, error) { loads++; return token{Expires: end}, nil },
			Expires: func(_ string, v token) time.Time { return v.Expires },
		})
		must(t, err)
		time.Sleep(time.Second)
		c.Get(t.Context(), "secret")
		time.Sleep(70 * time.Second)
		c.Get(t.Context(), "secret")
		if loads != 2 {
			t.Errorf("%d loads, want 2: the token was over by the tier's clock", loads)
		}
	})
}

type balance struct{ Cents int }

func (balance) NeverCached() string { return "money is read from the ledger" }

func TestNever_IsRefused(t *testing.T) {
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{"checkout": {Pattern: larder.Never}, "user": hour}, Logger: quiet,
	})
	must(t, err)
	defer l.Close()
	if _, err := larder.NewCache(l, "checkout", larder.Loader[int, user]{Load: func(context.Context, int) (user, error) { return user{}, nil }}); err == nil || !strings.Contains(err.Error(), "never cached") {
		t.Errorf("NewCache of a class that is never cached: %v", err)
	}
	load := func(context.Context, int) ([]*balance, error) { return nil, nil }
	if _, err := larder.NewCache(l, "user", larder.Loader[int, []*balance]{Load: load}); err == nil || !strings.Contains(err.Error(), "ledger") {
		t.Errorf("NewCache of a type that is never cached: %v", err)
	}
	if _, err := larder.Open(t.Context(), larder.Options{Policies: map[string]larder.Policy{"cart": {Pattern: larder.Never, TTL: time.Hour}}}); err == nil {
		t.Error("a class that is never cached and has a TTL was accepted")
	}
}

func TestPolicy_RefusesTagsThatNameAnotherThing(t *testing.T) {
	l, err := larder.Open(t.Context(), larder.Options{
		Policies: map[string]larder.Policy{"product": {TTL: time.Hour, Tags: []string{"product-{id}"}}}, Logger: quiet,
	})
	if err == nil {
		l.Close()
		t.Error("a tag with {id} was accepted: only {key} is replaced")
	}
}

func TestPolicy_RefusesUnsoundVersions(t *testing.T) {
	for source, want := range map[string]string{
		"xmin": "monotonic", "wal-lsn": "WAL", "wall-clock": "clocks", "etag": "not a source", "column": "", "replay-lsn": "",
	} {
		l, err := larder.Open(t.Context(), larder.Options{
			Policies: map[string]larder.Policy{"user": {TTL: time.Hour, Version: source}}, Logger: quiet,
		})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Version %q: %v, want %q", source, err, want)
		}
		if err == nil {
			l.Close()
		}
	}
}

func TestEncrypt_KeepsValuesSecretAndRotatesKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := local(t), newOrigin(1)
		first, second := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 16))
		get := func(wantLoads int64, keys ...[]byte) {
			t.Helper()
			l, err := larder.Open(t.Context(), larder.Options{
				Policies: map[string]larder.Policy{"user": {TTL: time.Hour, Encrypt: true, Tiers: larder.Shared}},
				Shared:   s, Logger: quiet, Keys: keys,
			})
			must(t, err)
			defer l.Close()
			c, err := larder.NewCache(l, "user", o.loader())
			must(t, err)
			synctest.Wait()
			mustGet(t, c, 1, 1)
			if n := o.loads.Load(); n != wantLoads {
				t.Errorf("%d loads, want %d", n, wantLoads)
			}
		}
		get(1, first)
		body := s.Get(t.Context(), []string{"user:1"})[0].Record.Body
		if strings.Contains(string(body), "user 1.1") {
			t.Error("the value can be read in the shared tier")
		}
		get(1, first, second)
		get(1, second, first)
		get(2, second) // the old key is gone, and so is what it has encrypted
		plant(t, s, store.Fill{
			Key: "user:2", Kind: store.Value, Version: 1, Fresh: time.Hour, Life: time.Hour,
			Body: s.Get(t.Context(), []string{"user:1"})[0].Record.Body,
		})
		l := open(t, s, "user", hour) // without encryption it is a miss
		c, err := larder.NewCache(l, "user", o.loader())
		must(t, err)
		mustGet(t, c, 1, 1)
	})
}

func TestKeysFromEnv(t *testing.T) {
	good := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	for value, want := range map[string]int{good: 1, good + ", " + good: 2, "": 0, "secret!": 0, good[:20]: 0} {
		t.Setenv("TEST_LARDER_KEYS", value)
		keys, err := larder.KeysFromEnv("TEST_LARDER_KEYS")
		if len(keys) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d keys, %v; want %d", value, len(keys), err, want)
		}
		if err != nil && value != "" && strings.Contains(err.Error(), value) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

// TestCheckpoint_WaitsForTheFirstAnswer: a relay that starts together with its
// Larder does not take a tier that has yet to be asked for one that is down.
func TestCheckpoint_WaitsForTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, down := range []bool{false, true} {
			g := &gate{Store: local(t)}
			g.hangs.Store(down)
			l, _ := guarded(t, g, newOrigin(1))
			began := time.Now()
			cp, err := l.Checkpoint(t.Context())
			took := time.Since(began)
			if down == (err == nil) || down != (len(cp.Histories()) == 0) || took > time.Second {
				t.Errorf("down: %v, Checkpoint = %v, %v after %v", down, cp.Histories(), err, took)
			}
			if _, err := l.Checkpoint(t.Context()); down && (err == nil || time.Since(began) > time.Second) {
				t.Errorf("asked again: %v after %v", err, time.Since(began))
			}
		}
	})
}
