// Package purge tells CDNs and HTTP caches to forget what has changed, and says
// what came of it. docs/purge.md is the guide.
//
// # Model
//
// A [Purger] speaks to one cache: there is one in the folder of each kind. It
// makes single calls, within its [Limits], and never hides a failure. A [Queue]
// does everything else once, for all of them:
//
//	Queue.Purge ──► journal ──► acknowledged
//	     │
//	     ├─► target ─ window ─ rate ─► call ──accepted──► Settle ─► call again ─► done
//	     │                 ▲            │
//	     │                 └─ back-off ─┘ failed     ──MaxTries──► dead letter
//	     └─► target …                                                  │
//	                  ▲────────────────── Queue.Retry ─────────────────┘
//
// What waits is a state, not a history: for each target and each tag or URL one
// entry that says whether it is to be forgotten or only softly so.
//
// # Invariants
//
//   - What [Queue.Purge] has acknowledged is accepted by each of its targets, or
//     a dead letter, or in the journal. What a target cannot have, and what
//     there is no room for, is in the error.
//   - A purge that arrives while an older one of the same item is on its way is
//     sent after that one has ended: it never counts as done by a call that
//     began before it. The same item is never in two calls to one target at
//     once.
//   - A hard purge is never done by a soft one.
//   - Each accepted item is purged a second time, by a call that begins Settle
//     after the first was accepted or later.
//   - Targets share nothing but memory: each has its own room, rate, pauses and
//     calls.
//   - An item leaves the journal when no target waits for it any more. A restart
//     purges what is there at all targets again: purges may be repeated.
package purge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Purge is what a cache is to forget: all responses that carry one of Tags, and
// those of URLs.
type Purge struct {
	Tags []string
	// URLs are absolute.
	URLs []string
	// Soft lets the cache serve what it has while it asks anew. A cache that
	// cannot do that forgets it.
	Soft bool
	// ID is the same only if the same call is made again, with no newer purge in
	// it: an API that is told it may then answer as it did before, without
	// purging once more. A [Queue] sets it, whatever it was. Empty: nothing is
	// known, and every call purges.
	ID string
}

// Purger speaks to one cache. Its methods may be called concurrently. Package
// purgetest checks that an implementation keeps the promises made here.
type Purger interface {
	// Name names the target in receipts, logs, errors and the journal:
	// "cloudflare". It is UTF-8 without control characters, and does not change.
	Name() string
	// Limits says what one call may carry, and how often calls may be made. They
	// do not change.
	Limits() Limits
	// Purge makes the cache forget what p names, which is within Limits and
	// names either tags or URLs. It makes one call, or as many as the API needs
	// for one, and does not try again. nil says that the cache has accepted all
	// of it; any failure is an [Error]. No error holds a secret. Purge returns
	// soon after ctx has ended: [Queue.Close] does not wait for one that does not,
	// whose goroutine then stays until it does.
	Purge(ctx context.Context, p Purge) error
}

// Limits are those of a vendor's API, for an account of the smallest plan unless
// it was told otherwise.
type Limits struct {
	// Tags and URLs are how many a call may carry. 0: the cache cannot purge by
	// these.
	Tags, URLs int
	// Bytes bounds the sum of the lengths of a call's items. 0: no bound.
	Bytes int
	// Rate is how many calls may be made a second in the long run, Burst how
	// many at once. 0: no bound.
	Rate  float64
	Burst int
	// URLRate and URLBurst are those of calls with URLs, where the API counts
	// them apart. 0: all calls count together.
	URLRate  float64
	URLBurst int
	// Tag says what is wrong with a tag that the cache cannot have; nil: nothing
	// is ever wrong.
	Tag func(tag string) error
	// FoldsCase says that the cache does not tell upper from lower case in tags.
	FoldsCase bool
}

// Error says that a cache did not accept a purge.
type Error struct {
	// Target is the name of the purger.
	Target string
	// Status is that of the HTTP answer; 0 if there was none.
	Status int
	// Reason is what the API said, in short, or what went wrong instead.
	Reason string
	// Items are the tags or URLs that were not accepted; nil: none of the call's
	// was.
	Items []string
	// Final says that the same call would fail again.
	Final bool
	// After is how long the target asks to be left alone. 0: it did not say.
	After time.Duration
	// Err is the error below, if there is one: context.Canceled, a failure of
	// the network.
	Err error
}

func (e *Error) Error() string {
	text := "purge: " + e.Target
	if e.Status != 0 {
		text += fmt.Sprintf(": %d %s", e.Status, http.StatusText(e.Status))
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the error below.
func (e *Error) Unwrap() error { return e.Err }

// ErrUnsupported says that a target cannot purge by what was named: a cache
// without tags.
var ErrUnsupported = errors.New("purge: the target cannot purge by that")
