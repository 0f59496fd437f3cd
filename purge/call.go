package purge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"time"
)

// maxPause bounds what a target can ask for.
const maxPause = time.Hour

// start makes a call for a batch, in a goroutine that ends with it.
func (t *target) start(c class, batch []*entry, now time.Time) {
	p := Purge{Soft: c.soft(), ID: t.id(batch)}
	names := make([]string, len(batch))
	for i, e := range batch {
		names[i] = e.name
	}
	if c.url() {
		p.URLs = names
	} else {
		p.Tags = names
	}
	// The purger is code of others and takes its time: it runs without the lock, and
	// the lock guards all that is looked at before and after.
	t.calls++
	t.q.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(t.q.ctx, t.q.opts.CallTimeout)
		defer cancel()
		failure := t.call(ctx, p)
		t.q.mu.Lock()
		tell := t.complete(batch, c, failure, time.Now())
		t.q.mu.Unlock()
		tell()
		t.poke()
	})
}

// id is the ID of a call: that of the one before if it does the same for the
// same entries. A call that died with its answer may have been obeyed, but not for
// what was added to an entry since.
func (t *target) id(batch []*entry) string {
	states := make([]string, len(batch))
	for i, e := range batch {
		states[i] = fmt.Sprint(e.born, e.state, len(e.sent.again))
	}
	// The same entries may come in another order, for chance is in the back-off.
	slices.Sort(states)
	sum := sha256.Sum256(fmt.Append(nil, t.q.nonce, t.name, states))
	return hex.EncodeToString(sum[:16])
}

// call makes one call and returns nil or why it was not accepted in whole.
func (t *target) call(ctx context.Context, p Purge) (failure *Error) {
	defer func() {
		if p := recover(); p != nil {
			t.q.opts.Logger.Error("purge: a purger panicked", "target", t.name, "stack", string(debug.Stack()))
			failure = &Error{Target: t.name, Reason: "the purger panicked"}
		}
	}()
	err := t.purger.Purge(ctx, p)
	if err == nil {
		return nil
	}
	var said *Error
	if !errors.As(err, &said) {
		return &Error{Target: t.name, Err: err}
	}
	if said == nil {
		return &Error{Target: t.name, Reason: "the purger returned a nil *purge.Error"}
	}
	// A copy: the purger may keep its error and return it again, and Target is ours to
	// set.
	e := *said
	e.Target = t.name
	return &e
}

// complete takes up what came of a call. tell logs it, without the lock.
func (t *target) complete(batch []*entry, c class, failure *Error, now time.Time) (tell func()) {
	t.calls--
	if t.q.given {
		return func() {} // Close has not waited for it
	}
	if failure != nil && t.q.ctx.Err() != nil {
		// Close has ended the call: that says nothing of the target.
		for _, e := range batch {
			e.giveBack()
			t.place(e)
		}
		return func() {}
	}
	failed, whole := t.split(batch, failure)
	tell = t.judge(failure, whole, now)
	died := 0
	for i, e := range batch {
		switch {
		case !failed[i]:
			t.accepted(e, c.soft(), now)
		case whole && failure.Final && len(batch) > 1 && divisible(failure.Status):
			// One bad item may have spoilt the call for all: halve it until it
			// is alone.
			e.most = (len(batch) + 1) / 2
			e.giveBack()
		default:
			if t.failed(e, failure, whole, now) {
				died++
			}
		}
		t.place(e)
	}
	if died == 0 {
		return tell
	}
	logged := tell
	return func() {
		logged()
		t.q.opts.Logger.Error("purge: given up, see the dead letters", "target", t.name, "items", died, "status", failure.Status, "cause", cause(failure))
	}
}

// split tells which entries of a batch have failed, and whether that is the
// whole call. An API may answer in another case than it was asked in, if it does
// not tell one from the other.
func (t *target) split(batch []*entry, failure *Error) (failed []bool, whole bool) {
	failed = make([]bool, len(batch))
	if failure == nil {
		return failed, false
	}
	refused := make(map[string]bool, len(failure.Items))
	for _, name := range failure.Items {
		refused[t.fold(name, batch[0].isURL)] = true // a call has tags or URLs
	}
	some := false
	for i, e := range batch {
		failed[i] = refused[e.key]
		some = some || failed[i]
	}
	if !some { // nil, or names that were not in the call
		for i := range failed {
			failed[i] = true
		}
	}
	return failed, !slices.Contains(failed, false)
}

// divisible tells whether a part of a call might be accepted where the whole
// was not. A wrong token or address is as wrong for one item.
func divisible(status int) bool {
	switch status {
	// 0 is an error without an answer that is final: the purger has refused the call
	// itself.
	case 0, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnprocessableEntity, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}

// judge counts a call, and pauses the target if it fails or asks for it.
func (t *target) judge(failure *Error, whole bool, now time.Time) (tell func()) {
	t.stats.Calls++
	log := t.q.opts.Logger
	if failure == nil {
		were := t.failures
		t.failures, t.stats.Err = 0, nil
		if were > 0 {
			return func() { log.Info("purge: the target works again", "target", t.name, "failed", were) }
		}
		return func() {}
	}
	t.stats.Failed++
	t.stats.Err = failure
	// Not a moment less than it asks for, and a little more by chance.
	pause := min(failure.After, maxPause)
	pause += rand.N(max(pause/10, 1))
	first := false
	if whole && !failure.Final {
		// Else it answers: a call that was accepted in part does not mean that the
		// target is away, and one that would fail again says nothing of the next.
		t.failures++
		first = t.failures == 1
		pause = max(pause, t.backoff(t.failures))
	}
	// Others use the same account: the tokens here are not what the target has left.
	if failure.Status == http.StatusTooManyRequests {
		t.tags.drain(now)
		if t.urls != nil {
			t.urls.drain(now)
		}
	}
	// Calls under way at once may fail one after the other, with other pauses: the
	// longest counts.
	if until := now.Add(pause); pause > 0 && until.After(t.paused) {
		t.paused = until
	}
	return func() {
		if first {
			log.Warn("purge: the target fails, and is tried again", "target", t.name, "pause", pause, "status", failure.Status, "cause", cause(failure))
		}
	}
}

// backoff is the pause after the nth failure in a row: the second half of it is
// left to chance, so that many processes do not come back at once.
func (t *target) backoff(n int) time.Duration {
	d, most := t.q.opts.MinBackoff, t.q.opts.MaxBackoff
	for ; n > 1 && d < most; n-- {
		d = min(2*d, most)
	}
	return d/2 + rand.N(d/2+1)
}

// accepted ends what a call has done for an entry.
func (t *target) accepted(e *entry, soft bool, now time.Time) {
	sent := e.sent
	e.sent, e.sending = flight{}, false
	e.state++
	// What was wrong with it before says nothing of the next purge.
	e.tries, e.most, e.hold = 0, 0, time.Time{}
	t.stats.Accepted++
	for _, m := range sent.again {
		t.q.reach(m, now, nil)
	}
	if len(sent.now) == 0 {
		return
	}
	// Before reach, which gives references back: the second purge must hold the items
	// without a gap, or the journal would forget them.
	if t.q.opts.Settle > 0 {
		again := e.settle(now.Add(t.q.opts.Settle), soft)
		for _, m := range sent.now {
			m.next = again
			for _, it := range m.items {
				again.join(it)
			}
		}
	}
	for _, m := range sent.now {
		t.q.reach(m, now, nil)
	}
}

// failed puts an entry back, or makes it a dead letter.
func (t *target) failed(e *entry, failure *Error, whole bool, now time.Time) (died bool) {
	// A call without an answer counts too: an item that crashes the API must come to
	// an end.
	e.tries++
	if failure.Final || e.tries >= t.q.opts.MaxTries {
		if len(e.now) > 0 {
			e.tries = 0 // something newer waits, and takes its place
		} else if t.die(e, failure, now) {
			return true
		} else {
			e.hold = now.Add(t.q.opts.MaxBackoff)
		}
	} else if !whole {
		e.hold = now.Add(t.backoff(e.tries))
	}
	e.giveBack()
	return false
}

// cause is why a call failed, in words of ours alone: what an API or a URL says
// may have a tag in it, or worse, and does not belong into a log.
func cause(e *Error) string {
	var call *os.SyscallError
	var dns *net.DNSError
	var network net.Error
	switch {
	case e.Status != 0 && http.StatusText(e.Status) != "":
		return http.StatusText(e.Status)
	case e.Status != 0:
		return "an unknown status"
	case errors.Is(e.Err, context.DeadlineExceeded), errors.As(e.Err, &network) && network.Timeout():
		return "no answer in time"
	case errors.As(e.Err, &dns):
		return "the name of the host cannot be resolved"
	case errors.As(e.Err, &call):
		return call.Error()
	}
	return "see TargetStats.Err and the dead letters"
}

// describe is why a call failed, in words that a journal can keep.
func describe(e *Error) string {
	text := e.Reason
	if e.Err != nil {
		if text != "" {
			text += ": "
		}
		text += e.Err.Error()
	}
	// It is kept for each of a call's items, a thousand times perhaps.
	if len(text) > 500 {
		text = fmt.Sprintf("%.500q…", text)
	}
	return text
}
