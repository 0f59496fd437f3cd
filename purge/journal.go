package purge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Journal keeps records by their keys across restarts: what waits, and the dead
// letters. [OpenFile] returns one on a file; a table or a hash in Redis can be
// another. A journal belongs to one queue at a time, which calls one method
// after the other. Put and Delete should return soon after ctx has ended:
// [Queue.Close] goes without those that do not.
type Journal interface {
	// Load returns all records in any order. It is called first, and once.
	Load(ctx context.Context) ([]Record, error)
	// Put keeps each record in place of the one with its key. When it returns
	// nil, they survive the end of the process; what else they survive is the
	// journal's to say. When it fails, any of them may be kept.
	Put(ctx context.Context, records ...Record) error
	// Delete forgets the records with these keys, which may be absent. It may be
	// undone by a crash.
	Delete(ctx context.Context, keys ...string) error
	// Close ends the use of the journal.
	Close() error
}

// Record is what a [Journal] keeps.
type Record struct {
	// Key is UTF-8, and up to some 10 kB long.
	Key string
	// Data is JSON.
	Data []byte
}

// Keys of records begin with what they are.
const (
	tagKey  = "tag:"
	urlKey  = "url:"
	deadKey = "dead:"
)

// kept is the data of an item's record.
type kept struct {
	Soft bool      `json:"soft,omitempty"`
	At   time.Time `json:"at"`
}

func itemKey(name string, isURL bool) string {
	if isURL {
		return urlKey + name
	}
	return tagKey + name
}

// parseItem is the reverse of itemKey.
func parseItem(key string) (name string, isURL, ok bool) {
	if name, ok = strings.CutPrefix(key, urlKey); ok {
		return name, true, true
	}
	name, ok = strings.CutPrefix(key, tagKey)
	return name, false, ok
}

// encode returns v as JSON. The types that are encoded cannot fail.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// load takes up what an earlier process has left: items wait at all targets
// again, dead letters are dead.
func (q *Queue) load(ctx context.Context) error {
	if q.opts.Journal == nil {
		return nil
	}
	records, err := q.opts.Journal.Load(ctx)
	if err != nil {
		return fmt.Errorf("purge: load the journal: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	// Dead letters first: an item that waits takes their place.
	var errs []error
	for _, dead := range []bool{true, false} {
		for _, r := range records {
			if strings.HasPrefix(r.Key, deadKey) != dead {
				continue
			}
			if err := q.loadRecord(r); err != nil {
				errs = append(errs, err)
			}
		}
	}
	// Not one is left out: what this version cannot read, another has promised.
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("purge: the journal: %w", err)
	}
	if homeless := q.dropHomeless(); homeless > 0 {
		q.opts.Logger.Warn("purge: the journal has items that no target can have any more; they are not purged", "items", homeless)
	}
	return nil
}

// dropHomeless forgets loaded items that no target waits for, as after a change
// of the targets, and tells how many there were.
func (q *Queue) dropHomeless() int {
	n := 0
	for _, it := range q.items {
		if it.refs == 0 {
			n++
			q.release(it, 0)
		}
	}
	return n
}

func (q *Queue) loadRecord(r Record) error {
	if strings.HasPrefix(r.Key, deadKey) {
		var d DeadLetter
		if err := json.Unmarshal(r.Data, &d); err != nil || d.id() != r.Key {
			return fmt.Errorf("record %.80q is no dead letter", r.Key)
		}
		d.ID = r.Key
		q.dead[d.ID] = &d
		// The letter of a target that is gone stays, to be seen and discarded.
		if t := q.byName[d.Target]; t != nil {
			key := t.fold(d.item())
			t.dead[key] = append(t.dead[key], d.ID)
		}
		return nil
	}
	name, isURL, ok := parseItem(r.Key)
	var k kept
	if err := json.Unmarshal(r.Data, &k); err != nil || !ok {
		return fmt.Errorf("record %.80q is not of this version", r.Key)
	}
	it := &item{name: name, isURL: isURL, soft: k.Soft, kept: true, putting: true}
	q.items[r.Key] = it
	for _, t := range q.targets {
		if err := t.limits.checkItem(name, isURL); err != nil {
			continue // what it cannot have was reported when it came
		}
		t.add(it, k.Soft, time.Now())
	}
	return nil
}
