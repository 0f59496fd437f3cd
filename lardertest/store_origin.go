package lardertest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/larderdev/larder/store"
)

// origin is a row of a database whose lock writers hold until they commit.
type origin struct {
	row       sync.Mutex
	committed atomic.Uint64
	told      atomic.Uint64 // the highest version that is acknowledged to its writer
}

// acknowledge notes that a writer knows the store to have its version.
func (o *origin) acknowledge(version uint64) {
	for {
		told := o.told.Load()
		if told >= version || o.told.CompareAndSwap(told, version) {
			return
		}
	}
}

// write commits the next version, or rolls back, with before called under the
// row's lock.
func (o *origin) write(before func(), commit bool) (version uint64) {
	o.row.Lock()
	defer o.row.Unlock()
	before()
	if !commit {
		return 0
	}
	return o.committed.Add(1)
}

// load fills key as a reader does that finds nothing.
func (t *trial) load(key, id string, o *origin) {
	if t.try(store.Lease{Key: key, ID: id, For: long}).Status != store.Granted {
		return
	}
	version := o.committed.Load()
	t.try(fillOf(key, id, version, fmt.Sprint(version)))
}

// readWhile reads key until writers are done, each time with a load, and
// checks that no value is below the version that least says at the start.
func (t *trial) readWhile(key string, o *origin, least *atomic.Uint64, writers *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		writers.Wait()
	}()
	var readers sync.WaitGroup
	for r := range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				want := least.Load()
				reply := t.store.Get(t.Context(), []string{key})[0]
				if reply.Record.Kind == store.Value && reply.Record.Version < want {
					t.Errorf("a value of version %d, though the origin was at %d", reply.Record.Version, want)
					return
				}
				t.load(key, fmt.Sprintf("%d:%d", r, i), o)
			}
		})
	}
	readers.Wait()
	if got := t.get(key).Record; got.Kind != 0 && got.Version < least.Load() {
		t.Errorf("version %d is left, want %d", got.Version, least.Load())
	}
}

// writeStress: without intents a value may be older than what is committed,
// but not than what is acknowledged.
func writeStress(t *trial) {
	key := t.key()
	var o origin
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for range 100 {
				version := o.write(func() {}, true)
				t.try(writeOf(key, version, fmt.Sprint(version)))
				o.acknowledge(version)
			}
		})
	}
	t.readWhile(key, &o, &o.told, &writers)
}

// finishStress: with intents no value is older than what is committed, be it
// acknowledged or not. Some of the writers roll back, some die before they
// finish; the last do not.
func finishStress(t *trial) {
	const rollsBack, dies = 3, 5
	key := t.key()
	var o origin
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 60 {
				id := fmt.Sprintf("%d:%d", w, i)
				version := o.write(func() { t.try(intendOf(key, id)) }, i%10 != rollsBack)
				switch i % 10 {
				case rollsBack:
					t.try(store.Finish{Key: key, ID: id, Hold: long})
				case dies:
				default:
					t.try(finishOf(key, id, version, fmt.Sprint(version)))
				}
			}
		})
	}
	t.readWhile(key, &o, &o.committed, &writers)
}
