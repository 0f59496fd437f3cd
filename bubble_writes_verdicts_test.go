package larder_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
)

// reading is a read under way.
type reading struct {
	strict bool
	least  uint64 // the version that it asks for

	tick   uint64
	at     time.Time
	seen   uint64 // of its row
	member int
}

// verdicts counts the reads of a fleet, and what was wrong with them.
type verdicts struct {
	strict, memory, unjudged int
	stale, backwards, own    int
	least                    int
	softly, unknown, failed  int
	stuck                    int  // rows of a process that are not what the database has
	undrained                bool // the relays have left something
	worst                    time.Duration
	first                    string // what the first wrong one was
}

// begin notes what a read must not fall behind.
func (b *writesBubble) begin(m *member, id int, r *reading) {
	db := b.db
	db.books.Lock()
	defer db.books.Unlock()
	r.tick, r.at, r.seen = db.tick, time.Now(), db.rows[id].seen
	r.member = m.id
}

// judge compares what a read has returned with the books.
func (b *writesBubble) judge(id int, began reading, got product, stale bool, err error) {
	db, led := b.db, &b.verdicts
	db.books.Lock()
	defer db.books.Unlock()
	switch {
	case err != nil && !errors.Is(err, larder.ErrNotFound):
		led.failed++
		led.note("row %d: %v", id, err)
		return
	case b.blind(began):
		led.unjudged++
		return
	}
	r := &db.rows[id]
	v := r.find(got.Version, err != nil)
	if v == nil {
		led.unknown++
		led.note("row %d: version %d, %v was never committed", id, got.Version, err)
		return
	}
	if v.Version < began.least {
		led.least++
		led.note("row %d: version %d, %d was asked for", id, v.Version, began.least)
	}
	if own := v.by[began.member]; own.before(began) {
		led.own++
		led.note("row %d: version %d in process %d, which has outdated it %v before", id, v.Version, began.member, began.at.Sub(own.at))
	}
	if !began.strict {
		led.memory++
		if v.dead.before(began) {
			age := began.at.Sub(v.dead.at)
			led.worst = max(led.worst, age)
			if age > bubbleStaleness {
				led.note("row %d: memory of process %d had version %d, dead for %v at %v", id, began.member, v.Version, age, began.at.Sub(b.start))
			}
		}
		return
	}
	led.strict++
	switch {
	case v.dead.before(began):
		led.stale++
		led.note("row %d: version %d, dead for %v; the newest is %d", id, v.Version, began.at.Sub(v.dead.at), r.last().Version)
	case v.soft.before(began) && !stale:
		led.softly++
		led.note("row %d: version %d is not marked as stale", id, v.Version)
	case v.Version < began.seen && !stale:
		led.backwards++
		if b.plan.calm() {
			led.note("row %d: version %d, after somebody has seen %d", id, v.Version, began.seen)
		}
	}
	if !stale && err == nil {
		r.seen = max(r.seen, v.Version)
	}
}

// find returns the version that a read has got. Which deletion it is that a read
// has found nothing after, it does not say: the best of them counts.
func (r *row) find(number uint64, gone bool) *version {
	for i, v := range slices.Backward(r.versions) {
		if gone && v.gone || !gone && !v.gone && v.Version == number {
			return &r.versions[i]
		}
	}
	return nil
}

// note keeps the first thing that was wrong.
func (l *verdicts) note(format string, args ...any) {
	if l.first == "" {
		l.first = fmt.Sprintf(format, args...)
	}
}

func (l *verdicts) reads() int { return l.strict + l.memory }

// caught reports whether anything is wrong that a plan promises.
func (l *verdicts) wrong(p *writesPlan) bool {
	return l.stale+l.own+l.softly+l.least+l.unknown+l.failed+l.stuck > 0 || l.worst > bubbleStaleness || p.calm() && l.backwards > 0
}

func (l *verdicts) report(t *testing.T, p *writesPlan) {
	t.Helper()
	for _, c := range []struct {
		n    int
		what string
	}{
		{l.stale, "strict reads were stale (P1)"},
		{l.own, "reads were older than what their own process had said"},
		{l.softly, "reads of softly invalidated values were not marked as stale"},
		{l.least, "reads were older than they had asked for"},
		{l.unknown, "reads returned what was never committed"},
		{l.stuck, "rows are stuck in some process"},
		{l.failed, "reads failed while the origin answered (P5)"},
	} {
		if c.n > 0 {
			t.Errorf("%d %s, want 0", c.n, c.what)
		}
	}
	if p.calm() && l.backwards > 0 {
		t.Errorf("%d strict reads went backwards, want 0 (P1)", l.backwards)
	}
	if l.worst > bubbleStaleness {
		t.Errorf("memory was %v behind, want %v at most (P2)", l.worst, bubbleStaleness)
	}
	if l.undrained {
		t.Error("the outbox is not drained although the relays run")
	}
	if t.Failed() {
		t.Log(l.first)
	}
}

// A read that a failover has interrupted is nobody's fault; one that begins when
// it must have been noticed is judged.
func TestBubbleWrites_JudgesWhatBeginsAfterAFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newWritesBubble(t, 0, writesPlan{rewinds: true})
		const row = strictClass * rowsOfClass
		old := b.db.newest()[row].product
		newer := version{product: product{Version: old.Version + 1}}
		b.db.acknowledge(acknowledgement{rows: map[int]version{row: newer}})
		for _, c := range []struct {
			after           time.Duration // the failover, or before it
			stale, unjudged int           // since the beginning
		}{{-time.Millisecond, 0, 1}, {0, 0, 2}, {noticing - 1, 0, 3}, {noticing, 1, 3}} {
			b.rewound = time.Time{}
			r, m := reading{strict: true}, &member{id: 1}
			if c.after >= 0 {
				b.forgets()
				time.Sleep(c.after)
			}
			b.begin(m, row, &r)
			if c.after < 0 {
				time.Sleep(-c.after)
				b.forgets()
			}
			time.Sleep(2 * noticing) // it waits for another key, say
			b.judge(row, r, old, false, nil)
			if b.stale != c.stale || b.unjudged != c.unjudged {
				t.Errorf("a read that began %v after the failover: %d stale, %d not judged so far; want %d and %d",
					c.after, b.stale, b.unjudged, c.stale, c.unjudged)
			}
		}
	})
}
