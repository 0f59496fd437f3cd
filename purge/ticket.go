package purge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// mark is a point in what a target does: it is reached when all that was
// joined to it is accepted, has failed for good, or is left to the journal. The
// queue's lock guards it until done is closed; then it does not change, but
// for items.
type mark struct {
	soft  bool
	items []*item // each holds a reference
	done  chan struct{}
	at    time.Time // when it was reached
	err   *Error
	next  *mark // the second purge, if this was the first and was accepted
}

func newMark(soft bool) *mark { return &mark{soft: soft, done: make(chan struct{})} }

// Ticket follows one purge. Its methods may be called concurrently.
type Ticket struct {
	at    time.Time
	parts []part
	// refused is what was not taken at all, by target.
	refused []*Error
	queue   *Queue

	settled     sync.Once
	settledDone chan struct{}
}

// part is one item at one target.
type part struct {
	target string
	name   string
	mark   *mark
}

// Accepted returns a channel that is closed when each of the targets, or all if
// none are named, has accepted the purge for the first time or will not: see
// [Ticket.Err]. From then on what reaches the caches is new, but for responses
// under way: a rebuild can begin. Each call starts a goroutine that ends with
// the channel, at the latest when the queue is closed.
//
// A name that is no target's is never taken for one that has accepted: the
// channel is then closed with the queue and not before, and the Logger is told,
// once.
func (t *Ticket) Accepted(targets ...string) <-chan struct{} {
	for _, name := range targets {
		if !slices.Contains(t.queue.names, name) {
			t.queue.tellUnknown(name)
			return t.queue.closed
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, p := range t.parts {
			if len(targets) == 0 || slices.Contains(targets, p.target) {
				<-p.mark.done
			}
		}
	}()
	return done
}

// Settled returns a channel that is closed when all targets have accepted the
// second purge as well, or will not. The first call starts a goroutine that
// ends with the channel, at the latest when the queue is closed.
func (t *Ticket) Settled() <-chan struct{} {
	t.settled.Do(func() {
		t.settledDone = make(chan struct{})
		go func() {
			defer close(t.settledDone)
			for _, p := range t.parts {
				<-p.mark.done
				if p.mark.next != nil {
					<-p.mark.next.done
				}
			}
		}()
	})
	return t.settledDone
}

// Receipt is what has come of a purge so far.
type Receipt struct {
	// At is when the purge came.
	At time.Time `json:"at"`
	// Targets are in the order of [Options].
	Targets []TargetReceipt `json:"targets"`
}

// TargetReceipt is what has come of a purge at one target. The numbers count
// tags and URLs.
type TargetReceipt struct {
	Target string `json:"target"`
	// Waiting are not accepted yet, Settling are and wait for their second
	// purge.
	Waiting  int `json:"waiting"`
	Settling int `json:"settling"`
	// Accepted is how long it took from the call of [Queue.Purge] until the
	// last of those that were accepted was; Settled the same of the second
	// purge, which begins Settle later. They are final when nothing is Waiting,
	// or Settling. In nanoseconds.
	Accepted time.Duration `json:"accepted"`
	Settled  time.Duration `json:"settled"`
	// Failed are the items that were refused, are dead letters or were left
	// when the queue was closed, with the reason.
	Failed []*Error `json:"-"`
}

// String is the receipt as a List of HTTP's structured fields (RFC 9651, 3.1),
// for a field of a response or a log line. Durations are in milliseconds,
// rounded up; what is 0 is not there:
//
//	"cloudflare";accepted=52;settling=2, "edge";waiting=2;failed=1
func (r Receipt) String() string {
	var b strings.Builder
	for i, t := range r.Targets {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(fieldString(t.Target))
		for _, p := range []struct {
			name  string
			value int64
		}{
			{"accepted", milliseconds(t.Accepted)},
			{"settled", milliseconds(t.Settled)},
			{"waiting", int64(t.Waiting)},
			{"settling", int64(t.Settling)},
			{"failed", int64(len(t.Failed))},
		} {
			if p.value > 0 {
				fmt.Fprintf(&b, ";%s=%d", p.name, p.value)
			}
		}
	}
	return b.String()
}

func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// fieldString is a String of RFC 9651, 3.3.3. What it cannot hold becomes a
// question mark.
func fieldString(text string) string {
	b := []byte{'"'}
	for _, r := range text {
		switch {
		case r < 0x20 || r > 0x7e:
			r = '?'
		case r == '"' || r == '\\':
			b = append(b, '\\')
		}
		b = append(b, byte(r))
	}
	return string(append(b, '"'))
}

// Receipt returns the state of things.
func (t *Ticket) Receipt() Receipt {
	r := Receipt{At: t.at}
	for _, name := range t.queue.names {
		one := TargetReceipt{Target: name}
		for _, e := range t.refused {
			if e.Target == name {
				one.Failed = append(one.Failed, e)
			}
		}
		for _, p := range t.parts {
			if p.target == name {
				one.count(p, t.at)
			}
		}
		r.Targets = append(r.Targets, one)
	}
	return r
}

// count adds one item to the receipt.
func (r *TargetReceipt) count(p part, since time.Time) {
	select {
	case <-p.mark.done:
	default:
		r.Waiting++
		return
	}
	if p.mark.err != nil {
		r.fail(p)
		return
	}
	r.Accepted = max(r.Accepted, p.mark.at.Sub(since))
	second := p.mark.next
	if second == nil {
		return
	}
	select {
	case <-second.done:
	default:
		r.Settling++
		return
	}
	if second.err != nil {
		r.fail(part{p.target, p.name, second})
		return
	}
	r.Settled = max(r.Settled, second.at.Sub(since))
}

func (r *TargetReceipt) fail(p part) {
	e := *p.mark.err
	e.Items = []string{p.name}
	r.Failed = append(r.Failed, &e)
}

// Err joins all of Failed: what was not purged, and why. nil says that nothing
// has failed so far.
func (t *Ticket) Err() error {
	var errs []error
	for _, one := range t.Receipt().Targets {
		for _, e := range one.Failed {
			errs = append(errs, e)
		}
	}
	return errors.Join(errs...)
}
