package localstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/store"
)

// put stores a value that lives for an hour.
func put(t *testing.T, s *Store, key, body string) {
	t.Helper()
	for _, reply := range s.Do(t.Context(), []store.Op{
		store.Lease{Key: key, ID: "put", For: time.Hour, Force: true},
		store.Fill{Key: key, ID: "put", Kind: store.Value, Fresh: time.Hour, Life: time.Hour, Body: []byte(body)},
	}) {
		if reply.Err != nil || reply.Status != store.Granted && reply.Status != store.Done {
			t.Fatalf("put %s: %+v", key, reply)
		}
	}
}

// status reads one key.
func status(t *testing.T, s *Store, key string) store.Status {
	t.Helper()
	reply := s.Get(t.Context(), []string{key})[0]
	if reply.Err != nil {
		t.Fatal(reply.Err)
	}
	return reply.Status
}

func TestStore_MaxEntries(t *testing.T) {
	s := New(Options{MaxEntries: 3})
	for _, key := range []string{"a", "b", "c"} {
		put(t, s, key, "body")
	}
	status(t, s, "a") // used last, so that b is the first to go
	put(t, s, "d", "body")
	for key, want := range map[string]store.Status{"a": store.Found, "b": store.Absent, "c": store.Found, "d": store.Found} {
		if got := status(t, s, key); got != want {
			t.Errorf("%s: status %d, want %d", key, got, want)
		}
	}
}

func TestStore_MaxEntriesCountsLeases(t *testing.T) {
	s := New(Options{MaxEntries: 10})
	for i := range 100 {
		s.Do(t.Context(), []store.Op{store.Lease{Key: fmt.Sprint(i), ID: "a", For: time.Hour}})
	}
	if got := len(s.entries); got != 10 {
		t.Errorf("%d entries, want 10", got)
	}
	// The lease went with the entry, and so its fill must fail.
	fill := store.Fill{Key: "0", ID: "a", Kind: store.Value, Fresh: time.Hour, Life: time.Hour}
	if got := s.Do(t.Context(), []store.Op{fill})[0].Status; got != store.Lost {
		t.Errorf("fill under an evicted lease: status %d, want Lost", got)
	}
}

func TestStore_MaxBytes(t *testing.T) {
	s := New(Options{MaxBytes: 10 * 1024})
	body := strings.Repeat("x", 1024-overhead-len("0"))
	for i := range 20 {
		put(t, s, fmt.Sprint(i%10), body) // the second round replaces, which costs nothing
	}
	if s.bytes != 10*1024 || len(s.entries) != 10 {
		t.Errorf("%d bytes in %d entries, want %d in 10", s.bytes, len(s.entries), 10*1024)
	}
	put(t, s, "more", body)
	if s.bytes > 10*1024 {
		t.Errorf("%d bytes, want at most %d", s.bytes, 10*1024)
	}
}

func TestStore_RecordBiggerThanMaxBytes(t *testing.T) {
	s := New(Options{MaxBytes: 10 * 1024})
	put(t, s, "small", "body")
	put(t, s, "big", strings.Repeat("x", 11*1024))
	if got := status(t, s, "big"); got != store.Absent {
		t.Errorf("a record bigger than the store: status %d, want Absent", got)
	}
	if got := status(t, s, "small"); got != store.Found {
		t.Errorf("it has pushed out another: status %d, want Found", got)
	}
}

func TestStore_EmptyEntriesLeave(t *testing.T) {
	s := New(Options{})
	s.Get(t.Context(), []string{"never stored"})
	s.Do(t.Context(), []store.Op{
		store.Lease{Key: "released", ID: "a", For: time.Hour},
		store.Release{Key: "released", ID: "a"},
	})
	put(t, s, "discarded", "body")
	s.Do(t.Context(), []store.Op{store.Discard{Key: "discarded", Body: []byte("body")}})
	if len(s.entries) != 0 || s.recent.Len() != 0 || s.bytes != 0 {
		t.Errorf("%d entries, %d in order, %d bytes, want none", len(s.entries), s.recent.Len(), s.bytes)
	}
}

// TestStore_Lifetimes checks exact moments, in fake time.
func TestStore_Lifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		lease := store.Lease{Key: "k", ID: "a", For: time.Second}
		s.Do(t.Context(), []store.Op{lease})
		<-time.After(time.Second - 1)
		reply := s.Do(t.Context(), []store.Op{lease})[0]
		if reply.Status != store.Busy || reply.Wait != 1 {
			t.Errorf("just before the end: %+v, want Busy for 1ns", reply)
		}
		<-time.After(reply.Wait)
		if got := s.Do(t.Context(), []store.Op{lease})[0].Status; got != store.Granted {
			t.Errorf("after Wait: status %d, want Granted", got)
		}

		fill := store.Fill{Key: "k", ID: "a", Kind: store.Value, Fresh: time.Minute, Life: time.Hour}
		s.Do(t.Context(), []store.Op{fill})
		<-time.After(time.Minute - time.Millisecond)
		if got := s.Do(t.Context(), []store.Op{lease})[0].Status; got != store.Found {
			t.Errorf("just before it is stale: status %d, want Found", got)
		}
		<-time.After(time.Millisecond)
		if got := s.Do(t.Context(), []store.Op{lease})[0].Status; got != store.Granted {
			t.Errorf("stale: status %d, want Granted", got)
		}
		<-time.After(time.Hour)
		if got := status(t, s, "k"); got != store.Absent {
			t.Errorf("after its life: status %d, want Absent", got)
		}
	})
}

func TestStore_LongestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		const ever = time.Duration(1<<63 - 1)
		reply := s.Do(t.Context(), []store.Op{
			store.Lease{Key: "k", ID: "a", For: ever},
			store.Renew{Key: "k", ID: "a", For: ever},
			store.Fill{Key: "k", ID: "a", Kind: store.Value, Fresh: ever, Life: ever},
		})[2]
		<-time.After(100 * 365 * 24 * time.Hour)
		if got := status(t, s, "k"); reply.Status != store.Done || got != store.Found {
			t.Errorf("a fill for ever: %+v, then status %d, want Done and Found", reply, got)
		}
	})
}

// counter is a Feed that counts.
type counter struct {
	mu      sync.Mutex
	resets  int
	beats   int
	history string // that of the last beat
	changed map[string]int
	block   chan struct{} // Changed waits for it, if it is set
}

func (c *counter) Reset(string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resets++
}

func (c *counter) Beat(_ string, b store.Beat) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats++
	c.history = b.History
}

// told returns the history of the latest heartbeat.
func (c *counter) told() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.history
}

// count returns how many resets there were.
func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resets
}

func (c *counter) Changed(_ string, keys []string) {
	if c.block != nil {
		<-c.block
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(map[string]int)
	}
	for _, key := range keys {
		c.changed[key]++
	}
}

func TestWatch_ReportsEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{MaxEntries: 2})
		put(t, s, "data", "body")
		s.Do(t.Context(), []store.Op{store.Lease{Key: "lease", ID: "a", For: time.Hour}})
		var c counter
		go s.Watch(t.Context(), &c, time.Hour)
		synctest.Wait()
		put(t, s, "new", "body")
		put(t, s, "newer", "body")
		synctest.Wait()
		if c.changed["data"] != 1 || c.changed["lease"] != 0 {
			t.Errorf("reports %v, want one of data and none of lease", c.changed)
		}
	})
}

func TestWatch_FullQueueIsAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		c := counter{block: make(chan struct{})}
		go s.Watch(t.Context(), &c, time.Hour)
		synctest.Wait()
		put(t, s, "first", "body")
		synctest.Wait() // the feed is busy with it from here on
		for i := range maxQueue + 10 {
			put(t, s, fmt.Sprint(i), "body")
		}
		close(c.block)
		synctest.Wait()
		if c.resets != 2 {
			t.Errorf("%d resets, want one at the start and one for the full queue", c.resets)
		}
		if len(c.changed) > 11 {
			t.Errorf("%d keys are reported, want only those after the queue was full", len(c.changed))
		}
	})
}

func TestWatch_OneReportForTheSameKeyInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		c := counter{block: make(chan struct{})}
		go s.Watch(t.Context(), &c, time.Hour)
		synctest.Wait()
		put(t, s, "busy", "body")
		synctest.Wait()
		for range 100 {
			put(t, s, "hot", "body")
		}
		close(c.block)
		synctest.Wait()
		if c.changed["hot"] != 1 {
			t.Errorf("%d reports of one key, want 1", c.changed["hot"])
		}
	})
}

func TestWatch_BeatsInFakeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second-1)
		defer cancel()
		var c counter
		s.Watch(ctx, &c, time.Second)
		if c.resets != 1 || c.beats != 10 {
			t.Errorf("%d resets and %d beats in ten seconds, want 1 and 10", c.resets, c.beats)
		}
	})
}

func TestWatch_PeriodOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var c counter
		s.Watch(ctx, &c, 0)
		if c.beats < 990 || c.beats > 1001 {
			t.Errorf("%d beats in a second, want one each millisecond", c.beats)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	s := New(Options{})
	s.Do(b.Context(), []store.Op{
		store.Lease{Key: "k", ID: "a", For: time.Hour},
		store.Fill{Key: "k", ID: "a", Kind: store.Value, Fresh: time.Hour, Life: time.Hour, Body: make([]byte, 256)},
	})
	keys := []string{"k"}
	b.ReportAllocs()
	for b.Loop() {
		s.Get(b.Context(), keys)
	}
}
