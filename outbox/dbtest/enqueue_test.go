package dbtest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/larderdev/larder"
)

var enqueueCases = []testCase{
	{name: "a committed change is delivered, one rolled back is not", run: enqueueInTransaction},
	{name: "what is no change is refused and costs no transaction", run: enqueueRefused},
	{name: "hundreds of changes at once", run: enqueueMany},
	{name: "changes of a key become one", run: coalesced},
	{name: "the tables may be made twice", run: migrateTwice},
	{name: "tables that are there are not locked", run: migrateBusy},
}

func enqueueInTransaction(t *testing.T, w *world) {
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	for i, end := range []string{"rollback", "commit"} {
		tx := w.begin(t)
		if err := w.box.Enqueue(t.Context(), tx, larder.Change{
			Class: "product", Key: end, Version: uint64(i + 1), Tags: []string{"all", "żółw 🐢 \"quoted\" \\ <b>"},
		}); err != nil {
			t.Fatal(err)
		}
		var err error
		if end == "commit" {
			err = tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	g.only(t, w, "product:commit@2", "[all]", "[żółw 🐢 \"quoted\" \\ <b>]")
}

func enqueueRefused(t *testing.T, w *world) {
	tx := w.begin(t)
	good := larder.Change{Class: "product", Key: "1"}
	if err := w.box.Enqueue(t.Context(), tx, good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		bad  larder.Change
		want string
	}{
		{larder.Change{}, "neither a class nor tags"},
		{larder.Change{Key: "1", Tags: []string{"all"}}, "a key without a class"},
		{larder.Change{Class: "a", Version: math.MaxInt64 + 1}, "version 9223372036854775808 is above"},
		{larder.Change{Class: strings.Repeat("a", 256)}, "the class has 256 bytes"},
		{larder.Change{Class: "a", Key: strings.Repeat("a", 8<<10+1)}, "the key has 8193 bytes"},
		{larder.Change{Class: "a", Key: "\x00"}, "a zero byte"},
		{larder.Change{Class: "a", Key: "\xff"}, "not valid UTF-8"},
		{larder.Change{Class: "a", Tags: []string{strings.Repeat("a", 64<<10)}}, "the tags have 65540 bytes"},
	} {
		err := w.box.Enqueue(t.Context(), tx, good, tt.bad)
		if err == nil || !strings.Contains(err.Error(), "change 1") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Enqueue(%.40q) = %v, want %q", fmt.Sprint(tt.bad), err, tt.want)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := w.stats(t).Pending; got != 1 {
		t.Errorf("%d rows, want the first one only", got)
	}
}

func enqueueMany(t *testing.T, w *world) {
	var changes []larder.Change
	var want []string
	for i := range 1_234 {
		c := larder.Change{Class: "product", Key: fmt.Sprint(i), Version: math.MaxInt64}
		changes, want = append(changes, c), append(want, show(c))
	}
	w.enqueue(t, changes...)
	w.enqueue(t) // nothing is fine too
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	g.only(t, w, want...)
}

// coalesced has all rows there before the relay starts, so that they are one
// batch.
func coalesced(t *testing.T, w *world) {
	for _, c := range []larder.Change{
		{Class: "product", Key: "1", Version: 7, Tags: []string{"a"}},
		{Class: "product", Key: "1", Version: 9, Tags: []string{"b", "a"}},
		{Class: "product", Key: "1", Version: 8},
		{Class: "product", Key: "2"},
		{Class: "product", Key: "2"},
		{Class: "product", Key: "2", Version: 3}, // keeps what the unversioned ones clear
		{Class: "user", Key: "1", Version: 1},
		{Tags: []string{"b", "c"}},
	} {
		w.enqueue(t, c)
	}
	g := newTarget()
	start(t, w.relay(t, g, quick()))
	g.only(t, w, "product:1@9", "product:2", "product:2@3", "user:1@1", "[a]", "[b]", "[c]")
	until(t, "all rows are done", func() bool { return w.stats(t).Done == 9 })
}

func migrateTwice(t *testing.T, w *world) {
	w.enqueue(t, larder.Change{Class: "product", Key: "1"})
	done := make(chan error)
	for range 4 {
		go func() { done <- w.box.Migrate(t.Context()) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := w.stats(t).Pending; got != 1 {
		t.Errorf("%d rows, want the one there was", got)
	}
}

// migrateBusy has a process start while another is at work, with locks that the
// statements which make the tables would wait for, and keep writers waiting.
func migrateBusy(t *testing.T, w *world) {
	tx := w.begin(t)
	mustExec(t, tx, "UPDATE larder_outbox_parts SET until_ms = until_ms + 1 WHERE part = -1")
	if err := w.box.Enqueue(t.Context(), tx, larder.Change{Class: "product", Key: "1"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := w.box.Migrate(ctx); err != nil {
		t.Errorf("Migrate while somebody writes: %v", err)
	}
}
