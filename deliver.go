package larder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/larderdev/larder/internal/keytext"
	"github.com/larderdev/larder/store"
)

// Deliver invalidates what changes have outdated, as [Cache.Invalidate] and
// [Larder.InvalidateTags] do. It answers each change: nil says that the shared
// tier has acknowledged it and that OnInvalidate has returned nil for it. A
// change may be delivered more than once and in any order.
//
// Unlike with Invalidate, nothing becomes pending here: the caller keeps what was
// not acknowledged, which is a [PendingError] that counts nothing, and delivers it
// again. [ErrUnknownClass] and [ErrInvalidTag] come again each time; the rest of
// such a change is delivered all the same.
func (l *Larder) Deliver(ctx context.Context, changes []Change) []error {
	errs := make([]error, len(changes))
	if !l.beginWrite() {
		for i := range errs {
			errs[i] = ErrClosed
		}
		return errs
	}
	defer l.writes.Done()
	var all []change
	var owners [][]int // of all[i], among changes
	place := map[string]int{}
	add := func(i int, c change) {
		at, ok := place[c.text]
		if !ok {
			at = len(all)
			place[c.text] = at
			all, owners = append(all, c), append(owners, nil)
		}
		all[at].floor = both(all[at].floor, c.floor)
		owners[at] = append(owners[at], i)
	}
	for i := range changes {
		ch := &changes[i]
		switch policy, known := l.policies[ch.Class]; {
		case ch.Class == "":
		case !known:
			errs[i] = fmt.Errorf("%w: %q", ErrUnknownClass, ch.Class)
		case policy.Pattern != Never:
			add(i, change{text: keytext.Join(ch.Class, ch.Key), floor: ch.Version})
		}
		for _, tag := range ch.Tags {
			if err := checkTag(tag); err != nil {
				errs[i] = errors.Join(errs[i], err)
				continue
			}
			add(i, change{text: store.TagKey(tag)})
		}
	}
	l.deliver(ctx, all, func(at int, err error) {
		for _, i := range owners[at] {
			errs[i] = errors.Join(errs[i], err)
		}
	})
	return errs
}

// deliver sends changes and reports those that have failed.
func (l *Larder) deliver(ctx context.Context, changes []change, failed func(at int, err error)) {
	errs := make([]error, len(changes))
	if l.store != nil {
		errs = l.sendChanges(ctx, changes)
	}
	for at, err := range errs {
		if err == nil {
			continue
		}
		name := "tags"
		if _, isTag := changes[at].tag(); !isTag {
			name, _ = keytext.Split(changes[at].text)
		}
		failed(at, &PendingError{Class: name, Err: err})
	}
	sent := acknowledged(changes, errs)
	l.changedHere(sent)
	if err := l.announce(ctx, sent); err != nil {
		for at := range errs {
			if errs[at] == nil {
				failed(at, err)
			}
		}
	}
}

// watermarkKey is where a relay says what it has delivered. No class has such a
// name.
const watermarkKey = ".watermark"

// watermarkLife is how long a watermark is kept: much longer than any outage
// that it has to end.
const watermarkLife = 24 * time.Hour

// Checkpoint returns the present moment of those nodes of the shared tier that
// answer. It is an error if none does; just after Open it waits for the first
// answer, for MaxStaleness at most.
func (l *Larder) Checkpoint(ctx context.Context) (Checkpoint, error) {
	if l.store == nil {
		return Checkpoint{}, nil
	}
	l.gates.await(ctx)
	histories := l.gates.histories()
	if len(histories) == 0 {
		return Checkpoint{}, errors.New("larder: checkpoint: no node of the shared tier answers")
	}
	return Checkpoint{histories: histories}, nil
}

// Confirm says to all processes that every change that was committed before c
// was taken has been delivered since: with Options.Outbox they trust a node of
// the shared tier only after that. It returns an error if the tier has not
// acknowledged it.
func (l *Larder) Confirm(ctx context.Context, c Checkpoint) error {
	if l.store == nil || len(c.histories) == 0 {
		return nil
	}
	body, err := json.Marshal(c.histories)
	if err != nil {
		return err
	}
	id := l.newLease()
	replies := l.do(ctx, []store.Op{
		store.Lease{Key: watermarkKey, ID: id, For: l.opts.Lease, Force: true},
		store.Fill{Key: watermarkKey, ID: id, Kind: store.Value, Fresh: watermarkLife, Life: watermarkLife, Body: body},
	})
	if at := slices.IndexFunc(replies, func(r store.Reply) bool { return r.Err != nil }); at >= 0 {
		return fmt.Errorf("larder: confirm: %w", replies[at].Err)
	}
	if replies[1].Status != store.Done {
		return errors.New("larder: confirm: another relay is confirming")
	}
	return nil
}
