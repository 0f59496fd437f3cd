package purge

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DeadLetter is a tag or URL that a target has refused for good, or too often.
// What is cached there is as it was.
type DeadLetter struct {
	// ID names it for [Queue.Retry] and [Queue.Discard]. There is at most one
	// for each target and item. Those that differ in case alone are one item for
	// a target that does not tell the cases apart, and go together.
	ID     string `json:"-"`
	Target string `json:"target"`
	// Tag or URL is what was to be purged. The other is empty.
	Tag string `json:"tag,omitempty"`
	URL string `json:"url,omitempty"`
	// Soft says how.
	Soft bool `json:"soft,omitempty"`
	// At is when it died, after Tries tries.
	At    time.Time `json:"at"`
	Tries int       `json:"tries"`
	// Status and Reason are those of the last try.
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason"`
}

func (d *DeadLetter) item() (name string, isURL bool) {
	if d.URL != "" {
		return d.URL, true
	}
	return d.Tag, false
}

// id is the ID and the key in the journal. Names of targets may have a colon:
// the length tells where they end.
func (d *DeadLetter) id() string {
	return fmt.Sprintf("%s%d:%s:%s", deadKey, len(d.Target), d.Target, itemKey(d.item()))
}

// die makes an entry that is in a call a dead letter. false: there is no more
// room.
func (t *target) die(e *entry, failure *Error, now time.Time) bool {
	q := t.q
	// Nothing is thrown away for want of room: who cannot die goes on waiting.
	if len(t.dead) >= q.opts.MaxDead {
		return false
	}
	sent := e.sent
	// Soft until one of its marks is not: a letter is as hard as the hardest.
	d := &DeadLetter{
		Target: t.name, Soft: true, At: now,
		Tries: e.tries, Status: failure.Status, Reason: describe(failure),
	}
	if e.isURL {
		d.URL = e.name
	} else {
		d.Tag = e.name
	}
	d.ID = d.id()
	// Second purges that wait die with it: they would fail as this one has. What is
	// newer (e.now) is not there, see failed.
	marks := slices.Concat(sent.now, sent.again, e.again)
	for _, m := range marks {
		d.Soft = d.Soft && m.soft
	}
	e.sent, e.sending = flight{}, false
	e.again, e.dues, e.tries = nil, nil, 0
	q.dead[d.ID] = d
	t.dead[e.key] = []string{d.ID} // add has buried those before
	if q.scribe != nil {
		q.scribe.put(Record{Key: d.ID, Data: encode(d)}, nil)
	}
	// After the put: reach may let the journal forget the item, whose place the letter
	// takes.
	for _, m := range marks {
		q.reach(m, now, failure)
	}
	return true
}

// forget takes a dead letter away.
func (q *Queue) forget(id string) {
	delete(q.dead, id)
	if q.scribe != nil {
		q.scribe.delete(id, true)
	}
}

// Dead returns the dead letters of all targets, also of those that an earlier
// queue had, in the order of their ids.
func (q *Queue) Dead() []DeadLetter {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []DeadLetter
	for _, id := range slices.Sorted(maps.Keys(q.dead)) {
		all = append(all, *q.dead[id])
	}
	return all
}

// Retry makes dead letters wait again, at their targets alone: those with these
// ids, or all if none are named. It returns how many. Its error names those
// that are not there, or whose target is not one of the queue's, or full; the
// others wait beside it.
func (q *Queue) Retry(ids ...string) (int, error) {
	return q.bury(ids, func(d *DeadLetter) error {
		t := q.byName[d.Target]
		if t == nil {
			return fmt.Errorf("purge: the queue has no target %q", d.Target)
		}
		name, isURL := d.item()
		if !t.hasRoom(name, isURL) {
			return &Error{Target: t.name, Items: []string{name}, Err: ErrFull}
		}
		it := q.item(itemKey(name, isURL), name, isURL, d.Soft)
		t.add(it, d.Soft, time.Now()) // which buries it
		t.poke()
		return nil
	})
}

// Discard forgets dead letters: those with these ids, or all if none are named.
// It returns how many. Its error names those that are not there.
func (q *Queue) Discard(ids ...string) (int, error) {
	return q.bury(ids, func(d *DeadLetter) error {
		if t := q.byName[d.Target]; t != nil {
			t.bury(t.fold(d.item()))
		} else {
			q.forget(d.ID)
		}
		return nil
	})
}

// bury calls do for dead letters, with the lock, and counts those that have
// gone: with one go all that are the same to its target.
func (q *Queue) bury(ids []string, do func(*DeadLetter) error) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return 0, ErrClosed
	}
	if len(ids) == 0 {
		ids = slices.Collect(maps.Keys(q.dead))
	}
	var errs []error
	// All are looked for before the first goes: one that goes with another was there.
	before := len(q.dead)
	for _, id := range ids {
		if q.dead[id] == nil {
			errs = append(errs, fmt.Errorf("purge: there is no dead letter %.80q", id))
		}
	}
	for _, id := range ids {
		if d := q.dead[id]; d != nil { // or it went with another
			if err := do(d); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return before - len(q.dead), errors.Join(errs...)
}
