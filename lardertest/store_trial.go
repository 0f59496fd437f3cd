package lardertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larderdev/larder/store"
)

const (
	// patience is how long something that must happen may take.
	patience = 10 * time.Second
	// long is a lifetime that does not end during a test.
	long = time.Hour
	// short is a lifetime that a test waits for.
	short = 20 * time.Millisecond
	// coarse is how much a store may round a lifetime.
	coarse = 5 * time.Millisecond
)

// trial is one store on trial. Its methods fail the test when the store
// answers with an error.
type trial struct {
	*testing.T
	store  store.Store
	prefix string
	made   int
	nonces atomic.Uint64
}

func newTrial(t *testing.T, s store.Store) *trial {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &trial{T: t, store: s, prefix: "trial:" + rand.Text()}
}

// key returns a key that nobody has used.
func (t *trial) key() string {
	t.made++
	return fmt.Sprintf("%s:%d", t.prefix, t.made)
}

// get reads one key.
func (t *trial) get(key string) store.Reply {
	t.Helper()
	return t.one("Get", t.store.Get(t.Context(), []string{key}))
}

// do runs one operation.
func (t *trial) do(op store.Op) store.Reply {
	t.Helper()
	return t.one(fmt.Sprintf("%T", op), t.store.Do(t.Context(), []store.Op{op}))
}

// try is do for other goroutines than the test's.
func (t *trial) try(op store.Op) store.Reply {
	reply := t.store.Do(t.Context(), []store.Op{op})[0]
	if reply.Err != nil {
		t.Errorf("%T: %v", op, reply.Err)
	}
	return reply
}

// one takes the only reply there must be.
func (t *trial) one(what string, replies []store.Reply) store.Reply {
	t.Helper()
	if len(replies) != 1 {
		t.Fatalf("%s: %d replies, want 1", what, len(replies))
	}
	if replies[0].Err != nil {
		t.Fatalf("%s: %v", what, replies[0].Err)
	}
	return replies[0]
}

// want runs an operation that must end with a status.
func (t *trial) want(op store.Op, status store.Status) store.Reply {
	t.Helper()
	reply := t.do(op)
	if reply.Status != status {
		t.Errorf("%T %s: %s, want %s", op, describe(op), name(reply.Status), name(status))
	}
	return reply
}

// wantStored checks what the data slot holds. FreshUntil is not compared.
func (t *trial) wantStored(key string, want store.Record) {
	t.Helper()
	reply := t.get(key)
	if reply.Status != store.Found {
		t.Errorf("Get: %s, want Found", name(reply.Status))
		return
	}
	t.wantRecord(reply.Record, want)
}

// wantRecord compares records without their FreshUntil.
func (t *trial) wantRecord(got, want store.Record) {
	t.Helper()
	if got.Kind != want.Kind || got.Version != want.Version || !bytes.Equal(got.Body, want.Body) {
		t.Errorf("record is %c version %d %.40q, want %c version %d %.40q",
			letter(got.Kind), got.Version, got.Body, letter(want.Kind), want.Version, want.Body)
	}
}

// wantMoment checks a moment of the store's clock. Clocks that count
// milliseconds may round either way.
func (t *trial) wantMoment(what string, got, from, to int64) {
	t.Helper()
	if got < from-1 || got > to+1 {
		t.Errorf("%s is %d, want %d to %d", what, got, from-1, to+1)
	}
}

// wantAbsent checks that the data slot is empty.
func (t *trial) wantAbsent(key string) {
	t.Helper()
	if reply := t.get(key); reply.Status != store.Absent {
		t.Errorf("Get: %s, want Absent", name(reply.Status))
	}
}

// wantFree checks that nobody holds the lease, by taking it.
func (t *trial) wantFree(key string) {
	t.Helper()
	t.want(store.Lease{Key: key, ID: "somebody else", For: long, Force: true}, store.Granted)
}

// wantHeld checks that a load holds the lease.
func (t *trial) wantHeld(key string) {
	t.Helper()
	t.want(store.Lease{Key: key, ID: "somebody else", For: long, Force: true}, store.Busy)
}

// lease takes the lease of a key, whatever is stored.
func (t *trial) lease(key, id string) store.Reply {
	t.Helper()
	return t.want(store.Lease{Key: key, ID: id, For: long, Force: true}, store.Granted)
}

// put stores a value that stays, and leaves the lease free.
func (t *trial) put(key string, version uint64, body string) {
	t.Helper()
	t.lease(key, "put")
	t.want(fillOf(key, "put", version, body), store.Done)
}

// putKind fills a record of a kind and leaves the lease free.
func (t *trial) putKind(key string, kind store.Kind, version uint64, body string) {
	t.Helper()
	t.lease(key, "put")
	fill := fillOf(key, "put", version, body)
	fill.Kind = kind
	t.want(fill, store.Done)
}

// putMark leaves the mark of a failed load.
func (t *trial) putMark(key, id string) {
	t.Helper()
	t.lease(key, id)
	t.want(store.Release{Key: key, ID: id, Mark: long}, store.Done)
}

// fillOf is a fill that stays fresh.
func fillOf(key, id string, version uint64, body string) store.Fill {
	return store.Fill{Key: key, ID: id, Kind: store.Value, Version: version, Fresh: long, Life: long, Body: []byte(body)}
}

// eventually asks until the answer is yes. It returns how long that took.
func (t *trial) eventually(what string, ask func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ask() {
		if time.Since(start) > patience {
			t.Fatalf("waited %v for this: %s", patience, what)
		}
		<-tick.C
	}
	return time.Since(start)
}

// outlive returns when a tombstone that is made now, to stay as long as hold,
// is gone. Whatever was to end before then has ended.
func (t *trial) outlive(hold time.Duration) {
	t.Helper()
	key := t.key()
	t.want(store.Invalidate{Key: key, Hold: hold}, store.Done)
	t.eventually("the end of a tombstone", func() bool { return t.get(key).Status == store.Absent })
}

// ended is a context that is over.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// name is the name of a status.
func name(s store.Status) string {
	names := []string{"Absent", "Found", "Garbled", "Granted", "Busy", "Failed", "Done", "Kept", "Lost", "Below", "Intended", "Cleared"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Status(%d)", s)
}

// letter is the letter of a kind, for messages.
func letter(k store.Kind) rune {
	if k == 0 {
		return '-'
	}
	return rune(k)
}

// describe shows an operation without what makes it long.
func describe(op store.Op) string {
	switch op := op.(type) {
	case store.Fill:
		op.Body = op.Body[:min(len(op.Body), 40)]
		return fmt.Sprintf("%+v", op)
	case store.Discard:
		op.Body = op.Body[:min(len(op.Body), 40)]
		return fmt.Sprintf("%+v", op)
	case store.WriteThrough:
		op.Body = op.Body[:min(len(op.Body), 40)]
		return fmt.Sprintf("%+v", op)
	case store.Finish:
		op.Body = op.Body[:min(len(op.Body), 40)]
		return fmt.Sprintf("%+v", op)
	case store.ReadTags:
		op.Tags = op.Tags[:min(len(op.Tags), 5)]
		return fmt.Sprintf("%+v", op)
	case store.MoveTags:
		op.Tags = op.Tags[:min(len(op.Tags), 5)]
		return fmt.Sprintf("%+v", op)
	}
	return fmt.Sprintf("%+v", op)
}
