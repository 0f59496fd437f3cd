package outbox_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

// nowhere is a target that is never called.
type nowhere struct{}

func (nowhere) Deliver(context.Context, []larder.Change) []error            { panic("called") }
func (nowhere) Checkpoint(context.Context) (c larder.Checkpoint, err error) { panic("called") }
func (nowhere) Confirm(context.Context, larder.Checkpoint) error            { panic("called") }

// wantAll checks that an error says all of want.
func wantAll(t *testing.T, what string, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s = %v, want %q", what, err, w)
		}
	}
}

func TestNew_ReportsAllMistakes(t *testing.T) {
	_, err := outbox.New(nil, outbox.Options{})
	wantAll(t, "New(nil)", err, "the database is nil", "Dialect is none of")
	_, err = outbox.New(nil, outbox.Options{Dialect: outbox.SQLite, Table: `a"b`, Notify: "a b"})
	wantAll(t, "New", err, "the database is nil", `Table: "a\"b" is not a plain name`, "Notify is for PostgreSQL only", `Notify: "a b"`)
	for table, want := range map[string]string{
		"main.box":              "in SQLite all must be in one file",
		strings.Repeat("a", 41): "longer than 40 bytes",
		"1a":                    "is not a plain name",
	} {
		_, err := outbox.New(new(sql.DB), outbox.Options{Dialect: outbox.SQLite, Table: table})
		wantAll(t, table, err, want)
	}
	for _, table := range []string{"", "box", "shop.box", strings.Repeat("a", 40)} {
		if _, err := outbox.New(new(sql.DB), outbox.Options{Dialect: outbox.PostgreSQL, Table: table}); err != nil {
			t.Errorf("Table %q: %v", table, err)
		}
	}
}

func TestRelay_ReportsAllMistakes(t *testing.T) {
	box := open(t, outbox.PostgreSQL)
	_, err := box.Relay(nil, outbox.RelayOptions{
		Partitions: 65, Batch: -1, MinPoll: time.Microsecond, MaxPoll: time.Hour, Lease: time.Millisecond,
		DeliverTimeout: time.Hour, ConfirmEvery: time.Millisecond, Keep: 2 * time.Hour, MaxTries: -1,
	})
	wantAll(t, "Relay", err, "the target is nil", "Partitions is 65, want 1 to 64", "Batch is -1", "MinPoll is 1µs", "MaxPoll is 1h",
		"Lease is 1ms", "DeliverTimeout is 1h", "ConfirmEvery is 1ms", "Keep is 2h", "MaxTries is -1")
	_, err = box.Relay(nowhere{}, outbox.RelayOptions{MinPoll: time.Second, MaxPoll: 10 * time.Millisecond})
	wantAll(t, "Relay", err, "MinPoll is 1s, above MaxPoll, which is 10ms")
	for _, o := range []outbox.RelayOptions{{}, {MinPoll: time.Second}, {MaxPoll: time.Millisecond}} {
		if _, err := box.Relay(nowhere{}, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func open(t *testing.T, d outbox.Dialect) *outbox.Box {
	t.Helper()
	box, err := outbox.New(new(sql.DB), outbox.Options{Dialect: d})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestTriggers_ReportsAllMistakes(t *testing.T) {
	box := open(t, outbox.MySQL)
	_, err := box.Triggers()
	wantAll(t, "Triggers()", err, "there are no mappings")
	_, err = box.Triggers(
		outbox.Mapping{Table: "a", Class: "a", Key: "{id"},
		outbox.Mapping{Table: "b", Key: "{id}", Sequence: "s"},
		outbox.Mapping{Table: "c", Class: "c", Key: "id}"},
		outbox.Mapping{Table: "d", Class: "d"},
		outbox.Mapping{Table: "e"},
		outbox.Mapping{Table: "larder_outbox", Class: "f", Key: "{id}"},
		outbox.Mapping{Table: "g", Tags: make([]string, 21)},
		outbox.Mapping{Table: "h", Class: "h", Key: "{id}", Version: "version"},
		outbox.Mapping{Table: "h", Class: "i", Key: "{id}"})
	wantAll(t, "Triggers", err,
		`mapping 0, table "a": Key: "{id" has a { without a }`,
		`mapping 1, table "b": Key: there is no Class`, "Sequence: it is for PostgreSQL only", "Sequence: there is no Version",
		`mapping 2, table "c": Key: "id}" has a } without a {`,
		`mapping 3, table "d": Key: it is empty`,
		`mapping 4, table "e": Class: there is neither a class nor a tag`,
		`mapping 5, table "larder_outbox": Table: it is the outbox itself`,
		`mapping 6, table "g": Tags: there are 21, at most 20`, "Tags[0]: it is empty",
		`mapping 8, table "h": Version and Sequence differ`)
}

// TestTriggers_NamesAreShort has the longest names there can be.
func TestTriggers_NamesAreShort(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, d := range []outbox.Dialect{outbox.PostgreSQL, outbox.MySQL, outbox.SQLite} {
		script, err := open(t, d).Triggers(outbox.Mapping{Table: long, Class: "a", Key: "{id}", Version: long})
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsFuncSeq(script, func(r rune) bool { return strings.ContainsRune(" .\"`()\n;", r) }) {
			if strings.HasPrefix(name, "larder_") && len(name) > 63 {
				t.Errorf("%v: %s has %d bytes", d, name, len(name))
			}
		}
	}
}

func TestDialect_String(t *testing.T) {
	for d, want := range map[outbox.Dialect]string{0: "dialect(0)", outbox.PostgreSQL: "PostgreSQL", outbox.MySQL: "MySQL", outbox.SQLite: "SQLite", 9: "dialect(9)"} {
		if got := d.String(); got != want {
			t.Errorf("%d: %q, want %q", uint8(d), got, want)
		}
	}
}
