package outbox

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/larderdev/larder"
)

// errNoGate says that the tables are there and the row in them is not.
var errNoGate = errors.New("the tables are not complete: run Migrate")

// maxHistories is for how many epochs a history is remembered. One that comes
// back later costs a rewind.
const maxHistories = 1_000

// maxHistory is the longest name that fits into the table.
const maxHistory = 255

// historyNames are the histories of a checkpoint as they are stored.
func historyNames(c larder.Checkpoint) []string {
	names := c.Histories()
	for i, name := range names {
		if len(name) > maxHistory {
			sum := sha256.Sum256([]byte(name))
			names[i] = hex.EncodeToString(sum[:])
		}
	}
	return names
}

// state is the epoch of the outbox and the histories it knows.
type state struct {
	epoch     int64
	histories map[string]int64 // to the epoch in which it was noted last
}

// news tells whether names has a history that was not noted.
func (s state) news(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, known := s.histories[name]; return !known })
}

// size is how many histories this epoch began with.
func (s state) size() (n int) {
	for _, epoch := range s.histories {
		if epoch == s.epoch {
			n++
		}
	}
	return n
}

// knownTo tells whether all histories that this epoch began with are among names.
func (s state) knownTo(names []string) bool {
	for name, epoch := range s.histories {
		if epoch == s.epoch && !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

func (b *Box) state(ctx context.Context, in querier) (state, error) {
	s := state{epoch: -1, histories: map[string]int64{}}
	err := b.each(ctx, in, func(scan func(...any) error) error {
		var name sql.NullString
		var epoch sql.NullInt64
		if err := scan(&s.epoch, &name, &epoch); err != nil {
			return err
		}
		if name.Valid {
			s.histories[name.String] = epoch.Int64
		}
		return nil
	}, `SELECT p.epoch, h.history, h.epoch FROM {parts} AS p LEFT JOIN {histories} AS h ON 1 = 1 WHERE p.part = -1`)
	if err == nil && s.epoch < 0 {
		err = errNoGate
	}
	return s, err
}

// rewind begins a new epoch with the histories in names and opens all rows
// again that are done, unless the epoch is not seen any more. It returns the
// epoch and how many rows were opened.
//
// It waits for the workers, who have their partitions locked: what they mark
// done has been delivered to the old histories and is opened too.
func (b *Box) rewind(ctx context.Context, seen int64, names []string) (epoch, opened int64, err error) {
	err = b.transact(ctx, func(tx *sql.Tx) error {
		if err := b.lockGate(ctx, tx); err != nil {
			return err
		}
		s, err := b.state(ctx, tx)
		if err != nil {
			return err
		}
		if s.epoch != seen {
			epoch = seen
			return nil
		}
		epoch = seen + 1
		if _, err := b.exec(ctx, tx, `UPDATE {parts} SET epoch = ?`, epoch); err != nil {
			return err
		}
		for _, name := range names {
			note := `INSERT INTO {histories} (epoch, history) VALUES (?, ?)`
			if _, known := s.histories[name]; known {
				note = `UPDATE {histories} SET epoch = ? WHERE history = ?`
			}
			if _, err := b.exec(ctx, tx, note, epoch, name); err != nil {
				return err
			}
		}
		if _, err := b.exec(ctx, tx, `DELETE FROM {histories} WHERE epoch <= ?`, epoch-maxHistories); err != nil {
			return err
		}
		opened, err = b.exec(ctx, tx, `UPDATE {rows} SET state = 0, at_ms = 0, tries = 0, again = again + 1 WHERE state = 1`)
		return err
	})
	return epoch, opened, err
}

// prune deletes a batch of rows that are done for longer than keep, and
// returns how many.
func (b *Box) prune(ctx context.Context, keep time.Duration) (n int64, err error) {
	const old = `state = 1 AND at_ms < {now} - ? ORDER BY at_ms, id LIMIT ?`
	query := `DELETE FROM {rows} WHERE id IN (SELECT id FROM {rows} WHERE ` + old + ` {skip locked})`
	if b.dialect == MySQL { // which cannot name the table twice
		query = `DELETE FROM {rows} WHERE ` + old
	}
	err = b.transact(ctx, func(tx *sql.Tx) error {
		n, err = b.exec(ctx, tx, query, keep.Milliseconds(), pruneRows)
		return err
	})
	return n, err
}

// pruneAside deletes the oldest of the rows that are set aside if there are
// more than maxAside.
func (b *Box) pruneAside(ctx context.Context) error {
	var at, id int64
	err := b.db.QueryRowContext(ctx, b.sql(`SELECT at_ms, id FROM {rows} WHERE state = 2 ORDER BY at_ms DESC, id DESC LIMIT 1 OFFSET ?`),
		maxAside).Scan(&at, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return b.transact(ctx, func(tx *sql.Tx) error {
		_, err := b.exec(ctx, tx, `DELETE FROM {rows} WHERE state = 2 AND (at_ms < ? OR at_ms = ? AND id <= ?)`, at, at, id)
		return err
	})
}
