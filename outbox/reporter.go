package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// logEvery is how often a failure that goes on, or comes and goes, is
	// logged again.
	logEvery = time.Minute
	// calm is how long nothing must have failed to be worth a line.
	calm = 5 * time.Second
)

// reporter logs failures without flooding the log.
type reporter struct {
	log *slog.Logger

	mu     sync.Mutex
	failed map[string]trouble // by what fails, a fixed set of names
	aside  time.Time          // when a row set aside was last logged
	quiet  int                // rows set aside since then
}

// trouble is a failure that goes on: when it was last seen, and logged.
type trouble struct{ seen, logged time.Time }

func newReporter(log *slog.Logger) *reporter {
	return &reporter{log: log, failed: map[string]trouble{}}
}

// report says that what has failed, or with a nil error that it has not. The
// end of ctx is no failure.
func (r *reporter) report(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	now := time.Now()
	t, failing := r.failed[what]
	var fails, works bool
	if err != nil {
		fails = now.Sub(t.logged) >= logEvery
		t.seen = now
		if fails {
			t.logged = now
		}
		r.failed[what] = t
	} else if failing && now.Sub(t.seen) >= calm {
		works = true
		delete(r.failed, what)
	}
	r.mu.Unlock()
	if fails {
		r.log.WarnContext(ctx, "outbox: "+what+" fails, and is tried again", "error", err)
	} else if works {
		r.log.InfoContext(ctx, "outbox: "+what+" works again")
	}
}

// setAside says that a row was given up, once a second at most.
func (r *reporter) setAside(ctx context.Context, f failure) {
	r.mu.Lock()
	now := time.Now()
	speak, more := now.Sub(r.aside) >= time.Second, r.quiet
	if speak {
		r.aside, r.quiet = now, 0
	} else {
		r.quiet++
	}
	r.mu.Unlock()
	if speak {
		r.log.ErrorContext(ctx, "outbox: a row is set aside", "id", f.id, "class", f.class, "tries", f.tries+1, "more before it", more, "error", f.cause)
	}
}
