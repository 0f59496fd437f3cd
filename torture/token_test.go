package torture

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/internal/ledgertest"
	"github.com/larderdev/larder/internal/redistest"
)

// token is what a session's token stands for.
type token struct {
	User    int
	Expires time.Time
}

// revokedOwner marks the row of a revoked token.
const revokedOwner = -1

// tokenRow is the number of a token's row.
func tokenRow(class, key int) int { return id(maxClasses-len(tokenClasses)+class, key) }

// tokenCaches opens the caches of tokens over the primary.
func (c *config) tokenCaches() (l *larder.Larder, caches []*larder.Cache[int, token], err error) {
	db, err := connect(c.Primary)
	if err != nil {
		return nil, nil, err
	}
	if l, err = c.openLarder(); err != nil {
		return nil, nil, err
	}
	expires := time.Now().Add(time.Hour)
	for class, name := range tokenClasses {
		cache, err := larder.NewCache(l, name, larder.Loader[int, token]{
			Load: func(ctx context.Context, key int) (token, error) {
				r, err := readRow(ctx, db, tokenRow(class, key))
				if err == nil && r.Owner == revokedOwner {
					err = larder.ErrNotFound
				}
				return token{User: r.Owner, Expires: expires}, err
			},
			Expires: func(_ int, t token) time.Time { return t.Expires },
		})
		if err != nil {
			return nil, nil, err
		}
		caches = append(caches, cache)
	}
	return l, caches, nil
}

// runGuard asks for the token that is in use again and again.
func runGuard(c config) error {
	led, err := ledgertest.Open[ledger](c.Ledger)
	if err != nil {
		return err
	}
	_, caches, err := c.tokenCaches()
	if err != nil {
		return err
	}
	for {
		<-time.After(time.Millisecond)
		key := int(led.token.Load())
		for class, cache := range caches {
			var r larder.Report
			began := time.Now().UnixNano()
			_, err := cache.Get(context.Background(), key, larder.Into(&r))
			mine := &led.tokens[class][key]
			switch {
			case err == nil:
				mine.accepted[c.Number].Store(began)
				mine.fromMemory[c.Number].Add(int64(r.Memory))
			case errors.Is(err, larder.ErrNotFound):
				mine.refused[c.Number].Store(began)
			}
		}
	}
}

// TestToken_RevokedIsRefusedByAll revokes tokens while the wire of one of the
// processes that accept them is silently cut.
func TestToken_RevokedIsRefusedByAll(t *testing.T) {
	f := newFleet(t)
	redis := redistest.Start(t)
	wires, opts := f.wires(redis, 3)
	direct := server{Addrs: []string{redis.Addr()}}
	f.relays = f.start(config{Role: "relay", Outbox: true}, []server{direct})
	f.nodes = f.start(config{Role: "guard", Outbox: true}, opts)
	revoker := config{Primary: f.db.primaryDSN, Redis: direct, Outbox: true}
	l, caches, err := revoker.tokenCaches()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	worst := [len(tokenClasses)][2]time.Duration{} // connected, cut off
	for key := range 6 {
		cut := key % len(wires)
		f.ledger.token.Store(int64(key))
		f.warm(key)
		wires[cut].Cut()
		<-time.After(time.Duration(key) * 160 * time.Millisecond) // of the second that memory has
		acknowledged := f.revoke(l, caches, key)
		<-time.After(bound + 300*time.Millisecond)
		for class := range tokenClasses {
			for i := range f.nodes {
				late := f.lateness(class, key, i, acknowledged)
				place := &worst[class][0]
				if i == cut {
					place = &worst[class][1]
				}
				*place = max(*place, late)
			}
		}
		wires[cut].Mend()
	}
	for class, name := range tokenClasses {
		t.Logf("%s: accepted last %v after the acknowledgement by processes that are connected, %v by the one that is cut off",
			name, worst[class][0].Round(100*time.Microsecond), worst[class][1].Round(100*time.Microsecond))
	}
}

// warm waits until all processes answer for a token from the tiers that they
// have.
func (f *fleet) warm(key int) {
	f.t.Helper()
	for i := range f.nodes {
		eventually(f.t, fmt.Sprintf("process %d has the token in memory", i), func() bool {
			return f.ledger.tokens[0][key].accepted[i].Load() > 0 && f.ledger.tokens[1][key].fromMemory[i].Load() > 10
		})
	}
}

// revoke revokes a token of each class and returns when all was acknowledged.
func (f *fleet) revoke(l *larder.Larder, caches []*larder.Cache[int, token], key int) time.Time {
	f.t.Helper()
	tx, err := f.db.primary.BeginTx(f.t.Context(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for class, name := range tokenClasses {
		if _, err := tx.ExecContext(f.t.Context(), "UPDATE items SET owner = $2, version = version + 1 WHERE id = $1", tokenRow(class, key), revokedOwner); err != nil {
			f.t.Fatal(err)
		}
		if err := f.db.box.Enqueue(f.t.Context(), tx, larder.Change{Class: name, Key: fmt.Sprint(key)}); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		f.t.Fatal(err)
	}
	for _, cache := range caches {
		if err := cache.Invalidate(f.t.Context(), key); err != nil {
			f.t.Fatal(err)
		}
	}
	return time.Now()
}

// lateness is how long after the acknowledgement a process has accepted a
// token last, by the beginning of that Get.
func (f *fleet) lateness(class, key, process int, acknowledged time.Time) time.Duration {
	led := &f.ledger.tokens[class][key]
	late := max(time.Unix(0, led.accepted[process].Load()).Sub(acknowledged), 0)
	if late > time.Second {
		f.t.Errorf("%s: process %d accepted the token %v after it was revoked, want 1s at most", tokenClasses[class], process, late)
	}
	if led.refused[process].Load() <= led.accepted[process].Load() {
		f.t.Errorf("%s: process %d has not refused the token", tokenClasses[class], process)
	}
	return late
}
