package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder/internal/redistest"
	"github.com/larderdev/larder/store"
)

// TestInspect_SeesEachState brings a key into each state, and looks at it.
func TestInspect_SeesEachState(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	o := newOperator(t, server.Addr())
	const minute = time.Minute
	fill := func(key string, kind store.Kind) []store.Op {
		return []store.Op{
			store.Lease{Key: key, ID: "load", For: minute},
			store.Fill{Key: key, ID: "load", Kind: kind, Version: 7, Fresh: minute, Life: 2 * minute, Body: []byte("body")},
		}
	}
	for _, tt := range []struct {
		key    string
		ops    []store.Op
		status store.Status
		kind   store.Kind
		lease  string
		failed bool
	}{
		{key: "absent"},
		{key: "leased", ops: []store.Op{store.Lease{Key: "leased", ID: "load", For: minute}}, lease: "load"},
		{key: "failed", ops: []store.Op{
			store.Lease{Key: "failed", ID: "load", For: minute}, store.Release{Key: "failed", ID: "load", Mark: minute},
		}, failed: true},
		{key: "value", ops: fill("value", store.Value), status: store.Found, kind: store.Value},
		{key: "negative", ops: fill("negative", store.Negative), status: store.Found, kind: store.Negative},
		{key: "tombstone", ops: []store.Op{store.Invalidate{Key: "tombstone", Floor: 7, Hold: minute}}, status: store.Found, kind: store.Tombstone},
		{key: "intent", ops: []store.Op{store.Intend{Key: "intent", ID: "writer", For: time.Millisecond, Hold: minute}}, status: store.Found, kind: store.Intent},
		{key: "{odd", ops: fill("{odd", store.Value), status: store.Found, kind: store.Value},
	} {
		for _, r := range s.Do(t.Context(), tt.ops) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		before := o.run("DBSIZE")
		in, err := s.Inspect(t.Context(), tt.key)
		if err != nil {
			t.Errorf("Inspect(%q): %v", tt.key, err)
			continue
		}
		if in.Status != tt.status || in.Record.Kind != tt.kind || in.Lease != tt.lease || in.Failed != tt.failed {
			t.Errorf("Inspect(%q) = %+v, want %+v", tt.key, in, tt)
		}
		if leased(tt.lease, tt.failed) != (in.LeaseLeft > 0 && in.LeaseLeft <= minute) {
			t.Errorf("Inspect(%q): the lease stands for %v, of a minute at most", tt.key, in.LeaseLeft)
		}
		if (in.Status == store.Found) != (in.Left > 0 && in.Left <= 2*minute) {
			t.Errorf("Inspect(%q): the record lives for %v", tt.key, in.Left)
		}
		if in.Now == 0 || !strings.Contains(in.History, " ") {
			t.Errorf("Inspect(%q): clock %d, history %q", tt.key, in.Now, in.History)
		}
		if tt.kind != 0 && !exists(t, o, in.DataKey) || leased(tt.lease, tt.failed) && !exists(t, o, in.LeaseKey) {
			t.Errorf("Inspect(%q) names %q and %q, which are not there", tt.key, in.DataKey, in.LeaseKey)
		}
		if after := o.run("DBSIZE"); before.String() != after.String() {
			t.Errorf("Inspect(%q) has changed the number of keys from %s to %s", tt.key, before.String(), after.String())
		}
	}
}

func leased(id string, failed bool) bool { return id != "" || failed }

func exists(t *testing.T, o operator, key string) bool {
	t.Helper()
	m := o.run("EXISTS", key)
	n, err := m.AsInt64()
	return err == nil && n == 1
}

func TestInspect_SlotsOfOtherTypes(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	o := newOperator(t, server.Addr())
	o.run("RPUSH", "larder:d:{list}", "x")
	o.run("RPUSH", "larder:l:{list}", "x")
	o.run("SET", "larder:d:{bytes}", "no record")
	for _, key := range []string{"list", "bytes"} {
		in, err := s.Inspect(t.Context(), key)
		if err != nil || in.Status != store.Garbled || in.Lease != "" || in.Failed || in.Left >= 0 {
			t.Errorf("Inspect(%q) = %+v, %v; want it garbled, for ever and free", key, in, err)
		}
	}
}

// TestInspectTags_MakesNone: what ReadTags would make stays absent.
func TestInspectTags_MakesNone(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	at, present, err := s.InspectTags(t.Context(), []string{"summer"})
	if err != nil || at.Kind != 0 || len(present) != 0 {
		t.Fatalf("InspectTags of an empty server = %+v, %v, %v", at, present, err)
	}
	size := newOperator(t, server.Addr()).run("DBSIZE")
	if n, _ := size.AsInt64(); n != 0 {
		t.Errorf("InspectTags has left %d keys", n)
	}
	want := s.Do(t.Context(), []store.Op{store.ReadTags{Tags: []string{"summer"}, Nonce: "n", Life: time.Minute}})[0]
	at, present, err = s.InspectTags(t.Context(), []string{"winter", "summer"})
	if err != nil || at.Version != want.Record.Version || string(at.Body) != string(want.Record.Body) {
		t.Errorf("InspectTags: sequence %+v, %v; want %+v", at, err, want.Record)
	}
	if got, ok := present["summer"]; !ok || got.Hard != want.Tags[0].Hard || got.Soft != want.Tags[0].Soft || len(present) != 1 {
		t.Errorf("InspectTags = %+v, want summer alone: %+v", present, want.Tags[0])
	}
}

func TestInspect_OfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	opts := at(cluster.Primaries[0].Addr())
	opts.Cluster = true
	s := open(t, opts)
	for _, key := range []string{"a", "b", "c", "d"} { // on all three
		s.Do(t.Context(), []store.Op{store.Invalidate{Key: key, Hold: time.Minute}})
		in, err := s.Inspect(t.Context(), key)
		if err != nil || in.Record.Kind != store.Tombstone || in.Node != s.Node(key) {
			t.Errorf("Inspect(%q) = %+v, %v; want a tombstone at %s", key, in, err, s.Node(key))
		}
	}
	s.Do(t.Context(), []store.Op{store.ReadTags{Tags: []string{"summer"}, Nonce: "n", Life: time.Minute}})
	if _, present, err := s.InspectTags(t.Context(), []string{"summer"}); err != nil || len(present) != 1 {
		t.Errorf("InspectTags = %v, %v; want summer", present, err)
	}
}

func TestInspect_Errors(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, at(server.Addr()))
	if _, err := s.Inspect(t.Context(), store.TagKey("summer")); err == nil {
		t.Error("Inspect of a tag's key: no error")
	}
	server.Kill()
	if in, err := s.Inspect(t.Context(), "k"); err == nil || in.DataKey != "larder:d:{k}" {
		t.Errorf("Inspect of a dead server = %+v, %v; want the name and an error", in, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.InspectTags(t.Context(), nil); err != store.ErrClosed {
		t.Errorf("InspectTags after Close: %v, want ErrClosed", err)
	}
}
