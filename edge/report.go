package edge

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// trouble is what a handler tells its operator of. There are few of them, so that
// what is remembered of each needs no bound.
type trouble string

const (
	troubleOrigin    trouble = "the origin gave no answer"
	troubleLoop      trouble = "the origin sends requests back to this edge"
	troubleDiskRead  trouble = "disk store: a file cannot be read"
	troubleDiskWrite trouble = "disk store: a file cannot be written or removed"
)

// reportPause is the least time between two lines about the same trouble. In a
// storm a line for each request would take the disk with it, and say no more.
const reportPause = 10 * time.Second

// reporter writes to a log: of each trouble the first at once, then one in
// reportPause, with the number of those between them.
type reporter struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[trouble]*said
}

// said is what was said of a trouble.
type said struct {
	last   time.Time
	unsaid int
}

// newReporter returns one that has said nothing.
func newReporter(log *slog.Logger) *reporter {
	return &reporter{log: log, said: map[trouble]*said{}}
}

// report says what happened, or counts it if the like has just been said.
func (r *reporter) report(t trouble, attrs ...slog.Attr) {
	now := time.Now()
	r.mu.Lock()
	s := r.said[t]
	if s == nil {
		s = &said{}
		r.said[t] = s
	}
	if !s.last.IsZero() && now.Sub(s.last) < reportPause {
		s.unsaid++
		r.mu.Unlock()
		return
	}
	unsaid := s.unsaid
	s.last, s.unsaid = now, 0
	r.mu.Unlock()
	// Outside of the lock: the log's handler is the user's, and may be slow.
	if unsaid > 0 {
		attrs = append(attrs, slog.Int("unsaid", unsaid))
	}
	r.log.LogAttrs(context.Background(), slog.LevelWarn, string(t), attrs...)
}
