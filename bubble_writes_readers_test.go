package larder_test

import (
	"context"
	"errors"
	"time"

	"github.com/larderdev/larder"
)

// readers reads the rows of a class in one process until it is over.
func (b *writesBubble) readers(m *member, class int) {
	c := &bubbleClasses[class]
	often := 1024 // what is asked for anew is right again: in half of the fleets that is rare
	if b.curious {
		often = 32
	}
	for turn := 0; !b.idle(m); turn++ {
		key := b.roll(rowsOfClass)
		// A strict read heals memory, so that half of the keys see none.
		strict := c.sharedOnly() || turn%3 == 0 && key%2 == 0
		switch {
		case turn%8 == 1:
			b.readAll(m, class, c.sharedOnly())
		case turn%often == 2 && !c.unversioned:
			b.readNewest(m, class, key, strict)
		case turn%often == 4:
			m.caches[class].Refresh(b.t.Context(), key)
		case turn%32 == 12:
			ctx, cancel := context.WithTimeout(b.t.Context(), time.Millisecond)
			b.read(ctx, m, class, key, reading{strict: strict})
			cancel()
		default:
			b.read(b.t.Context(), m, class, key, reading{strict: strict})
		}
		b.pause(2 * time.Millisecond)
	}
}

// readNewest asks for the version that the database has now.
func (b *writesBubble) readNewest(m *member, class, key int, strict bool) {
	r := reading{strict: strict}
	if v := b.db.read(class*rowsOfClass+key, true); !v.gone {
		r.least = v.Version
	}
	b.read(b.t.Context(), m, class, key, r, larder.MinVersion(r.least))
}

// read makes one read of the kind that r says, and judges it.
func (b *writesBubble) read(ctx context.Context, m *member, class, key int, r reading, opts ...larder.GetOption) {
	id := class*rowsOfClass + key
	var report larder.Report
	opts = append(opts, larder.Into(&report))
	if r.strict {
		opts = append(opts, larder.Strict())
	}
	b.begin(m, id, &r)
	got, err := m.caches[class].Get(ctx, key, opts...)
	if m.dead.Load() || errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return
	}
	b.judge(id, r, got, report.Stale > 0, err)
}

// readAll reads all keys of a class at once.
func (b *writesBubble) readAll(m *member, class int, strict bool) {
	keys := make([]int, rowsOfClass)
	began := make([]reading, rowsOfClass)
	for key := range keys {
		keys[key], began[key].strict = key, strict
		b.begin(m, class*rowsOfClass+key, &began[key])
	}
	got, err := m.caches[class].GetMany(b.t.Context(), keys)
	if m.dead.Load() {
		return
	}
	for _, key := range keys {
		one := err
		p, ok := got[key]
		if !ok && err == nil {
			one = larder.ErrNotFound
		}
		b.judge(class*rowsOfClass+key, began[key], p, false, one)
	}
}
