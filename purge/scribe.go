package purge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// journalTimeout bounds a call of the journal.
	journalTimeout = 30 * time.Second
	// journalPause is after how long a journal that has failed is tried again
	// when nothing new is to be written.
	journalPause = time.Second
	// journalGrace is how long Close waits for the journal: an fsync on a busy
	// disk takes seconds, one on a file server that has gone never ends.
	journalGrace = 10 * time.Second
)

// errSilent says that Close has given the journal up.
var errSilent = errors.New("the journal does not answer")

// scribe writes to the journal, in the order of what happened: one goroutine,
// which writes everything that has come up while it wrote. So purges that come
// together share one fsync. The queue's lock guards its fields.
type scribe struct {
	q       *Queue
	journal Journal
	// ops are to be done, the newest for each key.
	ops     map[string]op
	writing map[string]op // those that the journal is being told
	waiters []chan error

	ctx    context.Context // of calls; ends when close gives up
	cancel context.CancelFunc

	wake chan struct{}
	quit chan struct{}
	gone chan struct{} // closed when nobody waits for the journal any more
	// done is closed when run has ended, with last, the error of the last
	// writing, and closeErr, that of closing the journal.
	done           chan struct{}
	last, closeErr error
}

// op puts a record, or deletes it if data is nil.
type op struct {
	data []byte
	item *item // whose record it is, nil for dead letters
	// old says that the journal may have an older record with the key.
	old bool
}

func newScribe(q *Queue, j Journal) *scribe {
	s := &scribe{
		q: q, journal: j, ops: map[string]op{},
		wake: make(chan struct{}, 1), quit: make(chan struct{}), gone: make(chan struct{}), done: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// put has a record written. With an item, the item is told.
func (s *scribe) put(r Record, it *item) {
	// What waits to be written and is not written yet is replaced: only the newest
	// state counts. But a delete that it replaces, or a put after an older one, means
	// that the journal may have a record.
	before, waits := s.ops[r.Key]
	s.ops[r.Key] = op{data: r.Data, item: it, old: waits && (before.data == nil || before.old)}
	s.poke()
}

// delete has a record deleted, if the journal may have it. That is not urgent,
// but what waits longer is more work after a crash.
func (s *scribe) delete(key string, written bool) {
	// A purge may be accepted before a slow disk has written it: then there is nothing
	// to delete.
	if !written && !s.ops[key].old {
		delete(s.ops, key)
		return
	}
	s.ops[key] = op{}
	s.poke()
}

// wait returns a channel that gets the outcome of writing what is to be done
// now.
func (s *scribe) wait() <-chan error {
	c := make(chan error, 1)
	s.waiters = append(s.waiters, c)
	s.poke()
	return c
}

func (s *scribe) poke() {
	select {
	// One is enough: run writes all that there is.
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes until quit is closed, and then what is left, and closes the journal:
// not in close, which may have given up a call that is still under way.
func (s *scribe) run() {
	defer close(s.done)
	retry := time.NewTimer(journalPause)
	defer retry.Stop()
	for ended := false; !ended; {
		select {
		case <-s.wake:
		case <-retry.C:
		case <-s.quit:
			ended = true
		}
		before := s.last
		s.last = s.write()
		// A journal that fails all day is logged once, and once when it works again.
		if s.last != nil {
			retry.Reset(journalPause)
			if before == nil {
				s.q.opts.Logger.Error("purge: the journal fails, and is tried again: what waits would be lost if the process ended", "error", s.last)
			}
		} else if before != nil {
			s.q.opts.Logger.Info("purge: the journal works again")
		}
	}
	s.closeErr = s.journal.Close()
}

// close ends run, and with it the use of the journal. A journal that has not
// answered within journalGrace is told that its call has ended. If it does not
// mind that either, run stays in that call, which no other process can end.
func (s *scribe) close() error {
	defer s.cancel()
	close(s.quit)
	if !s.ends(journalGrace) {
		s.cancel()
		if !s.ends(closeGrace) {
			close(s.gone)
			return fmt.Errorf("%w: after %v %s", errSilent, journalGrace+closeGrace, s.left())
		}
	}
	if s.last != nil {
		return errors.Join(fmt.Errorf("%w: %s", s.last, s.left()), s.closeErr)
	}
	return s.closeErr
}

// ends waits until run has ended, and no longer than that.
func (s *scribe) ends(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-s.done:
		return true
	case <-timer.C:
		return false
	}
}

// left says what the journal has not acknowledged.
func (s *scribe) left() string {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	puts, deletes := 0, 0
	count := func(o op) {
		if o.data == nil {
			deletes++ // the journal may have it, or there were nothing to delete
		} else {
			puts++
		}
	}
	for key, o := range s.writing {
		if _, newer := s.ops[key]; !newer {
			count(o)
		}
	}
	for _, o := range s.ops {
		count(o)
	}
	return fmt.Sprintf("it may lack %d records of what waits or is dead, and still have %d of what is done", puts, deletes)
}

// write does what is to be done. What fails is to be done again, unless
// something newer is.
func (s *scribe) write() error {
	s.q.mu.Lock()
	ops, waiters := s.ops, s.waiters
	// Taken as a whole, so that what comes up meanwhile is written next, after this.
	s.ops, s.writing, s.waiters = map[string]op{}, ops, nil
	var puts []Record
	var deletes []string
	for key, o := range ops {
		if o.data == nil {
			deletes = append(deletes, key)
			continue
		}
		puts = append(puts, Record{key, o.data})
		if o.item != nil {
			o.item.putting = true
		}
	}
	s.q.mu.Unlock()

	// Not a purge's context: many share the writing, and one that gives up must not
	// take the others' with it.
	ctx, cancel := context.WithTimeout(s.ctx, journalTimeout)
	defer cancel()
	var putErr, deleteErr error
	if len(puts) > 0 {
		putErr = s.journal.Put(ctx, puts...)
	}
	// A dead letter takes the place of its item: it must be kept before the
	// item is deleted.
	if len(deletes) > 0 && putErr == nil {
		deleteErr = s.journal.Delete(ctx, deletes...)
	}
	s.finish(ops, putErr, deleteErr)
	for _, c := range waiters {
		c <- putErr
	}
	return errors.Join(putErr, deleteErr)
}

// finish notes what the journal has.
func (s *scribe) finish(ops map[string]op, putErr, deleteErr error) {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	s.writing = nil
	for key, o := range ops {
		_, newer := s.ops[key]
		if putErr != nil || o.data == nil && deleteErr != nil {
			if !newer {
				s.ops[key] = o
			}
			continue
		}
		if it := o.item; it != nil && !newer {
			// As hard as it was written, or a newer op would be there.
			it.kept = true
		}
	}
}
