package larder_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// replicated is an origin with a replica that lags behind.
type replicated struct {
	*origin
	lag     time.Duration
	history []moment
	primary int // loads that went there
}

type moment struct {
	at  time.Time
	row user
}

func newReplicated(lag time.Duration) *replicated {
	r := &replicated{origin: newOrigin(), lag: lag}
	r.write(1)
	return r
}

func (r *replicated) write(id int) {
	r.origin.write(id)
	r.history = append(r.history, moment{time.Now(), r.rows[id]})
}

// load reads the primary if it must, else what the replica has by now.
func (r *replicated) load(ctx context.Context, _ int) (user, error) {
	if larder.NeedPrimary(ctx) {
		r.primary++
		return r.history[len(r.history)-1].row, nil
	}
	row, err := user{}, larder.ErrNotFound
	for _, m := range r.history {
		if time.Since(m.at) >= r.lag {
			row, err = m.row, nil
		}
	}
	return row, err
}

func (r *replicated) cache(t *testing.T, p larder.Policy, versioned bool) *larder.Cache[int, user] {
	t.Helper()
	return r.cacheOn(t, local(t), p, versioned)
}

func (r *replicated) cacheOn(t *testing.T, s store.Store, p larder.Policy, versioned bool) *larder.Cache[int, user] {
	t.Helper()
	loader := larder.Loader[int, user]{Load: r.load}
	if versioned {
		loader.Version = func(u user) uint64 { return u.Version }
	}
	l := open(t, s, "user", p)
	c, err := larder.NewCache(l, "user", loader)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return c
}

// A value lives shorter than the replica lags: what is known of the newer
// version must outlive it.
func TestReplica_ShortLivesDoNotBringTheOldValueBack(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newReplicated(5 * time.Second)
			time.Sleep(time.Minute)
			c := r.cache(t, larder.Policy{TTL: 200 * time.Millisecond}, versioned)
			mustGet(t, c, 1, 1, larder.Strict())
			r.write(1)
			if err := c.Invalidate(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			for range 60 {
				mustGet(t, c, 1, 2, larder.Strict())
				time.Sleep(150 * time.Millisecond)
			}
			time.Sleep(time.Minute)
			before := r.primary
			mustGet(t, c, 1, 2, larder.Strict())
			if r.primary != before {
				t.Error("the primary was read although nothing has changed for a minute")
			}
		})
	}
}

// A refresh loads over a value, or over the knowledge that there is none, which
// may have taken a tombstone's place a moment ago.
func TestReplica_RefreshDoesNotBringTheOldValueBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicated(5 * time.Second)
		time.Sleep(time.Minute)
		c := r.cache(t, hour, false)
		mustGet(t, c, 1, 1)
		r.write(1)
		must(t, c.Invalidate(t.Context(), 1))
		mustGet(t, c, 1, 2)
		must(t, c.Refresh(t.Context(), 1))
		mustGet(t, c, 1, 2, larder.Strict())
		time.Sleep(time.Minute)
		before := r.primary
		must(t, c.Refresh(t.Context(), 1))
		mustGet(t, c, 1, 2, larder.Strict())
		if r.primary != before {
			t.Error("the primary was read although nothing has changed for a minute")
		}
	})
}

func TestReplica_RefreshDoesNotBringADeletedRowBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := false
		load := func(ctx context.Context, _ int) (user, error) {
			if gone && larder.NeedPrimary(ctx) {
				return user{}, larder.ErrNotFound
			}
			return user{ID: 1, Version: 1}, nil
		}
		c, err := larder.NewCache(open(t, local(t), "user", hour), "user", larder.Loader[int, user]{
			Load: load, Version: func(u user) uint64 { return u.Version },
		})
		must(t, err)
		synctest.Wait()
		mustGet(t, c, 1, 1)
		gone = true
		must(t, c.Invalidate(t.Context(), 1))
		for range 2 {
			if _, err := c.Get(t.Context(), 1, larder.Strict()); !errors.Is(err, larder.ErrNotFound) {
				t.Errorf("Get of a deleted row = %v, want ErrNotFound", err)
			}
			c.Refresh(t.Context(), 1)
		}
	})
}

// What a replica has not heard of yet is looked for at the primary.
func TestReplica_MissingAndTooOldRowsAreReadFromThePrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicated(5 * time.Second)
		c := r.cache(t, larder.Policy{TTL: time.Minute}, true)
		mustGet(t, c, 1, 1)
		r.write(1)
		mustGet(t, c, 1, 2, larder.MinVersion(2))
		if r.primary != 2 {
			t.Errorf("the primary was read %d times, want 2", r.primary)
		}
	})
}

// Without the shared tier nobody knows what was invalidated.
func TestReplica_LoadsWithoutTheSharedTierReadThePrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicated(5 * time.Second)
		time.Sleep(time.Minute)
		s := local(t)
		g := &gate{Store: s}
		c, other := r.cacheOn(t, g, hour, false), r.cacheOn(t, s, hour, false)
		mustGet(t, c, 1, 1)
		g.hangs.Store(true)
		r.write(1)
		if err := other.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		mustGet(t, c, 1, 2, larder.Strict())
		r.write(1)
		if err := c.Invalidate(t.Context(), 1); err == nil {
			t.Fatal("an invalidation was acknowledged while the tier hangs")
		}
		mustGet(t, c, 1, 3)
		g.mute.Store(true) // what it answers is not trusted while the key is pending
		g.hangs.Store(false)
		mustGet(t, c, 1, 3)
	})
}

// A class that only memory keeps has no tombstone to look at.
func TestReplica_MemoryAloneReadsThePrimaryAfterAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicated(5 * time.Second)
		time.Sleep(time.Minute)
		s := local(t)
		p := larder.Policy{TTL: 30 * time.Second, Tiers: larder.Memory, Jitter: -1, EarlyRefresh: -1}
		c, other := r.cacheOn(t, s, p, false), r.cacheOn(t, s, p, false)
		time.Sleep(time.Minute)
		mustGet(t, c, 1, 1)
		if r.primary != 0 {
			t.Error("the primary was read although nothing has changed for a minute")
		}
		r.write(1)
		mustGet(t, c, 1, 2, larder.Strict())
		if err := other.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 10 {
			mustGet(t, c, 1, 2)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		before := r.primary
		mustGet(t, c, 1, 2)
		if r.primary != before {
			t.Error("the primary was read although nothing has changed for a minute")
		}
	})
}

func TestReplica_MemoryWithoutASharedTierReadsThePrimaryAfterAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicated(5 * time.Second)
		time.Sleep(time.Minute)
		c := r.cacheOn(t, nil, hour, false)
		mustGet(t, c, 1, 1)
		r.write(1)
		if err := c.Invalidate(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			mustGet(t, c, 1, 2)
			time.Sleep(time.Second)
		}
		if r.primary != 1 {
			t.Errorf("the primary was read %d times, want once", r.primary)
		}
	})
}

// When the shared tier has lost its tombstones, nobody knows what a replica
// must have heard of.
func TestReplica_IsNotBelievedAfterTheSharedTierForgot(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newReplicated(5 * time.Second)
			time.Sleep(time.Minute)
			s := local(t)
			c, other := r.cacheOn(t, s, hour, versioned), r.cacheOn(t, s, hour, versioned)
			mustGet(t, c, 1, 1)
			if r.primary != 0 {
				t.Error("the primary was read although nothing was forgotten")
			}
			r.write(1)
			if err := other.Invalidate(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				s.Flush()
				synctest.Wait()
				mustGet(t, c, 1, 2, larder.Strict())
				mustGet(t, other, 1, 2)
				time.Sleep(time.Second)
			}
			time.Sleep(time.Minute)
			s.Flush()
			synctest.Wait()
			time.Sleep(time.Minute)
			before := r.primary
			mustGet(t, c, 1, 2)
			if r.primary != before {
				t.Error("the primary was read although nothing was forgotten for a minute")
			}
		})
	}
}
