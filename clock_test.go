package larder_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larderdev/larder"
	"github.com/larderdev/larder/store"
)

// silent is a shared tier that has sent no heartbeat yet.
type silent struct{ store.Store }

func (silent) Watch(ctx context.Context, _ store.Feed, _ time.Duration) { <-ctx.Done() }

// Until a heartbeat tells the tier's clock this host's is taken for it. It may
// be hours ahead: what the tier itself calls fresh is served all the same.
func TestGet_TheTierKnowsWhatIsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		behind := func(r *store.Reply) {
			if r.Record.Kind == store.Value {
				r.Record.FreshUntil -= (2 * time.Hour).Milliseconds()
			}
			if asked++; asked > 100 {
				*r = store.Reply{Err: errors.New("asked without end")}
			}
		}
		o := newOrigin(1)
		_, c := node(t, &altered{Store: silent{local(t)}, get: behind, do: behind}, o, hour)
		mustGet(t, c, 1, 1)
		asked = 0
		var r larder.Report
		mustGet(t, c, 1, 1, larder.Into(&r))
		if r.Shared != 1 || r.Stale != 0 || r.FreshFor != 0 || asked != 2 {
			t.Errorf("report %+v after %d requests, want a fresh answer of the tier after 2", r, asked)
		}
	})
}

// A tier that contradicts itself is not asked without end.
func TestGet_ATierThatContradictsItselfIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		nothing := func(r *store.Reply) { *r = store.Reply{Status: store.Absent} }
		garbage := func(r *store.Reply) {
			*r = store.Reply{Status: store.Found, Record: store.Record{Kind: store.Value, Body: []byte("x")}}
			if asked++; asked > 100 {
				*r = store.Reply{Err: errors.New("asked without end")}
			}
		}
		_, c := node(t, &altered{Store: silent{local(t)}, get: nothing, do: garbage}, newOrigin(1), hour)
		mustGet(t, c, 1, 1)
		if asked > 30 {
			t.Errorf("the tier was asked %d times, want 30 at most", asked)
		}
	})
}
