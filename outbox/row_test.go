package outbox

import (
	"errors"
	"fmt"
	"testing"

	"github.com/larderdev/larder"
)

// A row is given up for what it is, never for a shared tier that does not answer.
func TestOutcome_GivesUpWhatIsAtFault(t *testing.T) {
	tried := func(cause error) failure { return failure{row{tries: 9}, cause} }
	o := outcome{failed: []failure{
		tried(errors.New("OnInvalidate has failed")),
		tried(errors.Join(&larder.PendingError{Class: "product", Err: errors.New("no answer")})),
	}}
	o.giveUp(10)
	if len(o.aside) != 1 || len(o.failed) != 1 || !o.failed[0].blameless() {
		t.Errorf("%d set aside, %d to be tried again, want 1 and 1", len(o.aside), len(o.failed))
	}
}

// A lost case is one only if nothing that is left of it can still be delivered.
func TestHopeless(t *testing.T) {
	pending := &larder.PendingError{Class: "tags", Err: errors.New("no answer")}
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{larder.ErrUnknownClass, true},
		{fmt.Errorf("%w: it is empty", larder.ErrInvalidTag), true},
		{errors.Join(larder.ErrUnknownClass, larder.ErrInvalidTag), true},
		{errors.Join(larder.ErrUnknownClass, pending), false},
		{fmt.Errorf("deliver: %w", errors.Join(larder.ErrUnknownClass, pending)), false},
		{pending, false},
		{errors.New("OnInvalidate has failed"), false},
	} {
		if got := hopeless(tt.err); got != tt.want {
			t.Errorf("hopeless(%v) = %t, want %t", tt.err, got, tt.want)
		}
	}
}
