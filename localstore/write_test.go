package localstore

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder/store"
)

// TestStore_IntentLapses checks exact moments, in fake time.
func TestStore_IntentLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		lease := store.Lease{Key: "k", ID: "a", For: time.Hour}
		s.Do(t.Context(), []store.Op{store.Intend{Key: "k", ID: "w", For: time.Second, Hold: time.Minute}})
		<-time.After(time.Second - time.Millisecond)
		reply := s.Do(t.Context(), []store.Op{lease})[0]
		if reply.Status != store.Intended || reply.Wait != time.Millisecond {
			t.Errorf("just before the lapse: %+v, want Intended for 1ms", reply)
		}
		<-time.After(reply.Wait)
		if got := s.Get(t.Context(), []string{"k"})[0].Record; got.Kind != store.Tombstone || got.Body != nil {
			t.Errorf("after the lapse: %+v, want a tombstone", got)
		}
		<-time.After(59*time.Second - 1)
		if got := status(t, s, "k"); got != store.Found {
			t.Errorf("just before its end: status %d, want Found", got)
		}
		<-time.After(1)
		if got := status(t, s, "k"); got != store.Absent {
			t.Errorf("after its hold: status %d, want Absent", got)
		}
	})
}

func TestStore_TagsCount(t *testing.T) {
	s := New(Options{MaxEntries: 10})
	tags := make([]string, 100)
	for i := range tags {
		tags[i] = fmt.Sprint(i)
	}
	read := func(nonce string, tags ...string) []store.Tag {
		return s.Do(t.Context(), []store.Op{store.ReadTags{Tags: tags, Nonce: nonce, Life: time.Hour}})[0].Tags
	}
	first := read("one", tags...)
	for i := range first {
		first[i].Age = 0
	}
	if len(first) != 100 || len(s.entries) != 10 {
		t.Errorf("%d tags read, %d entries left, want 100 and 10", len(first), len(s.entries))
	}
	again := read("two", "0", "99")
	again[0].Age, again[1].Age = 0, 0
	if again[0] == first[0] || again[1] != first[99] {
		t.Errorf("tags are %+v, then %+v and %+v: want the first anew and the last as it was", first[0], again[0], again[1])
	}
	if got := status(t, s, store.Sequence); got != store.Found {
		t.Errorf("the sequence, used last: status %d, want Found", got)
	}
}

// TestStore_TagsAreEvicted: neither a tag nor the sequence comes back as it was.
func TestStore_TagsAreEvicted(t *testing.T) {
	s := New(Options{MaxEntries: 2})
	read := store.ReadTags{Tags: []string{"x"}, Nonce: "one", Life: time.Hour}
	before := s.Do(t.Context(), []store.Op{read})[0]
	put(t, s, "a", "body")
	put(t, s, "b", "body")
	if got := status(t, s, store.Sequence); got != store.Absent {
		t.Errorf("the sequence: status %d, want Absent", got)
	}
	read.Nonce = "two"
	after := s.Do(t.Context(), []store.Op{read})[0]
	if before.Tags[0].Hard == after.Tags[0].Hard || string(before.Record.Body) == string(after.Record.Body) {
		t.Errorf("%+v has come back as %+v", before, after)
	}
}

func TestStore_TagsCountInBytes(t *testing.T) {
	s := New(Options{})
	s.Do(t.Context(), []store.Op{store.ReadTags{Tags: []string{"x"}, Nonce: "nonce", Life: time.Hour}})
	if want := int64(2*overhead + len("@") + len("nonce") + len("@x") + 3*len("nonce")); s.bytes != want {
		t.Errorf("%d bytes, want %d", s.bytes, want)
	}
	s.Do(t.Context(), []store.Op{store.MoveTags{Tags: []string{"x"}, Nonce: "other", Life: time.Hour}})
	if want := int64(overhead + len("@") + len("nonce")); s.bytes != want || len(s.entries) != 1 {
		t.Errorf("after the move %d bytes in %d entries, want %d in 1", s.bytes, len(s.entries), want)
	}
}

func TestRewind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		var c counter
		go s.Watch(t.Context(), &c, time.Second)
		put(t, s, "k", "old")
		put(t, s, "short", "body")
		s.Do(t.Context(), []store.Op{
			store.Intend{Key: "short", ID: "w", For: time.Second, Hold: time.Second},
			store.Lease{Key: "held", ID: "a", For: time.Hour},
			store.ReadTags{Tags: []string{"x"}, Nonce: "one", Life: time.Hour},
		})
		copied := s.Snapshot()
		<-time.After(5*time.Second + time.Millisecond)
		first := c.told()

		for range 2 { // a snapshot can serve again
			acknowledged := s.Do(t.Context(), []store.Op{
				store.Invalidate{Key: "k", Hold: time.Hour},
				store.Invalidate{Key: "new", Hold: time.Hour},
				store.Invalidate{Key: "held", Hold: time.Hour},
				store.MoveTags{Tags: []string{"x"}, Nonce: "two", Life: time.Hour},
			})
			s.Rewind(copied)
			replies := s.Get(t.Context(), []string{"k", "new", "short", store.Sequence})
			if got := string(replies[0].Record.Body); got != "old" {
				t.Errorf("the value is %q, want the old one", got)
			}
			if replies[1].Status != store.Absent || replies[2].Status != store.Absent {
				t.Errorf("a later key and one that has ended: %+v, want both absent", replies[1:3])
			}
			if got, moved := replies[3].Record.Version, acknowledged[3].Record.Version; got != moved-1 {
				t.Errorf("the sequence is at %d, want it before %d", got, moved)
			}
			fill := store.Fill{Key: "held", ID: "a", Kind: store.Value, Fresh: time.Hour, Life: time.Hour}
			if got := s.Do(t.Context(), []store.Op{fill})[0].Status; got != store.Done {
				t.Errorf("a fill under the lease of then: status %d, want Done", got)
			}
		}
		synctest.Wait()
		if c.count() != 2 {
			t.Errorf("%d resets, want one at the start and one for both", c.count())
		}
		<-time.After(time.Second)
		if c.told() == first || c.told() == "" {
			t.Errorf("the history is %q as before, want another", first)
		}
	})
}

// TestRewind_Bounds: what does not fit goes, and is counted.
func TestRewind_Bounds(t *testing.T) {
	big, small := New(Options{}), New(Options{MaxEntries: 2})
	for _, key := range []string{"a", "b", "c"} {
		put(t, big, key, "body")
	}
	status(t, big, "a")
	small.Rewind(big.Snapshot())
	if status(t, small, "b") != store.Absent || status(t, small, "a") != store.Found || status(t, small, "c") != store.Found {
		t.Errorf("want the least recently used to be gone, and it alone")
	}
	if want := 2 * int64(overhead+len("a")+len("body")); small.bytes != want {
		t.Errorf("%d bytes, want %d", small.bytes, want)
	}
	small.Rewind(Snapshot{})
	if small.bytes != 0 || len(small.entries) != 0 || status(t, big, "a") != store.Found {
		t.Errorf("%d bytes in %d entries, want none, and the other store as it was", small.bytes, len(small.entries))
	}
}

func TestFlush_KeepsTheHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		var c counter
		go s.Watch(t.Context(), &c, time.Second)
		synctest.Wait()
		first := c.told()
		s.Do(t.Context(), []store.Op{store.ReadTags{Tags: []string{"x"}, Nonce: "one", Life: time.Hour}})
		s.Flush()
		<-time.After(2 * time.Second)
		if c.told() != first || first == "" || c.count() != 2 {
			t.Errorf("the history was %q and is %q after a flush, with %d resets", first, c.told(), c.count())
		}
		if len(s.entries) != 0 {
			t.Errorf("%d entries after a flush, want none", len(s.entries))
		}
	})
}
