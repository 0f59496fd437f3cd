package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Stats is what is in the table.
type Stats struct {
	// Pending rows wait to be delivered. Oldest is the age of the oldest of
	// them, 0 if there is none.
	Pending int64
	Oldest  time.Duration
	// Done rows are delivered and not deleted yet.
	Done int64
	// SetAside rows will not be tried again, see [Box.SetAside]. The newest
	// 10,000 are kept.
	SetAside int64
}

// Stats counts the rows of the table.
func (b *Box) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	err := b.each(ctx, b.db, func(scan func(...any) error) error {
		var state int
		var n, age int64
		if err := scan(&state, &n, &age); err != nil {
			return err
		}
		switch state {
		case waiting:
			s.Pending, s.Oldest = n, max(time.Duration(age)*time.Millisecond, 0)
		case done:
			s.Done = n
		case aside:
			s.SetAside = n
		}
		return nil
	}, `SELECT state, COUNT(*), {now} - MIN(made_ms) FROM {rows} GROUP BY state`)
	if err != nil {
		return Stats{}, fmt.Errorf("outbox: stats: %w", err)
	}
	return s, nil
}

// SetAside is a row that will not be tried again, because it was refused too
// often or because its class is unknown. The caches keep what they have under
// its key until their TTL ends.
type SetAside struct {
	ID    int64
	Class string
	Key   string
	Tries int
	// Reason is what the target said last, at most 500 bytes.
	Reason string
}

// SetAside returns rows that are set aside, oldest first, at most limit.
func (b *Box) SetAside(ctx context.Context, limit int) ([]SetAside, error) {
	var all []SetAside
	err := b.each(ctx, b.db, func(scan func(...any) error) error {
		var s SetAside
		var key sql.NullString
		err := scan(&s.ID, &s.Class, &key, &s.Tries, &s.Reason)
		s.Key = key.String
		all = append(all, s)
		return err
	}, `SELECT id, class, item, tries, reason FROM {rows} WHERE state = 2 ORDER BY at_ms, id LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("outbox: rows that are set aside: %w", err)
	}
	return all, nil
}

// Retry puts rows back that are set aside, all of them if no id is given, and
// returns how many they were. They count as never tried.
func (b *Box) Retry(ctx context.Context, ids ...int64) (n int64, err error) {
	return b.changeAside(ctx, `UPDATE {rows} SET state = 0, at_ms = 0, tries = 0, reason = '' WHERE state = 2`, ids)
}

// Discard deletes rows that are set aside, all of them if no id is given, and
// returns how many they were.
func (b *Box) Discard(ctx context.Context, ids ...int64) (n int64, err error) {
	return b.changeAside(ctx, `DELETE FROM {rows} WHERE state = 2`, ids)
}

func (b *Box) changeAside(ctx context.Context, query string, ids []int64) (n int64, err error) {
	var args []any
	if len(ids) > 0 {
		var condition string
		condition, args = b.dialect.among(ids)
		query += " AND " + condition
	}
	err = b.transact(ctx, func(tx *sql.Tx) error {
		n, err = b.exec(ctx, tx, query, args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("outbox: rows that are set aside: %w", err)
	}
	return n, nil
}

// Counts is what a relay has done since it was made.
type Counts struct {
	// Delivered rows were acknowledged and marked; Redelivered are those of
	// them that a rewind had opened again.
	Delivered, Redelivered uint64
	// SetAside rows were given up.
	SetAside uint64
	// Rewinds are the epochs that this relay began, see the package
	// documentation.
	Rewinds uint64
	// Confirmed are the checkpoints that were confirmed.
	Confirmed uint64
}

type counts struct{ delivered, redelivered, aside, rewinds, confirmed atomic.Uint64 }

// Counts returns what the relay has done.
func (r *Relay) Counts() Counts {
	return Counts{
		Delivered:   r.counts.delivered.Load(),
		Redelivered: r.counts.redelivered.Load(),
		SetAside:    r.counts.aside.Load(),
		Rewinds:     r.counts.rewinds.Load(),
		Confirmed:   r.counts.confirmed.Load(),
	}
}

// settled counts and reports what became of a batch.
func (r *Relay) settled(ctx context.Context, o outcome) {
	r.counts.delivered.Add(uint64(len(o.done)))
	for _, d := range o.done {
		if d.again > 0 {
			r.counts.redelivered.Add(1)
		}
	}
	var failed error
	if len(o.failed) > 0 {
		failed = fmt.Errorf("%d changes were not acknowledged: %w", len(o.failed), o.failed[0].cause)
	}
	r.log.report(ctx, "delivering", failed)
	r.counts.aside.Add(uint64(len(o.aside)))
	for _, f := range o.aside {
		r.log.setAside(ctx, f)
		if r.opts.OnSetAside != nil {
			s := SetAside{ID: f.id, Class: f.class, Key: f.item.String, Tries: f.tries + 1, Reason: reasonOf(f.cause)}
			r.log.report(ctx, "OnSetAside", guard(func() error { r.opts.OnSetAside(s); return nil }))
		}
	}
}

// maxReason is how much of an error is kept with a row, in bytes.
const maxReason = 500

// reasonOf is an error as it is kept with a row: valid text for any database.
func reasonOf(cause error) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(cause.Error(), "?"), "\x00", "?")
	for len(text) > maxReason {
		_, size := utf8.DecodeLastRuneInString(text[:maxReason+1])
		text = text[:maxReason+1-size]
	}
	return text
}
