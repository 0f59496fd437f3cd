package purge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors of a [Queue].
var (
	// ErrFull says that too much waits for a target. What was named was not
	// taken for it.
	ErrFull = errors.New("purge: too much waits for the target")
	// ErrNotKept says that the journal has failed: the purge is on its way, but
	// would be lost if the process ended now.
	ErrNotKept = errors.New("purge: the journal has not kept it")
	// ErrClosed says that the queue is closed.
	ErrClosed = errors.New("purge: the queue is closed")
)

// Queue purges a set of targets. Its methods may be called concurrently. It has
// one goroutine for each target, one for each call that it makes, and one for
// the journal; all end with [Queue.Close].
type Queue struct {
	opts    Options
	targets []*target
	byName  map[string]*target
	names   []string
	scribe  *scribe // nil without a journal
	nonce   string  // no other queue's, for [Purge.ID]

	ctx   context.Context // of calls; ends when Close gives up
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu sync.Mutex
	// items are those that any target waits for, by their keys. dead are the
	// dead letters by their ids.
	items   map[string]*item
	dead    map[string]*DeadLetter
	closing bool
	idle    chan struct{} // closed when closing and nothing waits
	// given says that Close has given up what waits: what is still in a call is
	// nobody's any more.
	given bool

	closed   chan struct{} // when Close is done, with closeErr
	closeErr error

	unknown sync.Once // that a target was asked after which is none
}

// tellUnknown tells the Logger, once, that a target was asked after which is
// none: whoever waits for it waits until the queue is closed.
func (q *Queue) tellUnknown(name string) {
	q.unknown.Do(func() {
		q.opts.Logger.Error("purge: Ticket.Accepted was asked for a target that the queue does not have", "target", name, "want", q.names)
	})
}

// item is a tag or URL that a target waits for.
type item struct {
	name  string
	isURL bool
	soft  bool
	// refs counts the marks that hold it.
	refs int
	// kept says that the journal has it as it is; putting, that it may have it.
	kept, putting bool
}

// Open returns a queue that works, and sends what the journal has of an earlier
// one. All mistakes in o are reported at once. If there is an error the journal
// is still the caller's.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if err := o.normalize(); err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	q := &Queue{
		opts: o, nonce: rand.Text(), byName: map[string]*target{}, items: map[string]*item{}, dead: map[string]*DeadLetter{}, idle: make(chan struct{}), closed: make(chan struct{}),
	}
	for _, p := range o.Targets {
		t := newTarget(q, p)
		q.targets = append(q.targets, t)
		q.byName[t.name] = t
		q.names = append(q.names, t.name)
	}
	if o.Journal != nil {
		q.scribe = newScribe(q, o.Journal)
	}
	if err := q.load(ctx); err != nil {
		return nil, err
	}
	q.ctx, q.stop = context.WithCancel(context.Background())
	if q.scribe != nil {
		go q.scribe.run()
	}
	for _, t := range q.targets {
		q.tasks.Go(t.run)
	}
	return q, nil
}

// Purge takes p for all targets and returns when the journal has it; the
// targets are not waited for. Call it when the application's own tiers have
// forgotten, since a cache that asks before gets the old again. p may name tags
// and URLs, any number of both.
//
// The error joins an [*Error] for each target that does not get all: Items are
// the tags and URLs that it cannot have, or for which it has no room
// ([ErrFull]). A target that cannot purge by tags at all is no error if it gets
// the purge's URLs, nor the other way round; the receipt tells. The rest is on
// its way also beside an error. [ErrNotKept] is in it if the journal failed,
// ctx's error if that ended before the journal had it. There is no Ticket only
// after [ErrClosed] and for a purge of nothing.
func (q *Queue) Purge(ctx context.Context, p Purge) (*Ticket, error) {
	if len(p.Tags)+len(p.URLs) == 0 {
		return nil, errors.New("purge: there is nothing to purge: name tags or URLs")
	}
	t := &Ticket{at: time.Now(), queue: q}
	wanted := q.sort(p)
	var errs []error
	for _, w := range wanted {
		t.refused = append(t.refused, w.refused...)
		errs = append(errs, w.errors()...)
	}
	written, full, err := q.take(t, wanted, p.Soft)
	if err != nil {
		return nil, err
	}
	for _, e := range full {
		t.refused = append(t.refused, e)
		errs = append(errs, e)
	}
	// Without the lock, and after the targets have been told: they need not wait for
	// the disk.
	if written != nil {
		select {
		case err := <-written:
			if err != nil {
				errs = append(errs, fmt.Errorf("%w: %w", ErrNotKept, err))
			}
		case <-q.scribe.gone:
			errs = append(errs, fmt.Errorf("%w: %w", ErrNotKept, errSilent))
		case <-ctx.Done():
			errs = append(errs, ctx.Err())
		}
	}
	return t, errors.Join(errs...)
}

// want is what one target is to forget.
type want struct {
	target  *target
	keys    []string // of items
	refused []*Error
	// partly says that the target gets something.
	partly bool
}

// errors are those of refused that the caller must hear of.
func (w *want) errors() []error {
	var errs []error
	for _, e := range w.refused {
		if !w.partly || !errors.Is(e, ErrUnsupported) {
			errs = append(errs, e)
		}
	}
	return errs
}

// sort finds out what each target can have. It calls the purgers' functions, so
// without the lock.
func (q *Queue) sort(p Purge) []want {
	var keys []string
	seen := map[string]bool{}
	for i, list := range [][]string{p.Tags, p.URLs} {
		for _, name := range list {
			if key := itemKey(name, i == 1); !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	all := make([]want, len(q.targets))
	for i, t := range q.targets {
		w := &all[i]
		w.target = t
		unsupported := &Error{Target: t.name, Final: true, Err: ErrUnsupported}
		for _, key := range keys {
			name, isURL, _ := parseItem(key)
			err := t.limits.checkItem(name, isURL)
			switch {
			case err == nil:
				w.keys = append(w.keys, key)
			case errors.Is(err, ErrUnsupported):
				unsupported.Items = append(unsupported.Items, name)
			default:
				w.refused = append(w.refused, &Error{Target: t.name, Items: []string{name}, Final: true, Err: err})
			}
		}
		w.partly = len(w.keys) > 0
		if unsupported.Items != nil {
			w.refused = append(w.refused, unsupported)
		}
	}
	return all
}

// take gives the targets what they are to forget. written tells when the
// journal has it, nil if there is nothing to wait for.
func (q *Queue) take(t *Ticket, wanted []want, soft bool) (written <-chan error, full []*Error, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closing {
		return nil, nil, ErrClosed
	}
	unkept := false
	for _, w := range wanted {
		tooMuch := &Error{Target: w.target.name, Err: ErrFull}
		for _, key := range w.keys {
			name, isURL, _ := parseItem(key)
			if !w.target.hasRoom(name, isURL) {
				tooMuch.Items = append(tooMuch.Items, name)
				continue
			}
			it := q.item(key, name, isURL, soft)
			m := w.target.add(it, soft, t.at)
			t.parts = append(t.parts, part{w.target.name, name, m})
			unkept = unkept || !it.kept
		}
		if tooMuch.Items != nil {
			full = append(full, tooMuch)
		}
		w.target.poke()
	}
	if unkept && q.scribe != nil {
		written = q.scribe.wait()
	}
	return written, full, nil
}

// item returns the item that waits, or a new one, as hard as it is to be now.
func (q *Queue) item(key, name string, isURL, soft bool) *item {
	it := q.items[key]
	switch {
	case it == nil:
		it = &item{name: name, isURL: isURL, soft: soft}
		q.items[key] = it
	// The record must say so before the purge is acknowledged.
	case it.soft && !soft:
		it.soft, it.kept = false, false
	}
	if !it.kept && q.scribe != nil {
		q.scribe.put(Record{Key: key, Data: encode(kept{Soft: it.soft, At: time.Now()})}, it)
	}
	return it
}

// release gives back n references of an item. The last one lets the journal
// forget it.
func (q *Queue) release(it *item, n int) {
	it.refs -= n
	if it.refs > 0 {
		return
	}
	key := itemKey(it.name, it.isURL)
	// It was released before, and the name has come again since.
	if q.items[key] != it {
		return
	}
	delete(q.items, key)
	if q.scribe != nil {
		q.scribe.delete(key, it.kept || it.putting)
	}
}

// reach ends the wait for a mark.
func (q *Queue) reach(m *mark, now time.Time, err *Error) {
	m.at, m.err = now, err
	items := m.items
	m.items = nil
	close(m.done)
	for _, it := range items {
		q.release(it, 1)
	}
}

// TargetStats is the state of a target.
type TargetStats struct {
	Target string
	// Waiting counts the items that are not accepted yet, Settling those that are
	// and wait for their second purge, as in a [TargetReceipt]. Sending counts
	// those of both that are in calls.
	Waiting, Settling, Sending int
	// Dead counts the dead letters.
	Dead int
	// Calls and Failed count the calls that have ended, and those of them that
	// were not accepted in whole. Accepted counts items, once for each time.
	Calls, Failed, Accepted uint64
	// PausedFor is how long no call will be made because the target failed or
	// has asked for it.
	PausedFor time.Duration
	// Err is why the last call failed, nil if it did not.
	Err error
}

// Stats returns the state of all targets, in the order of [Options].
func (q *Queue) Stats() []TargetStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var all []TargetStats
	for _, t := range q.targets {
		s := t.stats
		s.Target, s.Dead = t.name, t.deadCount()
		for _, e := range t.entries {
			if e.sending {
				s.Sending++
			}
			if len(e.now)+len(e.sent.now) > 0 {
				s.Waiting++
			} else {
				s.Settling++
			}
		}
		s.PausedFor = max(0, t.paused.Sub(now))
		all = append(all, s)
	}
	return all
}

// Close takes no more purges and waits until nothing waits, second purges
// included, or ctx ends. Then it ends the calls under way, gives them a second
// to return, and closes the journal. Its error tells what is left: with a
// journal the next process purges it, without one it is lost. Dead letters are
// not waited for. A second Close waits for the first and returns the same.
//
// It returns within 12 seconds of that end. A journal that hangs has
// 10 of these, and one more when the context of its call has ended; the error
// then tells how many records it may lack, and a Purge that waits for it returns
// [ErrNotKept]. One goroutine stays in the journal's call until that returns,
// and then closes the journal: until then the journal is in use.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	again := q.closing
	q.closing = true
	q.checkIdle()
	q.mu.Unlock()
	if !again {
		q.closeErr = q.close(ctx)
		close(q.closed)
	}
	<-q.closed
	return q.closeErr
}

func (q *Queue) close(ctx context.Context) error {
	select {
	case <-q.idle:
	case <-ctx.Done():
	}
	// A call that succeeds within the grace counts: only then is the rest abandoned.
	q.stop()
	q.await()
	q.mu.Lock()
	left, first := len(q.items), q.unaccepted()
	for _, t := range q.targets {
		t.abandon()
	}
	q.given = true
	q.mu.Unlock()
	var errs []error
	if left > 0 {
		errs = append(errs, fmt.Errorf("%w: %s", context.Cause(ctx), q.leftover(first, left-first)))
	}
	if q.scribe != nil {
		errs = append(errs, q.scribe.close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("purge: close: %w", err)
	}
	return nil
}

// leftover says what Close leaves: items that are not accepted everywhere, and
// items of which only a second purge is missing.
func (q *Queue) leftover(first, second int) string {
	var parts []string
	if first > 0 {
		parts = append(parts, fmt.Sprintf("%d tags and URLs are not purged everywhere", first))
	}
	if second > 0 {
		parts = append(parts, fmt.Sprintf("of %d tags and URLs only the second purge is missing", second))
	}
	where := "they are left in the journal"
	if q.scribe == nil {
		where = "they are lost: there is no journal"
	}
	return strings.Join(parts, ", and ") + ": " + where
}

// closeGrace is how long Close waits for calls that it has ended.
const closeGrace = time.Second

// await waits for the queue's goroutines, and no longer than that: a purger may
// ignore that its context has ended.
func (q *Queue) await() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.tasks.Wait()
	}()
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
	}
}

// unaccepted counts the items that some target has not accepted even once.
func (q *Queue) unaccepted() int {
	// By items, not entries: one that two targets wait for is left once.
	items := map[*item]bool{}
	for _, t := range q.targets {
		for _, e := range t.entries {
			for _, m := range slices.Concat(e.now, e.sent.now) {
				for _, it := range m.items {
					items[it] = true
				}
			}
		}
	}
	return len(items)
}

// checkIdle tells Close when nothing waits any more.
func (q *Queue) checkIdle() {
	if !q.closing {
		return
	}
	for _, t := range q.targets {
		if len(t.entries) > 0 {
			return
		}
	}
	select {
	case <-q.idle:
	default:
		close(q.idle)
	}
}
