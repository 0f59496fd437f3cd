package larder

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotFound says that the origin has nothing under a key. Loaders
	// return it (or wrap it); it is remembered for NegativeTTL.
	ErrNotFound = errors.New("larder: not found")
	// ErrClosed says that the Larder was closed.
	ErrClosed = errors.New("larder: closed")
	// ErrOverloaded says that a load did not get its turn under MaxLoads
	// and MaxLoadRate within LoadWait. Answer 503 and let the caller try again.
	ErrOverloaded = errors.New("larder: too many loads")
	// ErrLoadFailed says that a load of the key failed moments ago, maybe in
	// another process, whose own error stays there. Nobody tries again for
	// 200 ms, so that waiters do not take turns at a broken origin.
	ErrLoadFailed = errors.New("larder: a load of this key has just failed")
)

// failure reports whether err means that there is no answer: ErrNotFound is
// one.
func failure(err error) bool { return err != nil && !errors.Is(err, ErrNotFound) }

// LoadError reports that the loader failed for a key. It unwraps to the
// loader's own error. A loader that panicked is a LoadError too, with the
// stack in its text.
type LoadError struct {
	Class string
	Key   any
	Err   error
}

func (e *LoadError) Error() string {
	return fmt.Sprintf("larder: load %s %s: %v", e.Class, short(e.Key), e.Err)
}

// short is a key for a message.
func short(key any) string {
	const most = 100
	text := fmt.Sprint(key)
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// Unwrap returns the loader's error.
func (e *LoadError) Unwrap() error { return e.Err }

// BatchError reports the keys of a batch that have no answer, each with its
// reason. GetMany returns it beside the values that it did find; a LoadMany
// may return it to say which of its keys failed.
type BatchError[K comparable] struct {
	Failed map[K]error
}

func (e *BatchError[K]) Error() string {
	const show = 3
	var b strings.Builder
	fmt.Fprintf(&b, "larder: keys of the batch that failed: %d", len(e.Failed))
	n := 0
	for k, err := range e.Failed {
		if n++; n > show {
			b.WriteString("; …")
			break
		}
		fmt.Fprintf(&b, "; %s: %v", short(k), err)
	}
	return b.String()
}

// Unwrap returns the reasons, in no order.
func (e *BatchError[K]) Unwrap() []error {
	errs := make([]error, 0, len(e.Failed))
	for _, err := range e.Failed {
		errs = append(errs, err)
	}
	return errs
}

// PendingError reports that the shared tier did not acknowledge an
// invalidation. This process no longer trusts any cached value of the Pending
// keys and goes on trying to deliver; other processes may serve the old
// values until it succeeds, and for the rest of their TTL if this process
// ends before.
//
// Dropped counts the keys for which there was no room to wait: they are not
// tried again.
type PendingError struct {
	Class   string
	Pending int
	Dropped int
	Err     error
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("larder: invalidate %s: not acknowledged by the shared tier: %d pending, %d lost: %v", e.Class, e.Pending, e.Dropped, e.Err)
}

// Unwrap returns what the shared tier said.
func (e *PendingError) Unwrap() error { return e.Err }
