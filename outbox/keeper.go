package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/larderdev/larder"
)

const (
	// maxKeep bounds how long done rows stay while the shared tier cannot be
	// asked for its histories.
	maxKeep = time.Hour
	// confirmPoll is the pause between two looks whether all is delivered.
	confirmPoll = 10 * time.Millisecond
	pruneEvery  = time.Second
)

// keeper keeps the relay's epoch right, confirms checkpoints and prunes.
type keeper struct {
	relay   *Relay
	failing int
	// strayed is since when the target does not know the histories of the
	// epoch, or cannot be asked; zero: it does.
	strayed time.Time
	// unsure says that the epoch was taken without asking the target.
	unsure bool
	// healthy is when all nodes were there last, and the epoch knew them.
	healthy time.Time
	nodes   int       // how many they are; 0: not known yet
	missing time.Time // since when fewer answer; zero: they do not
	pruned  time.Time
	open    *confirmation
}

// confirmation is a checkpoint to be confirmed when all rows up to an id are
// delivered.
type confirmation struct {
	checkpoint larder.Checkpoint
	upTo       int64
	epoch      int64
}

// run keeps until ctx ends. Relay.Run waits for it.
func (k *keeper) run(ctx context.Context) {
	r := k.relay
	var looked time.Time
	woken := true
	for ctx.Err() == nil {
		if woken || k.failing > 0 || time.Since(looked) >= r.opts.ConfirmEvery {
			looked = time.Now()
			k.look(ctx)
		}
		if !r.holds(0) {
			k.open = nil // another confirms and prunes
		} else {
			k.confirm(ctx)
			r.log.report(ctx, "pruning", k.prune(ctx))
		}
		switch {
		case k.failing > 0: // no haste, whoever pokes
			woken = rest(ctx, backoff(k.failing), nil)
		case k.open != nil:
			woken = rest(ctx, confirmPoll, r.notice)
		default:
			woken = rest(ctx, r.opts.ConfirmEvery-time.Since(looked), r.notice)
		}
	}
}

// look asks the target for its histories, brings the epoch up to date, and
// takes the checkpoint for a confirmation.
func (k *keeper) look(ctx context.Context) {
	r := k.relay
	if r.held.Load() == 0 && r.fit.Load() {
		return // it stands by; when it takes a partition, the worker sees whether the epoch is right
	}
	call, cancel := context.WithTimeout(ctx, r.opts.DeliverTimeout)
	c, err := r.target.Checkpoint(call)
	cancel()
	if err != nil {
		k.failing++
		k.open = nil
		r.log.report(ctx, "asking for histories", err)
		r.log.report(ctx, "following the epoch", k.standFast(ctx))
		return
	}
	err = k.follow(ctx, c)
	if errors.Is(err, errStrayed) {
		k.failing++
		r.log.report(ctx, "asking for histories", err)
		return
	}
	r.log.report(ctx, "asking for histories", nil)
	if err == nil && r.holds(0) {
		err = k.prepare(ctx, c)
	}
	r.log.report(ctx, "following the epoch", err)
	if err != nil {
		k.failing++
		return
	}
	k.failing = 0
	k.hear(len(c.Histories()))
}

// hear notes that n nodes of the target answer, whose histories the epoch knows. A
// node that is missing may come back, or another in its place, without the last
// that it acknowledged: what was done when it was there must not be pruned. One that
// has been missing for maxKeep has left.
func (k *keeper) hear(n int) {
	switch {
	case n >= k.nodes || !k.missing.IsZero() && time.Since(k.missing) > maxKeep:
		k.nodes, k.healthy, k.missing = n, time.Now(), time.Time{}
	case k.missing.IsZero():
		k.missing = time.Now()
	}
}

// errStrayed says that other relays have seen servers that the target does not
// know of yet.
var errStrayed = errors.New("the target does not know the newest servers of the shared tier yet")

// follow brings the relay into the epoch of the database, or begins a new one
// if the target has histories that are not in the database.
func (k *keeper) follow(ctx context.Context, c larder.Checkpoint) error {
	r, names := k.relay, historyNames(c)
	s, err := r.box.state(ctx, r.box.db)
	if err != nil {
		return err
	}
	if k.nodes == 0 {
		k.nodes = s.size()
	}
	current := r.fit.Load() && r.epoch.Load() == s.epoch || s.knownTo(names)
	if !k.unsure && !s.news(names) {
		if current {
			k.adopt(s.epoch)
			return nil
		}
		if !k.patient() {
			return errStrayed
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*r.opts.DeliverTimeout+2*statementTimeout) // it waits for the workers
	defer cancel()
	epoch, opened, err := r.box.rewind(ctx, s.epoch, names)
	if err != nil {
		return err
	}
	if epoch == s.epoch {
		poke(r.notice) // another has begun an epoch: look again
		return nil
	}
	if s.epoch > 0 {
		r.counts.rewinds.Add(1)
		r.opts.Logger.InfoContext(ctx, "outbox: the shared tier has a new history: delivering again", "rows", opened)
	}
	k.unsure = false
	k.adopt(epoch)
	r.wakeAll()
	return nil
}

// standFast is for a target that cannot be asked. The relay goes on in its
// epoch. If there is another by now, or it has none yet, it waits, and then goes
// on in that one, until it can ask and deliver again what may have been lost.
func (k *keeper) standFast(ctx context.Context) error {
	r := k.relay
	s, err := r.box.state(ctx, r.box.db)
	if err != nil {
		return err
	}
	if (!r.fit.Load() || r.epoch.Load() != s.epoch) && k.patient() {
		k.unsure = true
		k.adopt(s.epoch)
	}
	return nil
}

// adopt makes an epoch the relay's.
func (k *keeper) adopt(epoch int64) {
	k.strayed = time.Time{}
	k.relay.epoch.Store(epoch)
	if !k.relay.fit.Swap(true) {
		k.relay.wakeAll()
	}
}

// patient takes the relay out of work, so that others can do it, and tells
// whether they have had time enough.
func (k *keeper) patient() bool {
	if k.strayed.IsZero() {
		k.strayed = time.Now()
	}
	k.relay.fit.Store(false)
	return time.Since(k.strayed) > 2*k.relay.opts.Lease
}

// prepare opens a confirmation of c, unless one of the same histories is open:
// with more and more rows a later one would never be reached.
func (k *keeper) prepare(ctx context.Context, c larder.Checkpoint) error {
	epoch := k.relay.epoch.Load()
	if k.open != nil && k.open.epoch == epoch && slices.Equal(k.open.checkpoint.Histories(), c.Histories()) {
		return nil
	}
	k.open = nil
	var highest int64
	err := k.relay.box.db.QueryRowContext(ctx, k.relay.box.sql(`SELECT COALESCE(MAX(id), 0) FROM {rows}`)).Scan(&highest)
	if err == nil {
		k.open = &confirmation{c, highest, epoch}
	}
	return err
}

// confirm confirms what is open if no row up to its id waits any more.
func (k *keeper) confirm(ctx context.Context) {
	if k.open == nil {
		return
	}
	r := k.relay
	var left bool
	var epoch int64
	err := r.box.db.QueryRowContext(ctx, r.box.sql(`SELECT EXISTS (SELECT 1 FROM {rows} WHERE state = 0 AND id <= ?), epoch
		FROM {parts} WHERE part = -1`), k.open.upTo).Scan(&left, &epoch)
	switch {
	case err != nil || epoch != k.open.epoch:
		k.open = nil
		r.log.report(ctx, "following the epoch", err)
	case !left:
		call, cancel := context.WithTimeout(ctx, r.opts.DeliverTimeout)
		defer cancel()
		err := r.target.Confirm(call, k.open.checkpoint)
		k.open = nil
		if err == nil {
			r.counts.confirmed.Add(1)
		}
		r.log.report(ctx, "confirming", err)
	}
}

const (
	pruneRows   = 1_000
	pruneRounds = 50
	// maxAside is how many rows that are set aside stay, the newest.
	maxAside = 10_000
)

// prune deletes done rows, but none that a server may still lose.
func (k *keeper) prune(ctx context.Context) error {
	if time.Since(k.pruned) < pruneEvery {
		return nil
	}
	k.pruned = time.Now()
	keep := maxKeep
	if !k.healthy.IsZero() {
		keep = min(k.relay.opts.Keep+time.Since(k.healthy), maxKeep)
	}
	for range pruneRounds {
		n, err := k.relay.box.prune(ctx, keep)
		if err != nil {
			return err
		}
		if n < pruneRows {
			break
		}
	}
	return k.relay.box.pruneAside(ctx)
}
