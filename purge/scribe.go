package purge

import (
	"context"
	"errors"
	"time"
)

const (
	// journalTimeout bounds a call of the journal.
	journalTimeout = 30 * time.Second
	// journalPause is after how long a journal that has failed is tried again
	// when nothing new is to be written.
	journalPause = time.Second
)

// scribe writes to the journal, in the order of what happened: one goroutine,
// which writes everything that has come up while it wrote. So purges that come
// together share one fsync. The queue's lock guards its fields.
type scribe struct {
	q       *Queue
	journal Journal
	// ops are to be done, the newest for each key.
	ops     map[string]op
	waiters []chan error

	wake chan struct{}
	quit chan struct{}
	done chan struct{}
	last error // of the last writing, for close
}

// op puts a record, or deletes it if data is nil.
type op struct {
	data []byte
	item *item // whose record it is, nil for dead letters
	// old says that the journal may have an older record with the key.
	old bool
}

func newScribe(q *Queue, j Journal) *scribe {
	return &scribe{
		q: q, journal: j, ops: map[string]op{},
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// put has a record written. With an item, the item is told.
func (s *scribe) put(r Record, it *item) {
	before, waits := s.ops[r.Key]
	s.ops[r.Key] = op{data: r.Data, item: it, old: waits && (before.data == nil || before.old)}
	s.poke()
}

// delete has a record deleted, if the journal may have it. That is not urgent,
// but what waits longer is more work after a crash.
func (s *scribe) delete(key string, written bool) {
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
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes until quit is closed, and then what is left.
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
		if s.last != nil {
			retry.Reset(journalPause)
			if before == nil {
				s.q.opts.Logger.Error("purge: the journal fails, and is tried again: what waits would be lost if the process ended", "error", s.last)
			}
		} else if before != nil {
			s.q.opts.Logger.Info("purge: the journal works again")
		}
	}
}

// close ends run and closes the journal.
func (s *scribe) close() error {
	close(s.quit)
	<-s.done
	return errors.Join(s.last, s.journal.Close())
}

// write does what is to be done. What fails is to be done again, unless
// something newer is.
func (s *scribe) write() error {
	s.q.mu.Lock()
	ops, waiters := s.ops, s.waiters
	s.ops, s.waiters = map[string]op{}, nil
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

	ctx, cancel := context.WithTimeout(context.Background(), journalTimeout)
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
