package shop

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/outbox"
)

// delivery is the relay of a shop at work. One goroutine runs it until stop.
type delivery struct {
	box   *outbox.Box
	relay *outbox.Relay
	stop  func() // and wait
}

// startRelay delivers what the database reports to the caches of this shop and
// of all that share its tier.
func (s *Shop) startRelay(ctx context.Context, box *outbox.Box) error {
	relay, err := box.Relay(s.lard, outbox.RelayOptions{Logger: s.log})
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := relay.Run(run); err != nil {
			s.log.Error("the relay has ended", "err", err)
		}
	}()
	s.delivery = &delivery{box: box, relay: relay, stop: func() { cancel(); <-ended }}
	return nil
}

// Close ends the relay and the caches. It returns a [larder.PendingError] if
// invalidations are lost: those that were not delivered, and are not in the
// outbox either.
func (s *Shop) Close() error {
	if s.delivery != nil {
		s.delivery.stop()
	}
	err := s.lard.Close()
	pending, isPending := errors.AsType[*larder.PendingError](err)
	if isPending && s.delivery != nil && !s.unwritten.Load() {
		s.log.Warn("invalidations were not delivered: they are in the outbox, for another shop or the next start", "count", pending.Pending+pending.Dropped)
		return nil
	}
	return err
}

// InvalidateUsers says that what is cached of the users under ids is wrong. It
// may return a [larder.PendingError]. What the shared tier has not acknowledged
// goes into the outbox: no row has changed, so no trigger knows of it.
func (s *Shop) InvalidateUsers(ctx context.Context, ids []int64) error {
	err := s.caches.UserProfile.Invalidate(ctx, ids...)
	pending, isPending := errors.AsType[*larder.PendingError](err)
	if !isPending || s.delivery == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	changes := make([]larder.Change, len(ids))
	for i, id := range ids {
		changes[i] = larder.Change{Class: "user-profile", Key: strconv.FormatInt(id, 10)}
	}
	if err := s.db.Enqueue(ctx, s.delivery.box, changes...); err != nil {
		s.unwritten.Store(true)
		return errors.Join(pending, err)
	}
	kept := *pending
	kept.Pending, kept.Dropped = kept.Pending+kept.Dropped, 0
	return &kept
}

// OutboxStats tells what waits in the outbox, and what this shop's relay has
// delivered.
type OutboxStats struct {
	// Error says that the database does not answer: the first numbers are not
	// known.
	Error string `json:"error,omitempty"`
	// Pending rows wait, the oldest for so long. Done rows are delivered and
	// kept for a while. SetAside rows were refused too often.
	Pending       int64   `json:"pending"`
	OldestSeconds float64 `json:"oldest_seconds"`
	Done          int64   `json:"done"`
	SetAside      int64   `json:"set_aside"`
	Relay         struct {
		Delivered   uint64 `json:"delivered"`
		Redelivered uint64 `json:"redelivered"`
		SetAside    uint64 `json:"set_aside"`
		Rewinds     uint64 `json:"rewinds"`
		Confirmed   uint64 `json:"confirmed"`
	} `json:"relay"`
}

// statsTimeout bounds the question of what is in the outbox.
const statsTimeout = time.Second

func (d *delivery) stats(ctx context.Context) *OutboxStats {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	var s OutboxStats
	if rows, err := d.box.Stats(ctx); err != nil {
		s.Error = "the database fails or does not answer"
	} else {
		s.Pending, s.OldestSeconds, s.Done, s.SetAside = rows.Pending, rows.Oldest.Seconds(), rows.Done, rows.SetAside
	}
	c := d.relay.Counts()
	s.Relay.Delivered, s.Relay.Redelivered, s.Relay.SetAside = c.Delivered, c.Redelivered, c.SetAside
	s.Relay.Rewinds, s.Relay.Confirmed = c.Rewinds, c.Confirmed
	return &s
}
