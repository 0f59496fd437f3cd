package lardertest

import (
	"context"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

func closeCases() []storeCase {
	return []storeCase{
		{"may be called again, also at once", closeTwice},
		{"makes later calls fail", closeThenCall},
		{"ends every Watch", closeEndsWatch},
	}
}

func closeTwice(t *trial) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := t.store.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
}

func closeThenCall(t *trial) {
	key := t.key()
	if err := t.store.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for _, reply := range t.store.Get(t.Context(), []string{key, key}) {
		t.wantError(reply, store.ErrClosed)
	}
	for _, reply := range t.store.Do(t.Context(), []store.Op{store.Lease{Key: key, ID: "a", For: long}}) {
		t.wantError(reply, store.ErrClosed)
	}
	feed := &feedLog{t: t, more: make(chan struct{})}
	t.store.Watch(t.Context(), feed, period)
	if reports, _ := feed.since(0); len(reports) > 0 && reports[len(reports)-1].kind != "Reset" {
		t.Errorf("Watch of a closed store reports %+v", reports)
	}
}

func closeEndsWatch(t *trial) {
	feed := &feedLog{t: t, more: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.store.Watch(context.Background(), feed, period)
	}()
	feed.beatAfter(t, time.Now())
	if err := t.store.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("Watch has not returned %v after Close", patience)
	}
	reports, _ := feed.since(0)
	if last := reports[len(reports)-1]; last.kind != "Reset" {
		t.Errorf("the last report before the end is %s, want Reset", last.kind)
	}
}
