package outbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/larderdev/larder"
)

// Target is where a relay delivers to. *larder.Larder is one. Its methods are
// called concurrently, and return soon after ctx ends.
type Target interface {
	// Deliver invalidates what changes name and returns an error for each that
	// is not acknowledged, nil for the others. Delivering a change again, or
	// changes of one key in another order, does no harm. An error that wraps
	// [larder.ErrUnknownClass] or [larder.ErrInvalidTag] says that the change never
	// will be acknowledged, a [larder.PendingError] that the shared tier has not,
	// which is not its fault. If several errors are joined, the change is a lost
	// case only if each of them says so.
	Deliver(ctx context.Context, changes []larder.Change) []error
	// Checkpoint returns the histories of those nodes of the shared tier that
	// answer. An error says that none does.
	Checkpoint(ctx context.Context) (larder.Checkpoint, error)
	// Confirm says that everything that was committed before c was taken is
	// delivered to the histories in it.
	Confirm(ctx context.Context, c larder.Checkpoint) error
}

var _ Target = (*larder.Larder)(nil)

// guarded calls a target, whose panics become errors.
type guarded struct{ Target }

// Deliver returns as many errors as there are changes.
func (g guarded) Deliver(ctx context.Context, changes []larder.Change) (errs []error) {
	if len(changes) == 0 {
		return nil
	}
	err := guard(func() error {
		if errs = g.Target.Deliver(ctx, changes); len(errs) != len(changes) {
			return fmt.Errorf("the target answered %d changes with %d errors", len(changes), len(errs))
		}
		return nil
	})
	if err != nil {
		errs = make([]error, len(changes))
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

func (g guarded) Checkpoint(ctx context.Context) (c larder.Checkpoint, err error) {
	err = guard(func() (err error) {
		c, err = g.Target.Checkpoint(ctx)
		return err
	})
	return c, err
}

func (g guarded) Confirm(ctx context.Context, c larder.Checkpoint) error {
	return guard(func() error { return g.Target.Confirm(ctx, c) })
}

// guard runs the caller's code. A panic of it is an error with the stack.
func guard(call func() error) (err error) {
	finished := false
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("outbox: panic: %v\n%s", p, debug.Stack())
		} else if !finished {
			err = errors.New("outbox: the target ended the goroutine")
		}
	}()
	err = call()
	finished = true
	return err
}
