package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/redisstore"
	"github.com/larderdev/larder/store"
)

// dataKey and leaseKey are the server's keys, as its operator sees them.
func dataKey(key string) string  { return "larder:d:{" + key + "}" }
func leaseKey(key string) string { return "larder:l:{" + key + "}" }

func TestServer_StoredForm(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))

	do(t, s, store.Lease{Key: "product:42", ID: "load", For: time.Hour})
	if got := text(t, o, "GET", leaseKey("product:42")); got != "Iload" {
		t.Errorf("lease is %q, want %q", got, "Iload")
	}
	do(t, s, store.Fill{
		Key: "product:42", ID: "load", Kind: store.Value, Version: 7, Fresh: time.Minute, Life: time.Hour, Body: []byte("body"),
	})
	fresh := get(t, s, "product:42").Record.FreshUntil
	if got, want := text(t, o, "GET", dataKey("product:42")), fmt.Sprintf("LV%020d%014dbody", 7, fresh); got != want {
		t.Errorf("data is %q, want %q", got, want)
	}
	do(t, s, store.Invalidate{Key: "product:42", Floor: 8, Hold: time.Hour})
	if got, want := text(t, o, "GET", dataKey("product:42")), fmt.Sprintf("LT%020d%014d", 8, 0); got != want {
		t.Errorf("tombstone is %q, want %q", got, want)
	}
	ttl := o.run("PTTL", dataKey("product:42"))
	if left, _ := ttl.AsInt64(); left <= 0 || left > time.Hour.Milliseconds() {
		t.Errorf("it lives for %d ms, want up to an hour", left)
	}
}

// text runs a command that answers with a string.
func text(t *testing.T, o operator, args ...string) string {
	t.Helper()
	m := o.run(args...)
	s, err := m.ToString()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return s
}

// garbage are values that are no records, each just not one.
func garbage() []string {
	digits := strings.Repeat("0", 34)
	return []string{
		"", "x", "L", "LV", "LV" + digits[1:], "MV" + digits + "body", "LX" + digits + "body", "Lv" + digits,
		"LV" + digits[:10] + " " + digits[11:] + "body",
		"LV" + digits[:33] + "x" + "body",
		"LV" + "18446744073709551616" + digits[:14], // one more than fits
		"LV" + "99999999999999999999" + digits[:14] + "body",
		"LS" + digits[1:], "LQ" + digits[:33] + "x", "Lq" + digits[1:], "Lt" + digits,
		"LI" + digits + "epoch", "LG" + digits[:20] + " epoch hard soft", // of tags
		"LV-" + digits[1:], "LV\x00" + digits[1:], "\xff" + digits + "more",
	}
}

// TestServer_Garbage: what is no record is garbled to readers and absent to
// every operation, for both the same.
func TestServer_Garbage(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	for i, stored := range garbage() {
		key := fmt.Sprint("k", i)
		plant := func() { o.run("SET", dataKey(key), stored) }
		checkGarbage(t, s, fmt.Sprintf("%q", stored), key, plant)
	}
	checkGarbage(t, s, "a list", "list", func() {
		o.run("DEL", dataKey("list"))
		o.run("RPUSH", dataKey("list"), "a", "b")
	})
	checkGarbage(t, s, "a hash", "hash", func() {
		o.run("DEL", dataKey("hash"))
		o.run("HSET", dataKey("hash"), "a", "b")
	})
}

func checkGarbage(t *testing.T, s *redisstore.Store, what, key string, plant func()) {
	t.Helper()
	want := func(what2 string, got store.Reply, status store.Status, kind store.Kind) {
		t.Helper()
		if got.Status != status || got.Record.Kind != kind {
			t.Errorf("%s: %s: status %d kind %d, want %d and %d", what, what2, got.Status, got.Record.Kind, status, kind)
		}
	}
	plant()
	want("Get", get(t, s, key), store.Garbled, 0)
	want("Discard", do(t, s, store.Discard{Key: key}), store.Kept, 0)
	want("Lease", do(t, s, store.Lease{Key: key, ID: "a", For: time.Hour}), store.Granted, 0)
	want("Fill", do(t, s, store.Fill{Key: key, ID: "a", Kind: store.Value, Version: 1, Fresh: time.Hour, Life: time.Hour}), store.Done, 0)
	want("Get after Fill", get(t, s, key), store.Found, store.Value)
	plant()
	want("Invalidate", do(t, s, store.Invalidate{Key: key, Floor: 3, Hold: time.Hour}), store.Done, 0)
	want("Get after Invalidate", get(t, s, key), store.Found, store.Tombstone)
}

// TestServer_GarbledLease: a lease slot with something else in it is free.
func TestServer_GarbledLease(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	for name, plant := range map[string][]string{
		"list":    {"RPUSH", leaseKey("list"), "Ia"},
		"forever": {"SET", leaseKey("forever"), "Ib"}, // no lifetime: nobody would ever load the key
	} {
		o.run(plant...)
		if got := do(t, s, store.Renew{Key: name, ID: "a", For: time.Hour}).Status; got != store.Lost {
			t.Errorf("%s: Renew: status %d, want Lost", name, got)
		}
		if got := do(t, s, store.Fill{Key: name, ID: "a", Kind: store.Value, Fresh: time.Hour, Life: time.Hour}).Status; got != store.Lost {
			t.Errorf("%s: Fill: status %d, want Lost", name, got)
		}
		if got := do(t, s, store.Lease{Key: name, ID: "a", For: time.Hour}).Status; got != store.Granted {
			t.Errorf("%s: Lease: status %d, want Granted", name, got)
		}
	}
}

// TestServer_BatchWithGarbage: to an MGET, a list is absent.
func TestServer_BatchWithGarbage(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	o.run("RPUSH", dataKey("list"), "a")
	o.run("SET", dataKey("text"), "text")
	put(t, s, "good", 1, "body")
	replies := s.Get(t.Context(), []string{"list", "text", "good", "none"})
	for i, want := range []store.Status{store.Absent, store.Garbled, store.Found, store.Absent} {
		if replies[i].Err != nil || replies[i].Status != want {
			t.Errorf("reply %d: status %d, %v, want %d", i, replies[i].Status, replies[i].Err, want)
		}
	}
}

// TestServer_OthersChanges: changes by those who know nothing of Larder are
// reported too.
func TestServer_OthersChanges(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	for name, command := range map[string][]string{
		"deleted":  {"DEL", dataKey("deleted")},
		"unlinked": {"UNLINK", dataKey("unlinked")},
		"set":      {"SET", dataKey("set"), "something"},
		"expired":  {"PEXPIRE", dataKey("expired"), "1"},
		"renamed":  {"RENAME", dataKey("renamed"), "elsewhere"},
	} {
		put(t, s, name, 1, "body")
		eventually(t, "a report of the fill", func() bool { return feed.saw(name) })
		feed.forget()
		o.run(command...)
		eventually(t, "a report: "+name, func() bool { return feed.saw(name) })
	}
}

func TestServer_ForeignKeysAreNotReported(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	for _, key := range []string{"larder:d:no braces", "larder:d:{not closed", "larder:d:{}", leaseKey("k"), "other:d:{k}", "larder:d:{{k}"} {
		o.run("SET", key, "x")
	}
	do(t, s, store.Lease{Key: "k", ID: "a", For: time.Hour, Force: true})
	feed.waitBeat(t)
	feed.mu.Lock()
	defer feed.mu.Unlock()
	if len(feed.keys) > 0 {
		t.Errorf("reported %q, want nothing", feed.keys)
	}
}

func TestServer_Flush(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	for _, command := range []string{"FLUSHALL", "FLUSHDB"} {
		do(t, s, store.Lease{Key: "k", ID: command, For: time.Hour})
		resets, _ := feed.counts()
		o.run(command)
		feed.waitResets(t, resets)
		fill := store.Fill{Key: "k", ID: command, Kind: store.Value, Fresh: time.Hour, Life: time.Hour}
		if got := do(t, s, fill).Status; got != store.Lost {
			t.Errorf("a fill after %s: status %d, want Lost", command, got)
		}
	}
}

// TestServer_ScriptFlush: an operator makes the server forget the scripts.
func TestServer_ScriptFlush(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	for round := range 20 {
		o.run("SCRIPT", "FLUSH")
		key := fmt.Sprint("k", round)
		replies := s.Do(t.Context(), []store.Op{
			store.Lease{Key: key, ID: "a", For: time.Hour},
			store.Fill{Key: key, ID: "a", Kind: store.Value, Version: 1, Fresh: time.Hour, Life: time.Hour, Body: []byte("one")},
			store.Invalidate{Key: key, Floor: 2, Hold: time.Hour},
			store.Lease{Key: key, ID: "b", For: time.Hour},
			store.Lease{Key: "other " + key, ID: "a", For: time.Hour},
		})
		for i, want := range []store.Status{store.Granted, store.Done, store.Done, store.Granted, store.Granted} {
			if replies[i].Err != nil || replies[i].Status != want {
				t.Errorf("round %d, operation %d: status %d, %v, want %d", round, i, replies[i].Status, replies[i].Err, want)
			}
		}
	}
}

// TestServer_Eviction: memory is short, and what goes is reported.
func TestServer_Eviction(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru")
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	put(t, s, "first", 1, "body")
	feed := watch(t, s, 20*time.Millisecond)
	body := strings.Repeat("x", 10_000)
	written := 0
	eventually(t, "an eviction of the first key", func() bool {
		for range 50 {
			// Not through the store: a lease can be evicted too, before its fill.
			o.run("SET", fmt.Sprint("filler:", written), body)
			written++
		}
		there := o.run("EXISTS", dataKey("first"))
		n, _ := there.AsInt64()
		return n == 0
	})
	eventually(t, "a report of the eviction", func() bool { return feed.saw("first") })
}

// TestServer_OutOfMemory: nothing can be stored, but what is wrong can still
// be taken away.
func TestServer_OutOfMemory(t *testing.T) {
	t.Run("from 7.0 on", func(t *testing.T) {
		server := redistest.Start(t)
		s := exhaust(t, server, server.Addr())
		fill := store.Fill{Key: "held", ID: "a", Kind: store.Value, Fresh: time.Hour, Life: time.Hour, Body: []byte("body")}
		if err := s.Do(t.Context(), []store.Op{fill})[0].Err; err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("Fill: error %v, want OOM", err)
		}
	})
	t.Run("before", func(t *testing.T) {
		server := redistest.Start(t)
		exhaust(t, server, earlier(t, server.Addr()))
	})
}

// exhaust checks what is possible on a server whose memory is used up.
func exhaust(t *testing.T, server *redistest.Server, addr string) *redisstore.Store {
	t.Helper()
	o := newOperator(t, server.Addr())
	s := open(t, at(addr))
	put(t, s, "full", 1, "body")
	do(t, s, store.Lease{Key: "held", ID: "a", For: time.Hour})
	do(t, s, store.Lease{Key: "given up", ID: "a", For: time.Hour})
	o.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
	o.run("CONFIG", "SET", "maxmemory", "1")
	lease := store.Lease{Key: "new", ID: "a", For: time.Hour}
	if err := s.Do(t.Context(), []store.Op{lease})[0].Err; err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Lease: error %v, want OOM", err)
	}
	for _, op := range []store.Op{
		store.Renew{Key: "held", ID: "a", For: time.Hour},
		store.Release{Key: "given up", ID: "a", Mark: time.Hour},
		store.Invalidate{Key: "full", Floor: 2, Hold: time.Hour},
		store.Invalidate{Key: "absent", Floor: 2, Hold: time.Hour},
	} {
		if got := do(t, s, op).Status; got != store.Done {
			t.Errorf("%T: status %d, want Done", op, got)
		}
	}
	if got := get(t, s, "full"); got.Record.Kind != store.Tombstone {
		t.Errorf("kind %c, want a tombstone", got.Record.Kind)
	}
	return s
}

func TestServer_Databases(t *testing.T) {
	server := redistest.Start(t)
	zero := open(t, redisstore.Options{URL: "redis://" + server.Addr()})
	three := open(t, redisstore.Options{URL: "redis://" + server.Addr() + "/3"})
	put(t, three, "k", 1, "body")
	if got := get(t, zero, "k"); got.Status != store.Absent {
		t.Errorf("in another database: status %d, want Absent", got.Status)
	}
	feed := watch(t, three, 20*time.Millisecond)
	do(t, three, store.Invalidate{Key: "k", Hold: time.Hour})
	eventually(t, "a report", func() bool { return feed.saw("k") })
}

func TestServer_Namespaces(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	one := open(t, at(server.Addr()))
	two := open(t, redisstore.Options{Addrs: []string{server.Addr()}, Namespace: "shop.v2"})
	feed := watch(t, two, 20*time.Millisecond)
	put(t, one, "k", 1, "body")
	if got := get(t, two, "k"); got.Status != store.Absent {
		t.Errorf("in another namespace: status %d, want Absent", got.Status)
	}
	put(t, two, "k2", 1, "body")
	there := o.run("EXISTS", "shop.v2:d:{k2}")
	if n, _ := there.AsInt64(); n != 1 {
		t.Errorf("shop.v2:d:{k2} is not there")
	}
	eventually(t, "a report", func() bool { return feed.saw("k2") })
	if feed.saw("k") {
		t.Errorf("a change in another namespace is reported")
	}
}
