package redisstore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/store"
)

// sequenceKey and tagKey are the server's keys, as its operator sees them.
const sequenceKey = "larder:d:{@}"

func tagKey(name string) string { return sequenceKey + name }

func readOf(nonce string, tags ...string) store.ReadTags {
	return store.ReadTags{Tags: tags, Nonce: nonce, Life: time.Hour}
}

func moveOf(nonce string, soft bool, tags ...string) store.MoveTags {
	return store.MoveTags{Tags: tags, Nonce: nonce, Life: time.Hour, Soft: soft}
}

func TestTags_StoredForm(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	want := func(key, want string) {
		t.Helper()
		got := text(t, o, "GET", key)
		if strings.HasPrefix(want, "LG") { // when it was made comes last
			got = got[:max(strings.LastIndexByte(got, ' '), 0)]
		}
		if got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
		ttl := o.run("PTTL", key)
		if left, _ := ttl.AsInt64(); left <= time.Hour.Milliseconds() || left > 2*time.Hour.Milliseconds() {
			t.Errorf("%s lives for %d ms, want one to two hours", key, left)
		}
	}
	do(t, s, readOf("one", "summer", "winter"))
	want(sequenceKey, fmt.Sprintf("LI%020d%014done", 1, 0))
	want(tagKey("summer"), fmt.Sprintf("LG%020d one one one", 1))
	do(t, s, moveOf("two", true, "summer", "absent"))
	want(sequenceKey, fmt.Sprintf("LI%020d%014done", 2, 0))
	want(tagKey("summer"), fmt.Sprintf("LG%020d one one two", 2))
	want(tagKey("winter"), fmt.Sprintf("LG%020d one one one", 1))
	do(t, s, moveOf("three", false, "summer", "absent"))
	there := o.run("EXISTS", tagKey("summer"), tagKey("absent"))
	if n, _ := there.AsInt64(); n != 0 {
		t.Errorf("%d tags are left, want none", n)
	}
	reply := do(t, s, readOf("four", "summer", "winter"))
	reply.Tags[0].Age = 0 // another test's concern
	if want := (store.Tag{Number: 3, Epoch: "one", Hard: "four", Soft: "four"}); reply.Tags[0] != want {
		t.Errorf("made anew: %+v, want %+v", reply.Tags[0], want)
	}
	if got := reply.Record; got.Kind != store.Identity || got.Version != 3 || string(got.Body) != "one" {
		t.Errorf("the sequence is %+v, want 3 of epoch one", got)
	}
}

// TestTags_NumbersOfEverySize: the sequence goes on where doubles would not,
// and begins anew where no number would.
func TestTags_NumbersOfEverySize(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	for _, c := range []struct {
		stored string
		want   uint64
		epoch  string
	}{
		{"00000000000000000009", 10, "old"},
		{"00000000009999999999", 10_000_000_000, "old"},
		{"00000000010000000000", 10_000_000_001, "old"},
		{"00009007199254740992", 1<<53 + 1, "old"},
		{"18446744073709551614", 1<<64 - 1, "old"},
		{"18446744073709551615", 1, "new"},
		{"18446744073709551616", 1, "new"},
	} {
		o.run("SET", sequenceKey, "LI"+c.stored+strings.Repeat("0", 14)+"old")
		got := do(t, s, moveOf("new", false)).Record
		if got.Version != c.want || string(got.Body) != c.epoch {
			t.Errorf("after %s: %d of epoch %s, want %d of %s", c.stored, got.Version, got.Body, c.want, c.epoch)
		}
		if again := get(t, s, store.Sequence).Record; again.Kind != store.Identity || again.Version != got.Version {
			t.Errorf("after %s: Get has %+v, want %d", c.stored, again, got.Version)
		}
	}
}

// TestTags_Garbage: what is no tag is made anew, and what is no sequence.
func TestTags_Garbage(t *testing.T) {
	server := redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	digits := strings.Repeat("0", 20)
	plants := [][]string{
		{"SET", "", ""},
		{"SET", "", "x"},
		{"SET", "", "LG" + digits},
		{"SET", "", "LG" + digits + " e h"},
		{"SET", "", "LG" + digits + " e h s s"},
		{"SET", "", "LG" + digits[1:] + " e h s"},
		{"SET", "", "LG" + digits + "  h s"},
		{"SET", "", "LG99999999999999999999 e h s"},
		{"SET", "", "LG" + digits + " e h s 99999999999999999999"},
		{"SET", "", "LG" + digits + " e h s 1767225600000x"},
		{"SET", "", "LI" + digits + digits[:14]},
		{"SET", "", "LI" + digits + digits[:14] + "e e"},
		{"SET", "", "LV" + digits + digits[:14] + "body"},
		{"RPUSH", "", "a"},
		{"HSET", "", "a", "b"},
	}
	for i, plant := range plants {
		for _, key := range []string{tagKey("summer"), sequenceKey} {
			command := slices.Clone(plant)
			command[1] = key
			o.run("DEL", key)
			o.run(command...)
			nonce := fmt.Sprintf("nonce-%d-%d", i, len(key))
			got := do(t, s, readOf(nonce, "summer"))
			if key == sequenceKey && string(got.Record.Body) != nonce {
				t.Errorf("%q is taken for a sequence: %+v", plant, got.Record)
			}
			if key != sequenceKey && got.Tags[0].Hard != nonce {
				t.Errorf("%q is taken for a tag: %+v", plant, got.Tags[0])
			}
			o.run("DEL", key)
			o.run(command...)
			do(t, s, moveOf(nonce+"soft", true, "summer"))
			if got := do(t, s, readOf(nonce+"again", "summer")).Tags[0]; key != sequenceKey && got.Hard != nonce+"again" {
				t.Errorf("%q is taken for a tag, moved softly: %+v", plant, got)
			}
		}
	}
	o.run("SET", sequenceKey, "LV"+digits+digits[:14]+"body")
	if got := get(t, s, store.Sequence).Status; got != store.Garbled {
		t.Errorf("a value in the place of the sequence: status %d, want Garbled", got)
	}
}

// TestTags_Refused: what makes no sense is said to, and does nothing.
func TestTags_Refused(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	do(t, s, readOf("one", "summer"))
	for _, op := range []store.Op{
		readOf("n", "summer", ""), moveOf("n", false, "", "summer"), moveOf("n", true, ""), readOf("", "summer"), moveOf("", false, "summer"),
		store.Invalidate{Key: "@summer", Hold: time.Hour},
		store.Discard{Key: "@"},
		intendOf("@", "w"),
		store.Lease{Key: "@summer", ID: "a", For: time.Hour},
	} {
		if err := s.Do(t.Context(), []store.Op{op})[0].Err; err == nil || !strings.HasPrefix(err.Error(), "redisstore: ") {
			t.Errorf("%+v: error %v, want one", op, err)
		}
	}
	for _, keys := range [][]string{{"@summer"}, {"k", "@summer", "@"}} {
		for i, reply := range s.Get(t.Context(), keys) {
			if want := keys[i] == "@summer"; want != (reply.Err != nil) {
				t.Errorf("Get %s of %q: error %v", keys[i], keys, reply.Err)
			}
		}
	}
	if got := do(t, s, readOf("two", "summer")); got.Record.Version != 1 || got.Tags[0].Hard != "one" {
		t.Errorf("after all that: %+v, want it as it was", got)
	}
}

// TestTags_Nonces: a nonce may have any bytes, a name too.
func TestTags_Nonces(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	names := []string{" ", "a b", "}", "{", "@", "\x00", "x\r\n", "}{", "käse", strings.Repeat("x", 10_000)}
	seen := make(map[string]bool)
	for _, nonce := range []string{" ", "a b", "a+b", "\x00", "\r\n", "%20", "\xff"} {
		do(t, s, moveOf(nonce+"move", false, names...))
		for i, tag := range do(t, s, readOf(nonce, names...)).Tags {
			if i == 0 && seen[tag.Hard] {
				t.Errorf("nonce %q: %q has come before", nonce, tag.Hard)
			}
			seen[tag.Hard] = true
		}
	}
	one := do(t, s, readOf("n", names...)).Tags
	do(t, s, moveOf("m", true, names[3]))
	for i, tag := range do(t, s, readOf("n", names...)).Tags {
		if moved := i == 3; moved != (tag.Soft != one[i].Soft) || tag.Hard != one[i].Hard {
			t.Errorf("tag %q was %+v and is %+v", names[i], one[i], tag)
		}
	}
}

// TestTags_ReadingIsQuiet: reading tags announces no change, or everybody would
// drop them whenever somebody reads them.
func TestTags_ReadingIsQuiet(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	do(t, s, readOf("one", "summer"))
	eventually(t, "a report that they are made", func() bool { return feed.saw("@summer") && feed.saw("@") })
	feed.waitBeat(t)
	feed.forget()
	for i := range 10 {
		do(t, s, readOf(fmt.Sprint(i), "summer"))
	}
	feed.waitBeat(t)
	if feed.saw("@summer") || feed.saw("@") {
		t.Errorf("reading tags is reported as a change of them")
	}
	// Asked to live longer than it will, it does: that is reported, once.
	for range 2 {
		do(t, s, store.ReadTags{Tags: []string{"summer"}, Nonce: "long", Life: 5 * time.Hour})
	}
	o := newOperator(t, server.Addr())
	for _, key := range []string{sequenceKey, tagKey("summer")} {
		ttl := o.run("PTTL", key)
		if left, _ := ttl.AsInt64(); left < (5 * time.Hour).Milliseconds() {
			t.Errorf("%s lives for %d ms, want 5 hours at least", key, left)
		}
	}
}

// TestTags_OutOfMemory: tags move when memory is short, and can be read.
func TestTags_OutOfMemory(t *testing.T) {
	for _, form := range []string{"from 7.0 on", "before"} {
		t.Run(form, func(t *testing.T) {
			server := redistest.Start(t)
			addr := server.Addr()
			if form == "before" {
				addr = earlier(t, addr)
			}
			s, o := open(t, at(addr)), newOperator(t, server.Addr())
			before := do(t, s, readOf("one", "summer", "winter")).Tags
			o.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
			o.run("CONFIG", "SET", "maxmemory", "1")
			do(t, s, moveOf("two", true, "summer"))
			do(t, s, moveOf("three", false, "winter", "absent"))
			after := do(t, s, readOf("four", "summer", "winter")).Tags
			if after[0].Hard != before[0].Hard || after[0].Soft == before[0].Soft || after[1].Hard == before[1].Hard {
				t.Errorf("tags were %+v and are %+v", before, after)
			}
			o.run("FLUSHALL")
			do(t, s, moveOf("five", true, "summer"))
			if got := get(t, s, store.Sequence); got.Status != store.Found || string(got.Record.Body) != "five" {
				t.Errorf("the sequence is %+v, want it made anew", got)
			}
		})
	}
}

// TestTags_Cluster: all tags are on one node, whose name is that of their keys,
// and the sequence is read with values of every node.
func TestTags_Cluster(t *testing.T) {
	f := startFleet(t, 3, 0)
	s := open(t, f.options())
	feed := watch(t, s, 20*time.Millisecond)
	var tags, keys []string
	for i := range 50 {
		tags = append(tags, fmt.Sprint("tag", i))
		keys = append(keys, fmt.Sprint("key", i))
		put(t, s, keys[i], 1, "body")
	}
	first := do(t, s, readOf("one", tags...))
	if len(first.Tags) != len(tags) || first.Record.Version != 1 {
		t.Errorf("read %d tags at %d, want %d at 1", len(first.Tags), first.Record.Version, len(tags))
	}
	for _, tag := range tags {
		if s.Node(store.TagKey(tag)) != s.Node(store.Sequence) {
			t.Errorf("tag %s is on %s, the sequence on %s", tag, s.Node(store.TagKey(tag)), s.Node(store.Sequence))
		}
	}
	eventually(t, "reports of all", func() bool { return feed.saw("@") && feed.saw("@tag0") && feed.saw("@tag49") })
	replies := s.Get(t.Context(), append(keys, store.Sequence))
	for i, reply := range replies {
		want := store.Value
		if i == len(keys) {
			want = store.Identity
		}
		if reply.Err != nil || reply.Record.Kind != want {
			t.Errorf("reply %d: %+v, want kind %c", i, reply, want)
		}
	}
	if got := do(t, s, moveOf("two", false, tags...)).Record.Version; got != 2 {
		t.Errorf("moved to %d, want 2", got)
	}
}

// TestTags_ManyGets: the sequence is one key more in a batch of any size.
func TestTags_ManyGets(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	do(t, s, readOf("one"))
	keys := make([]string, 1500)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	put(t, s, keys[700], 1, "body")
	for _, place := range []int{0, 511, 512, 1499} {
		asked := slices.Clone(keys)
		asked[place] = store.Sequence
		replies := s.Get(t.Context(), asked)
		if got := replies[place]; got.Err != nil || got.Status != store.Found || got.Record.Kind != store.Identity {
			t.Errorf("at %d: %+v, want the sequence", place, got)
		}
		if got := replies[700]; got.Record.Kind != store.Value {
			t.Errorf("the value with the sequence at %d: %+v", place, got)
		}
	}
}

// TestBeat_History: a server that was started anew has another history, and one
// that was a replica for a while.
func TestBeat_History(t *testing.T) {
	server, other := redistest.Start(t), redistest.Start(t)
	o := newOperator(t, server.Addr())
	s := open(t, at(server.Addr()))
	feed := watch(t, s, 20*time.Millisecond)
	first := feed.waitHistory(t)
	if parts := strings.Fields(first); len(parts) != 2 || len(parts[0]) != 40 || len(parts[1]) != 40 {
		t.Errorf("the history is %q, want a run id and a replication id", first)
	}
	o.run("FLUSHALL")
	if again := feed.waitHistory(t); again != first {
		t.Errorf("the history is %q and then %q, and nothing has happened", first, again)
	}
	host, port, _ := strings.Cut(other.Addr(), ":")
	o.run("REPLICAOF", host, port)
	feed.waitSilence(t)
	o.run("REPLICAOF", "NO", "ONE")
	second := feed.waitHistory(t)
	if second == first {
		t.Errorf("after it was a replica for a while the history is %q as before", second)
	}
	server.Restart()
	if third := feed.waitHistory(t); third == second || strings.Fields(third)[0] == strings.Fields(second)[0] {
		t.Errorf("after a new start the history is %q, before it %q", third, second)
	}
}

// TestFake_SilentAboutHistory: a server may keep what it is to itself.
func TestFake_SilentAboutHistory(t *testing.T) {
	addr := play(t, func(args []string) string {
		switch args[0] {
		case "HELLO":
			return helloOf("7.0.15", "standalone")
		case "INFO":
			return bulk("# Server\r\nredis_version:7.0.15\r\n")
		case "TIME":
			return "*2\r\n" + bulk("1767225600") + bulk("0")
		}
		return "+OK\r\n"
	})
	feed := watch(t, open(t, at(addr)), 20*time.Millisecond)
	if first, again := feed.waitHistory(t), feed.waitHistory(t); first != again {
		t.Errorf("the history is %q and then %q", first, again)
	}
}
