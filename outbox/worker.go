package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The pauses after failures: of a relay whose database or target fails, and of
// a row that the target refuses.
const (
	firstPause  = 50 * time.Millisecond
	maxPause    = time.Second
	maxTryPause = 10 * time.Second
)

// statementTimeout bounds a statement that nobody holds up for long.
const statementTimeout = 5 * time.Second

// errEpoch says that the partition is in another epoch than this relay, or that
// somebody is about to change that. The keeper has to look.
var errEpoch = errors.New("another epoch")

// worker delivers the rows of one partition while it holds it.
type worker struct {
	relay   *Relay
	part    int
	leased  time.Time // when the lease was last taken or renewed; zero: not held
	poll    time.Duration
	failing int // rounds in a row in which nothing was acknowledged
}

// run works until ctx ends. Relay.Run waits for it.
func (w *worker) run(ctx context.Context) {
	defer w.release(ctx)
	w.poll = w.relay.opts.MinPoll
	for ctx.Err() == nil {
		pause, err := w.step(ctx)
		w.relay.log.report(ctx, w.name(), err)
		if err != nil {
			w.failing++
			pause = backoff(w.failing)
		}
		rest(ctx, pause, w.relay.wakes[w.part])
	}
}

// name says what the worker does, for the log.
func (w *worker) name() string { return fmt.Sprintf("work on partition %d", w.part) }

// backoff is the pause after the nth failure in a row.
func backoff(n int) time.Duration { return min(firstPause<<min(max(n-1, 0), 10), maxPause) }

// step does what there is to do and returns how long to wait before the next.
func (w *worker) step(ctx context.Context) (time.Duration, error) {
	r := w.relay
	if !r.fit.Load() {
		w.release(ctx)
		poke(r.notice) // for the first look
		return r.opts.MinPoll, nil
	}
	if held, err := w.lease(ctx); err != nil || !held {
		return r.opts.Lease / 4, err
	}
	some, err := w.peek(ctx)
	if err != nil {
		return 0, err
	}
	if !some {
		w.failing = 0
		w.poll = min(w.poll+w.poll/4+1, r.opts.MaxPoll)
		return w.poll, nil
	}
	w.poll = r.opts.MinPoll
	return w.round(ctx)
}

// round delivers one batch and returns how long to wait before the next.
func (w *worker) round(ctx context.Context) (time.Duration, error) {
	n, o, err := w.deliverSome(ctx)
	switch {
	case errors.Is(err, errEpoch):
		poke(w.relay.notice)
		return w.relay.opts.MinPoll, nil
	case err != nil:
		return 0, err
	}
	w.relay.settled(ctx, o)
	if len(o.failed) > 0 && len(o.done) == 0 {
		w.failing++
		return backoff(w.failing), nil
	}
	w.failing = 0
	if n == w.relay.opts.Batch {
		return 0, nil
	}
	return w.relay.opts.MinPoll, nil
}

// deliverSome delivers one batch and writes down what became of it. n is how
// many rows there were.
func (w *worker) deliverSome(ctx context.Context) (n int, o outcome, err error) {
	// What was acknowledged is marked even if ctx ends meanwhile.
	limit := 2*w.relay.opts.DeliverTimeout + time.Second // deliver calls the target twice
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit+statementTimeout)
	defer cancel()
	steps := func(in querier) error {
		epoch, err := w.lock(work, in)
		if err != nil {
			return err
		}
		rows, err := w.read(work, in)
		if err != nil || len(rows) == 0 {
			return err
		}
		n = len(rows)
		o = w.deliver(ctx, rows)
		return w.settle(work, in, o, epoch)
	}
	if w.relay.box.dialect == SQLite {
		return n, o, steps(w.relay.box.db)
	}
	err = w.relay.box.transactBriefly(work, limit, steps)
	return n, o, err
}

// lock locks the partition, where there are row locks, and returns its epoch.
func (w *worker) lock(ctx context.Context, in querier) (epoch int64, err error) {
	err = in.QueryRowContext(ctx, w.relay.box.sql(`SELECT epoch FROM {parts} WHERE part = ? AND worker = ? {skip locked}`),
		w.part, w.relay.worker).Scan(&epoch)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		w.leased = time.Time{} // another may hold it now
		return 0, errEpoch
	case err == nil && epoch != w.relay.epoch.Load():
		return 0, errEpoch
	}
	return epoch, err
}

// mine is the condition that a row is in this partition.
func (w *worker) mine() string {
	if w.relay.opts.Partitions == 1 {
		return ""
	}
	return fmt.Sprintf(" AND id %% %d = %d", w.relay.opts.Partitions, w.part)
}

// peek tells whether anything waits.
func (w *worker) peek(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	var one int
	err := w.relay.box.db.QueryRowContext(ctx, w.relay.box.sql(
		`SELECT 1 FROM {rows} WHERE state = 0 AND at_ms <= {now}`+w.mine()+` LIMIT 1`)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// read reads the rows of one batch.
func (w *worker) read(ctx context.Context, in querier) (rows []row, err error) {
	err = w.relay.box.each(ctx, in, func(scan func(...any) error) error {
		r, err := scanRow(scan)
		rows = append(rows, r)
		return err
	}, `SELECT `+rowColumns+` FROM {rows} WHERE state = 0 AND at_ms <= {now}`+w.mine()+
		` ORDER BY at_ms, id LIMIT ? {skip locked}`, w.relay.opts.Batch)
	return rows, err
}

// deliver delivers the rows. Tries count only while all of the shared tier
// answers: an outage is no row's fault.
func (w *worker) deliver(ctx context.Context, rows []row) outcome {
	b := newBatch(rows)
	call, cancel := context.WithTimeout(ctx, w.relay.opts.DeliverTimeout)
	defer cancel()
	o := b.judge(w.relay.target.Deliver(call, b.changes))
	if len(o.failed) == 0 {
		return o
	}
	call, cancel = context.WithTimeout(ctx, w.relay.opts.DeliverTimeout)
	defer cancel()
	if _, err := w.relay.target.Checkpoint(call); err != nil {
		o.outage = true
		return o
	}
	o.giveUp(w.relay.opts.MaxTries)
	return o
}

// settle writes down what became of a batch, unless the partition is in
// another epoch now.
func (w *worker) settle(ctx context.Context, in querier, o outcome, epoch int64) error {
	ids := map[string][]int64{} // by what is set in them
	for _, r := range o.done {
		const set = "state = 1, at_ms = {now}, reason = ''"
		ids[set] = append(ids[set], r.id)
	}
	for _, f := range o.failed {
		set := w.retry(f, o.outage || f.blameless())
		ids[set] = append(ids[set], f.id)
	}
	for set, list := range ids {
		if err := w.set(ctx, in, epoch, list, set); err != nil {
			return err
		}
	}
	for _, f := range o.aside {
		if err := w.set(ctx, in, epoch, []int64{f.id}, "state = 2, at_ms = {now}, tries = tries + 1, reason = ?", reasonOf(f.cause)); err != nil {
			return err
		}
	}
	return nil
}

// retry is what is set in a row that will be tried again.
func (w *worker) retry(f failure, outage bool) string {
	if outage {
		return fmt.Sprintf("at_ms = {now} + %d", backoff(w.failing+1).Milliseconds())
	}
	pause := min(firstPause<<min(f.tries, 20), maxTryPause)
	return fmt.Sprintf("tries = tries + 1, at_ms = {now} + %d", pause.Milliseconds())
}

// set changes rows that wait. It finds them by their ids: with thousands of
// rows waiting, a database may think better of the index on the state.
func (w *worker) set(ctx context.Context, in querier, epoch int64, ids []int64, set string, args ...any) error {
	condition, list := w.relay.box.dialect.among(ids)
	args = append(append(args, list...), w.part, epoch)
	changed, err := w.relay.box.exec(ctx, in, `UPDATE {rows} SET `+set+` WHERE state + 0 = 0 AND `+condition+
		` AND (SELECT epoch FROM {parts} WHERE part = ?) = ?`, args...)
	if err == nil && changed < int64(len(ids)) {
		return errEpoch // or another relay, whose lease followed ours, was quicker
	}
	return err
}
