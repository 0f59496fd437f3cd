package larder

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/larderdev/larder/store"
)

const (
	// intentFor is how long an intent stands without its writer: one that dies
	// leaves its keys to the primary for so long.
	intentFor = 5 * time.Second
	// intentWait is how long a reader waits for a writer that is about to
	// commit, before it asks the primary.
	intentWait = 20 * time.Millisecond
)

type intentKey struct{}

// intents are the marks of one Update on its keys. They travel in the context
// of its write.
type intents struct {
	l     *Larder
	class string
	texts []string
	id    string
	want  bool // the class is Strict

	mu     sync.Mutex
	answer chan struct{} // closed when err says how it went; nil: nobody has sent them
	over   bool          // the write has returned
	since  int64         // local time at which they were sent
	err    error
}

// Intend marks the keys of the Update whose write is running: from COMMIT on, no
// process reads an older value of theirs from the shared tier. Call it in the
// write of a Strict class with its context, after the statement that locks the
// row and before COMMIT. Called before the row is locked it does not keep its
// promise: a slower writer's mark may then cover up a faster one's.
//
// An error says that the shared tier has not acknowledged all marks. Return it
// to roll the write back; a write that commits nevertheless is an ordinary one
// and is invalidated after COMMIT like any other. The marks are sent once: a
// second call waits for the first and returns the same. It is an error to call it
// when the write has returned. The marks stand for 5 s: COMMIT must come before
// that, and an Update that returns later says so beside its value. Outside of an
// Update, in a class that is not Strict and without a shared tier it does nothing.
func Intend(ctx context.Context) error {
	in, ok := ctx.Value(intentKey{}).(*intents)
	if !ok || !in.want {
		return nil
	}
	return in.place(ctx)
}

// place sends the marks, once, and tells everybody how that went.
func (in *intents) place(ctx context.Context) error {
	in.mu.Lock()
	answer, first, over := in.answer, in.answer == nil, in.over
	if first && !over {
		in.answer = make(chan struct{})
		answer, in.err, in.since = in.answer, errNoAnswer, in.l.now()
	}
	in.mu.Unlock()
	switch {
	case over:
		return errLateIntent
	case first:
		defer close(answer)
		in.err = in.send(ctx)
	default:
		<-answer
	}
	return in.err
}

// send sends the marks. An error says how many were not acknowledged.
func (in *intents) send(ctx context.Context) error {
	ops := make([]store.Op, len(in.texts))
	for i, text := range in.texts {
		ops[i] = store.Intend{Key: text, ID: in.id, For: intentFor, Hold: intentFor + in.l.opts.Hold}
	}
	failed := 0
	var cause error
	for _, r := range in.l.do(ctx, ops) {
		if r.Err != nil {
			failed, cause = failed+1, r.Err
		}
	}
	for _, text := range in.texts { // what this process has read may be outdated by COMMIT
		in.l.changed(text)
	}
	if failed > 0 {
		return fmt.Errorf("larder: intent of class %s: the shared tier has not acknowledged %d keys: %w", in.class, failed, cause)
	}
	return nil
}

// placed ends the time for marks, when the write has returned. It reports whether
// they were acknowledged, and why a write that has committed has not kept the
// promise. Those that were not acknowledged may have replaced another writer's,
// and must not be taken back: they lapse.
func (in *intents) placed() (acknowledged bool, broken error) {
	in.mu.Lock()
	in.over = true
	answer := in.answer
	in.mu.Unlock()
	switch {
	case answer == nil && in.want:
		return false, errNoIntent
	case answer == nil:
		return false, nil
	}
	<-answer // it is under way in another goroutine, at most
	if time.Duration(in.l.now()-in.since) >= intentFor {
		broken = errLapsed
	}
	return in.err == nil, broken
}

var (
	// errNoIntent tells the author of a write what is missing in it.
	errNoIntent   = errors.New("larder: committed and invalidated, but the class is Strict and its write has not called Intend before COMMIT: do not write again, mend the write")
	errLapsed     = errors.New("larder: the write has returned more than 5 s after Intend, when its marks had lapsed: readers may have got the older value after COMMIT")
	errLateIntent = errors.New("larder: Intend was called when the write had returned")
	errNoAnswer   = errors.New("larder: intent: the shared tier gave no answer")
)

// awaitIntent lets fs, whose keys a writer has marked, wait for it a little. The
// flights that it does not end are answered by the primary.
func (c *Cache[K, V]) awaitIntent(ctx context.Context, fs []*flight[K, V], wake chan struct{}) []*flight[K, V] {
	open := fs[:0:0]
	for _, f := range fs {
		defer c.l.waiters.remove(f.text, wake)
		if f.background { // the writer knows better
			c.flights.settle(f, outcome[V]{})
			continue
		}
		if c.flights.reopen(f) {
			open = append(open, f)
		}
	}
	if len(open) == 0 {
		return nil
	}
	timer := time.NewTimer(intentWait)
	defer timer.Stop()
	select {
	case <-wake:
		return c.patient(ctx, open)
	case <-ctx.Done():
		return c.patient(ctx, open)
	case <-timer.C:
	}
	return c.readBeside(ctx, open)
}

// readBeside answers fs by the primary, uncached, if an intent still stands
// afterwards: nobody has stored anything older then, and with its floor lifted
// to what was read nobody will. The model finds what happens without that. Of
// each key one load runs in the process.
func (c *Cache[K, V]) readBeside(ctx context.Context, fs []*flight[K, V]) (again []*flight[K, V]) {
	mine := c.takeTurns(ctx, fs)
	if len(mine) == 0 {
		return nil
	}
	c.sendAll(mine)
	for _, f := range mine {
		f.primary = true
	}
	answers := c.fetch(ctx, mine)
	var ops []store.Op
	var read []int
	for i, f := range mine {
		c.flights.giveAlone(f.text)
		if failure(answers[i].err) {
			c.settleError(f, c.loadError(f, answers[i].err))
			continue
		}
		ops, read = append(ops, store.Raise{Key: f.text, Floor: c.floorAbove(&answers[i])}), append(read, i)
	}
	for n, r := range c.l.do(ctx, ops) {
		f := mine[read[n]]
		switch {
		case r.Err == nil && r.Status == store.Done:
			c.settleLoaded(f, &answers[read[n]], 0, false)
		default:
			if f.rounds++; f.rounds < maxRounds {
				again = append(again, f)
				continue
			}
			again = append(again, c.lastResort(ctx, []*flight[K, V]{f})...)
		}
	}
	return again
}

// floorAbove is the floor that keeps out what is older than an uncached answer.
// A row that is gone had a version that nobody knows, and what has none of its
// own has only that of a floor it was loaded under: then nothing may stay.
func (c *Cache[K, V]) floorAbove(a *answer[V]) uint64 {
	if a.err != nil || c.loader.Version == nil {
		return 0
	}
	return a.version
}
