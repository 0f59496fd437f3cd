package outbox

import (
	"errors"
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
